"""Callers who keep a server waiting."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import anyio
import pytest
import uvicorn

from dreamtalk_core.serve import connections
from dreamtalk_core.serve.connections import LIMIT, Connection

SLOW, LARGE = 1.5, 50_000_000
PATIENCE = 0.5


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """/slow takes longer than anybody is waited for, /large is more than any buffer holds."""
    await anyio.sleep(SLOW if scope["path"] == "/slow" else 0)
    body = bytes(LARGE if scope["path"] == "/large" else 2)
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with little patience."""
    monkeypatch.setattr(connections, "PATIENCE", PATIENCE)
    server = uvicorn.Server(
        uvicorn.Config(
            _app, http=Connection, limit_concurrency=LIMIT, log_level="warning", lifespan="off"
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


def _is_ended(link: socket.socket) -> bool:
    """Whether the server ends a connection without an answer."""
    try:
        return link.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_request_that_does_not_come_is_not_waited_for(port: int, said: bytes) -> None:
    with _connected(port) as link:
        link.sendall(said)
        assert _is_ended(link)


def test_nor_is_one_that_comes_letter_by_letter(port: int) -> None:
    with _connected(port) as link:
        link.settimeout(PATIENCE / 5)
        link.sendall(b"GET /")
        for _ in range(100):
            try:
                link.sendall(b"a")
                ended = _is_ended(link)
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
            assert ended
            return
        raise AssertionError("it is waited for")


def test_an_answer_that_is_not_read_is_not_kept(port: int) -> None:
    with _connected(port) as link:
        link.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(4 * PATIENCE)
        got = 0
        try:
            while piece := link.recv(1 << 20):
                got += len(piece)
        except ConnectionError:
            pass
        assert got < LARGE


def test_whoever_waits_for_an_answer_gets_it_and_may_ask_again(port: int) -> None:
    link = HTTPConnection("127.0.0.1", port, timeout=20)
    for path, size in (("/slow", 2), ("/large", LARGE), ("/", 2)):
        link.request("GET", path)
        assert len(link.getresponse().read()) == size
    link.close()


def test_many_who_ask_nothing_keep_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 100.0)
    with ExitStack() as stack:
        for number in range(LIMIT + 20):
            link = stack.enter_context(_connected(port))
            link.sendall(b"GET / HT" if number % 2 else b"")
        asked = HTTPConnection("127.0.0.1", port, timeout=20)
        asked.request("GET", "/")
        assert asked.getresponse().status == 200
        asked.close()
