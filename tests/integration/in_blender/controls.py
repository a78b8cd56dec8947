"""Checks of control rigs: bones that drive a face, and keys that become theirs and back."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import bpy
import numpy as np
from asking import refusal


def _motion(session: Any, frames: int = 24) -> Any:
    """All shapes move, but only one of two that share an axis at a time."""
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    controls = session.part("rigs.controls").CONTROLS
    assert set(controls) == set(names)
    assert len(set(controls.values())) == 52
    weights = np.random.default_rng(0).random((frames, 52)).astype(np.float32)
    for i, name in enumerate(names):
        bone, axis, sign = controls[name]
        if (bone, axis, -sign) in controls.values():
            weights[:, i] *= np.arange(frames) % 2 == (sign > 0)
    head = np.zeros((frames, 3), np.float32)
    head[:, 1] = np.linspace(-20, 20, frames)
    return session.part("dreamtalk_core.motion").Motion(names, weights, 24, head)


def _turned(rig: Any, frame: int) -> float:
    """How the head is turned on a frame."""
    bpy.context.scene.frame_set(frame)
    matrix = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["head"].matrix
    return float(matrix.to_euler().z)


def _seen(face: Any, names: Any, frames: range) -> Any:
    rows = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        keys = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys.key_blocks
        rows.append([keys[name].value for name in names])
    return np.array(rows)


def both_ways(session: Any) -> None:
    """A take of keys becomes one of bones, does the same, and becomes keys again."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face, scene = bpy.context.object, bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 24
    objects = session.part("rigs.characters").objects_of(bpy.context)
    motion = _motion(session)
    put = session.part("animation.putting").put_take
    first = put(scene, objects, [motion], "line", 1)
    turned = _turned(face.parent, 20)
    assert abs(turned) > 0.05
    before = _seen(face, motion.names, range(1, 25))
    assert np.abs(before - motion.weights).max() < 1e-5

    assert bpy.ops.dreamtalk.controls() == {"FINISHED"}
    assert bpy.context.object == face
    rig = session.part("rigs.characters").character_of(objects).controller
    assert rig.type == "ARMATURE"
    assert {"jaw", "corner.Left", "lid.Right", "gaze.Left", "brow.Left"} <= set(
        rig.pose.bones.keys()
    )
    assert np.abs(_seen(face, motion.names, range(1, 25)) - before).max() < 1e-4
    assert abs(_turned(face.parent, 20) - turned) < 1e-5, "the take of the keys turns the head"
    assert scene.dreamtalk.take.name == "controls"
    _goes_into_no_take_of_keys(session, first, motion)

    # By hand: the bone moves the shape, on both sides alike.
    takes = session.part("animation.takes").takes_on(objects)
    for take in takes:
        session.part("animation.tracks").delete_take(take)
    assert all(bone.location.length == 0 for bone in rig.pose.bones), "at rest again"
    bpy.context.view_layer.update()
    _lies_where_it_moves(rig)
    rig.pose.bones["lid.Left"].location.z = -rig["reach"] / 2
    bpy.context.view_layer.update()
    keys = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys.key_blocks
    assert abs(keys["eyeBlinkLeft"].value - 0.5) < 1e-5
    rig.pose.bones["lid.Left"].location.z = 0
    left, right = (rig.pose.bones[f"corner.{side}"] for side in ("Left", "Right"))
    controls = session.part("rigs.controls").CONTROLS
    assert controls["mouthStretchLeft"][2] == -controls["mouthStretchRight"][2]
    left.location.x, right.location.x = -rig["reach"], rig["reach"]
    bpy.context.view_layer.update()
    keys = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys.key_blocks
    stretched = [keys[f"mouthStretch{side}"].value for side in ("Left", "Right")]
    assert np.abs(np.array(stretched) - 1).max() < 1e-5, stretched
    left.location.x = right.location.x = 0

    # A new take is one of the bones; then to keys.
    other = type(motion)(motion.names, motion.weights[::-1].copy(), 24)
    put(scene, objects, [other], "other", 1)
    assert np.abs(_seen(face, motion.names, range(1, 25)) - other.weights).max() < 1e-4
    assert bpy.ops.dreamtalk.controls_to_keys() == {"FINISHED"}
    assert session.part("rigs.characters").character_of(objects).controller is None
    assert "DreamTalk Head Controls" not in bpy.data.armatures
    assert np.abs(_seen(face, motion.names, range(1, 25)) - other.weights).max() < 1e-4


