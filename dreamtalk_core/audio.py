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

Damage. A recording is used whole or not at all: if any part of it cannot be decoded, loading fails
and says where, because curves for half of a line, or shifted against it, are worse than none.
The clock of a video, or of a browser's recording, may jump ahead where packets were lost: there
silence is put in, as players do, so that what follows stays in time; in a plain sound file the same
is damage. A file that merely ends early, in a format that does not say how long it should be (wav,
mp3, ogg, mkv), is taken for what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import SpeechError

SAMPLE_RATE = 16000
"""Sample rate of every `Speech`, in Hz."""

TARGET_LEVEL_DB = -23.0
MAX_GAIN_DB = 60.0
MAX_STEADY_GAIN_DB = 20.0

_MAX_CHANNELS = 8
_RATES = range(1000, 1_000_001)
_BLOCK = 512  # 32 ms
_SILENCE_POWER = 1e-10  # -100 dBFS
_FEW_BLOCKS = 10  # fewer are too short to tell a click, or noise, from a vowel
_PIECE = 1 << 20  # samples handled at a time
# Formats whose clock is a count of samples: it cannot jump unless something is missing.
_COUNTING_FORMATS = frozenset({"aac", "aiff", "flac", "mp3", "ogg", "w64", "wav"})
# Gaps in the file's clock: shorter ones are rounding, longer ones a clock that was set anew.
_MIN_GAP, _MAX_GAP = 0.1, 60.0


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

        Raises `SpeechError` if there is no such file, it is a folder, empty, not a sound or video
        file, has no sound track, no samples, samples that are NaN or infinite, or is damaged.
        """
        file = Path(path)
        if file.is_dir():
            raise SpeechError(f"{file} is a folder. Give the name of a sound or video file.")
        try:
            empty = file.stat().st_size == 0
        except OSError as error:
            raise SpeechError(
                f"Cannot read {file}: {_os_reason(error)}. Check the name and the folder."
            ) from error
        if empty:
            raise SpeechError(f"{file} is empty (0 bytes).")
        return cls._collect(_decode(file), str(file))

    @classmethod
    def from_array(
        cls, samples: ArrayLike, sample_rate: int | float, source: str = "array"
    ) -> Speech:
        """Speech from samples [N] or [channels, N] at `sample_rate` Hz.

        Floats have full scale 1, signed integers that of their type, uint8 is centred on 128.
        Checked, mixed, resampled and levelled like a file. Raises `SpeechError`.
        """
        array = np.asarray(samples)
        if array.dtype.kind not in "fiu" or array.ndim not in (1, 2):
            raise SpeechError(
                f"Samples must be numbers [samples] or [channels, samples], not {array.dtype} "
                f"{list(array.shape)}."
            )
        array = np.atleast_2d(array)
        if not 1 <= len(array) <= _MAX_CHANNELS:
            raise SpeechError(
                f"Samples must be [channels, samples] with 1 to {_MAX_CHANNELS} channels, not "
                f"{list(array.shape)}. Transpose [samples, channels] first."
            )
        rate = int(sample_rate) if np.isfinite(sample_rate) else 0
        if rate != sample_rate:
            raise SpeechError(f"The sample rate must be a whole number, not {sample_rate}.")
        return cls._collect(((_to_float(piece), rate) for piece in _pieces(array)), source)

    @classmethod
    def _collect(cls, pieces: Iterator[tuple[NDArray[Any], int]], source: str) -> Speech:
        waveform = _normalised(_mono_16k(pieces, source))
        waveform.flags.writeable = False
        return cls(waveform, source)


def _os_reason(error: OSError) -> str:
    return "there is no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)


def _pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Views of at most `_PIECE` samples along the last axis."""
    for start in range(0, array.shape[-1], _PIECE):
        yield array[..., start : start + _PIECE]


def _to_float(samples: NDArray[Any]) -> NDArray[Any]:
    """Samples with full scale 1: floats as they are, integers by the range of their type."""
    if samples.dtype.kind == "f":
        return samples
    info = np.iinfo(samples.dtype)
    half = (float(info.max) - float(info.min) + 1) / 2
    middle = half if samples.dtype.kind == "u" else 0.0
    # float64 on the way: float32 cannot hold a 32-bit sample.
    return ((samples.astype(np.float64) - middle) / half).astype(np.float32)


