"""Prosody: how loud, how high and with what voice somebody speaks, moment by moment.

Pitch is found with YIN (de Cheveigne & Kawahara 2002, JASA 111), a hundred times a second.

librosa has most of this, and is what tests hold it against. It is not used here, because whoever
animates a line waits for it: every line needs loudness and pitch, and `auto`, the default style,
the spectrum. librosa takes 1.7 to 2.3 s of each process to import, as long as DreamTalk takes to
load. Ours measures a minute in (librosa's later calls in brackets): loudness 1 ms (1), pitch 55
(230, and it does not say how periodic the sound was, which tells voiced from unvoiced), spectrum 28
(20). `python benchmarks/libraries.py` measures both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import soxr

from dreamtalk_core.animation.noise import voice_of
from dreamtalk_core.motion import MODEL_FPS, frame_count
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.spool import in_pieces

Array = npt.NDArray[np.float32]

FLOOR_DB = -60.0
"""Loudness of silence."""
FAINT_DB = -35.0
"""Hum in pauses may be periodic, but it is not the voice."""

LOUD_PERCENTILE = 95
LOWEST_HZ, HIGHEST_HZ = 60.0, 600.0

_HOP = SAMPLE_RATE // MODEL_FPS
_BLOCK_SAMPLES = 64
_PIECE = 1 << 18  # samples handled at a time: whole blocks
_WINDOW = 1024  # samples that loudness is measured over: 64 ms

_PITCH_RATE = 8000  # half the samples, a fourth of the work, and less hiss
_PITCH_HOP = _PITCH_RATE // 100
_PER_FRAME = 100 // MODEL_FPS
_PITCH_WINDOW = 320  # 40 ms: two periods of the lowest voice
_PITCH_SPECTRUM = 216  # a hop and the longest period, at least
_SHORTEST = int(_PITCH_RATE / HIGHEST_HZ)
_LONGEST = int(np.ceil(_PITCH_RATE / LOWEST_HZ))
_PERIODIC = 0.15  # the first dip this deep is the period; YIN's own value is 0.1
_VOICED = 0.45  # the deepest dip of an unvoiced moment is shallower
_BLOCK = 2000  # moments handled at a time, so that memory does not grow with the speech


@dataclass(frozen=True, eq=False)
class Prosody:
    """Loudness and pitch at 25 frames per second. Immutable."""

    pitch: Array
    """[T] semitones from the speaker's median; NaN where there is no voice."""
    loudness: Array
    """[T] dB, 0 as loud as the speech's loud parts (their 95th percentile), -60 silence."""
    median_hz: float
    """The speaker's median pitch; NaN if there is no voice at all."""
    hertz: Array
    """[T, 4] pitch of each moment of a frame, see `measure_pitch`."""
    periodic: Array
    """[T, 4] how periodic the sound is there."""

    def __post_init__(self) -> None:
        for name in ("pitch", "loudness", "hertz", "periodic"):
            values = np.array(getattr(self, name), np.float32)
            values.flags.writeable = False
            object.__setattr__(self, name, values)


def measure_prosody(waveform: Array) -> Prosody:
    """Pitch and loudness of speech.

    waveform: float32 [N] at 16 kHz, N >= 1. The result has round(N / 16000 x 25) frames.
    """
    frames = frame_count(Fraction(len(waveform), SAMPLE_RATE), MODEL_FPS)
    loudness = measure_loudness(waveform, frames)
    moments, periodic = measure_pitch(waveform, frames)
    hertz = _median_if_most(moments)
    hertz[loudness < FAINT_DB] = np.nan
    voiced = hertz[~np.isnan(hertz)]
    median = float(np.median(voiced)) if len(voiced) else float("nan")
    return Prosody(12 * np.log2(hertz / median), loudness, median, moments, periodic)


