"""Where the eyes go."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import Behaviour
from dreamtalk_core.rig.head import EYE_DOWN, EYE_SIDE, EYE_UP
from tests.animation.speaker import NO, only, speech, still


def degrees(motion: Motion, side: str) -> np.ndarray:
    """(pitch, yaw) of an eye [T, 2]."""
    outward = 1 if side == "Left" else -1
    look = {way: motion.channel(f"eyeLook{way}{side}") for way in ("In", "Out", "Up", "Down")}
    yaw = outward * EYE_SIDE * (look["Out"] - look["In"])
    return np.stack([EYE_DOWN * look["Down"] - EYE_UP * look["Up"], yaw], 1)


def test_both_eyes_look_the_same_way_in_jumps() -> None:
    motion = only("gaze", still(15000))
    left, right = degrees(motion, "Left"), degrees(motion, "Right")
    np.testing.assert_allclose(left, right, atol=1e-4)
    for opposite in (("In", "Out"), ("Up", "Down")):
        both = [motion.channel(f"eyeLook{way}Left") for way in opposite]
        assert np.minimum(*both).max() == 0
    distance = np.linalg.norm(left, axis=1)
    assert np.median(distance) < 2.5
    assert 5 < distance.max() < 16
    moves = np.linalg.norm(np.diff(left, axis=0), axis=1)
    # Fixations: still most of the time, one to two frames per jump.
    assert (moves < 1e-4).mean() > 0.9
    assert 0.4 < np.count_nonzero(np.diff((moves > 0.5).astype(int)) > 0) / 600 < 2


def test_more_looks_away_around_the_start_and_the_end_of_a_phrase() -> None:
    place = np.arange(30000) / 25 % 6
    loudness = np.where(place < 3, -60.0, -5.0)
    motion = enliven(still(30000), loudness, np.zeros(30000), 0, Behaviour(**{**NO, "gaze": 1.0}))
    away = np.linalg.norm(degrees(motion, "Left"), axis=1) > 3
    speaking = away[place > 4.5].mean()
    assert away[(place > 2.9) & (place < 3.4)].mean() > 2.1 * speaking
    assert away[(place > 0.2) & (place < 1)].mean() > 1.6 * speaking


def test_the_head_goes_a_little_along_with_the_eyes() -> None:
    loudness, pitch = speech(300)
    with_gaze, without, gaze = (
        enliven(still(7500), loudness, pitch, 0, Behaviour(0, *strengths, 0))
        for strengths in ((1, 1), (0, 1), (1, 0))
    )
    along = (with_gaze.head_rotation - without.head_rotation)[:, 1]
    slope = np.polyfit(degrees(gaze, "Left")[:, 1], along, 1)[0]
    assert 0.1 < slope < 0.25


def test_lids_follow_the_eyes() -> None:
    motion = only("gaze", still(15000))
    down = motion.channel("eyeLookDownLeft")
    np.testing.assert_allclose(motion.channel("eyeBlinkLeft"), 0.25 * down, atol=1e-6)
    assert down.max() > 0.1


def test_gaze_adds_to_where_the_model_looks() -> None:
    lowered = still(1500, eyeLookDownLeft=0.3, eyeLookDownRight=0.3)
    moved = degrees(only("gaze", lowered), "Left") - degrees(only("gaze", still(1500)), "Left")
    assert moved[:, 0].mean() == pytest.approx(0.3 * EYE_DOWN, abs=0.3)


def test_eyes_stay_on_the_viewer_while_the_head_turns() -> None:
    loudness, pitch = speech()
    both = enliven(still(1500), loudness, pitch, 0, Behaviour(0, 1, 1, 0))
    alone = enliven(still(1500), loudness, pitch, 0, Behaviour(0, 1, 0, 0))
    eyes = degrees(both, "Left")[:, 1] - degrees(alone, "Left")[:, 1]
    head = both.head_rotation[:, 1]
    assert np.corrcoef(eyes, head)[0, 1] < -0.95
