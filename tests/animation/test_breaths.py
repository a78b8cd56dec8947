"""What breaths, laughs and sighs look like."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.breaths import BREATH, LAUGH, SIGH
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening
from dreamtalk_core.parameters import Behaviour
from tests.animation.speaker import NO, still

START = 75


def spoken(strength: float = 1.0, column: int | None = None, base: Motion | None = None) -> Motion:
    """Speech from `START` on, before which the model opens the mouth by 0.3 s."""
    loudness = np.where(np.arange(150) < START, -60.0, -5.0)
    heard = np.zeros((150, 3))
    if column is not None:
        heard[START - 9 : START - 3, column] = 1
    weights = np.zeros((150, 52))
    weights[START - 8 : START + 10, INDEX["jawOpen"]] = 0.3
    motion = base or Motion(ARKIT_NAMES, weights, 25)
    settings = Behaviour(**{**NO, "gestures": strength})
    return enliven(motion, loudness, np.zeros(150), 0, settings, heard=heard)


def test_the_mouth_opens_early_with_a_breath_alone() -> None:
    with_breath = mouth_opening(spoken(column=BREATH).weights)
    without = mouth_opening(spoken().weights)
    np.testing.assert_allclose(with_breath[START - 8 : START], 0.3, atol=0.02)
    np.testing.assert_allclose(without[START - 8 : START - 3], 0.24, atol=0.01)
    # With the first sound the model has its way.
    assert without[START - 1] > 0.28
    np.testing.assert_allclose(without[START:], with_breath[START:])
    unheard = enliven(spoken(0), np.full(150, -60.0), np.zeros(150), 0, Behaviour(**NO))
    np.testing.assert_allclose(mouth_opening(unheard.weights)[START - 8], 0.3)


def test_a_breath_opens_a_mouth_that_the_model_leaves_shut() -> None:
    opened = mouth_opening(spoken(column=BREATH, base=still(150)).weights)
    assert opened[START - 8 : START - 4].min() > 0.05
    assert opened[: START - 12].max() == 0


@pytest.mark.parametrize(
    ("column", "shapes"),
    [(LAUGH, ("mouthSmileLeft", "cheekSquintRight", "eyeSquintLeft")), (SIGH, ("eyeBlinkLeft",))],
)
def test_laughs_and_sighs_show(column: int, shapes: tuple[str, ...]) -> None:
    plain, shown = spoken(), spoken(column=column)
    for name in shapes:
        assert (shown.channel(name) - plain.channel(name)).max() > 0.1
    assert (spoken(0, column) == spoken(0)) is True


def test_the_head_rises_with_a_breath_goes_back_in_a_laugh_and_sinks_in_a_sigh() -> None:
    plain = spoken().head_rotation[:, 0]
    moved = [spoken(column=column).head_rotation[:, 0] - plain for column in (BREATH, LAUGH, SIGH)]
    assert moved[BREATH].min() < -0.7
    assert moved[LAUGH].min() < -1.5
    assert moved[SIGH].max() > 0.7
    for way in moved:
        np.testing.assert_allclose(way[[0, -1]], 0, atol=0.05)


@pytest.mark.parametrize("known", range(60, 95, 5))
def test_a_mouth_in_a_stream_opens_like_that_of_the_whole(known: int) -> None:
    """It waits for 0.2 s of what comes."""
    loudness = np.where(np.arange(150) < START, -60.0, -5.0)
    heard = np.zeros((150, 3))
    heard[START - 9 : START - 3, BREATH] = 1
    weights = np.random.default_rng(0).uniform(0, 0.5, (150, 52))

    def opening(count: int) -> np.ndarray:
        motion = Motion(ARKIT_NAMES, weights[:count], 25)
        alone = Behaviour(**{**NO, "gestures": 1.0})
        done = enliven(motion, loudness[:count], np.zeros(count), 0, alone, heard=heard[:count])
        return mouth_opening(done.weights)[: known - 5]

    np.testing.assert_allclose(opening(known), opening(150), atol=1e-6)
