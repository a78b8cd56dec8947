"""Levels of the atlas: which one is chosen, and what is read from it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.render.head.texture import choose_levels, texture, texture_levels

TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
SQUARE = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float32)


def checks(height: int, width: int) -> NDArray[np.float32]:
    row, column = np.mgrid[:height, :width]
    return np.repeat(((row + column) % 2)[..., None], 3, axis=2).astype(np.float32)


def chosen(samples: float, levels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Levels of a square that is so many samples wide and shows the whole atlas."""
    points = np.concatenate([samples * SQUARE, np.ones((4, 1), np.float32)], axis=1)
    sums, blur = np.empty((4, 2), np.float32), np.empty(4, np.float32)
    choose_levels(points.astype(np.float32), TRIANGLES, SQUARE, levels, sums, blur)
    return blur


@pytest.mark.parametrize("size", [(64, 64), (50, 38), (3, 90), (1, 1)])
def test_levels_keep_the_mean(size: tuple[int, int]) -> None:
    atlas = np.random.default_rng(0).random((*size, 3)).astype(np.float32)
    packed, levels = texture_levels(atlas)
    assert tuple(levels[0]) == (0, *size)
    for first, height, width in levels:
        level = packed[first : first + height, :width]
        assert level.mean() == pytest.approx(atlas.mean(), abs=0.03)
    assert len(packed) == levels[-1, 0] + levels[-1, 1]


def test_half_the_size_is_one_level_more() -> None:
    _, levels = texture_levels(checks(256, 256))
    large, usual, small = (chosen(samples, levels) for samples in (2048, 256, 128))
    assert (large == 0).all()
    assert (usual > 0.5).all()
    np.testing.assert_allclose(small, usual + 1, atol=1e-4)


def test_checks_that_are_too_fine_become_grey() -> None:
    packed, levels = texture_levels(checks(64, 64))
    share = tuple(np.float32(x) for x in (0.3, 0.3, 0.4))
    for level, low, high in ((0.0, 0.0, 1.0), (1.0, 0.5, 0.5), (0.5, 0.25, 0.75)):
        blur = np.full(4, level, np.float32)
        colour, _ = texture(packed, levels, SQUARE, blur, (0, 1, 2), share)
        assert low - 1e-5 <= colour[1] <= high + 1e-5
