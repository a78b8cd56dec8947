"""Signals whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamtalk_core.evaluation import lips, signals
from tests.evaluation.curves import speech_like


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_correlation_agrees_with_numpy(seed: int) -> None:
    a, b = speech_like(seed=seed), speech_like(seed=seed + 1000)
    assert signals.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_signals_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        signals.correlation(np.zeros(10), np.zeros(11))
    with pytest.raises(ValueError, match="ARKit order"):
        lips.aperture(np.zeros((10, 51)))


def test_power_spectrum_finds_a_tone_and_its_power() -> None:
    times = np.arange(256) / 25
    tone = np.sin(2 * np.pi * 6.25 * times)[:, None]
    frequencies, power = signals.power_spectrum(tone, 25)
    assert frequencies[power[:, 0].argmax()] == pytest.approx(6.25)
    # One-sided sum over the main lobe: half the tone's power (the other half is at -f), times N.
    assert power.sum() * 2 / 32 == pytest.approx(0.5, rel=0.05)


def test_bootstrap_interval() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = signals.bootstrap_interval([*values, np.nan])
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.15)
    assert signals.bootstrap_interval(values) == (low, high)
    assert signals.bootstrap_interval([0.3], np.median) == (pytest.approx(0.3), pytest.approx(0.3))
    assert np.isnan(signals.bootstrap_interval([np.nan])).all()
