"""Every way in which a WAV file may hold its samples."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.media import decode_audio
from dreamtalk_core.speech.wav import widened

RATE = 8000
TONE = 0.4 * np.sin(np.arange(RATE) * 2 * np.pi * 220 / RATE)
PCM, FLOAT, A_LAW, EXTENSIBLE = 1, 3, 6, 0xFFFE


def integers(bits: int, valid: int) -> bytes:
    """The tone in the upper bits of little-endian words."""
    values = np.round(TONE * 2.0 ** (valid - 1)).astype(np.int64) << (32 - valid)
    words = values.astype("<i4").view(np.uint8).reshape(-1, 4)
    if bits == 8:
        words = words ^ 0x80
    return words[:, 4 - bits // 8 :].tobytes()


def a_law() -> bytes:
    """ITU-T G.711, of positive values and negative ones."""
    result = bytearray()
    for value in np.round(TONE * 4095).astype(int).tolist():
        size = min(abs(value), 4095)
        power = max(0, size.bit_length() - 5)
        low = size >> max(1, power)
        code = (power << 4 | low & 15) if power else low
        result.append((code | (0x80 if value >= 0 else 0)) ^ 0x55)
    return bytes(result)


def write_wav(
    path: Path, kind: int, bits: int, data: bytes, valid: int | None = None, before: bytes = b""
) -> Path:
    """valid: bits that count, which only the extensible header tells."""
    head = kind if valid is None else EXTENSIBLE
    block = bits // 8
    form = struct.pack("<HHIIHH", head, 1, RATE, RATE * block, block, bits)
    if valid is not None:
        rest = bytes.fromhex("000000001000800000aa00389b71")
        form += struct.pack("<HHIH", 22, valid, 4, kind) + rest
    body = before + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    return path


def samples_of(path: Path) -> NDArray[np.float32]:
    return np.concatenate([piece for piece, _ in decode_audio(path)], axis=1)[0]


@pytest.mark.parametrize("before", [b"", b"JUNK\x03\0\0\0abc\0"], ids=["", "behind a chunk"])
@pytest.mark.parametrize(
    ("kind", "bits", "valid", "data", "off"),
    [
        (PCM, 8, None, integers(8, 8), 0.01),
        (PCM, 16, None, integers(16, 16), 1e-4),
        (PCM, 24, None, integers(24, 24), 1e-6),
        (PCM, 32, None, integers(32, 32), 1e-6),
        (PCM, 16, 12, integers(16, 12), 1e-3),
        (PCM, 24, 20, integers(24, 20), 1e-5),
        (PCM, 32, 16, integers(32, 16), 1e-4),
        (PCM, 32, 20, integers(32, 20), 1e-5),
        (PCM, 32, 24, integers(32, 24), 1e-6),
        (PCM, 32, 32, integers(32, 32), 1e-6),
        (PCM, 32, 0, integers(32, 32), 1e-6),
        (FLOAT, 32, None, TONE.astype("<f4").tobytes(), 1e-6),
        (FLOAT, 32, 32, TONE.astype("<f4").tobytes(), 1e-6),
        (FLOAT, 32, 24, TONE.astype("<f4").tobytes(), 1e-6),
        (FLOAT, 64, None, TONE.astype("<f8").tobytes(), 1e-6),
        (FLOAT, 64, 64, TONE.astype("<f8").tobytes(), 1e-6),
        (A_LAW, 8, None, a_law(), 0.02),
        (A_LAW, 8, 8, a_law(), 0.02),
    ],
)
def test_every_kind_of_sample_is_the_same_sound(
    tmp_path: Path, kind: int, bits: int, valid: int | None, data: bytes, off: float, before: bytes
) -> None:
    sound = samples_of(write_wav(tmp_path / "a.wav", kind, bits, data, valid, before))
    np.testing.assert_allclose(sound, TONE, atol=off)


def test_only_what_is_misread_is_changed(tmp_path: Path) -> None:
    for valid in (None, 32, 0):
        assert widened(write_wav(tmp_path / "a.wav", PCM, 32, integers(32, 32), valid)) is None
    path = write_wav(tmp_path / "a.wav", PCM, 32, integers(32, 24), 24)
    whole = path.read_bytes()
    with widened(path) as stream:  # type: ignore[union-attr]
        damaged = stream.read()
        assert [i for i, (a, b) in enumerate(zip(whole, damaged, strict=True)) if a != b] == [38]
        stream.seek(38)
        assert stream.read(2) == b"\x20\0"


def test_cut_off_headers(tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "a.wav", PCM, 32, integers(32, 24), 24).read_bytes()
    for length in range(1, 60):
        (tmp_path / "a.wav").write_bytes(whole[:length])
        with suppress(SpeechError):
            assert samples_of(tmp_path / "a.wav").size == 0
