"""A client of Audio2Face-3D that owes nothing to our messages: it lays the bytes out by hand."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

PATH = "/nvidia_ace.services.a2f_controller.v1.A2FControllerService/ProcessAudioStream"
RATE = 16000
END = b"\x1a\x00"


def varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def block(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def single(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def table(number: int, values: Mapping[str, float]) -> bytes:
    """A map of texts to floats."""
    return b"".join(
        block(number, block(1, name.encode()) + single(2, value)) for name, value in values.items()
    )


def header(
    rate: int = RATE,
    *,
    channels: int = 1,
    bits: int = 16,
    face: Mapping[str, float] | None = None,
    mood: bytes = b"",
    multipliers: Mapping[str, float] | None = None,
    offsets: Mapping[str, float] | None = None,
    clamped: bool = False,
    beginning: bytes = b"",
) -> bytes:
    """The first message."""
    sound = whole(2, channels) + whole(3, rate) + whole(4, bits)
    shapes = table(1, multipliers or {}) + table(2, offsets or {})
    shapes += whole(3, 1) if clamped else b""
    parts = (sound, table(1, face or {}), mood, shapes, beginning)
    return block(1, b"".join(block(number, part) for number, part in enumerate(parts, 1)))


def piece(samples: Any, *keys: tuple[float, Mapping[str, float]]) -> bytes:
    """Sound [N] int16, and emotions from a time on."""
    content = block(1, np.asarray(samples, "<i2").tobytes())
    for time, emotions in keys:
        content += block(2, double(1, time) + table(2, emotions))
    return block(2, content)


def clip(
    samples: Any, *keys: tuple[float, Mapping[str, float]], rate: int = RATE, **asked: Any
) -> Iterator[bytes]:
    """All messages of a clip, a second of sound in each."""
    yield header(rate, **asked)
    for start in range(0, len(samples), rate):
        yield piece(samples[start : start + rate], *(keys if not start else ()))
    yield END


def fields(data: bytes) -> dict[int, list[Any]]:
    """What is in a message, by number: integers, bytes of 4 or 8, or blocks."""
    found: dict[int, list[Any]] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            at += 1
            value |= (data[at - 1] & 127) << shift
            shift += 7
            if data[at - 1] < 128:
                return value

    while at < len(data):
        place, kind = divmod(number(), 8)
        if kind == 0:
            found.setdefault(place, []).append(number())
            continue
        size = {1: 8, 5: 4}.get(kind) or number()
        found.setdefault(place, []).append(data[at : at + size])
        at += size
    assert at == len(data)
    return found


@dataclass
class Heard:
    """What was answered. names: of the shapes. rate: of the sound. status: code and message, and
    how many messages came after it."""

    names: list[str] = field(default_factory=list)
    rate: int = 0
    times: list[float] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    sound: bytes = b""
    said: list[float] = field(default_factory=list)
    events: int = 0
    status: tuple[int, str] | None = None

    def add(self, data: bytes) -> None:
        assert self.status is None, "something came after the end"
        ((part, (content,)),) = fields(data).items()
        inside = fields(content)
        if part == 1:
            assert not self.names
            self.rate = fields(inside[1][0])[3][0]
            self.names = [name.decode() for name in fields(inside[2][0])[1]]
        elif part == 2:
            for shapes in fields(inside[1][0])[1]:
                frame = fields(shapes)
                self.times.append(struct.unpack("<d", frame[1][0])[0] if 1 in frame else 0.0)
                self.rows.append(np.frombuffer(frame[2][0], "<f4"))
            said = fields(inside[2][0])
            self.said.append(struct.unpack("<d", said[1][0])[0] if 1 in said else 0.0)
            self.sound += said.get(2, [b""])[0]
        elif part == 3:
            self.events += 1
        else:
            self.status = inside.get(1, [0])[0], inside[2][0].decode()

    @property
    def weights(self) -> Any:
        return np.array(self.rows)


def call(
    address: str,
    messages: Iterable[bytes],
    token: str = "",
    seconds: float = 120,
    window: int | None = None,
) -> tuple[Any, Any]:
    """A call that has begun, and its channel. window: bytes that it takes before they are read."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if window is not None:
        options += [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", window)]
    channel = grpc.insecure_channel(address, options)
    metadata = [("authorization", f"Bearer {token}")] if token else None
    method = channel.stream_stream(PATH)
    return method(iter(messages), timeout=seconds, metadata=metadata), channel


def ask(address: str, messages: Iterable[bytes], token: str = "", seconds: float = 120) -> Heard:
    """All that is answered. Raises grpc.RpcError."""
    answers, channel = call(address, messages, token, seconds)
    heard = Heard()
    with channel:
        for data in answers:
            heard.add(data)
    return heard