def _open(file: Path) -> av.container.InputContainer:
    try:
        # "file:" so that a colon in a name is no protocol; and a playlist may not reach the net.
        return av.open(
            f"file:{file.absolute()}",
            options={"protocol_whitelist": "file"},
            metadata_errors="ignore",
        )
    except PermissionError as error:
        raise SpeechError(f"Cannot read {file}: no permission.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SpeechError(
            f"{file} is not a sound or video file, or is damaged. Try to play it; convert it to "
            "wav if another program can open it."
        ) from error


def _decode(file: Path) -> Iterator[tuple[NDArray[Any], int]]:
    """Decoded sound of a file, piece by piece: samples [channels, n] and their rate."""
    with _open(file) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise SpeechError(f"{file} has no sound track. Give a file with speech in it.")
        seconds = 0.0  # how much has been decoded
        start: float | None = None  # what the file's clock said at zero
        try:
            for frame in container.decode(stream):
                samples, rate = _planes(frame), int(frame.sample_rate)
                if frame.pts is not None and frame.time_base is not None:
                    clock = float(frame.pts * frame.time_base)
                    start = clock if start is None else start
                    gap = clock - start - seconds
                    if gap > _MIN_GAP and container.format.name in _COUNTING_FORMATS:
                        raise _damaged(file, seconds)
                    if _MIN_GAP < gap <= _MAX_GAP and rate in _RATES:
                        silence = np.zeros((1, round(gap * rate)), np.float32)
                        yield silence, rate
                        seconds += silence.shape[1] / rate
                    elif abs(gap) > _MIN_GAP:
                        start = clock - seconds
                yield _to_float(samples), rate
                seconds += samples.shape[1] / max(rate, 1)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _damaged(file, seconds) from error


def _damaged(file: Path, seconds: float) -> SpeechError:
    return SpeechError(
        f"{file} is damaged at about {seconds:.1f} s: it cannot be decoded there. Export it again, "
        "or repair it in an audio editor."
    )


def _planes(frame: av.AudioFrame) -> NDArray[Any]:
    """Samples [channels, n] of a frame, planar or interleaved."""
    array = frame.to_ndarray()
    if frame.format.is_planar:
        return array
    return array.reshape(-1, frame.layout.nb_channels).T


def _mono_16k(pieces: Iterator[tuple[NDArray[Any], int]], source: str) -> NDArray[np.float32]:
    """Mix down and resample a stream of pieces [channels, n] to one new array [N] at 16 kHz.

    Rate and channel count may change from piece to piece.
    """
    out = _Buffer()
    resampler: soxr.ResampleStream | None = None
    current, received = -1, 0

    def finish() -> None:
        # What comes out is as long as what went in, rounded half up to whole samples.
        if resampler is not None:
            out.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    for samples, rate in pieces:
        if rate != current:
            if rate not in _RATES:
                raise SpeechError(
                    f"{source} has a sample rate of {rate} Hz; it must be 1000 to 1000000."
                )
            finish()
            current, resampler = rate, None
            if rate != SAMPLE_RATE:
                resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        # Anything finite in a float64 that float32 cannot hold is no sound: inf here, caught below.
        with np.errstate(over="ignore", invalid="ignore"):
            mono = samples.mean(axis=0, dtype=np.float64).astype(np.float32)
        if not np.isfinite(mono).all():
            raise SpeechError(
                f"{source} has samples that are NaN or infinite. Export it again as 16-bit sound."
            )
        received += len(mono)
        out.append(mono if resampler is None else resampler.resample_chunk(mono))
    if not received:
        raise SpeechError(f"{source} has no samples: its length is zero.")
    finish()
    return out.release()


class _Buffer:
    """A float32 array that grows in place, so that there is never a second copy."""

    def __init__(self) -> None:
        self._array: NDArray[np.float32] = np.zeros(1 << 16, np.float32)
        self.length = 0

    def append(self, samples: NDArray[np.float32]) -> None:
        end = self.length + len(samples)
        if end > len(self._array):
            # No other reference to the array exists, so it may move.
            self._array.resize(max(end, len(self._array) * 5 // 4), refcheck=False)
        self._array[self.length : end] = samples
        self.length = end

    def release(self) -> NDArray[np.float32]:
        """The array, cut to its length; at least one sample, for input too short to give any."""
        self._array.resize(max(1, self.length), refcheck=False)
        return self._array


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
