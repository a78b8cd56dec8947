"""Lips at labelled /p b m/."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from dreamtalk_core.evaluation.closures import (
    ClosureResult,
    Line,
    Phone,
    closures,
)
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.speech.audio import Speech

SHUT, VOWELS = ("p", "b", "m"), ("a",)


def line(*phones: Phone) -> Line:
    return Line("x", "03", "happy", Speech(np.zeros(16_000, np.float32), "x"), phones)


def opening(shut: slice) -> Motion:
    weights = np.zeros((25, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.4
    weights[shut, INDEX["jawOpen"]] = 0
    return Motion(ARKIT_NAMES, weights, Fraction(25))


def test_closures_and_vowels_are_distinguished() -> None:
    spoken = line(Phone("p", 0.4, 0.44), Phone("a", 0.44, 0.6), Phone("m", 0.6, 0.64))
    result = closures(lambda speech: opening(slice(10, 11)), [spoken], SHUT, VOWELS)
    assert result == ClosureResult((True, False), (False,))
    assert result.share == 0.5
    assert result.vowel_share == 0
    always = closures(lambda speech: opening(slice(None)), [spoken, spoken], SHUT, VOWELS)
    assert (always.share, always.vowel_share) == (1, 1)
    assert always.interval == (1, 1)


def test_the_rate_of_a_motion_is_its_own() -> None:
    spoken = line(Phone("p", 0.4, 0.41))
    for fps in (25, 30, 60):
        motion = opening(slice(8, 13)).resample(fps)
        assert closures(lambda speech, motion=motion: motion, [spoken], SHUT, VOWELS).share == 1


def test_nothing_spoken_gives_no_share() -> None:
    result = closures(lambda speech: opening(slice(0)), [line()], SHUT, VOWELS)
    assert np.isnan([result.share, result.vowel_share, *result.interval]).all()
