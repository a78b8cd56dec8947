"""Clips in noise: the same tracked faces, harder to hear.

The noise is not that of training: its voices are of people who are in no training clip, in babble
and rooms of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.evaluation.clips import TrackedClip, Weights
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.training.backgrounds import coloured
from dreamtalk_core.training.lines import telephone, through_codec
from dreamtalk_core.training.music import music

Wave = NDArray[np.float32]
Noise = Callable[[int, Sequence[Wave], np.random.Generator], NDArray[np.floating]]
"""Makes so many samples of noise, of any level, of some voices."""
Setting = Callable[[Wave, Sequence[Wave], np.random.Generator], Wave]
"""What is heard of a recording [N] where some voices [M] can be heard, too."""

VOICES = 5
"""Voices of a babble."""


@dataclass(frozen=True)
class NoisyClip:
    """A tracked clip that is heard otherwise than it was recorded."""

    clip: TrackedClip
    sound: Wave
    """[N] at 16 kHz."""

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
        return self.sound


def settings(snr_db: float) -> dict[str, Setting]:
    """What figures are given for: quiet, noise that is quieter by `snr_db`, and lossy lines."""
    noises: dict[str, Noise] = {"pink noise": pink, "babble": babble, "cafe": cafe, "music": song}
    return {
        "quiet": lambda wave, voices, rng: wave,
        **{name: _in_noise(make, snr_db) for name, make in noises.items()},
        "mp3, 32 kbit/s": lambda wave, voices, rng: through_codec(wave, "mp3", "libmp3lame", 32),
        "opus, 12 kbit/s": lambda wave, voices, rng: through_codec(wave, "ogg", "libopus", 12),
        "telephone": lambda wave, voices, rng: telephone(wave),
    }


def listen(
    clip: TrackedClip, setting: Setting, voices: Sequence[Wave], rng: np.random.Generator
) -> NoisyClip:
    """A clip in a setting, brought to normal level as any recording is."""
    heard = setting(clip.waveform(), voices, rng)
    return NoisyClip(clip, Speech.from_array(heard, SAMPLE_RATE).waveform)


def _in_noise(make: Noise, snr_db: float) -> Setting:
    return lambda wave, voices, rng: mix(wave, make(len(wave), voices, rng), snr_db)


def mix(speech: Wave, noise: NDArray[np.floating], snr_db: float) -> Wave:
    """Speech [N] with noise [N or more] that is quieter by `snr_db`."""
    noise = noise[: len(speech)]
    ratio = float(speech.std()) / max(float(noise.std()), 1e-9) * 10 ** (-snr_db / 20)
    return (speech + ratio * noise).astype(np.float32)


def muffled(speech: Wave, most: float) -> Wave:
    """Speech [N] of which nothing above `most` Hz is left, as of somebody who mumbles."""
    spectrum = np.fft.rfft(speech)
    spectrum[np.fft.rfftfreq(len(speech), 1 / SAMPLE_RATE) > most] = 0
    return np.fft.irfft(spectrum, len(speech)).astype(np.float32)


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


def pink(count: int, voices: Sequence[Wave], rng: np.random.Generator) -> NDArray[np.float64]:
    """[count] noise that falls by 3 dB an octave."""
    return coloured(rng.standard_normal(count), 0.5)


def song(count: int, voices: Sequence[Wave], rng: np.random.Generator) -> NDArray[np.float64]:
    """[count] music; of the kind that is trained on, but no piece of it."""
    return music(count, rng)
