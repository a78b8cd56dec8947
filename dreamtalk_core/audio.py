"""`Speech`: any sound PyAV can open, as mono 16 kHz at a normal level.

Sound is decoded, mixed down and resampled piece by piece into one growing buffer, and the level is
set in place, so a long recording is in memory once, at 64 kB per second.

Level. The DC offset (median of the means of 32 ms blocks) is taken off. The level of the active
parts is measured over the same blocks, leaving out those below -100 dBFS, the loudest hundredth of
the rest (clicks), and then those more than 10 dB below the mean power. It is brought to -23 dBFS
RMS with a gain of at most +60 dB; sound whose loud and soft blocks differ by less than 6 dB is
steady noise rather than speech and gets at most +20 dB. What then passes full scale (a click in
quiet speech) is clipped to [-1, 1]. A recording that never reaches -100 dBFS is digital silence and
becomes zeros.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.media import Pieces, check_rate, decode_audio, to_float

SAMPLE_RATE = 16000
"""Sample rate of every `Speech`, in Hz."""

TARGET_LEVEL_DB = -23.0
MAX_GAIN_DB = 60.0
MAX_STEADY_GAIN_DB = 20.0

_MAX_CHANNELS = 8
_BLOCK = 512  # 32 ms
_SILENCE_POWER = 1e-10  # -100 dBFS
_FEW_BLOCKS = 10  # fewer are too short to tell a click, or noise, from a vowel
_PIECE = 1 << 20  # samples handled at a time


@dataclass(frozen=True, eq=False)
class Speech:
    """Speech, ready for the model. Immutable.

    waveform: float32 [N], N >= 1, mono, 16 kHz, in [-1, 1], read-only.
    source: where it came from, for messages (a path, or "array").

    `Speech.load` and `Speech.from_array` make one from anything and set the level; the constructor
    takes the waveform as it is. Raises `SpeechError` if it does not hold what is said above.
    """

    waveform: NDArray[np.float32]
    source: str

    def __post_init__(self) -> None:
        waveform = np.asarray(self.waveform)
        if waveform.dtype != np.float32 or waveform.ndim != 1 or not len(waveform):
            raise SpeechError(
                f"A waveform must be float32 [samples >= 1], not {waveform.dtype} "
                f"{list(waveform.shape)}. Use Speech.from_array for other sound."
            )
        for piece in _pieces(waveform):
            # NaN fails this comparison too.
            if not (np.abs(piece) <= 1.0).all():
                raise SpeechError(
                    "A waveform must lie in [-1, 1]. Use Speech.from_array for other sound."
                )
        if waveform.flags.writeable:
            waveform = waveform.copy()
            waveform.flags.writeable = False
        object.__setattr__(self, "waveform", waveform)

    @property
    def duration(self) -> Fraction:
        """Exact length in seconds: N / 16000."""
        return Fraction(len(self.waveform), SAMPLE_RATE)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Speech:
        """Read the sound of a file: wav, mp3, m4a, flac, ogg, the sound of a video and so on.

        The first (or default) sound track is used. Any sample rate from 1 kHz to 1 MHz and up to
        8 channels, which are averaged. The level is set as described in this module.

        Raises `SpeechError` for what `decode_audio` does, and if there are no samples, or some that
        are NaN or infinite.
        """
        return cls._collect(decode_audio(path), str(path))

    @classmethod
    def from_array(
        cls, samples: ArrayLike, sample_rate: int | float, source: str = "array"
    ) -> Speech:
        """Speech from samples [N] or [channels, N] at `sample_rate` Hz.

        Floats have full scale 1, signed integers that of their type, uint8 is centred on 128.
        Checked, mixed, resampled and levelled like a file. Raises `SpeechError`.
        """
        sound = np.asarray(samples)
        if sound.dtype.kind not in "fiu" or sound.ndim not in (1, 2):
            raise SpeechError(
                f"Samples must be numbers [samples] or [channels, samples], not {sound.dtype} "
                f"{list(sound.shape)}."
            )
        sound = np.atleast_2d(sound)
        if not 1 <= len(sound) <= _MAX_CHANNELS:
            raise SpeechError(
                f"Samples must be [channels, samples] with 1 to {_MAX_CHANNELS} channels, not "
                f"{list(sound.shape)}. Transpose [samples, channels] first."
            )
        rate = int(sample_rate) if np.isfinite(sample_rate) else 0
        if rate != sample_rate:
            raise SpeechError(f"The sample rate must be a whole number, not {sample_rate}.")
        check_rate(rate, source)
        return cls._collect(((to_float(piece), rate) for piece in _pieces(sound)), source)

    @classmethod
    def _collect(cls, pieces: Pieces, source: str) -> Speech:
        waveform = _normalised(_mono_16k(pieces, source))
        waveform.flags.writeable = False
        return cls(waveform, source)


def _pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Views of at most `_PIECE` samples along the last axis."""
    for start in range(0, array.shape[-1], _PIECE):
        yield array[..., start : start + _PIECE]


