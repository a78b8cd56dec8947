"""Checks of poses: Actions of a pose library, or of pose markers, that the mouth is moved by."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from asking import refusal
from mathutils import Euler

NAMES = ("viseme_PP", "viseme_aa", "viseme_O", "viseme_E")
JAW = {"viseme_PP": 0.0, "viseme_aa": 0.3, "viseme_O": 0.15, "viseme_E": 0.1}


def _rig() -> Any:
    """An armature with a jaw, a lip and a property, all at rest; it is active."""
    data = bpy.data.armatures.new("Rig")
    rig = bpy.data.objects.new("Rig", data)
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name, head, tail in (
        ("head", (0, 0, 1), (0, 0, 1.3)),
        ("jaw", (0, 0, 1), (0, -0.1, 0.9)),
        ("lip", (0, -0.1, 1), (0, -0.12, 1)),
    ):
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = head, tail
    bpy.ops.object.mode_set(mode="OBJECT")
    rig["Wide"] = 0.0
    rig.id_properties_ui("Wide").update(default=0.0)
    return rig


def _pose(action: Any, rig: Any, frame: int, jaw: float) -> None:
    """A mouth as keys on a frame: the jaw turned (quaternion), the lip moved and scaled."""
    data = rig.animation_data or rig.animation_data_create()
    data.action = action
    bones = rig.pose.bones
    bones["jaw"].rotation_mode = "QUATERNION"
    bones["jaw"].rotation_quaternion = Euler((jaw, 0, 0)).to_quaternion()
    bones["lip"].location = (0.0, jaw / 10, 0.0)
    bones["lip"].scale = (1.0 + jaw, 1.0, 1.0)
    rig["Wide"] = 2 * jaw
    for bone, path in (("jaw", "rotation_quaternion"), ("lip", "location"), ("lip", "scale")):
        bones[bone].keyframe_insert(path, frame=frame)
    rig.keyframe_insert('["Wide"]', frame=frame)
    data.action = None
    for bone in bones:
        bone.matrix_basis.identity()
    rig["Wide"] = 0.0


def _motion(session: Any) -> Any:
    """Mouths between shut and open."""
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    weights = np.zeros((20, len(names)), np.float32)
    weights[:, names.index("jawOpen")] = np.linspace(0, 0.5, 20)
    return session.part("dreamtalk_core.motion").Motion(names, weights, 24)


def _shown(rig: Any, frame: int) -> tuple[float, float, float, float]:
    bpy.context.scene.frame_set(frame)
    own = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    jaw, lip = own.pose.bones["jaw"], own.pose.bones["lip"]
    return (
        jaw.rotation_quaternion.to_euler().x,
        lip.location.y * 10,
        lip.scale.x - 1,
        own["Wide"] / 2,
    )


def _follows(session: Any, rig: Any, within: float) -> None:
    """A take shows each frame's mix of the visemes' poses, in all channels alike."""
    scene, motion = bpy.context.scene, _motion(session)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    session.part("animation.putting").put_take(scene, objects, [motion], "line", 1)
    visemes = session.part("dreamtalk_core.retarget.visemes")
    names = [row.source for row in rig.dreamtalk.rows if row.source in NAMES]
    mix = visemes.solve(motion.weights, names, visemes.felt(motion.weights, 24.0))
    expected = sum(JAW[name] * mix[name] for name in NAMES)
    assert expected.max() > 0.1, expected.max()
    for i, value in enumerate(expected):
        shown = _shown(rig, 1 + i)
        assert np.abs(np.array(shown) - value).max() < within, (i, shown, value)
    bpy.ops.dreamtalk.delete_take()
    assert np.abs(_shown(rig, 5)).max() < 1e-6, "at rest again"


def pose_library(session: Any) -> None:
    """Actions that are called after visemes, each a pose."""
    session.install()
    rig = _rig()
    assert "called after a viseme" in refusal(bpy.ops.dreamtalk.match_poses)
    for name in NAMES:
        _pose(bpy.data.actions.new(name), rig, 1, JAW[name])
    assert bpy.ops.dreamtalk.match_poses() == {"FINISHED"}
    rows = {own.source: own.target for own in rig.dreamtalk.rows}
    assert {name: rows[name] for name in NAMES} == {name: f'actions["{name}"]' for name in NAMES}, (
        rows
    )
    assert "head" in rows
    assert "jawOpen" not in rows, "the poses have the jaw"
    _follows(session, rig, 5e-4)
    rig.pose.bones["jaw"].rotation_mode = "ZYX"
    objects = session.part("rigs.characters").objects_of(bpy.context)
    found = session.part("rigs.targets").mapping_of(objects)
    assert any(row.target.endswith("rotation_euler[0]") for row in found.rows)
    rig.pose.bones["jaw"].rotation_mode = "QUATERNION"

    # A preset keeps the poses, and drivers take them.
    file = str(session.folder / "poses.json")
    assert bpy.ops.dreamtalk.mapping_save(filepath=file) == {"FINISHED"}
    assert bpy.ops.dreamtalk.mapping_clear() == {"FINISHED"}
    assert bpy.ops.dreamtalk.mapping_load(filepath=file) == {"FINISHED"}
    assert {own.target for own in rig.dreamtalk.rows} >= {f'actions["{name}"]' for name in NAMES}
    assert bpy.ops.dreamtalk.drive() == {"FINISHED"}
    controller = rig.dreamtalk.controller
    controller["viseme_aa"] = 0.5
    controller.update_tag()
    bpy.context.view_layer.update()
    lip = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["lip"]
    assert abs(lip.scale.x - 1.15) < 1e-5
    assert abs(lip.location.y - 0.015) < 1e-6


def many_frames(session: Any) -> None:
    """One Action of many frames, whose pose markers, or numbers, say which is which."""
    session.install()
    rig = _rig()
    action = bpy.data.actions.new("Mouths")
    for i, name in enumerate(NAMES):
        _pose(action, rig, 10 * i, JAW[name])
        action.pose_markers.new(name).frame = 10 * i
    assert bpy.ops.dreamtalk.match_poses() == {"FINISHED"}
    rows = {own.source: own for own in rig.dreamtalk.rows}
    assert rows["viseme_O"].target == 'actions["Mouths"].pose_markers["viseme_O"]'
    _follows(session, rig, 5e-4)
    rows["viseme_O"].target = 'actions["Mouths"]@20'
    _follows(session, rig, 5e-4)
    poses = session.part("rigs.poses")
    assert poses.pose_channels('actions["Mouths"].pose_markers["none"]', [rig]) == {}
    assert poses.pose_channels('actions["none"]', [rig]) == {}


def shape_key_poses(session: Any) -> None:
    """Poses of shape keys whose names say nothing."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face = bpy.context.object
    keys = face.data.shape_keys
    keys.key_blocks["jawOpen"].name = "k1"
    action = bpy.data.actions.new("viseme_aa")
    keys.animation_data_create().action = action
    keys.key_blocks["k1"].value = 0.8
    keys.key_blocks["k1"].keyframe_insert("value", frame=3)
    keys.animation_data.action = None
    keys.key_blocks["k1"].value = 0.0
    objects = session.part("rigs.characters").objects_of(bpy.context)
    assert session.part("rigs.poses").pose_channels('actions["viseme_aa"]', objects) == {
        "k1": (0.0, np.float32(0.8))
    }


