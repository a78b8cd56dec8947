"""How long an Ogg file says that its sound is.

ffmpeg leaves out pages whose checksum is wrong, at the end of a file without a word, so the pages'
headers are read here. Format: RFC 3533; Opus in it: RFC 7845.
"""

from __future__ import annotations

import struct
from pathlib import Path

_CAPTURE = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
_OPUS = b"OpusHead"
_SOUNDS = (_OPUS, b"\x01vorbis", b"Speex   ", b"\x7fFLAC")
"""How the first page of a stream of sound begins."""
_CONTINUED = -1  # the position of a page on which no packet ends


def last_position(file: Path) -> int | None:
    """Where the first sound of a file ends, in its own clock's ticks from the first sample on.

    None if the file is cut off within its last page, as a recording may be, and so does not say.
    Raises ValueError if a page is not where the one before it ends, or one is missing.
    """
    numbers: dict[int, int] = {}
    sound: int | None = None
    skipped, end = 0, None
    size = file.stat().st_size
    with file.open("rb") as stream:
        place = 0
        while place < size:
            stream.seek(place)
            header = stream.read(_HEADER.size)
            if len(header) < _HEADER.size:
                return None
            capture, _, _, position, serial, number, _, count = _HEADER.unpack(header)
            if capture != _CAPTURE or numbers.get(serial, number) != number:
                raise ValueError(f"no page at {place}")
            lacing = stream.read(count)
            body = sum(lacing)
            if len(lacing) < count or stream.tell() + body > size:
                if _CAPTURE in stream.read():
                    raise ValueError(f"no end to the page at {place}")
                return None
            if serial not in numbers and sound is None:
                head = stream.read(min(body, 19))
                sound = serial if head.startswith(_SOUNDS) else None
                if head.startswith(_OPUS) and len(head) == 19:
                    (skipped,) = struct.unpack_from("<H", head, 10)
            numbers[serial] = number + 1
            if serial == sound and position != _CONTINUED:
                end = position - skipped
            place += _HEADER.size + count + body
    return end
