"""Augmentation of recordings: the same words by another throat, in another room, over noise,
through another microphone and line.

It is milder than a listener would stand: with noise as loud as the speech, and with tempo and pitch
varied apart, the lips of strangers are .01 worse in quiet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr

from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.training.backgrounds import background, coloured, hiss, reverberate
from dreamtalk_core.training.lines import through_line

Wave = npt.NDArray[np.float32]

AUGMENTATION = 3
"""Counted up when `vary`, `silence` or `with_effort` makes something else of the same seed: caches
know it."""


def vary(waveform: Wave, voices: Sequence[Wave], rng: np.random.Generator) -> tuple[Wave, float]:
    """A variant of a recording, and its tempo.

    waveform: [N] at 16 kHz. voices: recordings of other people, of any length, to make babble from;
    see `voices.draw_voices`. Moment t of the variant is moment tempo * t of the recording: the
    tempo changes pitch and formants with it, as if a shorter or taller person spoke. Two in five of
    the variants have no noise; the others are 3 to 30 dB louder than theirs.
    """
    tempo = float(np.exp(rng.uniform(np.log(0.82), np.log(1.22))))
    wave = soxr.resample(waveform, SAMPLE_RATE * tempo, SAMPLE_RATE)
    if rng.random() < 0.35:
        wave = reverberate(wave, rng)
    if rng.random() < 0.6:
        noise = background(len(wave), voices, rng)
        ratio = 10 ** (-rng.uniform(3, 30) / 20)
        wave = wave + noise * ratio * wave.std() / max(float(noise.std()), 1e-9)
    if rng.random() < 0.3:  # another microphone: the spectrum tilted by up to 3 dB an octave
        wave = coloured(wave, rng.uniform(-0.5, 0.5))
    if rng.random() < 0.1:
        wave = through_line(wave.astype(np.float32), rng)
    return Speech.from_array(wave.astype(np.float32), SAMPLE_RATE).waveform, tempo


def silence(seconds: float, rng: np.random.Generator) -> Wave:
    """Nothing said: digital silence, or noise at the level that normalisation leaves it."""
    count = int(seconds * SAMPLE_RATE)
    if rng.random() < 0.3:
        return np.zeros(count, np.float32)
    level = 10 ** (rng.uniform(-75, -25) / 20)
    return (level * hiss(count, rng)).astype(np.float32)
