"""How the head and the brows follow the voice."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.parameters import Behaviour
from tests.animation.speaker import minute, only, still


def test_head_moves_with_natural_size_and_speed() -> None:
    for seed in range(4):
        head = minute(seed).head_rotation
        assert (head.std(0) > [1.0, 1.2, 0.8]).all()
        assert (head.std(0) < [3.0, 3.5, 3.0]).all()
        assert np.linalg.norm(np.diff(head, axis=0), axis=1).max() * 25 < 60


def test_the_head_nods_with_accents_and_is_quieter_in_silence() -> None:
    head = only("gestures", still(15000)).head_rotation
    place = (np.arange(15000) + 0.5) / 25 % 3.2
    phase = (np.arange(15000) + 0.5) / 25 % 0.8
    speaking = place > 1.0
    speed = np.gradient(head[:, 0]) * 25
    # Down into the accent at 0.4 s, up after it.
    into, out = (phase > 0.28) & (phase < 0.4), (phase > 0.55) & (phase < 0.7)
    assert speed[speaking & into].mean() > 2 + speed[speaking & out].mean()
    silent = enliven(
        still(15000), np.full(15000, -60.0), np.full(15000, np.nan), 0, Behaviour(0, 0, 1, 0)
    )
    assert silent.head_rotation.std() < 0.5 * head.std()
    assert silent.head_rotation.std() > 0


def test_strong_accents_lift_brows_that_are_free() -> None:
    free = only("gestures", still(1500)).channel("browInnerUp")
    assert 0.1 < free.max() < 0.35
    drawn = only("gestures", still(1500, browDownLeft=1.0)).channel("browInnerUp")
    assert drawn.max() == 0
