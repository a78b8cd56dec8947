# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones that a face is moved by: for jaw, lips, brows, lids, gaze and the rest of ARKit's shapes.

Each lies before what its shapes move, and moved by `reach` it gives a shape all of its weight: on
either side of an axis another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import bpy
import numpy as np
from mathutils import Vector

from .bones import character_axes, head_bone
from .characters import holder_of
from .curve import Curve, Floats
from .shape_keys import has_keys, points_of

_SHARE = 0.11
"""Reach, as a share of the way between the shapes that are farthest from each other."""
_HIGHER = {"lip_top": 0.9, "lip_bottom": -1.2, "jaw": -3.0, "tongue": -2.1, "cheek": 1.9}
_HIGHER |= {"lid": 1.1, "lid_bottom": -1.1}
"""By how many reaches bones are put up that would lie on others."""
_PLACES: dict[str, dict[str, str]] = {
    "jaw": {"-up": "jawOpen", "+left": "jawLeft", "-left": "jawRight", "+front": "jawForward"},
    "mouth": {"+left": "mouthLeft", "-left": "mouthRight", "+front": "mouthPucker"},
    "lip_top": {"+up": "mouthShrugUpper", "-up": "mouthRollUpper", "+front": "mouthFunnel"},
    "lip_bottom": {"+up": "mouthShrugLower", "-up": "mouthRollLower", "+front": "mouthClose"},
    "lip_top.{s}": {"+up": "mouthUpperUp{s}", "-up": "mouthPress{s}"},
    "lip_bottom.{s}": {"-up": "mouthLowerDown{s}"},
    "corner.{s}": {
        "+up": "mouthSmile{s}",
        "-up": "mouthFrown{s}",
        "+out": "mouthStretch{s}",
        "-front": "mouthDimple{s}",
    },
    "brow": {"+up": "browInnerUp"},
    "brow.{s}": {"+up": "browOuterUp{s}", "-up": "browDown{s}"},
    "lid.{s}": {"-up": "eyeBlink{s}", "+up": "eyeWide{s}"},
    "lid_bottom.{s}": {"+up": "eyeSquint{s}"},
    "gaze.{s}": {
        "+up": "eyeLookUp{s}",
        "-up": "eyeLookDown{s}",
        "+out": "eyeLookOut{s}",
        "-out": "eyeLookIn{s}",
    },
    "cheek": {"+front": "cheekPuff"},
    "cheek.{s}": {"+up": "cheekSquint{s}"},
    "nose.{s}": {"+up": "noseSneer{s}"},
    "tongue": {"+front": "tongueOut"},
}
# A bone looks to the front, and its own z is up: local axis and sign.
_AXES = {"left": (0, -1.0), "front": (1, 1.0), "up": (2, 1.0)}
_SIDES = {"Left": 1.0, "Right": -1.0}


def _controls() -> Iterator[tuple[str, str, int, float]]:
    """Bone, shape, local axis, and the way along it, of every shape."""
    for name, ways in _PLACES.items():
        for side in _SIDES if "{s}" in name else ("",):
            for way, shape in ways.items():
                out = _SIDES.get(side, 1.0) if way[1:] == "out" else 1.0
                axis, sign = _AXES["left" if way[1:] == "out" else way[1:]]
                sign *= out * (1.0 if way[0] == "+" else -1.0)
                yield name.format(s=side), shape.format(s=side), axis, sign


CONTROLS = {shape: (bone, axis, sign) for bone, shape, axis, sign in _controls()}
"""Shape -> the bone that gives it, along which of its own axes, and which way."""


def add_controls(objects: Sequence[bpy.types.Object], shapes: Sequence[str]) -> bpy.types.Object:
    """An armature with the bones of some shapes, each before what its shape keys move."""
    holder = holder_of(objects)
    axes = character_axes(holder) if holder.type == "ARMATURE" else _AXES_OF_A_MESH
    _, up, front = (holder.matrix_world.to_3x3() @ _vector(axis) for axis in axes.T)
    data = bpy.data.armatures.new(f"{holder.name} Controls")
    thing = bpy.data.objects.new(data.name, data)
    (holder.users_collection or [bpy.context.scene.collection])[0].objects.link(thing)
    size, where = _where(objects)
    span = np.ptp(list(where.values()), axis=0).max(initial=0.0) if where else 0.0
    reach = _SHARE * float(span or size / 4)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    for name in dict.fromkeys(CONTROLS[shape][0] for shape in shapes):
        mine = [where[own] for own in shapes if CONTROLS[own][0] == name and own in where]
        if not mine:
            continue
        bone = data.edit_bones.new(name)
        place = _vector(np.mean(mine, axis=0))
        higher = _HIGHER.get(name.partition(".")[0] if "lid" in name else name, 0.0)
        bone.head = place + (1.5 * front.normalized() + higher * up.normalized()) * reach
        bone.tail = bone.head + front.normalized() * reach
        bone.align_roll(up)
    bpy.ops.object.mode_set(mode="OBJECT")
    thing["reach"] = reach
    _dress(thing, reach)
    head = head_bone(holder) if holder.type == "ARMATURE" else None
    stands = thing.matrix_world.copy()
    thing.parent = holder
    if head is not None:
        thing.parent_type, thing.parent_bone = "BONE", head
    bpy.context.view_layer.update()
    thing.matrix_world = stands
    thing.show_in_front = True
    return thing


