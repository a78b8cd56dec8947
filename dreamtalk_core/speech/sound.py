"""Sound as it was recorded, with its own channels and rate: for the video that is made of a speech.

An array of samples is float32 [..., N] with full scale 1; the axes before the last do not matter.
"""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.media import decode_audio

Samples = NDArray[np.float32]

_PIECE = 1 << 18
"""Samples written at a time."""


def read_sound(
    path: str | os.PathLike[str], check: Callable[[], None] = lambda: None
) -> tuple[Samples, int]:
    """The samples [channels, N] of a file, whole, and their rate in Hz.

    check: called for each piece that is decoded; what it raises ends the work.
    A file whose rate or channels change midway comes as the model hears it: mono, 16 kHz, levelled.
    Raises SpeechError as `decode_audio` does, and if there are no samples.
    """
    pieces = []
    for piece in decode_audio(path):
        check()
        pieces.append(piece)
    if not pieces:
        raise SpeechError(f"{path} has no samples: its length is zero.")
    rates = {rate for _, rate in pieces}
    channels = max(len(piece) for piece, _ in pieces)
    if len(rates) > 1 or any(len(piece) not in (1, channels) for piece, _ in pieces):
        return Speech.load(path).waveform[None], SAMPLE_RATE
    # Silence for a gap has one channel.
    even = [np.broadcast_to(piece, (channels, piece.shape[1])) for piece, _ in pieces]
    return np.concatenate(even, axis=1), rates.pop()


def write_wav(path: Path, samples: Samples, sample_rate: int) -> None:
    """Write samples [channels, N] as a WAV file of 24 bits, clipped to [-1, 1]; NaN is silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(3)
        file.setframerate(sample_rate)
        for start in range(0, samples.shape[1], _PIECE):
            piece = np.nan_to_num(samples[:, start : start + _PIECE]).clip(-1, 1)
            whole = np.round(piece.T.astype(np.float64) * (2**23 - 1)).astype("<i4")
            # The lower three of the four bytes.
            file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes())


def cut_sound(
    samples: Samples, sample_rate: int, start: float | Fraction, seconds: float | Fraction
) -> Samples:
    """So many seconds of samples [..., N] from `start` on; silence where there are none."""
    first, last = round(start * sample_rate), round((start + seconds) * sample_rate)
    part = samples[..., max(0, first) : max(0, last)]
    before = min(max(0, -first), last - first)
    after = last - first - before - part.shape[-1]
    return np.pad(part, [(0, 0)] * (part.ndim - 1) + [(before, after)])
