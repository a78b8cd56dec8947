"""Datagrams over the loopback."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from dreamtalk_core.live import ifacialmocap, livelink, vmc
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.pipeline.live import outlets
from dreamtalk_core.pipeline.live.outlets import open_outlet
from tests.live.faces import face
from tests.pipeline.live.waiting import until


@pytest.fixture
def receiver() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.settimeout(10)
    return one


def sent(receiver: socket.socket, scheme: str, options: str = "", count: int = 1) -> list[bytes]:
    outlet = open_outlet(f"{scheme}://127.0.0.1:{receiver.getsockname()[1]}{options}", print)
    outlet.send(face())
    found = [receiver.recv(1 << 16) for _ in range(count)]
    outlet.close()
    return found


def test_live_link(receiver: socket.socket) -> None:
    (data,) = sent(receiver, "livelink")
    frame = livelink.decode(data)
    assert frame is not None
    assert np.array_equal(frame.weights, face().weights)
    (swapped,) = sent(receiver, "livelink", "?order=app")
    frame = livelink.decode(swapped)
    assert frame is not None
    assert frame.weights[INDEX["jawLeft"]] == face().weights[INDEX["jawRight"]]


def test_vmc(receiver: socket.socket) -> None:
    decoder = vmc.Decoder()
    count = len(vmc.encode(face()))
    frames = [decoder.decode(data) for data in sent(receiver, "vmc", count=count)]
    assert frames[-1] is not None
    assert np.array_equal(frames[-1].weights, face().weights)


def test_ifacialmocap(receiver: socket.socket) -> None:
    (data,) = sent(receiver, "ifacialmocap")
    assert data == ifacialmocap.encode(face(), 1)
    (data,) = sent(receiver, "ifacialmocap", "?version=2")
    assert data == ifacialmocap.encode(face(), 2)


def test_a_phone_answers_who_greets_it(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("", 0))
        monkeypatch.setattr(ifacialmocap, "PORT", one.getsockname()[1])
    outlet = open_outlet("ifacialmocap://127.0.0.1:9?answer=yes", print)
    receiver.sendto(ifacialmocap.greeting(2), ("127.0.0.1", ifacialmocap.PORT))
    for _ in range(50):
        outlet.send(face())
    assert receiver.recv(1 << 16) == ifacialmocap.encode(face(), 2)
    outlet.close()


def test_a_phone_leaves_the_oldest_who_asked_out(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("", 0))
        monkeypatch.setattr(ifacialmocap, "PORT", one.getsockname()[1])
    monkeypatch.setattr(outlets, "_MOST_ASKING", 2)
    outlet = open_outlet("ifacialmocap://127.0.0.1:9?answer=yes", print)
    others = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for one in (*others, receiver):
        one.sendto(ifacialmocap.greeting(2), ("127.0.0.1", ifacialmocap.PORT))
    until(lambda: outlet.send(face()) or receiver.getsockname() in outlet.asking)  # type: ignore[func-returns-value, attr-defined]
    assert len(outlet.asking) == 2  # type: ignore[attr-defined]
    assert receiver.recv(1 << 16) == ifacialmocap.encode(face(), 2)
    outlet.close()
    for one in others:
        one.close()


def test_a_network_that_takes_nothing_is_told_once() -> None:
    said: list[str] = []
    outlet = open_outlet("livelink://127.0.0.1:9", said.append)
    outlet.socket.close()  # type: ignore[attr-defined]
    for _ in range(3):
        outlet.send(face())
    assert len(said) == 1
    assert "Nothing goes to livelink://127.0.0.1:9" in said[0]


def test_nobody_there_is_no_error() -> None:
    outlet = open_outlet("livelink://127.0.0.1:9", print)
    for _ in range(10):
        outlet.send(face())
    outlet.close()
