"""Anybody can send anything: nothing raises, nothing warns, and what is a frame is a face."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import numpy as np
import pytest

from dreamtalk_core.live import ifacialmocap, livelink, osc, vmc, vts, ws
from dreamtalk_core.live.frame import Frame
from tests.live.faces import face

DECODERS: dict[str, Callable[[bytes], object]] = {
    "livelink": livelink.decode,
    "vmc": vmc.Decoder().decode,
    "ifacialmocap": ifacialmocap.decode,
    "vts": vts.decode,
    "ws": ws.decode,
}
PACKETS: dict[str, list[bytes]] = {
    "livelink": [livelink.encode(face()), livelink.encode(face(face=False))],
    "vmc": [data for shapes in vmc.SHAPES for data in vmc.encode(face(), shapes)],
    "ifacialmocap": [ifacialmocap.encode(face(), version) for version in (1, 2)],
    "vts": [vts.log_in("token").encode()],
    "ws": [ws.encode(face()).encode()],
}
SPECIAL = [
    struct.pack(">f", float("nan")),
    struct.pack(">f", float("inf")),
    struct.pack(">i", -1),
    struct.pack(">i", 0x7FFFFFFF),
    b"#bundle\0",
    b"1e999",
    b"NaN",
    b"\xff\xfe",
    b"[" * 40,
]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A packet with something wrong in it."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(result) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            del result[at:]
        elif kind == 1:
            result[at : at + 1] = chance.randbytes(1)
        elif kind == 2:
            special = chance.choice(SPECIAL)
            result[at : at + len(special)] = special
        else:
            result[at:at] = result[: chance.randrange(64)]
    return bytes(result)


def check(found: object) -> None:
    if not isinstance(found, Frame):
        return
    assert found.weights.shape == (52,)
    assert found.head.shape == (3,)
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.head).all()
    assert 0 <= found.weights.min() <= found.weights.max() <= 1
    assert found.time is None or np.isfinite(found.time)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", DECODERS)
def test_damaged_packets(name: str) -> None:
    chance = random.Random(7)
    for i in range(3000):
        whole = PACKETS[name][i % len(PACKETS[name])]
        check(DECODERS[name](damaged(whole, chance)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", DECODERS)
def test_bytes_of_no_kind_and_packets_of_others(name: str) -> None:
    chance = random.Random(3)
    packets = [chance.randbytes(chance.randrange(400)) for _ in range(300)]
    packets += [data for others in PACKETS.values() for data in others] + SPECIAL
    for data in packets:
        check(DECODERS[name](data))


def test_depth_of_bundles_is_limited() -> None:
    data = osc.encode("/a", 1)
    for _ in range(1000):
        data = osc.bundle([data])
    assert osc.decode(data) == []


def test_deep_json_is_no_message() -> None:
    assert ws.decode("[" * 100_000) is None
    assert vts.decode("[" * 100_000) is None
