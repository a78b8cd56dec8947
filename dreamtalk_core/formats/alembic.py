"""Alembic: the built-in head as a vertex cache, for Houdini, Katana, Maya and others. Write only.

Every frame holds the places of all points, posed and with the head turned: 117 kB. Y up,
centimetres, the face along +z. One PolyMesh, `/DreamTalk`, with `st` coordinates. Frame i lies at
i / fps seconds. Needs alembic3d: `pip install dreamtalk[alembic]`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats.usd import CENTIMETRES
from dreamtalk_core.motion.tongue import FACE_NAMES, face_of
from dreamtalk_core.rig.head import load_head, turned

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion


def write(path: Path, motion: Motion) -> None:
    """Write the head at every frame.

    Raises `MotionError` without alembic3d, or if the motion moves none of the head's shapes,
    `DreamTalkError` if the file cannot be written.
    """
    try:
        import alembic3d  # noqa: F401  # which has imath
        import imath
        from alembic3d.Abc import OArchive
        from alembic3d.AbcCoreAbstract import TimeSampling
        from alembic3d.AbcGeom import (
            GeometryScope,
            OPolyMesh,
            OPolyMeshSchemaSample,
            OV2fGeomParamSample,
        )
    except ImportError as error:
        raise MotionError(
            "Alembic needs alembic3d. Install it with: pip install dreamtalk[alembic]"
        ) from error
    head, face = load_head(), face_of(motion).over(FACE_NAMES)
    # Its faces go round clockwise.
    corners = imath.IntArrayFromBuffer(np.ascontiguousarray(head.triangles[:, ::-1]).ravel())
    counts = imath.IntArrayFromBuffer(np.full(len(head.triangles), 3, np.int32))
    uv = np.stack([head.uv[:, 0], 1 - head.uv[:, 1]], axis=1).astype(np.float32)
    places = OV2fGeomParamSample(imath.V2fArrayFromBuffer(uv), GeometryScope.kVertexScope)
    with atomic_write(path) as temporary:
        archive = OArchive(os.fspath(temporary))
        mesh = OPolyMesh(archive.getTop(), "DreamTalk")
        schema = mesh.getSchema()
        schema.setTimeSampling(archive.addTimeSampling(TimeSampling(float(1 / face.fps), 0.0)))
        for i, weights in enumerate(face.weights):
            points = turned(head.pose(weights), head.neck, face.head_rotation[i]) * CENTIMETRES
            positions = imath.V3fArrayFromBuffer(np.ascontiguousarray(points, np.float32))
            if i:
                sample = OPolyMeshSchemaSample()
                sample.setPositions(positions)
            else:
                sample = OPolyMeshSchemaSample(positions, corners, counts, places)
            schema.set(sample)
        del sample, schema, mesh, archive  # which closes the file
