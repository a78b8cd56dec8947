"""Web sockets: real clients, and a stand-in for VTube Studio."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.live import vts, ws
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.pipeline.live import sockets
from dreamtalk_core.pipeline.live.outlets import Outlet, open_outlet
from tests.live.faces import face
from tests.pipeline.live.vtube_studio import VTubeStudio
from tests.pipeline.live.waiting import until


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def visit(port: int) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{port}", proxy=None, compression=None)


def test_clients_hear_what_it_is_and_then_frames() -> None:
    port = free_port()
    outlet = open_outlet(f"ws://127.0.0.1:{port}", print, "Zoë")
    with visit(port) as client:
        assert client.recv() == ws.hello("Zoë")
        until(lambda: len(outlet.clients) == 1)  # type: ignore[attr-defined]
        outlet.send(face(1))
        frame = ws.decode(client.recv(10))
        assert frame is not None
        assert np.abs(frame.weights - face(1).weights).max() < 1e-5
    outlet.close()


@pytest.mark.slow
def test_slow_and_vanishing_clients_do_not_disturb_the_others() -> None:
    """One never reads while more is sent than any buffer holds; one goes without a word."""
    port = free_port()
    outlet = open_outlet(f"ws://127.0.0.1:{port}", print)
    with visit(port) as good:
        slow = socket.create_connection(("127.0.0.1", port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        gone = visit(port)
        until(lambda: len(outlet.clients) == 3)  # type: ignore[attr-defined]
        gone.socket.shutdown(socket.SHUT_RDWR)
        assert good.recv() == ws.hello()
        longest = 0.0
        for _ in range(9000):  # 6 MB
            outlet.send(face())
            start = time.perf_counter()
            good.recv(10)
            longest = max(longest, time.perf_counter() - start)
        waiting = [one.transport.get_write_buffer_size() for one in outlet.clients]  # type: ignore[attr-defined]
        assert len(waiting) == 2, "whoever has gone is forgotten"
        assert 0 < max(waiting) < 2 * (1 << 16), "frames do not pile up for whoever never reads"
        assert longest < 2
        start = time.perf_counter()
    outlet.close()
    assert time.perf_counter() - start < 3
    slow.close()


def test_a_port_that_is_taken() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, pytest.raises(DreamTalkError, match="Give another port"):
        open_outlet(f"ws://127.0.0.1:{taken.getsockname()[1]}", print)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "data" / "token"
    monkeypatch.setattr(sockets, "_token_file", lambda: path)
    monkeypatch.setattr(sockets, "_AGAIN", 0.05)
    return path


def speak(outlet: Outlet, there: VTubeStudio, count: int) -> None:
    """Send frames until some more have arrived."""
    wanted = len(there.frames) + count

    def arrived() -> bool:
        outlet.send(face())
        return len(there.frames) >= wanted

    until(arrived)


def test_vtube_studio_is_asked_once_and_found_again(token: Path) -> None:
    there = VTubeStudio()
    said: list[str] = []
    outlet = open_outlet(f"vts://127.0.0.1:{there.port}", said.append)
    speak(outlet, there, 5)
    assert there.custom == set(vts.CUSTOM)
    values = there.frames[-1]
    assert values["FaceAngleX"] == pytest.approx(-face().head[1], abs=1e-4)
    assert values["DreamTalkJawOpen"] == pytest.approx(face().weights[17], abs=1e-4)
    assert token.read_text() == "a-token"
    assert there.asked == 1

    there.close()
    again = VTubeStudio(port=there.port)
    speak(outlet, again, 5)
    assert (again.asked, again.logins) == (0, 1), "the token is kept"
    outlet.send(Frame())
    outlet.close()
    assert not any(again.frames[-1][name] for name in vts.CUSTOM), "it is left at rest"
    again.close()
    assert sum("is connected" in line for line in said) == 2


def test_vtube_studio_says_no(token: Path) -> None:
    there = VTubeStudio(allows=False)
    said: list[str] = []
    outlet = open_outlet(f"vts://127.0.0.1:{there.port}", said.append)
    until(lambda: any("User has denied" in line for line in said))
    outlet.close()
    there.close()
    assert not token.exists()


def test_nobody_there_is_no_error_and_ends_at_once(token: Path) -> None:
    said: list[str] = []
    outlet = open_outlet(f"vts://127.0.0.1:{free_port()}", said.append)
    until(lambda: said)
    outlet.send(face())
    start = time.perf_counter()
    outlet.close()
    assert time.perf_counter() - start < 2
    assert len(said) == 1, "it is said once, not with every attempt"
    assert "trying again" in said[0]
