"""A port: nothing that came is lost, nobody's frames mix, and it never waits."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from blender_addon.live import receiver as module
from blender_addon.live.receiver import LOOPBACK, SOURCES, Arrival, Receiver, check_address
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.live import ifacialmocap, livelink, vmc
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX


def frame(jaw: float, name: str = "Actor", moment: float = 0.0) -> Frame:
    weights = np.zeros(len(ARKIT_NAMES), np.float32)
    weights[INDEX["jawOpen"]] = jaw
    return Frame(weights, time=moment, name=name)


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as own:
        yield own


def received(own: Receiver, count: int) -> list[Arrival]:
    found: list[Arrival] = []
    until = time.monotonic() + 5
    while len(found) < count and time.monotonic() < until:
        found += own.drain()
    return found


def jaws(found: list[Arrival]) -> list[float]:
    return [round(float(own.frame.weights[INDEX["jawOpen"]]), 3) for own in found]


def test_nothing_is_lost_while_blender_is_busy(sender: socket.socket) -> None:
    with closing(Receiver(SOURCES["LIVE_LINK"], 0)) as own:
        own.drain()
        for i in range(200):  # more than three seconds of a phone
            sender.sendto(livelink.encode(frame(i / 200)), (LOOPBACK, own.port))
        time.sleep(0.2)
        found = own.drain()
        assert jaws(found) == [i / 200 for i in range(200)]
        moments = np.array([arrival.moment for arrival in found])
        assert np.allclose(np.diff(moments), np.diff(moments)[0]), "evenly, as nobody knows"
        assert moments[-1] <= time.monotonic()
        begun = time.monotonic()
        assert own.drain() == []
        assert time.monotonic() - begun < 0.1


def test_the_first_sender_counts_until_it_is_silent(
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET", 0.1)
    with closing(Receiver(SOURCES["LIVE_LINK"], 0)) as own:
        to = (LOOPBACK, own.port)
        sender.sendto(livelink.encode(frame(0.1, "one")), to)
        assert jaws(received(own, 1)) == [0.1]
        sender.sendto(livelink.encode(frame(0.9, "two")), to)
        sender.sendto(livelink.encode(frame(0.2, "one")), to)
        assert jaws(received(own, 1)) == [0.2]
        assert own.others == 1
        assert own.sender.startswith("one (")
        time.sleep(0.15)
        sender.sendto(livelink.encode(frame(0.9, "two")), to)
        assert jaws(received(own, 1)) == [0.9]


def test_frames_in_parts_of_two_programs_do_not_mix(sender: socket.socket) -> None:
    """VMC may send each shape in a datagram of its own."""
    osc = vmc.osc
    with (
        closing(Receiver(SOURCES["VMC"], 0)) as own,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other,
    ):
        to = (LOOPBACK, own.port)
        sender.sendto(osc.encode("/VMC/Ext/Blend/Val", "JawOpen", 0.25), to)
        other.sendto(osc.encode("/VMC/Ext/Blend/Val", "JawOpen", 0.75), to)
        sender.sendto(osc.encode("/VMC/Ext/Blend/Apply"), to)
        assert jaws(received(own, 1)) == [0.25]


def test_what_is_no_face_is_counted(sender: socket.socket) -> None:
    with closing(Receiver(SOURCES["IFACIALMOCAP"], 0)) as own:
        for data in (b"", b"\xff" * 3000, livelink.encode(frame(0.5))):
            sender.sendto(data, (LOOPBACK, own.port))
        sender.sendto(ifacialmocap.encode(frame(0.5)), (LOOPBACK, own.port))
        assert jaws(received(own, 1)) == [0.5]
        assert own.strange == 3


def test_a_phone_is_greeted_until_it_sends(
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.bind((LOOPBACK, 0))
    sender.settimeout(5)
    port = sender.getsockname()[1]
    source = module.Source("iFacialMocap", port, lambda: ifacialmocap.decode)
    with closing(Receiver(source, 0, phone=LOOPBACK, greeting=ifacialmocap.greeting())) as own:
        own.drain()
        data, address = sender.recvfrom(1000)
        assert ifacialmocap.greeted(data) == 2
        sender.sendto(ifacialmocap.encode(frame(0.5)), address)
        assert jaws(received(own, 1)) == [0.5]
        own.drain()
        sender.setblocking(False)
        with pytest.raises(BlockingIOError):
            sender.recvfrom(1000)


def test_a_port_that_cannot_be_had_is_a_sentence() -> None:
    with (
        closing(Receiver(SOURCES["LIVE_LINK"], 0)) as own,
        pytest.raises(DreamTalkError, match=f"Port {own.port} is in use by another program"),
    ):
        Receiver(SOURCES["VMC"], own.port)
    Receiver(SOURCES["VMC"], own.port).close()  # it has been let go
    with pytest.raises(DreamTalkError, match="cannot be listened to"):
        Receiver(SOURCES["VMC"], 70000)


def test_addresses() -> None:
    assert check_address(" 192.168.1.20 ") == "192.168.1.20"
    assert check_address("") == ""
    with pytest.raises(DreamTalkError, match="is no address"):
        check_address("my phone")
