"""All parts together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.parameters import Behaviour
from tests.animation.speaker import LIPS, SMILES, blinks, minute, only, said, speech, still


def test_all_off_takes_out_blinks_and_changes_nothing_else() -> None:
    motion = minute()
    off = enliven(motion, *speech(), 3, Behaviour(0, 0, 0, 0))
    assert blinks(motion)
    assert not blinks(off)
    lids = ("eyeBlink", "eyeLookDown", "eyeSquint")
    other = [i for i, name in enumerate(ARKIT_NAMES) if not name.startswith(lids)]
    np.testing.assert_array_equal(off.weights[:, other], motion.to_arkit().weights[:, other])
    np.testing.assert_array_equal(off.head_rotation, motion.head_rotation)


def test_same_seed_same_life() -> None:
    loudness, pitch = speech()
    again = enliven(still(len(loudness)), loudness, pitch, 0)
    assert again == minute()
    assert not np.array_equal(again.weights, minute(1).weights)


@pytest.mark.parametrize("frames", [100, 310, 777])
def test_a_stream_gets_the_frames_of_the_whole(frames: int) -> None:
    """What comes more than a second later changes nothing."""
    loudness, pitch = speech()
    so_far = said(loudness)
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 0.3, (len(loudness), 52))
    weights[:, INDEX["eyeBlinkLeft"]] = rng.random(len(weights)) ** 3

    def heard(known: int) -> Motion:
        motion = Motion(ARKIT_NAMES, weights[:known], 25)
        return enliven(motion, loudness[:known], pitch[:known], 5, said=so_far[:known])

    whole = heard(len(loudness))
    for known in (frames + 25, frames + 40):
        part = heard(known)
        np.testing.assert_allclose(part.weights[:frames], whole.weights[:frames], atol=1e-5)
        np.testing.assert_allclose(
            part.head_rotation[:frames], whole.head_rotation[:frames], atol=1e-4
        )


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0, 3))
def test_lips_and_jaw_stay_but_for_the_corners(seed: int, opening: float) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, min(opening, 1), (60, 52)).astype(np.float32)
    weights[:, SMILES] *= 0.9
    done = enliven(Motion(ARKIT_NAMES, weights, 25), *speech(2.4), seed)
    others = [column for column in LIPS if column not in SMILES]
    np.testing.assert_array_equal(done.weights[:, others], weights[:, others])
    assert np.abs(done.weights[:, SMILES] - weights[:, SMILES]).max() < 0.03


@pytest.mark.parametrize("part", ["gaze", "gestures", "idle"])
def test_strength_scales_a_part(part: str) -> None:
    """Half of it does half as much, and a little of it next to nothing."""
    base = still(750, **dict.fromkeys(ARKIT_NAMES, 0.4))
    full = only(part, base)
    for strength in (0.5, 1e-3):
        some = only(part, base, strength=strength)
        np.testing.assert_allclose(
            some.head_rotation, strength * full.head_rotation, atol=1e-4, rtol=1e-4
        )
        change = np.abs(some.weights - base.weights).max()
        most = np.abs(full.weights - base.weights).max()
        assert change == pytest.approx(strength * most, rel=0.15, abs=1e-6)


def test_parts_do_not_disturb_each_other() -> None:
    loudness, pitch = speech()
    without = enliven(
        still(1500), loudness, pitch, 0, Behaviour(blinks=1, gaze=0, gestures=0, idle=0)
    )
    starts = [[blink.start for blink in blinks(motion)] for motion in (without, minute())]
    # Lids that are a little lower to begin with are half shut a frame earlier.
    np.testing.assert_allclose(starts[0], starts[1], atol=1)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("level", [-60.0, 0.0])
def test_very_short_motions(frames: int, level: float) -> None:
    done = enliven(still(frames), np.full(frames, level), np.full(frames, np.nan), 0)
    assert len(done) == frames


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_impossible_strengths(value: float) -> None:
    with pytest.raises(DreamTalkError, match="gaze is"):
        Behaviour(gaze=value)


def test_loudness_of_another_length() -> None:
    with pytest.raises(MotionError, match="10 frames"):
        enliven(still(10), np.zeros(9), np.zeros(10), 0)
