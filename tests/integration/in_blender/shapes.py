"""Check of Make Shapes: a head without keys, and landmarks that are moved by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from asking import refusal


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


def landmarks_where_no_face_is_found(session: Any) -> None:
    """A head that looks at the ceiling: what is wrong names it, and eight landmarks say where its
    face is."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face = bpy.context.object
    face.name = "Ölkopf"
    face.shape_key_clear()
    face.rotation_euler.x = -0.5 * np.pi
    bpy.context.view_layer.update()
    said = refusal(bpy.ops.dreamtalk.make_shapes)
    assert "'Ölkopf'" in said, said
    assert "dreamtalk-head" not in said, said
    assert bpy.ops.dreamtalk.landmarks() == {"FINISHED"}
    marks = {mark["dreamtalk_landmark"]: mark for mark in face.children}
    assert len(marks) == 8
    places = {  # of the built-in head, mm, in its own axes
        "eye_outer_right": (-40, 35, 79),
        "eye_inner_right": (-15, 33, 82),
        "nose_tip": (0, 1, 110),
        "mouth_right": (-22, -26, 91),
        "chin": (0, -63, 83),
    }
    for name, (x, y, z) in places.items():
        marks[name].location = (0.001 * x, -0.001 * z - 0.02, 0.001 * y)
        other = name.replace("right", "left")
        marks[other].location = (-0.001 * x, -0.001 * z - 0.02, 0.001 * y)
    bpy.context.view_layer.update()
    assert bpy.ops.dreamtalk.make_shapes() == {"FINISHED"}
    names = session.part("dreamtalk_core.motion.tongue").FACE_NAMES
    keys = face.data.shape_keys.key_blocks
    assert set(names) <= set(keys.keys())
    points = np.empty(3 * len(face.data.vertices), np.float32)
    both = []
    for key in (keys["jawOpen"], face.data.shape_keys.reference_key):
        key.points.foreach_get("co", points)
        both.append(points.reshape(-1, 3).copy())
    assert -0.05 < (both[0] - both[1])[:, 2].min() < -0.02, "down, in metres of its own"
    assert bpy.ops.dreamtalk.landmarks() == {"FINISHED"}
    assert not face.children
    assert bpy.ops.dreamtalk.landmarks() == {"FINISHED"}
    assert len(face.children) > 30, "all of them are known now"


def guessed_landmarks(session: Any) -> None:
    """Before anything is known they lie near a face that looks along -Y, of any size."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face = bpy.context.object
    face.scale = (10, 10, 10)
    bpy.context.view_layer.update()
    assert bpy.ops.dreamtalk.landmarks() == {"FINISHED"}
    marks = {mark["dreamtalk_landmark"]: 1000 * mark.location for mark in face.children}
    for name, place in {"eye_inner_left": (15, 33), "mouth_right": (-22, -26)}.items():
        assert np.linalg.norm(np.array(marks[name])[[0, 2]] - place) < 25, marks[name]
    assert all(mark[1] < -100 for mark in marks.values()), "in front of it"
