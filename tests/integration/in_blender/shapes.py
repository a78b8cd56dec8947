"""Check of Make Shapes: a head without keys, and landmarks that are moved by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np


def make_shapes(session: Any) -> None:
    """A head without keys gets ARKit's from the worker, in one step that can be undone."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face = bpy.context.object
    rig = session.part("dreamtalk_core.rig.head").load_head()
    names = session.part("dreamtalk_core.motion.tongue").FACE_NAMES
    face.shape_key_clear()
    # Elsewhere and turned, as heads are.
    face.location, face.rotation_euler.z, face.scale = (0.3, 1.0, 0.2), 0.4, (1.5, 1.5, 1.5)
    bpy.context.view_layer.update()
    assert bpy.ops.dreamtalk.make_shapes() == {"FINISHED"}
    assert not list(Path(bpy.app.tempdir).rglob("dreamtalk-*")), "nothing is left of it"
    keys = face.data.shape_keys.key_blocks
    assert set(names) <= set(keys.keys())
    assert not any(key.value for key in keys[1:])

    def moved(name: str) -> Any:
        points = np.empty(3 * len(face.data.vertices), np.float32)
        both = []
        for key in (keys[name], face.data.shape_keys.reference_key):
            key.points.foreach_get("co", points)
            both.append(points.reshape(-1, 3).copy())
        return 1000 * (both[0] - both[1])

    jaw = rig.deltas[names.index("jawOpen")]
    jaw = np.column_stack([jaw[:, 0], -jaw[:, 2], jaw[:, 1]])
    error = np.linalg.norm(moved("jawOpen") - jaw, axis=1)
    assert np.quantile(error, 0.9) < 3, np.quantile(error, 0.9)

    assert bpy.ops.dreamtalk.landmarks() == {"FINISHED"}
    marks = {mark["dreamtalk_landmark"]: mark for mark in face.children}
    assert len(marks) > 30
    before = moved("mouthPucker")
    marks["mouth_left"].location.x += 0.008
    bpy.context.view_layer.update()
    assert bpy.ops.dreamtalk.make_shapes() == {"FINISHED"}
    assert len(face.data.shape_keys.key_blocks) == 1 + len(names), "the same keys, made anew"
    assert np.abs(moved("mouthPucker") - before).max() > 0.5
    assert bpy.ops.dreamtalk.landmarks() == {"FINISHED"}
    assert not face.children
