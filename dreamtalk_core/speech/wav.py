"""WAV files whose samples lie in wider containers, as field recorders write them.

Where the header (WAVE_FORMAT_EXTENSIBLE) says that 24 of 32 bits count, ffmpeg takes the samples
for an old editor's 24-bit floats, or for nothing that it knows. But the bits that count are the
upper ones and the rest are zeros: read as samples of 32 bits, nothing is lost. So that is what
ffmpeg is told. Format: Microsoft's mmreg.h.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

_EXTENSIBLE = 0xFFFE
_MOST_CHUNKS = 100  # before the one that tells the format: it is the first, or nearly


def widened(file: Path) -> io.BufferedReader | None:
    """A WAV file as it would be if all of its bits counted; None for any other. Raises OSError."""
    place = _valid_bits(file)
    return None if place is None else io.BufferedReader(_Patched(file, *place))


def _valid_bits(file: Path) -> tuple[int, bytes] | None:
    """Where the number of valid bits is in the file, and what should be there; if they differ."""
    with file.open("rb") as stream:
        if stream.read(4) not in (b"RIFF", b"RF64") or stream.read(8)[4:] != b"WAVE":
            return None
        for _ in range(_MOST_CHUNKS):
            name, head = stream.read(4), stream.read(4)
            if len(head) < 4:
                return None
            (size,) = struct.unpack("<I", head)
            if name == b"fmt ":
                start = stream.tell()
                chunk = stream.read(20)
                if size < 20 or len(chunk) < 20 or chunk[:2] != struct.pack("<H", _EXTENSIBLE):
                    return None
                bits, valid = chunk[14:16], chunk[18:20]
                return None if valid in (bits, b"\0\0") else (start + 18, bits)
            stream.seek(size + size % 2, io.SEEK_CUR)
    return None


class _Patched(io.RawIOBase):
    """A file in which some bytes are others."""

    def __init__(self, file: Path, place: int, content: bytes) -> None:
        super().__init__()
        self._file = file.open("rb", buffering=0)
        self._place, self._content = place, content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        start = self._file.tell()
        count = self._file.readinto(target) or 0
        for at, byte in enumerate(self._content, self._place - start):
            if 0 <= at < count:
                target[at] = byte
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
