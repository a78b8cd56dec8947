"""How long the frames of an mp3 file say that they are, and whether the file counts them.

A frame whose header is damaged is taken for a part of the one before it, and lost without a word.
Format: ISO/IEC 11172-3, 13818-3; the count of frames that most encoders write: Xing's.
"""

from __future__ import annotations

from pathlib import Path

_KBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Of layer III, by whether it is MPEG-1."""
_RATES = (44100, 48000, 32000)


def frame_length(header: bytes) -> int | None:
    """Bytes of the frame of layer III that begins with these four; None for anything else."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, kind, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or kind in (0, 15) or rate == 3:
        return None
    first = version == 3
    bits = _KBITS[first][kind - 1] * 1000
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if first else 72) * bits // hertz + (header[2] >> 1 & 1)


def counts_frames(file: Path) -> bool:
    """Whether the number of frames stands in the first one: if not, a length is an estimate."""
    with file.open("rb") as stream:
        start = stream.read(10)
        if start[:3] == b"ID3":  # its length in four times seven bits
            stream.seek(10 + sum(byte << 7 * place for place, byte in enumerate(start[9:5:-1])))
        else:
            stream.seek(0)
        frame = stream.read(200)
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    return place >= 0 and len(frame) > place + 7 and bool(frame[place + 7] & 1)