def _goes_into_no_take_of_keys(session: Any, take: Any, motion: Any) -> None:
    """What would not be seen there is refused, and the take keeps what it has."""
    actions, scene = session.part("animation.actions"), bpy.context.scene
    before = [actions.read_keys(own)[1].tolist() for own in actions.fcurves(take)]
    path, chosen = str(session.folder / "take.csv"), scene.dreamtalk.take
    motion.save(path)
    scene.dreamtalk.take = take
    scene.dreamtalk.range_start, scene.dreamtalk.range_stop = 5, 10
    for place in ("OVERWRITE", "APPEND", "RANGE"):
        text = refusal(partial(bpy.ops.dreamtalk.import_motion, filepath=path, place=place))
        assert "Make a new take" in text, (place, text)
    scene.dreamtalk.take = chosen
    assert [actions.read_keys(own)[1].tolist() for own in actions.fcurves(take)] == before


def _lies_where_it_moves(rig: Any) -> None:
    """Bones lie before the face, left ones on its left, brows over lids over lips over the jaw."""
    world = {own.name: rig.matrix_world @ own.bone.head_local for own in rig.pose.bones}
    assert world["corner.Left"].x > 0.01
    assert abs(world["corner.Left"].x + world["corner.Right"].x) < 0.005
    heights = [
        world[name].z for name in ("brow.Left", "lid.Left", "nose.Left", "corner.Left", "jaw")
    ]
    assert heights == sorted(heights, reverse=True), heights


def a_face_alone(session: Any) -> None:
    """A rig on a face without an armature; nothing to make one of is said."""
    session.install()
    bpy.ops.mesh.primitive_cube_add()
    text = refusal(bpy.ops.dreamtalk.controls)
    assert "no ARKit shapes" in text, text
    cube = bpy.context.object
    for name in ("Basis", "jawOpen", "browInnerUp"):
        key = cube.shape_key_add(name=name, from_mix=False)
        key.value = 0.0
        if name != "Basis":
            key.points[0 if name == "jawOpen" else 1].co.z += 1
    # Keys of the user's own go along; a face that is live meanwhile does not come between.
    keys, scene = cube.data.shape_keys, bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 11
    for frame, value in ((1, 0.0), (11, 0.8)):
        keys.key_blocks["jawOpen"].value = value
        keys.key_blocks["jawOpen"].keyframe_insert("value", frame=frame)
    seen = _seen(cube, ["jawOpen"], range(1, 12))
    scene.dreamtalk_live.port = session.free_port()
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    live, index = session.state.live, session.part("dreamtalk_core.motion.arkit").INDEX
    frame = session.part("dreamtalk_core.live.frame").Frame(np.full(len(index), 0.5, np.float32))
    live.newest = session.part("live.receiver").Arrival(frame, time.monotonic())
    assert bpy.ops.dreamtalk.controls() == {"FINISHED"}
    assert not live.running
    rig = cube.dreamtalk.controller
    assert set(rig.pose.bones.keys()) == {"jaw", "brow"}
    assert np.abs(_seen(cube, ["jawOpen"], range(1, 12)) - seen).max() < 1e-4
    _follows_by_its_bones(session, cube, rig)
    assert bpy.ops.dreamtalk.release() == {"FINISHED"}
    assert len(bpy.data.armatures) == 0
    assert np.abs(_seen(cube, ["jawOpen"], range(1, 12)) - seen).max() < 1e-4

    name = cube.name
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.dreamtalk.controls() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="Make Controls")
    bpy.ops.ed.undo()
    cube = bpy.data.objects[name]
    assert cube.dreamtalk.controller is None
    assert len(bpy.data.armatures) == 0
    assert np.abs(_seen(cube, ["jawOpen"], range(1, 12)) - seen).max() < 1e-4


def _follows_by_its_bones(session: Any, cube: Any, rig: Any) -> None:
    """Live on a face with controls moves these, and puts them back."""
    bpy.context.view_layer.objects.active = cube
    scene = bpy.context.scene
    scene.frame_set(1)
    before = rig.pose.bones["brow"].location.z
    scene.dreamtalk_live.port = session.free_port()
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    live, index = session.state.live, session.part("dreamtalk_core.motion.arkit").INDEX
    frame = session.part("dreamtalk_core.live.frame").Frame(np.full(len(index), 0.5, np.float32))
    live.newest = session.part("live.receiver").Arrival(frame, time.monotonic())
    live._pose()
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    keys = cube.evaluated_get(graph).data.shape_keys.key_blocks
    assert abs(keys["browInnerUp"].value - 0.5) < 1e-5
    assert bpy.ops.dreamtalk.stop_live() == {"FINISHED"}
    assert abs(rig.pose.bones["brow"].location.z - before) < 1e-6