def frame_power(waveform: Array) -> Array:
    """[T] mean square of each whole frame of a waveform [N] at 16 kHz, by its own samples alone."""
    whole = waveform[: len(waveform) // _HOP * _HOP].reshape(-1, _HOP)
    return np.einsum("ij,ij->i", whole, whole) / _HOP


def number_voice(waveform: Array) -> int:
    """A number for the voice in a recording, from the first sound in its first 30 s."""
    return voice_of(frame_power(waveform[: 30 * SAMPLE_RATE]))


def measure_loudness(waveform: Array, frames: int) -> Array:
    """[frames] dB relative to the loud parts, see `Prosody.loudness`."""
    # Sums over blocks that windows and steps are multiples of: flat in memory, however long.
    whole = len(waveform) // _BLOCK_SAMPLES * _BLOCK_SAMPLES
    rest = waveform[whole:]
    blocks = (piece.reshape(-1, _BLOCK_SAMPLES) for piece in in_pieces(waveform[:whole], _PIECE))
    sums = np.concatenate(
        [*(np.einsum("ij,ij->i", block, block) for block in blocks), [rest @ rest]]
    )
    power = np.append(0.0, sums.cumsum(dtype=np.float64))
    centres = (np.arange(frames) * _HOP + _HOP // 2) // _BLOCK_SAMPLES
    half = _WINDOW // 2 // _BLOCK_SAMPLES
    stops, starts = (np.clip(centres + by, 0, len(sums)) for by in (half, -half))
    mean = (power[stops] - power[starts]) / _WINDOW
    sounding = mean[mean >= 1e-10]  # digital silence around a line makes it no louder
    if not len(sounding):
        return np.full(frames, FLOOR_DB, np.float32)
    loud = np.percentile(sounding, LOUD_PERCENTILE)
    relative = 10 * np.log10(np.maximum(mean / loud, 1e-12))
    return np.maximum(relative, FLOOR_DB).astype(np.float32)


def measure_pitch(waveform: Array, frames: int) -> tuple[Array, Array]:
    """Pitch in Hz [frames, 4], NaN where the sound is not periodic, and how periodic it is, 0..1.

    Four moments to a frame.
    """
    moments = frames * _PER_FRAME
    found = [_yin(stretch) for stretch in _pitch_stretches(waveform, moments)]
    hertz, periodic = np.concatenate(found, 1).reshape(2, frames, _PER_FRAME)
    return hertz.astype(np.float32), periodic.astype(np.float32)


def _pitch_stretches(waveform: Array, moments: int) -> Iterator[Array]:
    """What the pitch of a block of moments is measured from, at 8 kHz, see `_yin`."""
    span = _PITCH_WINDOW + _LONGEST + 1
    # A moment is in the middle of what it is measured from.
    wave = np.zeros(span // 2 - _PITCH_HOP // 2, np.float32)
    pieces = _halved(waveform)
    for start in range(0, moments, _BLOCK):
        count = min(_BLOCK, moments - start)
        needed = (count - 1) * _PITCH_HOP + span
        parts = [wave]
        while (missing := needed - sum(map(len, parts))) > 0:
            parts.append(next(pieces, np.zeros(missing, np.float32)))
        wave = np.concatenate(parts)
        yield wave[:needed]
        wave = wave[count * _PITCH_HOP :]


def _halved(waveform: Array) -> Iterator[Array]:
    """Pieces of a waveform at half its rate."""
    resampler = soxr.ResampleStream(SAMPLE_RATE, _PITCH_RATE, 1, dtype="float32")
    for piece in in_pieces(waveform, _PIECE):
        yield resampler.resample_chunk(piece)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


DESCRIPTORS = (
    "pitch",  # semitones from 100 Hz; 0 where unvoiced
    "voiced",  # share of the frame
    "unsteadiness",  # standard deviation of pitch within the frame, semitones
    "periodicity",  # 0 hiss .. 1 clean
    "loudness",  # dB, as in Prosody
    "alpha",  # dB of 50..1000 Hz over 1..5 kHz: vocal effort flattens the spectrum
    "hammarberg",  # dB of the strongest partial below 2 kHz over that in 2..5 kHz
    "slope low",  # dB an octave over 125..500 Hz: breathy voices fall steeply
    "slope high",  # and over 500..1500 Hz
    "flux",  # change of the spectrum's shape in 10 ms
    *(f"cepstrum {i}" for i in range(1, 9)),  # of the mel spectrum
)
"""What `describe_voice` measures: what the minimalistic set of Eyben et al. 2016 (GeMAPS, IEEE
Trans. Affective Computing 7) holds of pitch, energy and spectral balance, without its formants."""

_SPECTRUM_HOP = SAMPLE_RATE // 100
_SPECTRUM = 512
_FREQUENCIES = np.fft.rfftfreq(_SPECTRUM, 1 / SAMPLE_RATE)
_BANDS = 26


def describe_voice(waveform: Array, prosody: Prosody | None = None) -> Array:
    """[T, len(DESCRIPTORS)] at 25 frames per second; waveform as in `measure_prosody`.

    prosody: that of the waveform, where it has been measured.
    """
    prosody = prosody or measure_prosody(waveform)
    loudness, periodic, hertz = prosody.loudness, prosody.periodic, prosody.hertz.copy()
    frames = len(loudness)
    hertz[loudness < FAINT_DB] = np.nan
    voiced = np.isfinite(hertz)
    count = np.maximum(voiced.sum(1), 1)
    semitones = np.where(voiced, 12 * np.log2(np.where(voiced, hertz, 100) / 100), 0)
    mean = semitones.sum(1) / count
    spread = np.sqrt((np.where(voiced, semitones - mean[:, None], 0) ** 2).sum(1) / count)
    pitch = np.stack([mean, voiced.mean(1), spread, periodic.mean(1), loudness], 1)
    return np.concatenate([pitch, _describe_spectrum(waveform, frames)], 1).astype(np.float32)


def _describe_spectrum(waveform: Array, frames: int) -> npt.NDArray[np.float64]:
    """[frames, 13]: the descriptors from "alpha" on."""
    moments = frames * _PER_FRAME
    before = _SPECTRUM // 2 - _SPECTRUM_HOP // 2
    after = max(0, moments * _SPECTRUM_HOP + _SPECTRUM - before - len(waveform))
    spans = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, (before, after)), _SPECTRUM)[
        ::_SPECTRUM_HOP
    ][:moments]
    described = [_spectral(spans[i : i + _BLOCK]) for i in range(0, moments, _BLOCK)]
    return np.concatenate(described).reshape(frames, _PER_FRAME, -1).mean(1)


def _spectral(spans: Array) -> npt.NDArray[np.float64]:
    power = np.abs(np.fft.rfft(spans * np.hanning(_SPECTRUM))) ** 2 + 1e-6
    level = 10 * np.log10(power)
    alpha = _band(power, 50, 1000).sum(1) / _band(power, 1000, 5000).sum(1)
    hammarberg = _band(level, 0, 2000).max(1) - _band(level, 2000, 5000).max(1)
    mel = np.log(power @ mel_bands() + 1e-6)
    shape = mel - mel.mean(1, keepdims=True)
    flux = np.abs(np.diff(shape, axis=0, prepend=shape[:1])).mean(1)
    angles = np.pi / _BANDS * np.outer(np.arange(_BANDS) + 0.5, np.arange(1, 9))
    return np.column_stack(
        [
            10 * np.log10(alpha), hammarberg, _slope(level, 125, 500), _slope(level, 500, 1500),
            flux, mel @ np.cos(angles) / _BANDS,
        ]
    )  # fmt: skip


def _band(spectrum: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    return spectrum[:, (low <= _FREQUENCIES) & (high > _FREQUENCIES)]


def _slope(level: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    octaves = np.log2(_FREQUENCIES[(low <= _FREQUENCIES) & (high > _FREQUENCIES)])
    octaves = octaves - octaves.mean()
    return _band(level, low, high) @ octaves / (octaves @ octaves)


def mel_bands() -> npt.NDArray[np.float64]:
    """Triangles [257, 26], evenly spaced in mel from 50 Hz to 7.5 kHz."""
    low, high = np.log1p(50 / 700), np.log1p(7500 / 700)
    edges = 700 * np.expm1(np.linspace(low, high, _BANDS + 2))
    rising = (_FREQUENCIES[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - _FREQUENCIES[:, None]) / np.diff(edges)[1:]
    return np.clip(np.minimum(rising, falling), 0, None)


def _median_if_most(values: Array) -> Array:
    """[T] medians of the rows of [T, K]; NaN where less than half of a row are numbers."""
    medians = np.full(len(values), np.nan, np.float32)
    most = 2 * np.isfinite(values).sum(1) >= values.shape[1]
    if most.any():
        medians[most] = np.nanmedian(values[most], axis=1)
    return medians


def _yin(stretch: Array) -> npt.NDArray[np.float64]:
    """Pitch in Hz, NaN for none, and periodicity of M moments: [2, M].

    stretch: [(M - 1) hops + window + longest period + 1], in which moment i begins at hop i.
    """
    wave = stretch.astype(np.float64)
    views = np.lib.stride_tricks.sliding_window_view
    # Moments overlap: how like its later self the wave is, is added up over the hops of a window.
    hops = views(wave, _PITCH_HOP + _LONGEST + 1)[::_PITCH_HOP]
    begun = np.fft.rfft(hops[:, :_PITCH_HOP], _PITCH_SPECTRUM)
    spectrum = np.fft.rfft(hops, _PITCH_SPECTRUM) * begun.conj()
    alike = np.fft.irfft(spectrum, _PITCH_SPECTRUM)[:, : _LONGEST + 2]
    product = views(alike, _PITCH_WINDOW // _PITCH_HOP, 0).sum(-1)
    power = np.append(0.0, np.square(wave).cumsum())
    energy = views(power[_PITCH_WINDOW:] - power[:-_PITCH_WINDOW], _LONGEST + 2)[::_PITCH_HOP]
    difference = np.maximum(energy[:, :1] + energy - 2 * product, 0)
    lags = np.arange(1, difference.shape[1])
    total = difference[:, 1:].cumsum(1)
    # Normalised by its mean so far: 1 for noise, near 0 at a period, never 0 at no lag at all.
    dips = np.ones_like(difference)
    np.divide(difference[:, 1:] * lags, total, out=dips[:, 1:], where=total > 1e-9)

    inner = dips[:, _SHORTEST : _LONGEST + 1]
    left, right = dips[:, _SHORTEST - 1 : _LONGEST], dips[:, _SHORTEST + 1 : _LONGEST + 2]
    valley = (inner <= left) & (inner < right)
    deep = valley & (inner < _PERIODIC)
    deepest = np.where(valley, inner, np.inf).argmin(1)
    at = np.where(deep.any(1), deep.argmax(1), deepest)
    rows = np.arange(len(inner))
    low, before, after = inner[rows, at], left[rows, at], right[rows, at]
    curvature = before + after - 2 * low
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(curvature > 0, 0.5 * (before - after) / curvature, 0.0)
    voiced = valley[rows, at] & (low < _VOICED)
    hertz = np.where(voiced, _PITCH_RATE / (_SHORTEST + at + shift), np.nan)
    return np.stack([hertz, 1 - np.clip(low, 0, 1)])
