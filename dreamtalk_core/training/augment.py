"""Augmentation of recordings: the same words by another throat and at another pace, in another
room, over noise, through another microphone and line.

Librosa's and soxr's effects are used where they do: tempo, and pitch with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.training.backgrounds import background, coloured, hiss, reverberate
from dreamtalk_core.training.lines import through_line

Wave = npt.NDArray[np.float32]

AUGMENTATION = 2
"""Counted up when `vary`, `silence` or `with_effort` makes something else of the same seed: caches
know it."""


def vary(waveform: Wave, voices: Sequence[Wave], rng: np.random.Generator) -> tuple[Wave, float]:
    """A variant of a recording, and its tempo.

    waveform: [N] at 16 kHz. voices: recordings of other people, of any length, to make babble from;
    see `voices.draw_voices`. Moment t of the variant is moment tempo * t of the recording. A third
    of the variants have no noise; the others are 0 to 30 dB louder than theirs.
    """
    throat = _factor(rng, 0.84, 1.19)  # pitch and formants: a taller or a smaller person
    tempo = throat if rng.random() < 0.5 else _factor(rng, 0.82, 1.22)
    wave = soxr.resample(waveform, SAMPLE_RATE * throat, SAMPLE_RATE)
    if tempo != throat:
        wave = _stretch(wave, tempo / throat)
    if rng.random() < 0.2:
        wave = wave * _drift(len(wave), rng)
    if rng.random() < 0.35:
        wave = reverberate(wave, rng)
    if rng.random() < 0.65:
        noise = background(len(wave), voices, rng)
        ratio = 10 ** (-rng.uniform(0, 30) / 20)
        wave = wave + noise * ratio * wave.std() / max(float(noise.std()), 1e-9)
    if rng.random() < 0.3:  # another microphone: the spectrum tilted by up to 3 dB an octave
        wave = coloured(wave, rng.uniform(-0.5, 0.5))
    if rng.random() < 0.1:
        limit = np.percentile(np.abs(wave), rng.uniform(95, 99.8))
        wave = np.clip(wave, -limit, limit)
    if rng.random() < 0.25:
        wave = through_line(wave.astype(np.float32), rng)
    return Speech.from_array(wave, SAMPLE_RATE).waveform, tempo


def silence(seconds: float, rng: np.random.Generator) -> Wave:
    """Nothing said: digital silence, or noise at the level that normalisation leaves it."""
    count = int(seconds * SAMPLE_RATE)
    if rng.random() < 0.3:
        return np.zeros(count, np.float32)
    level = 10 ** (rng.uniform(-75, -25) / 20)
    return (level * hiss(count, rng)).astype(np.float32)


def _factor(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _stretch(wave: Wave, pace: float) -> Wave:
    """Another tempo at the same pitch. The windows are short, so that closures stay sharp."""
    try:
        import librosa
    except ImportError as error:
        raise DreamTalkError(
            'Recordings are varied with librosa: pip install "dreamtalk[train]"'
        ) from error
    return librosa.effects.time_stretch(wave, rate=pace, n_fft=512, hop_length=128)


def _drift(count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Gain [count] of somebody who comes nearer and turns away: up to 6 dB, within seconds."""
    knots = rng.uniform(-6, 6, 2 + count // SAMPLE_RATE)
    return 10 ** (np.interp(np.linspace(0, len(knots) - 1, count), range(len(knots)), knots) / 20)
