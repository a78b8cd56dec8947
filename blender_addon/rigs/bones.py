# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone rigs: which bones are the face, and in which axes they move.

Character axes are those of a motion: x to the character's left, y up, z out of the face.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from dreamtalk_core.retarget import Row
from dreamtalk_core.retarget.schemes import words

from .rotation import Matrix

_EYES_APART = 62.0
"""Millimetres between the eyes of the face that `_MOVES` is measured on."""
_LEAST = 0.05
"""A local axis takes part in a movement from this share of it on."""

_BOTH_SIDES = "LR"
_LID_TOP, _LID_BOTTOM = 0.8, 0.2
"""Shares of the way between the lids that each goes to close the eye."""

# What a shape does to a Rigify face: bone, source, and millimetres (x, y, z) at weight 1. "{s}" is
# the side, and x is outwards on both sides.
_MOVES: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("jaw_master", "jawLeft", (6, 0, 0)),
    ("jaw_master", "jawRight", (-6, 0, 0)),
    ("jaw_master", "jawForward", (0, 0, 5)),
    ("lid.T.{s}.002", "eyeWide{s}", (0, 2, 0)),
    ("lid.T.{s}.002", "eyeSquint{s}", (0, -1, 0)),
    ("lid.B.{s}.002", "eyeSquint{s}", (0, 2.5, 0)),
    ("lips.{s}", "mouthSmile{s}", (5, 6, -2)),
    ("lips.{s}", "mouthFrown{s}", (1, -6, 0)),
    ("lips.{s}", "mouthDimple{s}", (3, 0, -3)),
    ("lips.{s}", "mouthStretch{s}", (7, -2, -1)),
    ("lips.{s}", "mouthPucker", (-9, 0, 3)),
    ("lips.{s}", "mouthFunnel", (-6, 0, 4)),
    ("lips.L", "mouthLeft", (7, 0, 0)),
    ("lips.R", "mouthLeft", (-7, 0, 0)),
    ("lips.L", "mouthRight", (-7, 0, 0)),
    ("lips.R", "mouthRight", (7, 0, 0)),
    ("lip.T", "mouthClose", (0, -5, 0)),
    ("lip.B", "mouthClose", (0, 17, 0)),
    ("lip.T.{s}.001", "mouthClose", (0, -4, 0)),
    ("lip.B.{s}.001", "mouthClose", (0, 16, 0)),
    ("lip.T", "mouthFunnel", (0, 2, 4)),
    ("lip.B", "mouthFunnel", (0, -3, 4)),
    ("lip.T", "mouthPucker", (0, 0, 5)),
    ("lip.B", "mouthPucker", (0, 0, 5)),
    ("lip.T", "mouthRollUpper", (0, -3, -3)),
    ("lip.B", "mouthRollLower", (0, 4, -4)),
    ("lip.T", "mouthShrugUpper", (0, 3, 0)),
    ("lip.B", "mouthShrugLower", (0, 4, 1)),
    ("lip.T.{s}.001", "mouthPress{s}", (0, -1, 0)),
    ("lip.B.{s}.001", "mouthPress{s}", (0, 1, 0)),
    ("lip.T.{s}.001", "mouthUpperUp{s}", (0, 6, 0)),
    ("lip.T", "mouthUpperUp{s}", (0, 1.5, 0)),
    ("lip.B.{s}.001", "mouthLowerDown{s}", (0, -6, 0)),
    ("lip.B", "mouthLowerDown{s}", (0, -1.5, 0)),
    ("brow.T.{s}.002", "browDown{s}", (0, -6, 0)),
    ("brow.T.{s}.003", "browDown{s}", (-1, -5, 0)),
    ("brow.T.{s}.003", "browInnerUp", (0, 8, 0)),
    ("brow.T.{s}.001", "browOuterUp{s}", (0, 7, 0)),
    ("brow.T.{s}.002", "browOuterUp{s}", (0, 5, 0)),
    ("cheek.B.{s}.001", "cheekPuff", (6, 0, 4)),
    ("cheek.T.{s}.001", "cheekSquint{s}", (0, 4, 1)),
    ("nose.{s}.001", "noseSneer{s}", (0, 4, 0)),
    ("tongue_master", "tongueOut", (0, -2, 18)),
)
_JAW_DEGREES = 15.0
"""How far a jaw bone turns at jawOpen 1."""
_RIGIFY_JAW = "jaw_master"
_HELPERS = {"org", "mch", "def"}
"""First words of the bones that Rigify makes for itself."""


