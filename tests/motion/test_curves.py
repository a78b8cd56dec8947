from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamtalk_core.motion import frame_times
from dreamtalk_core.motion.curves import reduce_keys, resample, smooth


def times(seconds: float, fps: float) -> np.ndarray:
    return frame_times(round(seconds * fps), Fraction(fps))


def tone(at: np.ndarray, hertz: float) -> np.ndarray:
    return (0.5 + 0.5 * np.sin(2 * np.pi * hertz * at))[:, None].astype(np.float32)


@given(arrays(np.float32, (17, 2), elements=st.floats(0, 1, width=32)))
def test_resample_at_equal_times_is_identity(values: np.ndarray) -> None:
    at = times(17 / 25, 25)
    np.testing.assert_array_equal(resample(values, at, at.copy()), values)


def test_resample_up_is_linear() -> None:
    source, target = times(2, 25), times(2, 60)
    values = tone(source, 1.0)
    expected = np.interp(target, source, values[:, 0])
    np.testing.assert_allclose(resample(values, source, target)[:, 0], expected, atol=1e-6)


def test_resample_of_a_single_row_repeats_it() -> None:
    result = resample([[0.25]], np.array([0.02]), times(1, 25))
    assert result.shape == (25, 1)
    assert (result == 0.25).all()


@pytest.mark.parametrize("fps", [24000 / 1001, 25, 30])
def test_resample_down_keeps_slow_curves_in_place(fps: float) -> None:
    source, target = times(4, 60), times(4, fps)
    result = resample(tone(source, 3.0), source, target)[:, 0]
    # Away from the edges: same height, same phase.
    inner = slice(8, -8)
    np.testing.assert_allclose(result[inner], tone(target, 3.0)[inner, 0], atol=0.02)


def test_resample_down_takes_out_what_would_fold_back() -> None:
    source, target = times(4, 60), times(4, 25)
    # 24 Hz at 25 fps would look like 1 Hz.
    folded = np.interp(target, source, tone(source, 24.0)[:, 0])
    clean = resample(tone(source, 24.0), source, target)[8:-8, 0]
    assert folded.std() > 0.1
    assert clean.std() < 0.03


def test_resample_down_keeps_constants_and_holds_edges() -> None:
    source, target = times(1, 60), times(2, 25)
    result = resample(np.full((60, 1), 0.7, np.float32), source, target)
    np.testing.assert_allclose(result, 0.7, atol=1e-6)


def test_resample_down_of_irregular_rows() -> None:
    rng = np.random.default_rng(0)
    source = np.delete(times(4, 60), rng.choice(np.arange(5, 230), 30, replace=False))
    target = times(4, 25)
    result = resample(tone(source, 2.0), source, target)[:, 0]
    np.testing.assert_allclose(result[8:-8], tone(target, 2.0)[8:-8, 0], atol=0.03)


def test_smooth_removes_jitter_without_delay() -> None:
    at = times(4, 25)
    slow, fast = tone(at, 1.0), 0.2 * tone(at, 11.0)
    result = smooth(slow + fast, 25, 5.0)[:, 0]
    delay = [np.sum((np.roll(slow[:, 0], lag) - slow.mean()) * result) for lag in range(-3, 4)]
    assert int(np.argmax(delay)) == 3
    np.testing.assert_allclose(result[8:-8], slow[8:-8, 0] + 0.1, atol=0.04)


def test_smooth_halves_the_power_at_its_cutoff() -> None:
    at = times(20, 100)
    swing = smooth(tone(at, 8.0), 100, 8.0)[100:-100].std() / tone(at, 8.0).std()
    assert swing == pytest.approx(np.sqrt(0.5), abs=0.02)


@given(arrays(np.float32, (30, 1), elements=st.floats(0, 1, width=32)))
def test_smooth_stays_within_the_range(values: np.ndarray) -> None:
    result = smooth(values, 25, 4.0)
    assert result.min() >= values.min() - 1e-6
    assert result.max() <= values.max() + 1e-6


def test_smooth_above_half_the_rate_changes_nothing() -> None:
    values = tone(times(1, 25), 3.0)
    np.testing.assert_array_equal(smooth(values, 25, 12.5), values)


@given(
    arrays(np.float64, (40, 2), elements=st.floats(0, 1)),
    st.sampled_from([0.0, 0.001, 0.05, 0.5]),
)
def test_reduced_keys_stay_within_tolerance(values: np.ndarray, tolerance: float) -> None:
    at = times(40 / 25, 25)
    keys = reduce_keys(at, values, tolerance)
    assert keys[0] == 0
    assert keys[-1] == 39
    for column in values.T:
        rebuilt = np.interp(at, at[keys], column[keys])
        assert np.abs(rebuilt - column).max() <= tolerance + 1e-12


def test_reduce_keys_keeps_only_corners() -> None:
    at = np.arange(9.0)
    corner = np.array([0, 0, 0, 0, 1, 2, 3, 4, 5.0])
    assert reduce_keys(at, corner, 1e-9).tolist() == [0, 3, 8]
    assert reduce_keys(at, np.full(9, 0.3), 0.0).tolist() == [0, 8]
    assert reduce_keys(at[:1], corner[:1], 0.0).tolist() == [0]


@pytest.mark.slow
def test_reduce_keys_copes_with_long_takes() -> None:
    at = np.arange(20000.0)
    assert len(reduce_keys(at, at % 2, 0.1)) == 20000
