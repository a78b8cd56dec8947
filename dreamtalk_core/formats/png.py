"""Writing a picture as PNG, with nothing but zlib."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_COLOUR_TYPES = {3: 2, 4: 6}


def encode_png(
    picture: NDArray[np.uint8], text: Mapping[str, str] | None = None, level: int = 9
) -> bytes:
    """A PNG of an RGB or RGBA picture uint8 [H, W, 3 or 4], each row as its change from the last.

    text: what is written into it beside the picture, by PNG's keywords ("Comment", ...), UTF-8.
    level: zlib's, 0 to 9.
    """
    height, width, channels = picture.shape
    rows = picture.reshape(height, -1)
    filtered = np.empty((height, 1 + channels * width), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [(b"IHDR", header)]
    for keyword, content in (text or {}).items():
        # Not compressed, in no particular language.
        start = keyword.encode("latin-1") + b"\0\0\0\0\0"
        chunks.append((b"iTXt", start + content.encode("utf-8")))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), level)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
