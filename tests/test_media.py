"""What all who decode sound may rely on; whole files and damage are tested with `Speech`."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.media import decode_audio, to_float


def write_wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    """16-bit samples [n, channels]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_pieces_are_float32_by_channel(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (30000, 2))
    pieces = list(decode_audio(write_wav(tmp_path / "a.wav", samples, 44100)))
    assert {rate for _, rate in pieces} == {44100}
    assert {piece.dtype for piece, _ in pieces} == {np.dtype(np.float32)}
    whole = np.concatenate([piece for piece, _ in pieces], axis=1)
    np.testing.assert_array_equal(whole, samples.T / 2**15)


@pytest.mark.parametrize("rate", [1, 999, 1_000_001, 2**31 - 1])
def test_impossible_rates(tmp_path: Path, rate: int) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros((100, 1)), 44100)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate)
    path.write_bytes(content)
    with pytest.raises(SpeechError, match="sample rate"):
        list(decode_audio(path))


def test_full_scale_of_every_type() -> None:
    for dtype in (np.int16, np.int32, np.uint8):
        info = np.iinfo(dtype)
        assert to_float(np.array([info.min], dtype)) == -1
        assert to_float(np.array([info.max], dtype)) == pytest.approx(1, abs=0.01)
    assert to_float(np.array([0.5, 1e300])).tolist() == [0.5, np.inf]