# --- axes ---------------------------------------------------------------------------------------


def character_axes(armature: bpy.types.Object) -> Matrix:
    """Columns [3, 3]: the character's left, up and front in the armature's space.

    Left is where bones of the left side lie, seen from their right partners; up is where the head
    lies, seen from all bones. If no bone shows it: +X, +Z, -Y, as Blender's characters look.
    """
    heads = {bone.name: np.array(bone.head_local) for bone in armature.data.bones}
    across = np.zeros(3)
    for name in heads:
        partner = bpy.utils.flip_name(name)
        if partner in heads and "left" in side_words(name):
            across += heads[name] - heads[partner]
    left = _snapped(across) if np.linalg.norm(across) > 1e-6 else np.array([1.0, 0.0, 0.0])
    head = head_bone(armature)
    up = np.array([0.0, 0.0, 1.0])
    if head is not None:
        lowest = np.array(_root(armature.data.bones[head]).head_local)
        rise = heads[head] - lowest
        if np.linalg.norm(rise) < 1e-6:
            rise = np.array(armature.data.bones[head].tail_local) - heads[head]
        rise = rise - left * (rise @ left)
        if np.linalg.norm(rise) > 1e-6:
            up = _snapped(rise)
    if abs(up @ left) > 0.5:
        left, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _root(bone: bpy.types.Bone) -> bpy.types.Bone:
    while bone.parent is not None:
        bone = bone.parent
    return bone


def _snapped(direction: Matrix) -> Matrix:
    """The nearest of the six axes."""
    result = np.zeros(3)
    axis = int(np.abs(direction).argmax())
    result[axis] = np.sign(direction[axis])
    return result


def local_axes(armature: bpy.types.Object, bone: str) -> Matrix:
    """[3, 3] that takes a vector from the character's axes to a bone's own at rest."""
    rest = np.array(armature.data.bones[bone].matrix_local.to_3x3())
    return rest.T @ character_axes(armature)


def side_words(name: str) -> list[str]:
    """The words of a name, sides written out."""
    return [{"l": "left", "r": "right"}.get(word, word) for word in words(name)]


# --- which bones --------------------------------------------------------------------------------


def bone_rows(armature: bpy.types.Object, used: set[str], jaw_too: bool = False) -> tuple[Row, ...]:
    """Rows for the bones of the face, for the sources that no shape key uses.

    The head always turns with its bone; eyes, jaw and a Rigify face move where no key does it.
    jaw_too: the jaw's bone turns beside a key, for the meshes that have no key.
    """
    rows: list[Row] = []
    head = head_bone(armature)
    if head is not None:
        rows.append(Row("head", bone_path(head)))
    if not any(source.startswith("eyeLook") for source in used):
        rows += _eye_rows(armature)
    spoken = bool(used & {"jawOpen", "viseme_aa"})
    jaw = jaw_bone(armature)
    if jaw is not None and (jaw_too or not spoken):
        axis = local_axes(armature, jaw) @ np.array([1.0, 0.0, 0.0]) * np.radians(_JAW_DEGREES)
        rows += _components("jawOpen", f"{bone_path(jaw)}.rotation_euler", axis)
    if jaw == _RIGIFY_JAW and not spoken:
        rows += [row for row in _rigify_rows(armature) if row.source not in used]
    return tuple(rows)


def jaw_bone(armature: bpy.types.Object) -> str | None:
    """The bone that opens the mouth, if there is one."""
    if _RIGIFY_JAW in armature.data.bones:
        return _RIGIFY_JAW
    return _named(armature, {"jaw", "jawroot"})


