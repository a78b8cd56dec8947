"""How far the head of a portrait turns."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.render.portrait.turns import FREE, MOST, eased, warn_of_eased
from dreamtalk_core.warned import DreamTalkWarning


def test_small_turns_are_as_they_are_told() -> None:
    turns = np.linspace(-1, 1, 41)[:, None] * FREE
    np.testing.assert_array_equal(eased(turns), turns)


def test_large_turns_rise_without_a_corner_and_never_reach_the_most() -> None:
    turns = np.arange(-90, 90, 0.05)[:, None] * np.ones(3)
    drawn = eased(turns)
    np.testing.assert_allclose(eased(-turns), -drawn)
    assert (np.abs(drawn) <= MOST).all()
    slope = np.diff(drawn, axis=0) / 0.05
    assert slope.min() >= 0
    assert slope.max() <= 1 + 1e-9
    assert np.abs(np.diff(slope, axis=0)).max() < 0.02
    assert (eased(FREE + 1) > FREE + 0.9).all()


def test_a_face_that_is_turned_aside_turns_less() -> None:
    turns = np.array([[10.0, 14, 19], [0, 60, 0]])
    np.testing.assert_array_equal(eased(turns, 8), eased(turns))
    np.testing.assert_array_equal(eased(turns, -30), eased(turns, 30))
    aside = [eased(turns, yaw)[:, 1] for yaw in (10, 15, 20, 25, 30, 40)]
    assert (np.diff([one[1] for one in aside]) < 0).all()
    assert aside[-1][1] == pytest.approx(0.4 * MOST[1], abs=0.1)
    np.testing.assert_array_equal(eased(turns, 40)[:, [0, 2]], eased(turns)[:, [0, 2]])


def motion(pitch: float, yaw: float, roll: float) -> Motion:
    turns = np.array([[0.0, 0.0, 0.0], [pitch, yaw, roll]])
    return Motion(ARKIT_NAMES, np.zeros((2, 52)), 25, turns)


def test_it_says_what_was_eased() -> None:
    with pytest.warns(DreamTalkWarning, match=r"turns by up to 40 degrees.*beyond 18.*to 28"):
        warn_of_eased(motion(-14, -40, 3))
    with pytest.warns(DreamTalkWarning, match="nods by up to 30 degrees"):
        warn_of_eased(motion(30, 20, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_eased(motion(12, -20, 8))
