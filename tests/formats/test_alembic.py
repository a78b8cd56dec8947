from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import alembic3d  # noqa: F401
import numpy as np
import pytest
from alembic3d.Abc import IArchive
from alembic3d.AbcGeom import IPolyMesh

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.rig.head import load_head, turned


def test_every_point_is_where_it_is_drawn(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    turns = draw.normal(0, 12, (4, 3)).astype(np.float32)
    weights = draw.random((4, 52), np.float32)
    motion = Motion(ARKIT_NAMES, weights, Fraction(24000, 1001), turns)
    path = tmp_path / "head.abc"
    motion.save(path)
    mesh = IPolyMesh(IArchive(str(path)).getTop(), "DreamTalk").getSchema()
    assert mesh.getNumSamples() == 4
    clock, head = mesh.getTimeSampling(), load_head()
    for i in range(4):
        assert clock.getSampleTime(i) == pytest.approx(i * 1001 / 24000, abs=1e-12)
        points = mesh.getPositionsProperty().getValue(i)
        wanted = turned(head.pose(weights[i]), head.neck, turns[i]) * 0.1
        found = np.array([tuple(points[k]) for k in range(0, len(points), 97)])
        np.testing.assert_allclose(found, wanted[::97], atol=1e-5)
    corners = mesh.getFaceIndicesProperty().getValue(0)
    # Alembic's faces go round clockwise.
    assert [corners[k] for k in range(3)] == head.triangles[0][::-1].tolist()
