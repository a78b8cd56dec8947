"""The rasteriser: coverage, depth, orientation, normals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.render.raster import _drop_stale, fill, vertex_normals

ROOT = Path(__file__).resolve().parents[2]


def draw(
    points: list[list[float]], triangles: list[list[int]], two_sided: bool = False, size: int = 16
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    depth = np.zeros((size, size), np.float32)
    owner = np.full((size, size), -1, np.int32)
    sides = np.full(len(triangles), two_sided)
    fill(np.array(points, np.float32), np.array(triangles, np.int32), sides, depth, owner)
    return depth, owner


# Corners of a square, clockwise in picture coordinates (y down); faces turn the other way.
CORNERS = [[2, 2, 1], [10, 2, 1], [10, 10, 1], [2, 10, 1]]
FRONT = [[0, 2, 1], [0, 3, 2]]


def test_square_covers_exactly_its_pixels() -> None:
    depth, owner = draw(CORNERS, FRONT)
    inside = np.zeros((16, 16), bool)
    inside[2:10, 2:10] = True
    np.testing.assert_array_equal(owner >= 0, inside)
    np.testing.assert_array_equal(depth[inside], 1)


def test_back_faces_are_skipped_unless_two_sided() -> None:
    back = [[0, 1, 2], [0, 2, 3]]
    assert (draw(CORNERS, back)[1] < 0).all()
    assert (draw(CORNERS, back, two_sided=True)[1] >= 0).sum() == 64


def test_nearer_wins_whatever_the_order() -> None:
    far = [[x, y, 0.5] for x, y, _ in CORNERS]
    faces = [*FRONT, *[[a + 4, b + 4, c + 4] for a, b, c in FRONT]]
    for points in (CORNERS + far, far + CORNERS):
        depth, _ = draw(points, faces)
        assert depth[5, 5] == 1


def test_depth_is_interpolated() -> None:
    slope = [[0, 0, 1], [16, 0, 2], [16, 16, 2], [0, 16, 1]]
    depth, _ = draw(slope, FRONT)
    np.testing.assert_allclose(depth[8], 1 + (np.arange(16) + 0.5) / 16, atol=1e-5)


def test_outside_the_picture_is_clipped() -> None:
    huge = [[-1e4, -1e4, 1], [1e4, -1e4, 1], [1e4, 1e4, 1], [-1e4, 1e4, 1]]
    assert (draw(huge, FRONT)[1] >= 0).all()
    aside = [[x + 100, y, z] for x, y, z in CORNERS]
    assert (draw(aside, FRONT)[1] < 0).all()


def test_degenerate_triangles_are_ignored() -> None:
    assert (draw([[1, 1, 1], [5, 5, 1], [9, 9, 1]], [[0, 1, 2]], two_sided=True)[1] < 0).all()


def test_normals_of_a_sphere_point_outwards() -> None:
    theta, phi = np.meshgrid(np.linspace(0.1, np.pi - 0.1, 20), np.linspace(0, 2 * np.pi, 40))
    grid = np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1
    )
    vertices = grid.reshape(-1, 3).astype(np.float32)
    first = (np.arange(39)[:, None] * 20 + np.arange(19)).ravel()
    triangles = np.concatenate(
        [
            np.stack([first, first + 1, first + 21], axis=1),
            np.stack([first, first + 21, first + 20], axis=1),
        ]
    ).astype(np.int32)
    weld = np.arange(len(vertices), dtype=np.int32)
    # The first and last meridian are one.
    weld[-20:] = weld[:20]
    normals = np.empty_like(vertices)
    vertex_normals(vertices, triangles, weld, normals)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    inner = np.abs(vertices[:, 2]) < 0.9
    assert (normals * vertices).sum(axis=1)[inner].min() > 0.98
    np.testing.assert_array_equal(normals[:20], normals[-20:])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_kernels_of_other_sources_are_forgotten(tmp_path: Path) -> None:
    """A kernel calls others, and numba looks at its own file alone."""
    index = tmp_path / "shade.nbi"
    index.write_bytes(b"of an older release")
    _drop_stale.__wrapped__(str(tmp_path))
    assert not index.exists()
    index.write_bytes(b"of this one")
    _drop_stale.__wrapped__(str(tmp_path))
    assert index.exists()
    (tmp_path / "dreamtalk-kernels.txt").write_text("another", encoding="ascii")
    _drop_stale.__wrapped__(str(tmp_path))
    assert not index.exists()


def test_works_where_nothing_can_be_cached(tmp_path: Path) -> None:
    """With no folder for numba's cache the kernels are compiled in memory."""
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    code = (
        "import numba.core.caching as c\n"
        "c.CacheImpl._locator_classes = []\n"
        "import numpy as np\n"
        "from dreamtalk_core.render.raster import vertex_normals as v\n"
        "n = np.zeros((3, 3), np.float32)\n"
        "v(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32),"
        " np.arange(3, dtype=np.int32), n)\n"
        "assert abs(n).sum() > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
