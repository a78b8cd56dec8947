"""`Speech`: any sound PyAV can open, as mono 16 kHz at a normal level.

Sound is decoded, mixed down, resampled and levelled piece by piece; what is longer than a minute
lies in a temporary file (see `spool`), so memory does not grow with the length of a recording.

Level. The DC offset (median of the means of 32 ms blocks) is taken off. The level of the active
parts is measured over the same blocks, leaving out those below -100 dBFS, the loudest hundredth of
the rest (clicks), and then those more than 10 dB below the mean power. It is brought to -23 dBFS
RMS with a gain of at most +60 dB; sound whose loud and soft blocks differ by less than 6 dB is
steady noise rather than speech and gets at most +20 dB. What then passes full scale (a click in
quiet speech) is clipped to [-1, 1]. A recording that never reaches -100 dBFS is digital silence and
becomes zeros.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.media import Pieces, check_rate, decode_audio, to_float
from dreamtalk_core.speech.spool import in_pieces, spooled

SAMPLE_RATE = 16000
"""Sample rate of every `Speech`, in Hz."""

TARGET_LEVEL_DB = -23.0
MAX_GAIN_DB = 60.0
MAX_STEADY_GAIN_DB = 20.0

_MAX_CHANNELS = 8
_BLOCK = 512  # 32 ms
_SILENCE_POWER = 1e-10  # -100 dBFS
_FEW_BLOCKS = 10  # fewer are too short to tell a click, or noise, from a vowel
_PIECE = 1 << 20  # samples handled at a time: whole blocks


@dataclass(frozen=True, eq=False)
class Speech:
    """Speech, ready for the model. Immutable.

    waveform: float32 [N], N >= 1, mono, 16 kHz, in [-1, 1], read-only. Of a long speech it lies in
        a temporary file, which is read where the array is.
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
        for piece in in_pieces(waveform, _PIECE):
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
    def load(cls, path: str | os.PathLike[str], longest: float = math.inf) -> Speech:
        """Read the sound of a file: wav, mp3, m4a, flac, ogg, the sound of a video and so on.

        The first (or default) sound track is used. Any sample rate from 1 kHz to 1 MHz and up to
        8 channels, which are averaged. The level is set as described in this module.

        longest: seconds; of what is longer no more than that is decoded.
        Raises `SpeechError` for what `decode_audio` does, and if there are no samples, or some that
        are NaN or infinite, or if it is longer.
        """
        return cls._collect(_limited(decode_audio(path), longest, str(path)), str(path))

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
        return cls._collect(((to_float(piece), rate) for piece in in_pieces(sound, _PIECE)), source)

    @classmethod
    def _collect(cls, pieces: Pieces, source: str) -> Speech:
        waveform = spooled(_normalised(spooled(_mono_16k(pieces, source))))
        waveform.flags.writeable = False
        return cls(waveform, source)


def _limited(pieces: Pieces, longest: float, source: str) -> Pieces:
    """Pieces as they are. Raises SpeechError where they are longer than so many seconds."""
    seconds = 0.0
    for samples, rate in pieces:
        seconds += samples.shape[-1] / rate
        if seconds > longest:
            raise SpeechError(
                f"{source} is longer than the {longest:g} seconds that are taken here. Cut it into "
                "pieces."
            )
        yield samples, rate


def _mono_16k(pieces: Pieces, source: str) -> Iterator[NDArray[np.float32]]:
    """Mix down and resample a stream of pieces [channels, n] to pieces [n] at 16 kHz.

    Rate and channel count may change from piece to piece.
    """
    resampler: soxr.ResampleStream | None = None
    current, received, given = -1, 0, 0

    def rest() -> NDArray[np.float32]:
        # What comes out is as long as what went in, rounded half up to whole samples.
        nothing = np.zeros(0, np.float32)
        return nothing if resampler is None else resampler.resample_chunk(nothing, last=True)

    for samples, rate in pieces:
        if rate != current:
            given += len(last := rest())
            yield last
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
        mono = mono if resampler is None else resampler.resample_chunk(mono)
        given += len(mono)
        yield mono
    if not received:
        raise SpeechError(f"{source} has no samples: its length is zero.")
    given += len(last := rest())
    # Too short to give any is a sample, too.
    yield last if given else np.zeros(1, np.float32)


def _normalised(waveform: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Pieces of a waveform with mean and level set, as described in this module."""
    middle = np.float32(
        np.median(_block_means(piece.astype(np.float64) for piece in in_pieces(waveform, _PIECE)))
    )
    powers = (np.square(piece - middle, dtype=np.float64) for piece in in_pieces(waveform, _PIECE))
    gain = np.float32(_gain(_block_means(powers)))
    for piece in in_pieces(waveform, _PIECE):
        # Enormous floats are finite, but not times a gain: clipped like all that is too loud.
        with np.errstate(over="ignore"):
            yield np.clip((piece - middle) * gain, -1.0, 1.0)


def _block_means(pieces: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean over each 32 ms block of pieces of whole blocks (the last may be shorter)."""
    means = []
    for values in pieces:
        starts = np.arange(0, len(values), _BLOCK)
        means.append(np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values))))
    return np.concatenate(means)


def _gain(powers: NDArray[np.float64]) -> float:
    """Gain as a factor, from block powers; 0 for digital silence."""
    audible = np.sort(powers[powers > _SILENCE_POWER])
    if not len(audible):
        return 0.0
    if len(audible) >= _FEW_BLOCKS:
        audible = audible[: len(audible) - -(-len(audible) // 100)]
    active = audible[audible >= audible.mean() / 10]
    wanted = TARGET_LEVEL_DB - 10 * np.log10(active.mean())
    soft, loud = np.quantile(audible, [0.1, 0.95])
    steady = len(audible) >= _FEW_BLOCKS and loud < 4 * soft
    return float(10 ** (min(wanted, MAX_STEADY_GAIN_DB if steady else MAX_GAIN_DB) / 20))
