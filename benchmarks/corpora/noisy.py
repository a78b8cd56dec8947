"""Clips in noise: the same tracked faces, harder to hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.evaluation.clips import TrackedClip, Weights
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.training.backgrounds import coloured

Wave = NDArray[np.float32]

VOICES = 6
"""Voices of a babble."""


@dataclass(frozen=True)
class NoisyClip:
    """A tracked clip whose sound is overlaid with noise."""

    clip: TrackedClip
    noise: Wave
    """[N or more] of any level."""
    snr_db: float
    """Level of the speech over that of the noise, both as powers over the whole clip."""

    @property
    def id(self) -> str:
        return self.clip.id

    @property
    def split(self) -> str:
        return self.clip.split

    @property
    def speaker(self) -> str:
        return self.clip.speaker

    @property
    def motion(self) -> Motion:
        return self.clip.motion

    @property
    def weights(self) -> Weights:
        return self.clip.weights

    @property
    def lip_gap(self) -> Weights:
        return self.clip.lip_gap

    @property
    def lip_width(self) -> Weights:
        return self.clip.lip_width

    def waveform(self) -> Wave:
        """[N] the mixture at 16 kHz, brought to normal level as any recording is."""
        noisy = mix(self.clip.waveform(), self.noise, self.snr_db)
        return Speech.from_array(noisy, SAMPLE_RATE).waveform


def mix(speech: Wave, noise: Wave, snr_db: float) -> Wave:
    """Speech [N] with noise [N or more] that is quieter by `snr_db`."""
    noise = noise[: len(speech)]
    ratio = float(speech.std()) / max(float(noise.std()), 1e-9) * 10 ** (-snr_db / 20)
    return (speech + ratio * noise).astype(np.float32)


def babble(count: int, voices: Sequence[Wave], rng: np.random.Generator) -> Wave:
    """[count] many people talking: `VOICES` drawn recordings, each from a drawn moment on.

    voices: recordings [N] of people who are not to be understood, silence counting as speech.
    """
    total = np.zeros(count)
    for choice in rng.choice(len(voices), VOICES, replace=len(voices) < VOICES):
        voice = np.roll(voices[choice], rng.integers(len(voices[choice])))
        total += np.resize(voice / max(float(voice.std()), 1e-9), count)
    return total.astype(np.float32)


def cafe(count: int, voices: Sequence[Wave], rng: np.random.Generator) -> Wave:
    """[count] a busy room: babble that has gone through a room, and a hum of coloured noise.

    The room is half a second of exponentially fading noise; the hum falls by 4 dB an octave and
    has half of the babble's power.
    """
    talk = babble(count, voices, rng).astype(np.float64)
    tail = rng.standard_normal(8000) * 10 ** (-3 * np.arange(8000) / 8000)
    size = 1 << (count + len(tail)).bit_length()
    talk = np.fft.irfft(np.fft.rfft(talk, size) * np.fft.rfft(tail, size), size)[:count]
    hum = coloured(rng.standard_normal(count), 4 / 6)
    return (talk / max(float(talk.std()), 1e-9) + np.sqrt(0.5) * hum).astype(np.float32)
