"""Rows, and motions over a rig's own channels."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget import Mapping, Row, scheme_mapping
from dreamtalk_core.rig.head import gaze_rotation


def a_motion(frames: int = 50) -> Motion:
    random = np.random.default_rng(3)
    return Motion(
        ARKIT_NAMES, random.random((frames, 52)), "30000/1001", random.normal(size=(frames, 3)) * 9
    )


def test_rows_add_up_and_are_limited() -> None:
    motion = a_motion()
    rows = (Row("jawOpen", "a", 0.5, 0.25), Row("mouthClose", "a", -0.25), Row("jawOpen", "b", 3.0))
    mapping = Mapping(rows)
    jaw, close = motion.channel("jawOpen"), motion.channel("mouthClose")
    values = mapping.values(motion)
    assert np.allclose(values["a"], 0.25 + 0.5 * jaw - 0.25 * close, atol=1e-6)
    assert values["b"].max() > 1
    applied = mapping.apply(motion)
    assert applied.names == ("a", "b")
    assert np.allclose(applied.channel("b"), (3 * jaw).clip(0, 1), atol=1e-6)
    assert applied.fps == motion.fps
    assert np.array_equal(applied.head_rotation, motion.head_rotation)


def test_arkit_and_a_tongue_onto_themselves_are_exact() -> None:
    weights = np.random.default_rng(0).random((9, len(FACE_NAMES)), np.float32)
    motion = Motion(FACE_NAMES, weights, 25)
    assert scheme_mapping("arkit").apply(motion) == motion


def test_channels_that_a_motion_lacks_are_at_rest() -> None:
    motion = Motion(("jawOpen",), [[0.5]], 25)
    values = scheme_mapping("cc4").values(motion)
    assert values["Jaw_Open"] == [0.5]
    assert not values["Mouth_Close"].any()


def test_angles_and_turns() -> None:
    motion = a_motion()
    mapping = Mapping(
        (
            Row("headYaw", "neck twist", 0.5),
            Row("head", "neck", 0.25),
            Row("head", "head", 0.75),
            Row("eyeRight", "eye", 1.0),
            Row("eyeYawRight", "look"),
        )
    )
    assert mapping.targets == ("neck twist", "look")
    assert np.allclose(mapping.values(motion)["neck twist"], 0.5 * motion.head_rotation[:, 1])
    turns = mapping.turns(motion)
    assert np.allclose(turns["neck"] + turns["head"], motion.head_rotation, atol=1e-5)
    for weights, degrees in zip(motion.weights, turns["eye"], strict=True):
        assert np.allclose(rotation_matrix(degrees), gaze_rotation(weights, "Right"), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("jawopen", "a"), "cannot take anything from 'jawopen'"),
        (("jawOpen", ""), "has no target"),
        (("jawOpen", "a", float("nan")), "must be finite"),
        (("jawOpen", "a", 1.0, float("inf")), "must be finite"),
        (("head", "a", 1.0, 0.5), "takes no offset"),
    ],
)
def test_rows_that_cannot_be(arguments: tuple[str, str, float, float], message: str) -> None:
    with pytest.raises(MotionError, match=message):
        Row(*arguments)


def test_a_mapping_of_nothing_says_so() -> None:
    with pytest.raises(MotionError, match="moves no channel"):
        Mapping((Row("head", "bone"),)).apply(a_motion())
