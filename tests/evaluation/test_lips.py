"""The mouth against curves whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamtalk_core.evaluation import lips
from tests.evaluation.curves import Curve, speech_like, weights


def test_aperture_is_jaw_opening_without_what_closed_lips_hide() -> None:
    curve = speech_like()
    closed = weights(jawOpen=curve, mouthClose=curve)
    assert np.allclose(lips.aperture(closed), 0)
    assert np.allclose(lips.aperture(weights(jawOpen=curve)), curve)


@given(st.floats(0.05, 5), st.floats(-2, 2), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_correlations_do_not_depend_on_scale_and_offset(
    scale: float, offset: float, seed: int
) -> None:
    curve = speech_like(seed=seed)
    gap = scale * curve + offset
    assert lips.lip_gap_correlation(weights(jawOpen=curve), gap) == pytest.approx(1)
    assert lips.narrowing_correlation(weights(mouthPucker=curve), gap) == pytest.approx(-1)
    assert lips.narrowing_correlation(weights(mouthPucker=curve), -gap) == pytest.approx(1)


def test_a_still_signal_has_no_correlation() -> None:
    curve = speech_like()
    assert np.isnan(lips.lip_gap_correlation(np.zeros((200, 52)), curve))
    assert np.isnan(lips.lip_gap_correlation(weights(jawOpen=curve), np.full(200, 0.3)))


def test_amplitude_ratio() -> None:
    curve = speech_like()
    half = weights(jawOpen=0.2 + 0.5 * curve)
    assert lips.amplitude_ratio(half, weights(jawOpen=curve)) == pytest.approx(0.5)
    assert lips.amplitude_ratio(np.zeros((200, 52)), half) == 0
    assert np.isnan(lips.amplitude_ratio(half, np.zeros((200, 52))))


@given(st.integers(-10, 10), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_best_lag_finds_the_shift_and_late_is_positive(shift: int, seed: int) -> None:
    long = speech_like(300, seed)
    gap = long[50:250]
    late = long[50 - shift : 250 - shift]
    assert lips.best_lag(weights(jawOpen=late), gap) == shift


def test_best_lag_of_a_short_or_still_clip_is_unknown() -> None:
    short = speech_like(22)
    assert np.isnan(lips.best_lag(weights(jawOpen=short), short))
    assert np.isnan(lips.best_lag(np.zeros((100, 52)), speech_like(100)))


@given(st.floats(0.5, 1.5), st.floats(-0.06, 0.06))
@settings(max_examples=40, deadline=None)
def test_parting_delay_is_that_of_a_ramp(burst: float, delay: float) -> None:
    """Lips closed until burst + delay, then opening over 80 ms, sampled finely."""
    fps = 200
    times = (np.arange(2 * fps) + 0.5) / fps
    opening = np.clip((times - burst - delay) / 0.08, 0, 1) * 0.3 + 0.02
    # Before, the mouth is open, or there were no closure.
    opening = np.where(times < burst + delay - 0.1, 0.32, opening)
    # The range that is searched ends 0.12 s after the burst, be the lips wide open by then or not.
    tenth = 0.1 * min(0.08, 0.12 - delay)
    found = lips.lip_parting_delay(opening, burst, fps)
    assert found == pytest.approx(delay + tenth, abs=0.006)


def test_parting_needs_an_opening_and_room_around_the_burst() -> None:
    times = (np.arange(50) + 0.5) / 25
    assert np.isnan(lips.lip_parting_delay(np.full(50, 0.2), 1.0))
    closing = np.clip(1.0 - times, 0, 1)
    assert np.isnan(lips.lip_parting_delay(closing, 1.2))
    opening = np.clip(times - 0.05, 0, 1)
    assert np.isnan(lips.lip_parting_delay(opening, 0.05))
    assert np.isnan(lips.lip_parting_delay(opening, 1.95))


def closing_mouth() -> Curve:
    """Open, a closure of three frames at 20, open, a pause from 40 to 60, open."""
    gap = np.full(80, 0.2)
    gap[20:23] = 0.01
    gap[40:60] = 0.01
    return gap


def test_only_closures_within_speech_count() -> None:
    assert lips.tracked_closures(closing_mouth()) == [(20, 23)]
    assert lips.tracked_closures(np.full(80, 0.2)) == []
    assert lips.tracked_closures(np.full(80, 0.01)) == []


def test_closure_recall() -> None:
    gap = closing_mouth()
    assert lips.closure_recall(weights(jawOpen=gap), gap) == 1
    ignorant = np.where(np.arange(80) < 30, 0.2, gap)
    assert lips.closure_recall(weights(jawOpen=ignorant), gap) == 0
    assert lips.closure_recall(np.zeros((80, 52)), gap) == 0
    # Closed throughout the first half: never opens around the closure, so does not close at it.
    shut = np.where(np.arange(80) < 38, 0.0, 0.3)
    assert lips.closure_recall(weights(jawOpen=shut), gap) == 0
    assert np.isnan(lips.closure_recall(weights(jawOpen=gap), np.full(80, 0.2)))
