"""A GLB file: a JSON document and the bytes that it points into."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import check_file, parse_json, unreadable

LARGEST_SCENE = 800_000_000
"""Bytes of a GLB: a character with all its clothes and pictures has some hundred millions."""

Table = dict[str, Any]


def read_glb(file: Path, error: type[DreamTalkError]) -> tuple[Table, memoryview]:
    """The document of a GLB, and its binary part.

    Raises `error` if it cannot be read or is another kind of file, ValueError if it is damaged.
    """
    check_file(file, error, "GLB", LARGEST_SCENE)
    try:
        data = memoryview(file.read_bytes())
    except OSError as problem:
        raise unreadable(file, problem, error) from problem
    if bytes(data[:8]) != b"glTF\2\0\0\0" or len(data) < 20:
        raise error(f"{file} is not a GLB (binary glTF 2.0) file. Export the model as .glb.")
    (length,) = struct.unpack_from("<I", data, 8)
    parts: list[memoryview] = []
    place = 12
    end = min(length, len(data))
    for mark in (b"JSON", b"BIN\0"):
        if parts and place + 8 > end:
            break
        size, kind = struct.unpack_from("<I4s", data, place)
        if kind != mark or place + 8 + size > end:
            raise ValueError(f"a chunk of {size} bytes that is cut off, or none")
        parts.append(data[place + 8 : place + 8 + size])
        place += 8 + size
    if length > len(data):
        raise ValueError(f"{len(data)} of {length} bytes: it is cut off")
    document = parse_json(parts[0].tobytes(), str(file), error)
    if not isinstance(document, dict):
        raise ValueError("its document is no object")
    return document, parts[1] if len(parts) > 1 else memoryview(b"")


def write_glb(path: Path, document: Table, binary: bytes | bytearray) -> None:
    """Write a GLB, whole or not at all. Raises `DreamTalkError` if it cannot be written."""
    text = json.dumps(document, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 4)
    content = bytes(binary) + bytes(-len(binary) % 4)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(content)))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(content), b"BIN\0") + content)