def _mono_16k(pieces: Pieces, source: str) -> NDArray[np.float32]:
    """Mix down and resample a stream of pieces [channels, n] to one new array [N] at 16 kHz.

    Rate and channel count may change from piece to piece.
    """
    # Grows in place, which not every numpy does for an array of its own.
    out = array("f")
    resampler: soxr.ResampleStream | None = None
    current, received = -1, 0

    def put(samples: NDArray[np.float32]) -> None:
        out.frombytes(samples.tobytes())

    def finish() -> None:
        # What comes out is as long as what went in, rounded half up to whole samples.
        if resampler is not None:
            put(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    for samples, rate in pieces:
        if rate != current:
            finish()
            current, resampler = rate, None
            if rate != SAMPLE_RATE:
                resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        with np.errstate(over="ignore", invalid="ignore"):
            mono = samples.mean(axis=0, dtype=np.float64).astype(np.float32)
        if not np.isfinite(mono).all():
            raise SpeechError(
                f"{source} has samples that are NaN or infinite. Export it again as 16-bit sound."
            )
        received += len(mono)
        put(mono if resampler is None else resampler.resample_chunk(mono))
    if not received:
        raise SpeechError(f"{source} has no samples: its length is zero.")
    finish()
    if not out:  # too short to give any
        out.append(0.0)
    return np.frombuffer(out, np.float32)


def _normalised(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Set mean and level in place, as described in this module."""
    waveform -= np.float32(np.median(_block_means(waveform)))
    gain = _gain(_block_means(waveform, np.square))
    for piece in _pieces(waveform):
        # Enormous floats are finite, but not times a gain: clipped like all that is too loud.
        with np.errstate(over="ignore"):
            piece *= np.float32(gain)
        np.clip(piece, -1.0, 1.0, out=piece)
    return waveform


def _block_means(
    waveform: NDArray[np.float32], function: Callable[..., Any] = np.positive
) -> NDArray[np.float64]:
    """Mean of `function` of the samples over each 32 ms block (the last may be shorter)."""
    means = []
    step = _PIECE // _BLOCK * _BLOCK
    for start in range(0, len(waveform), step):
        values = function(waveform[start : start + step], dtype=np.float64)
        starts = np.arange(0, len(values), _BLOCK)
        means.append(np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values))))
    return np.concatenate(means)


def _gain(powers: NDArray[np.float64]) -> float:
    """Gain as a factor, from block powers; 0 for digital silence."""
    heard = np.sort(powers[powers > _SILENCE_POWER])
    if not len(heard):
        return 0.0
    if len(heard) >= _FEW_BLOCKS:
        heard = heard[: len(heard) - -(-len(heard) // 100)]
    active = heard[heard >= heard.mean() / 10]
    wanted = TARGET_LEVEL_DB - 10 * np.log10(active.mean())
    soft, loud = np.quantile(heard, [0.1, 0.95])
    steady = len(heard) >= _FEW_BLOCKS and loud < 4 * soft
    return float(10 ** (min(wanted, MAX_STEADY_GAIN_DB if steady else MAX_GAIN_DB) / 20))