_AXES_OF_A_MESH = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
"""Columns: a character's left, up and front, as Blender's characters look."""


def _vector(values: Iterable[float]) -> Vector:
    return Vector([float(own) for own in values])


def _where(objects: Sequence[bpy.types.Object]) -> tuple[float, dict[str, Floats]]:
    """The size of the face, and where in the world each shape key moves most [3], on average."""
    size = 0.0
    found: dict[str, Floats] = {}
    for thing in (own for own in objects if has_keys(own)):
        keys, turn = thing.data.shape_keys, np.array(thing.matrix_world, np.float32)
        rest = points_of(keys.reference_key)
        seen = rest @ turn[:3, :3].T + turn[:3, 3]
        size = max(size, float(np.ptp(seen, axis=0).max(initial=0.0)))
        for block in keys.key_blocks:
            far = np.linalg.norm(points_of(block) - rest, axis=1)
            if block.name in CONTROLS and far.any():
                # Skin before what lies behind it: what moves half as far as the farthest.
                far = np.where(far > far.max() / 2, far, 0.0)
                found.setdefault(block.name, (far / far.sum()) @ seen)
    return size, found


def _dress(thing: bpy.types.Object, reach: float) -> None:
    """A ring for every bone, which is moved and not turned."""
    mesh = bpy.data.meshes.new("DreamTalk Ring")
    round_ = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(round_), 0 * round_, np.sin(round_)], axis=1) * 0.45
    mesh.from_pydata(ring.tolist(), [(i, (i + 1) % 24) for i in range(24)], [])
    widget = bpy.data.objects.new("DreamTalk Ring", mesh)
    for bone in thing.pose.bones:
        bone.custom_shape = widget
        bone.lock_rotation, bone.lock_scale = (True,) * 3, (True,) * 3
        bone.lock_rotation_w = True
        used = {axis for own, axis, _ in CONTROLS.values() if own == bone.name}
        bone.lock_location = tuple(i not in used for i in range(3))


def controlled(thing: bpy.types.Object) -> set[str]:
    """The shapes that an armature of controls has a bone for; none, if it is no such armature."""
    bones = thing.pose.bones if thing.pose is not None and "reach" in thing else ()
    return {shape for shape, (bone, _, _) in CONTROLS.items() if bone in bones}


def drive_by_controls(thing: bpy.types.Object) -> None:
    """Drivers from the bones to the properties of the same object that are called after shapes."""
    for shape in controlled(thing) & set(thing.keys()):
        bone, axis, sign = CONTROLS[shape]
        path = f'["{shape}"]'
        thing.driver_remove(path)
        driver = thing.driver_add(path).driver
        driver.type = "SCRIPTED"
        variable = driver.variables.new()
        variable.name, variable.type = "v", "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.bone_target = thing, bone
        target.transform_type, target.transform_space = f"LOC_{'XYZ'[axis]}", "LOCAL_SPACE"
        driver.expression = f"max(0,{sign / thing['reach']:.6g}*v)"


def control_curves(
    thing: bpy.types.Object, weights: Mapping[str, Floats], regions: Mapping[str, str]
) -> Iterator[Curve]:
    """Where the bones lie for weights of shapes [T] that they have controls for."""
    found: dict[tuple[str, int], tuple[Floats, str]] = {}
    for shape, values in weights.items():
        bone, axis, sign = CONTROLS[shape]
        moved = np.float32(sign * thing["reach"]) * values
        before, region = found.get((bone, axis), (np.float32(0), regions[shape]))
        found[bone, axis] = moved + before, region
    for (bone, axis), (values, region) in found.items():
        yield Curve(thing, f'pose.bones["{bone}"].location', values, region, axis)
