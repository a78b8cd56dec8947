"""What slow and many callers can take from others: sockets, and uvicorn with short limits."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn

from dreamtalk_core.serve.connections import protocol_of
from dreamtalk_core.serve.limits import Limits
from tests.pipeline.live.waiting import until
from tests.serve.server import serving

pytestmark = pytest.mark.slow
LIMITS = Limits(connections=20, head=0.6, upload=0.6)
BIG = 30_000_000


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """The body that was sent; of /big a long one."""
    if scope["type"] != "http":
        return
    body = b"x" * BIG if scope["path"] == "/big" else (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        answer, http=protocol_of(LIMITS), log_level="warning", timeout_keep_alive=1, lifespan="off"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(20)


def ask(port: int, source: str = "127.0.0.1", path: str = "/") -> int:
    link = HTTPConnection("127.0.0.1", port, timeout=20, source_address=(source, 0))
    try:
        link.request("POST", path, b"hello")
        answered = link.getresponse()
        answered.read()
        return answered.status
    except (BrokenPipeError, ConnectionResetError):
        return 503  # refused before it was read
    finally:
        link.close()


def all_of(link: socket.socket) -> bytes:
    link.settimeout(20)
    pieces = []
    try:
        while piece := link.recv(1 << 16):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


@pytest.mark.parametrize("sent", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: a\r\nX: "])
@pytest.mark.parametrize("after_another", [False, True])
def test_a_request_that_does_not_come_is_not_waited_for(
    port: int, sent: bytes, after_another: bool
) -> None:
    """Neither the first of a connection nor a later one, however often another byte comes."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        if after_another:
            link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"200 OK" in link.recv(1000)
        begin = time.monotonic()
        link.sendall(sent)
        stop = threading.Event()

        def drip() -> None:
            while sent.endswith(b"X: ") and not stop.wait(0.1):
                try:
                    link.sendall(b"x")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        got = all_of(link)
        stop.set()
        dripping.join()
    assert 0.4 < time.monotonic() - begin < 5
    if sent:
        refusal = got[got.index(b"HTTP/1.1 408 ") :]
        told = json.loads(refusal.partition(b"\r\n\r\n")[2])["error"]
        assert "0.6 seconds" in told["message"]


def test_whoever_reads_nothing_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(2)
        assert 0 < len(all_of(link)) < BIG
    assert ask(port, path="/big") == 200


def test_a_connection_may_be_used_again_for_longer(port: int) -> None:
    link = HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(4):
        link.request("POST", "/", b"again")
        assert link.getresponse().read() == b"again"
        time.sleep(0.25)
    link.close()


def test_one_address_leaves_room_for_others(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert ask(port) == 503
        if sys.platform == "linux":  # where all of 127 is this machine
            assert ask(port, "127.0.0.2") == 200
        until(lambda: ask(port) == 200, 10)


@pytest.mark.skipif(sys.platform != "linux", reason="not all of 127 is this machine")
def test_hundreds_that_say_nothing_do_not_starve_others(tmp_path_factory: Any) -> None:
    """Of the server as it is started: at once for others, soon for the same address, too."""
    with serving(tmp_path_factory.mktemp("many") / "files") as server, ExitStack() as stack:
        for _ in range(540):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            link.sendall(b"GET /v1/health HTTP/1.1\r\n")
        assert ask(server.port, "127.0.0.2", "/v1/health") == 405, "which is an answer"
        until(lambda: ask(server.port, path="/v1/health") == 405, 20)
        assert server.process.poll() is None
