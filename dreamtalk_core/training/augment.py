"""Augmentation of recordings: the same words by another throat, in another room, over noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

Wave = npt.NDArray[np.float32]


def vary(waveform: Wave, babble: Wave, rng: np.random.Generator) -> tuple[Wave, float]:
    """A variant of a recording, and its tempo.

    waveform: [N] at 16 kHz. babble: other speech, of any length, to make noise from.
    The tempo r changes pitch and formants with it, as if a shorter or taller person spoke; moment t
    of the variant is moment r * t of the recording.
    """
    tempo = float(np.exp(rng.uniform(np.log(0.82), np.log(1.22))))
    wave = soxr.resample(waveform, SAMPLE_RATE * tempo, SAMPLE_RATE)
    if rng.random() < 0.35:
        wave = _reverberate(wave, rng)
    if rng.random() < 0.6:
        wave = _add_noise(wave, babble, rng)
    if rng.random() < 0.3:
        wave = _tilt(wave, rng)
    return Speech.from_array(wave, SAMPLE_RATE).waveform, tempo


def silence(seconds: float, rng: np.random.Generator) -> Wave:
    """Nothing said: digital silence, or noise at the level that normalisation leaves it."""
    count = int(seconds * SAMPLE_RATE)
    if rng.random() < 0.3:
        return np.zeros(count, np.float32)
    level = 10 ** (rng.uniform(-75, -25) / 20)
    return (level * _noise(count, rng)).astype(np.float32)


def _reverberate(wave: Wave, rng: np.random.Generator) -> Wave:
    length = int(rng.uniform(0.1, 0.5) * SAMPLE_RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.1, 0.5) / np.linalg.norm(tail)
    tail[0] = 1.0
    size = 1 << (len(wave) + length).bit_length()
    mixed = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(tail, size), size)
    return mixed[: len(wave)].astype(np.float32)


def _add_noise(wave: Wave, babble: Wave, rng: np.random.Generator) -> Wave:
    if rng.random() < 0.35:
        looped = np.resize(babble, max(len(wave), len(babble)))
        voices = [np.roll(looped, rng.integers(len(looped))) for _ in range(5)]
        noise = np.sum(voices, axis=0)[: len(wave)]
    else:
        noise = _noise(len(wave), rng)
    ratio = 10 ** (-rng.uniform(3, 30) / 20)
    return (wave + noise * ratio * wave.std() / max(float(noise.std()), 1e-9)).astype(np.float32)


def _noise(count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise of unit deviation whose spectrum falls by 0 (white) to 6 dB (brown) an octave."""
    return coloured(rng.standard_normal(count), rng.uniform(0, 1))


def _tilt(wave: Wave, rng: np.random.Generator) -> Wave:
    """Another microphone: the spectrum tilted by up to 3 dB an octave."""
    return coloured(wave, rng.uniform(-0.5, 0.5)).astype(np.float32)


def coloured(wave: npt.NDArray[np.floating], slope: float) -> npt.NDArray[np.float64]:
    """Sound whose spectrum falls 6 dB x slope an octave more than it did, of unit deviation."""
    size = 1 << len(wave).bit_length()
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 50.0)
    spectrum = np.fft.rfft(wave, size) * (frequencies / 1000.0) ** -slope
    coloured = np.fft.irfft(spectrum, size)[: len(wave)]
    return coloured / max(float(coloured.std()), 1e-9)
