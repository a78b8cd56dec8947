"""The lip expert as a tool: it tells by how much the lips of real takes were shifted."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dreamtalk_core import DreamTalk, Motion, Speech
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import ModelError, MotionError
from dreamtalk_core.models.lip_expert import LipExpert
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL
from dreamtalk_core.pipeline.sync import measure_sync

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def speech_and_motion() -> tuple[Speech, Motion]:
    speech = Speech.load(DEMO_VOICE)
    return speech, DreamTalk.load(device="cpu").animate(speech, "neutral")


def shifted(motion: Motion, frames: int) -> Motion:
    at = np.clip(np.arange(len(motion)) - frames, 0, len(motion) - 1)
    return Motion(motion.names, motion.weights[at], motion.fps, motion.head_rotation[at])


@pytest.mark.parametrize("late", [-9, -4, 0, 5, 12])
def test_it_measures_how_late_the_lips_are(
    speech_and_motion: tuple[Speech, Motion], late: int
) -> None:
    speech, motion = speech_and_motion
    sync = measure_sync(speech, shifted(motion, late))
    assert abs(sync.offset - late) <= 1
    assert sync.confidence > 1


def test_lips_of_another_speech_are_not_in_sync(speech_and_motion: tuple[Speech, Motion]) -> None:
    speech, motion = speech_and_motion
    right = measure_sync(speech, motion)
    backwards = Motion(motion.names, motion.weights[::-1], motion.fps)
    wrong = measure_sync(speech, backwards)
    assert wrong.probability < right.probability - 0.2
    assert wrong.confidence < right.confidence


def test_the_rate_of_the_motion_does_not_matter(speech_and_motion: tuple[Speech, Motion]) -> None:
    speech, motion = speech_and_motion
    assert measure_sync(speech, motion.resample(Fraction(60))).offset == 0


def test_what_it_cannot_judge_is_refused(speech_and_motion: tuple[Speech, Motion]) -> None:
    speech, motion = speech_and_motion
    with pytest.raises(MotionError, match=r"1\.6 s"):
        measure_sync(speech, Motion(motion.names, motion.weights[:20], motion.fps))
    with pytest.raises(ModelError, match="lip expert"):
        LipExpert.load(DEFAULT_MODEL)