def properties_of_a_rig(session: Any) -> None:
    """Numbers of the armature and its bones that are called after shapes move what they drive."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    face, rig = bpy.context.object, bpy.context.object.parent
    keys = face.data.shape_keys
    for name, holder, path in (
        ("jawOpen", rig, '["jawOpen"]'),
        ("mouthPucker", rig.pose.bones["head"], 'pose.bones["head"]["mouthPucker"]'),
    ):
        holder[name] = 0.0
        driver = keys.driver_add(f'key_blocks["{name}"].value').driver
        variable = driver.variables.new()
        variable.name, variable.targets[0].id, variable.targets[0].data_path = "v", rig, path
        driver.expression = "v"
    objects = session.part("rigs.characters").objects_of(bpy.context)
    rows = {own.source: own.target for own in session.part("rigs.targets").automatic(objects).rows}
    assert rows["jawOpen"] == '["jawOpen"]'
    assert rows["mouthPucker"] == 'pose.bones["head"]["mouthPucker"]'
    assert rows["mouthFunnel"] == "mouthFunnel"
    assert session.part("rigs.doubts").doubts(objects) == []
    motion = _motion(session)
    session.part("animation.putting").put_take(bpy.context.scene, objects, [motion], "line", 1)
    for i in (0, 7, 19):
        bpy.context.scene.frame_set(1 + i)
        seen = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys
        shown = seen.key_blocks["jawOpen"].value
        assert abs(shown - motion.channel("jawOpen")[i]) < 1e-5, (i, shown)
