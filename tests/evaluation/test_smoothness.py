"""Jitter and seams of curves that have as much as is known."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.evaluation import smoothness
from tests.evaluation.curves import speech_like, weights


@pytest.mark.parametrize("length", [16, 20, 33, 500])
def test_high_frequency_ratio_is_the_ratio_of_energies(length: int) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=length)
    tracked = weights(jawOpen=noise)
    assert smoothness.high_frequency_ratio(tracked, tracked) == pytest.approx(1)
    assert smoothness.high_frequency_ratio(2 * tracked, tracked) == pytest.approx(4)


def test_high_frequency_ratio_sees_fast_motion_of_the_mouth_only() -> None:
    times = np.arange(250) / 25
    slow, fast = np.sin(2 * np.pi * 2 * times), 0.1 * np.sin(2 * np.pi * 10 * times)
    tracked = weights(jawOpen=slow + fast)
    assert smoothness.high_frequency_ratio(weights(jawOpen=slow), tracked) < 1e-3
    assert smoothness.high_frequency_ratio(weights(jawOpen=9 * slow + fast), tracked) < 1.1
    blinking = weights(jawOpen=slow + fast, eyeBlinkLeft=fast)
    assert smoothness.high_frequency_ratio(blinking, tracked) == pytest.approx(1)
    everything = range(52)
    assert smoothness.high_frequency_ratio(blinking, tracked, channels=everything) == pytest.approx(
        2, rel=1e-3
    )


def test_high_frequency_ratio_needs_enough_frames_and_some_energy() -> None:
    curve = weights(jawOpen=speech_like(15))
    assert np.isnan(smoothness.high_frequency_ratio(curve, curve))
    curve = weights(jawOpen=speech_like(40))
    assert np.isnan(smoothness.high_frequency_ratio(curve, np.zeros((40, 52))))


def test_seam_ratio() -> None:
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(2000, 52)).cumsum(axis=0)
    boundaries = range(100, 2000, 100)
    assert smoothness.seam_ratio(curves, boundaries) == pytest.approx(1, abs=0.15)
    curves[500:] += 10
    assert smoothness.seam_ratio(curves, [500]) == pytest.approx(10, rel=0.15)
    assert smoothness.seam_ratio(curves, [499]) < 1.3
    assert np.isnan(smoothness.seam_ratio(curves, []))
    assert np.isnan(smoothness.seam_ratio(curves, [0, 2000]))
    assert np.isnan(smoothness.seam_ratio(np.zeros((9, 52)), [4]))
