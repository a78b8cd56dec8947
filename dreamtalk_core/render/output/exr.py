"""Pictures as OpenEXR, encoded by ffmpeg (through PyAV), with attributes put into the header."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from math import ceil

import av
import numpy as np
from numpy.typing import NDArray

# ffmpeg's formats, and which of our channels each of their planes holds.
_LAYOUTS = {3: ("gbrpf32le", (1, 2, 0)), 4: ("gbrapf32le", (1, 2, 0, 3))}
_ROWS_OF_A_BLOCK = 16  # in zip16


def encode_exr(
    picture: NDArray[np.float32], half: bool = True, attributes: Mapping[str, str] | None = None
) -> bytes:
    """An EXR of float32 [H, W, 3 or 4]: R, G, B linear, and A with the colours multiplied by it.

    half: 16 bits for a value rather than 32. attributes: strings for the header.
    """
    height, width, channels = picture.shape
    layout, order = _LAYOUTS[channels]
    frame = av.VideoFrame(width, height, layout)
    for plane, channel in zip(frame.planes, order, strict=True):
        # Rows of a plane may be longer than the picture's.
        rows = np.frombuffer(memoryview(plane), np.float32).reshape(height, -1)
        rows[:, :width] = picture[..., channel]
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, layout
    encoder.time_base = frame.time_base
    # One thread: with several, pictures come out later than they go in.
    encoder.thread_count = 1
    encoder.options = {"compression": "zip16", "format": "half" if half else "float"}
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    data = b"".join(bytes(packet) for packet in packets)
    return _with_attributes(data, ceil(height / _ROWS_OF_A_BLOCK), attributes or {})


def _with_attributes(data: bytes, blocks: int, attributes: Mapping[str, str]) -> bytes:
    """The file with strings added at the end of its header.

    Behind the header lies a table of where in the file each block of rows begins.
    """
    end = 8
    while data[end]:
        # name, 0, type, 0, size, value
        kind = data.index(0, end) + 1
        size = data.index(0, kind) + 1
        end = size + 4 + struct.unpack_from("<i", data, size)[0]
    added = b""
    for name, text in attributes.items():
        value = text.encode("utf-8")
        added += name.encode("ascii") + b"\0string\0" + struct.pack("<i", len(value)) + value
    table = end + 1
    places = np.frombuffer(data, "<u8", blocks, table) + np.uint64(len(added))
    rest = data[table + 8 * blocks :]
    return data[:end] + added + b"\0" + places.astype("<u8").tobytes() + rest
