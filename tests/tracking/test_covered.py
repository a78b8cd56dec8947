"""Something in front of the lower face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.tracking.covered import TONES, Usual, covered, tones

FPS = 25.0
CHANCE = np.random.default_rng(3)
POINTS = np.column_stack([CHANCE.uniform(20, 180, (478, 2)), np.zeros(478)]).astype(np.float32)


def rows(frames: int, noise: float = 0.02) -> NDArray[np.float32]:
    usual = CHANCE.uniform(0.5, 1.2, TONES)
    return (usual + CHANCE.normal(0, noise, (frames, TONES))).astype(np.float32)


def test_a_stretch_is_found_and_a_little_around_it() -> None:
    seen, part = rows(200), slice(0, TONES // 4 // 3 * 3)
    seen[80:100, part] *= 0.4
    found = np.flatnonzero(covered(seen, np.zeros(200, np.int32), FPS))
    assert found.tolist() == list(range(78, 102))


def test_a_face_that_moves_is_not_covered() -> None:
    """A tenth of the landmarks on teeth now and then, and a light that goes to and fro."""
    seen = rows(300)
    seen[CHANCE.random(300) < 0.2, : TONES // 10 // 3 * 3] += 0.6
    seen *= 1 + 0.1 * np.sin(np.arange(300) / 15)[:, None].astype(np.float32)
    assert not covered(seen, np.zeros(300, np.int32), FPS).any()


def test_each_shot_has_its_own_look_and_no_face_is_not_covered() -> None:
    seen = np.concatenate([rows(60), np.zeros((20, TONES), np.float32), rows(60)])
    shots = np.repeat([0, -1, 1], [60, 20, 60]).astype(np.int32)
    assert not covered(seen, shots, FPS).any()
    assert not covered(seen[:0], shots[:0], FPS).any()


def test_it_is_noticed_as_it_comes() -> None:
    seen, hidden = rows(160), slice(100, 130)
    seen[hidden, : TONES // 4 // 3 * 3] *= 0.4
    usual = Usual()
    found = np.array([usual.doubts(3, row) for row in seen])
    assert found[:20].all(), "not known yet"
    assert found[hidden].all()
    assert not found[30:100].any()
    assert not found[130:].any()
    assert usual.doubts(4, seen[0]), "another shot"


def test_tones_are_those_in_any_light_and_at_the_edge() -> None:
    image = CHANCE.integers(40, 120, (200, 200, 3)).astype(np.uint8)
    one, other = tones(image, POINTS), tones(2 * image, POINTS)
    assert np.abs(one - other).max() < 0.12
    assert np.isfinite(tones(image, POINTS + np.float32(150))).all()
