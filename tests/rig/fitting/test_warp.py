"""The warp goes through its points, and is exact where space is only turned and stretched."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.rig.fitting.warp import Warp


def test_an_affine_movement_is_exact_everywhere() -> None:
    rng = np.random.default_rng(0)
    matrix, offset = np.eye(3) + rng.normal(0, 0.1, (3, 3)), rng.normal(0, 5, 3)
    centres, others = rng.normal(0, 40, (60, 3)), rng.normal(0, 60, (20, 3))
    warp = Warp(centres, centres @ matrix.T + offset - centres, smooth=0.5)
    assert np.abs(warp(others) - (others @ matrix.T + offset)).max() < 1e-6
    assert np.abs(warp.stretch(others) - matrix).max() < 1e-6


def test_it_goes_through_its_points_unless_it_is_smooth() -> None:
    rng = np.random.default_rng(1)
    centres, moves = rng.normal(0, 40, (60, 3)), rng.normal(0, 3, (60, 3))
    exact = np.abs(Warp(centres, moves, 0)(centres) - centres - moves).max()
    smooth = np.abs(Warp(centres, moves, 2.0)(centres) - centres - moves).mean()
    assert exact < 1e-6
    assert smooth > 0.3
