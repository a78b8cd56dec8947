"""Surfaces: one skin where there is one, two where two touch, and how far along them."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.rig.fitting.surface import Surface, nearest, on_triangle


def sheet(height: float, up: bool) -> tuple[np.ndarray, np.ndarray]:
    """A square of 4 x 4 points, 1 mm apart, seen from above or from below."""
    x, y = np.meshgrid(np.arange(4.0), np.arange(4.0))
    points = np.column_stack([x.ravel(), y.ravel(), np.full(16, height)])
    corner = np.add.outer(4 * np.arange(3), np.arange(3)).ravel()
    triangles = np.concatenate(
        [
            np.column_stack([corner, corner + 1, corner + 5]),
            np.column_stack([corner, corner + 5, corner + 4]),
        ]
    )
    return points, triangles if up else triangles[:, ::-1]


def test_vertices_split_for_their_texture_are_one() -> None:
    points, triangles = sheet(0, up=True)
    surface = Surface.of(
        np.concatenate([points, points]), np.concatenate([triangles[:9], triangles[9:] + 16])
    )
    assert len(surface.points) == 16
    assert len(set(surface.pieces)) == 1


def test_lips_that_touch_are_two() -> None:
    one, other = sheet(0, up=True), sheet(0, up=False)
    surface = Surface.of(
        np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1] + 16])
    )
    assert len(surface.points) == 32
    assert len(set(surface.pieces)) == 2
    along = surface.along([int(surface.weld[0])])
    assert np.isfinite(along).sum() == 16


def test_along_edges() -> None:
    surface = Surface.of(*sheet(0, up=True))
    along = surface.along([int(surface.weld[0])])
    assert np.isclose(along[surface.weld[3]], 3)
    assert np.isclose(along[surface.weld[15]], 3 * np.sqrt(2))


def test_what_is_spread_is_a_mean() -> None:
    surface = Surface.of(*sheet(0, up=True))
    values = np.random.default_rng(0).normal(size=(16, 2))
    still = surface.spread(values, np.zeros(16), 3)
    assert np.array_equal(still, values)
    even = surface.spread(values, np.full(16, 0.5), 400)
    assert even.std(axis=0).max() < 1e-6


def test_nearest_and_where_on_a_triangle() -> None:
    rng = np.random.default_rng(1)
    queries, places = rng.normal(size=(50, 8)), rng.normal(size=(300, 8))
    brute = ((queries[:, None] - places) ** 2).sum(axis=2).argmin(axis=1)
    assert np.array_equal(nearest(queries, places), brute)
    corners = rng.normal(size=(40, 3, 3))
    shares = rng.dirichlet(np.ones(3), 40)
    points = np.einsum("nk,nkd->nd", shares, corners)
    assert np.allclose(on_triangle(points, corners), shares, atol=1e-6)
