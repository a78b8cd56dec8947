"""The order in which a motion is finished."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.controls import CLOSED_MM, apply_controls, lip_gaps_mm
from dreamtalk_core.animation.postprocess import Voice, postprocess
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.parameters import Behaviour, Controls, Sampling
from dreamtalk_core.speech.articulation import FEATURES
from tests.animation.speaker import speech, still

FRAMES = 100
USUAL, UNCHANGED = Sampling(), Controls()


@pytest.fixture
def motion() -> Motion:
    return Motion(ARKIT_NAMES, np.random.default_rng(0).random((FRAMES, 52)) ** 3, 25)


@pytest.fixture
def voice() -> Voice:
    loudness, pitch = speech(FRAMES / 25)
    return Voice(loudness.astype("f4"), pitch.astype("f4"))


def test_behaviour_comes_before_controls_and_the_rate_last(motion: Motion, voice: Voice) -> None:
    behaviour, controls = Behaviour(gestures=2.0), Controls(lips=0.5, head=0.3, smoothing=0.2)
    done = postprocess(motion, voice, Sampling(seed=3, fps=Fraction(30)), behaviour, controls)
    alive = enliven(motion, voice.loudness, voice.pitch, 3, behaviour)
    assert done == apply_controls(alive, controls).resample(30)


def test_nothing_is_put_on_that_nobody_asked_for(motion: Motion, voice: Voice) -> None:
    assert postprocess(motion, voice, USUAL, None, UNCHANGED) == motion


def test_lips_come_together_whatever_the_controls(voice: Voice) -> None:
    phones = {name: np.zeros(2 * FRAMES + 1, np.float32) for name in FEATURES}
    phones["bilabial"][100] = 1
    known = Voice(voice.loudness, voice.pitch, phones)
    done = postprocess(still(FRAMES, jawOpen=0.4), known, USUAL, None, Controls(jaw=1.5))
    gaps = lip_gaps_mm(done.weights).max(1)
    assert gaps[45:51].min() <= CLOSED_MM + 0.01
    assert gaps[:40].min() > 1


def test_the_length_is_that_of_the_speech(motion: Motion, voice: Voice) -> None:
    rate = Sampling(fps=Fraction(60))
    assert len(postprocess(motion, voice, rate, None, UNCHANGED, Fraction(401, 100))) == 241


def test_it_can_be_cancelled_between_the_steps(motion: Motion, voice: Voice) -> None:
    class CancelledError(Exception):
        pass

    def cancel() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        postprocess(motion, voice, USUAL, None, UNCHANGED, between=cancel)
