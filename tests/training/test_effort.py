"""Loud speech opens the mouth further, and what tells loud from soft is in the sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.prosody import DESCRIPTORS, describe_voice
from dreamtalk_core.training.effort import opened, with_effort


class Chance:
    """Draws an effort, and no more."""

    def __init__(self, effort: float) -> None:
        self.effort = effort

    def uniform(self, low: float, high: float) -> float:
        return self.effort

    def normal(self, mean: float, deviation: float) -> float:
        return mean

    def random(self) -> float:
        return 0.0

    def standard_normal(self, count: int) -> np.ndarray:
        return np.zeros(count)


def voice() -> np.ndarray:
    """A second of a buzz at 120 Hz in syllables."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 40))
    return (0.1 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))).astype(np.float32)


def heard(wave: np.ndarray) -> dict[str, float]:
    described = describe_voice(wave)
    voiced = described[described[:, DESCRIPTORS.index("voiced")] >= 0.5]
    return {name: voiced[:, i].mean() for i, name in enumerate(DESCRIPTORS)}


def test_effort_is_heard_and_widens_the_mouth() -> None:
    soft, calm, loud = (with_effort(voice(), Chance(effort)) for effort in (-1.0, 0.0, 1.0))
    assert calm[1] == pytest.approx(1.0)
    assert loud[1] == pytest.approx(1.7)
    assert soft[1] == pytest.approx(1 / 1.7)
    sounds = [heard(wave) for wave, _ in (soft, calm, loud)]
    for low, high in pairwise(sounds):
        assert high["alpha"] < low["alpha"] - 4  # dB: less falls off above 1 kHz
        assert high["pitch"] > low["pitch"] + 2  # semitones


def test_moments_stay_where_they_are() -> None:
    wave = voice()
    wave[SAMPLE_RATE // 2 :] = 0
    loud, _ = with_effort(wave, Chance(1.0))
    assert len(loud) == len(wave)
    assert np.abs(loud[: SAMPLE_RATE // 2]).mean() > 100 * np.abs(loud[-SAMPLE_RATE // 3 :]).mean()


def test_only_what_opens_is_widened() -> None:
    values = np.full((3, 55), 0.4, np.float32)
    wider = opened(values, 1.5)
    jaw, smile = INDEX["jawOpen"], INDEX["mouthSmileLeft"]
    np.testing.assert_allclose(wider[:, jaw], 0.6, rtol=1e-6)
    np.testing.assert_array_equal(wider[:, smile], values[:, smile])
    assert opened(values, 5.0)[:, jaw].max() == 1.0
    assert values[0, jaw] == np.float32(0.4)
