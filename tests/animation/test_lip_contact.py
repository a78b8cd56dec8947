from __future__ import annotations

import numpy as np

from dreamtalk_core.animation.lip_contact import (
    AFTER,
    BEFORE,
    DELAY,
    LEAST_PROBABILITY,
    closure_curve,
)

FRAMES = 50


def peaks(*rows: int, height: float = 0.8) -> np.ndarray:
    probability = np.zeros(2 * FRAMES + 1)
    probability[list(rows)] = height
    return probability


def test_the_lips_shut_where_the_mouth_is_low_before_the_peak() -> None:
    opening = np.full(FRAMES, 0.4)
    opening[18] = 0.1
    curve = closure_curve(peaks(40), opening)  # at 0.8 s; frame 18 is at 0.74 s
    np.testing.assert_allclose(curve[16:21], [0, 26 / 30, 1, 1 / 3, 0], atol=1e-5)
    assert curve[:16].sum() == curve[21:].sum() == 0


def test_a_level_opening_leaves_it_to_the_usual_delay() -> None:
    curve = closure_curve(peaks(40), np.full(FRAMES, 0.4))
    assert abs((curve.argmax() + 0.5) / 25 - (0.8 - DELAY)) <= 0.02 + 1e-9


def test_every_peak_shuts_a_frame_near_it_and_nothing_else_does() -> None:
    rng = np.random.default_rng(0)
    curve = closure_curve(peaks(20, 50, 81), rng.random(FRAMES))
    shut = (np.flatnonzero(curve == 1) + 0.5) / 25
    for peak in (0.4, 1.0, 1.62):
        assert ((shut > peak - BEFORE - 1e-6) & (shut < peak + AFTER + 1e-6)).any()
    assert not closure_curve(peaks(20, 50, height=LEAST_PROBABILITY / 2), rng.random(FRAMES)).any()


def test_a_peak_of_several_rows_is_one_closure() -> None:
    opening = np.linspace(0.1, 0.5, FRAMES)
    assert (closure_curve(peaks(60, 61, 62), opening) == 1).sum() == 1


def test_edges_are_handled() -> None:
    assert closure_curve(peaks(0), np.ones(FRAMES)).shape == (FRAMES,)
    assert closure_curve(peaks(100), np.ones(FRAMES)).max() == 1
    assert closure_curve(np.zeros(3), np.ones(1)).tolist() == [0]
