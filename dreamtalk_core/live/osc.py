"""Open Sound Control 1.0: the messages and bundles that VMC is made of.

Written here, and not taken from python-osc, because Blender's Python has the standard library and
numpy alone; tests hold it against python-osc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

Value = float | int | str | bool
Message = tuple[str, tuple[Value, ...]]
"""Address, and what it says."""

_BUNDLE = b"#bundle\0"
_NOW = struct.pack(">Q", 1)  # what is to happen as soon as it arrives
_DEEPEST = 8
_MOST_MESSAGES = 4096
_NUMBERS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d"}
_CONSTANTS: dict[str, bool] = {"T": True, "F": False}
_SKIPPED = {"t": 8, "c": 4, "r": 4, "m": 4}
_EMPTY = "NI"


def encode(address: str, *values: Value) -> bytes:
    """A message of whole numbers, floats and texts."""
    tags, body = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, body = tags + "s", body + _padded(value)
        elif isinstance(value, int):
            tags, body = tags + "i", body + struct.pack(">i", value)
        else:
            tags, body = tags + "f", body + struct.pack(">f", value)
    return _padded(address) + _padded(tags) + body


def bundle(messages: Iterable[bytes]) -> bytes:
    """Messages that count at once."""
    return _BUNDLE + _NOW + b"".join(struct.pack(">i", len(one)) + one for one in messages)


def decode(data: bytes) -> list[Message]:
    """The messages of a packet, in order; none, if any of it is damaged. Blobs are left out."""
    found: list[Message] = []
    try:
        _collect(data, found, 0)
    except (struct.error, ValueError):
        return []
    return found


def _collect(data: bytes, found: list[Message], depth: int) -> None:
    if depth > _DEEPEST or len(found) >= _MOST_MESSAGES:
        raise ValueError
    if not data.startswith(_BUNDLE):
        found.append(_message(data))
        return
    at = len(_BUNDLE) + len(_NOW)
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if size <= 0 or at + size > len(data):
            raise ValueError
        _collect(data[at : at + size], found, depth + 1)
        at += size


def _message(data: bytes) -> Message:
    address, at = _read_text(data, 0)
    tags, at = _read_text(data, at)
    if not address.startswith("/") or not tags.startswith(","):
        raise ValueError
    values: list[Value] = []
    for tag in tags[1:]:
        if tag in _NUMBERS:
            values += struct.unpack_from(_NUMBERS[tag], data, at)
            at += struct.calcsize(_NUMBERS[tag])
        elif tag in "sS":
            text, at = _read_text(data, at)
            values.append(text)
        elif tag in _CONSTANTS:
            values.append(_CONSTANTS[tag])
        elif tag == "b":
            (length,) = struct.unpack_from(">i", data, at)
            if length < 0:
                raise ValueError
            at += 4 + length + -length % 4
        elif tag not in _EMPTY:
            at += _SKIPPED[tag] if tag in _SKIPPED else len(data) + 1
        if at > len(data):
            raise ValueError
    return address, tuple(values)


def _padded(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)  # ValueError without one
    return data[at:end].decode(), end + 1 + (-(end + 1)) % 4
