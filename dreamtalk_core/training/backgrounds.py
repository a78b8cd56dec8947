"""What is heard behind speech: other people, a busy room, music, hiss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.training.music import music

Wave = npt.NDArray[np.float32]
Sound = npt.NDArray[np.float64]

FEWEST_VOICES, MOST_VOICES = 2, 8
"""Of a babble."""


def background(count: int, voices: Sequence[Wave], rng: np.random.Generator) -> Sound:
    """[count] some noise, of any level: four in ten of other people, two of music."""
    kind = rng.random()
    if kind < 0.4 and len(voices):
        talk = babble(count, voices, rng)
        if rng.random() < 0.5:
            talk = reverberate(talk, rng)
        if rng.random() < 0.4:  # what else there is to be heard in a cafe
            talk = talk + talk.std() * rng.uniform(0.2, 1) * hiss(count, rng)
        return talk
    return music(count, rng) if kind > 0.8 else hiss(count, rng)


def babble(count: int, voices: Sequence[Wave], rng: np.random.Generator) -> Sound:
    """[count] two to eight voices at once, some nearer than others, each from a drawn moment on."""
    number = int(rng.integers(FEWEST_VOICES, MOST_VOICES + 1))
    total = np.zeros(count)
    for choice in rng.choice(len(voices), number, replace=len(voices) < number):
        voice = np.resize(np.roll(voices[choice], rng.integers(len(voices[choice]))), count)
        total += 10 ** (-rng.uniform(0, 9) / 20) * voice / max(float(voice.std()), 1e-9)
    return total


def reverberate(wave: npt.NDArray[np.floating], rng: np.random.Generator) -> Sound:
    """Sound [N] in a room: .1 to .8 s of fading noise, 2 to 20 dB below what comes directly."""
    length = int(rng.uniform(0.1, 0.8) * SAMPLE_RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.8) / np.linalg.norm(tail)
    tail[0] = 1.0
    size = 1 << (len(wave) + length).bit_length()
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(tail, size), size)[: len(wave)]


def hiss(count: int, rng: np.random.Generator) -> Sound:
    """Noise of unit deviation whose spectrum falls by 0 (white) to 6 dB (brown) an octave."""
    return coloured(rng.standard_normal(count), rng.uniform(0, 1))


def coloured(wave: npt.NDArray[np.floating], slope: float) -> Sound:
    """Sound whose spectrum falls 6 dB x slope an octave more than it did, of unit deviation."""
    size = 1 << len(wave).bit_length()
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 50.0)
    spectrum = np.fft.rfft(wave, size) * (frequencies / 1000.0) ** -slope
    coloured = np.fft.irfft(spectrum, size)[: len(wave)]
    return coloured / max(float(coloured.std()), 1e-9)