def bone_path(name: str) -> str:
    """A pose bone as Blender writes its path."""
    return f'pose.bones["{bpy.utils.escape_identifier(name)}"]'


def head_bone(armature: bpy.types.Object) -> str | None:
    found = _named(armature, {"head"})
    # A Rigify metarig counts its spine up to the head.
    return found or next((n for n in ("spine.006",) if n in armature.data.bones), None)


def _named(armature: bpy.types.Object, last: set[str]) -> str | None:
    """The bone whose name ends in one of the words, with the least around it."""
    found = []
    for bone in armature.data.bones:
        parts = side_words(bone.name)
        if parts and parts[-1] in last and parts[0] not in _HELPERS and "left" not in parts:
            found.append(bone.name)
    return min(found, key=len, default=None)


def _eye_bone(armature: bpy.types.Object, side: str) -> str | None:
    found = []
    for bone in armature.data.bones:
        parts = side_words(bone.name)
        if side.lower() in parts and parts[0] not in _HELPERS:
            rest = [word for word in parts if word != side.lower()]
            if rest and rest[-1] in ("eye", "faceeye", "eyeball"):
                found.append(bone.name)
    return min(found, key=len, default=None)


def _eye_rows(armature: bpy.types.Object) -> Iterator[Row]:
    bones = armature.data.bones
    for side in ("Left", "Right"):
        bone = _eye_bone(armature, side)
        if bone is None:
            continue
        pivot = bones.get(f"master_eye.{side[0]}")
        if pivot is None:
            yield Row(f"eye{side}", bone_path(bone))
            continue
        # Rigify's eye is a target in front of the eyeball, which looks at it.
        away = (bones[bone].head_local - pivot.head_local).length * np.radians(1.0)
        local = local_axes(armature, bone)
        path = f"{bone_path(bone)}.location"
        yield from _components(f"eyeYaw{side}", path, local @ np.array([away, 0, 0]))
        yield from _components(f"eyePitch{side}", path, local @ np.array([0, -away, 0]))


def _components(source: str, path: str, vector: Matrix) -> list[Row]:
    """A row for each local axis that a movement is along."""
    size = np.abs(vector).max()
    return [
        Row(source, f"{path}[{i}]", round(float(part), 7))
        for i, part in enumerate(vector)
        if abs(part) > _LEAST * size
    ]


def _rigify_rows(armature: bpy.types.Object) -> Iterator[Row]:
    bones = armature.data.bones
    size = _face_size(armature) / _EYES_APART
    for name, source, millimetres in _MOVES:
        for side in _BOTH_SIDES if "{s}" in name + source else ("",):
            bone = name.format(s=side)
            if bone not in bones:
                continue
            out = -1.0 if side == "R" or bone == "lips.R" else 1.0
            vector = np.array(millimetres) * (out, 1.0, 1.0) * size
            shape = source.format(s={"L": "Left", "R": "Right"}.get(side, ""))
            local = local_axes(armature, bone) @ vector
            yield from _components(shape, f"{bone_path(bone)}.location", local)
    for side, word in (("L", "Left"), ("R", "Right")):
        top, bottom = bones.get(f"lid.T.{side}.002"), bones.get(f"lid.B.{side}.002")
        if top is not None and bottom is not None:
            way = np.array(bottom.head_local - top.head_local)
            for bone, share in ((top, _LID_TOP), (bottom, -_LID_BOTTOM)):
                local = np.array(bone.matrix_local.to_3x3()).T @ (share * way)
                yield from _components(f"eyeBlink{word}", f"{bone_path(bone.name)}.location", local)


def _face_size(armature: bpy.types.Object) -> float:
    """The distance between the eyes, in the armature's units."""
    bones = armature.data.bones
    for left, share in (("master_eye.L", 1.0), ("eye.L", 1.0), ("lips.L", 1.25)):
        right = bpy.utils.flip_name(left)
        if left in bones and right in bones:
            return share * float((bones[left].head_local - bones[right].head_local).length)
    return 0.06
