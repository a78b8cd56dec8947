# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions as shapes of a face: one of a pose library, or one frame of a longer one.

A mapping's target may be a pose: `actions["Mouth AA"]` is the first frame of an Action,
`actions["Mouths"].pose_markers["AA"]` the frame of its pose marker, `actions["Mouths"]@12` a frame.
A row with a pose as target stands for a row of every channel that the pose moves away from rest, so
poses mix, are driven, and have their bones' rotations in whatever mode these use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import bpy
from mathutils import Euler, Quaternion

from dreamtalk_core.retarget import TURNS, Mapping, Row

from ..state import state

_POSE = re.compile(r'actions\["(.+?)"\](?:\.pose_markers\["(.+)"\]|@(-?\d+))?')
_KEY = re.compile(r'key_blocks\["(.+)"\]\.value')
_TURN = re.compile(r'pose\.bones\["(.+)"\]\.rotation_(quaternion|euler)')
_LEAST = 1e-5
"""What moves by less is at rest."""

_Values = dict[tuple[str, int], float]


def is_pose(target: str) -> bool:
    """Whether a target is a pose, there or not."""
    return _POSE.fullmatch(target) is not None


def pose_channels(
    target: str, objects: Sequence[bpy.types.Object]
) -> dict[str, tuple[float, float]]:
    """What a pose moves: target -> its values at rest and in the pose. Nothing, where it is not."""
    parts = _POSE.fullmatch(target)
    action = bpy.data.actions.get(bpy.utils.unescape_identifier(parts[1])) if parts else None
    if parts is None or action is None:
        return {}
    frame = action.frame_range[0] if parts[3] is None else float(parts[3])
    if parts[2] is not None:
        marker = action.pose_markers.get(bpy.utils.unescape_identifier(parts[2]))
        if marker is None:
            return {}
        frame = marker.frame
    return {
        name: (rest, value)
        for name, rest, value in _moved(_values(action, frame), objects)
        if abs(value - rest) > _LEAST
    }


def _values(action: bpy.types.Action, frame: float) -> _Values:
    """What an Action gives to every property on a frame, by path and index."""
    bags = (bag for layer in action.layers for own in layer.strips for bag in own.channelbags)
    return {
        (curve.data_path, curve.array_index): curve.evaluate(frame)
        for bag in bags
        for curve in bag.fcurves
    }


def _moved(
    values: _Values, objects: Sequence[bpy.types.Object]
) -> Iterator[tuple[str, float, float]]:
    """Target, value at rest and value, of everything but how bones turn; then that, as angles."""
    turns: dict[str, dict[str, dict[int, float]]] = {}
    for (path, index), value in values.items():
        key, turn = _KEY.fullmatch(path), _TURN.fullmatch(path)
        if key is not None:
            yield bpy.utils.unescape_identifier(key[1]), 0.0, value
        elif turn is not None:
            turns.setdefault(turn[1], {}).setdefault(turn[2], {})[index] = value
        elif path.endswith('"]'):
            yield path, _property_rest(path, objects), value
        else:
            yield f"{path}[{index}]", float(path.endswith(".scale")), value
    for name, kinds in turns.items():
        mode = next((bone.rotation_mode for bone in _bones(objects, name)), "QUATERNION")
        for i, angle in enumerate(_angles(kinds, mode)):
            yield f'pose.bones["{name}"].rotation_euler[{i}]', 0.0, angle


def _angles(kinds: dict[str, dict[int, float]], mode: str) -> Sequence[float]:
    """Euler angles of a bone that has keys of one kind of rotation, or of both."""
    order = mode if len(mode) == 3 else "XYZ"
    if "euler" in kinds and (order == mode or "quaternion" not in kinds):
        return Euler([kinds["euler"].get(i, 0.0) for i in range(3)], order)
    turn = Quaternion([kinds["quaternion"].get(i, float(i == 0)) for i in range(4)])
    return turn.normalized().to_euler(order)


def _bones(objects: Sequence[bpy.types.Object], escaped: str) -> Iterator[bpy.types.PoseBone]:
    name = bpy.utils.unescape_identifier(escaped)
    for thing in objects:
        if thing.pose is not None and name in thing.pose.bones:
            yield thing.pose.bones[name]


def _property_rest(path: str, objects: Sequence[bpy.types.Object]) -> float:
    """What a property of the user's own is by default."""
    before, _, name = path.rpartition('["')
    name = bpy.utils.unescape_identifier(name[:-2])
    for thing in objects:
        try:
            holder = thing.path_resolve(before) if before else thing
            default = holder.id_properties_ui(name).as_dict().get("default", 0.0)
        except (ValueError, KeyError, TypeError):
            continue
        return float(default) if isinstance(default, (int, float)) else 0.0
    return 0.0


def expanded(mapping: Mapping, objects: Sequence[bpy.types.Object]) -> Mapping:
    """A mapping with rows of channels in the place of those of poses."""
    if not any(is_pose(row.target) for row in mapping.rows):
        return mapping
    rows: list[Row] = []
    rested: set[str] = set()
    for row in mapping.rows:
        if not is_pose(row.target) or row.source in TURNS:
            rows.append(row)
            continue
        for channel, (rest, value) in pose_channels(row.target, objects).items():
            # Rows of one channel add up, also in what they are at rest.
            offset = 0.0 if channel in rested else rest
            rested.add(channel)
            rows.append(Row(row.source, channel, row.scale * (value - rest), offset))
    return Mapping(tuple(rows), mapping.name)


def pose_rows(objects: Sequence[bpy.types.Object]) -> tuple[Row, ...]:
    """Rows for the poses that are called after visemes or shapes: Actions, or pose markers in one,
    which move something of these objects."""
    found: dict[str, str] = {}
    for action in bpy.data.actions:
        target = f'actions["{bpy.utils.escape_identifier(action.name)}"]'
        if action.dreamtalk.kind != "NONE":
            continue
        for marker in action.pose_markers:
            name = bpy.utils.escape_identifier(marker.name)
            found.setdefault(marker.name, f'{target}.pose_markers["{name}"]')
        if not action.pose_markers:
            found.setdefault(action.name, target)
    mine = {name: own for name, own in found.items() if _is_of(own, objects)}
    matched = state().match(tuple(mine)).mapping.rows
    return tuple(Row(row.source, mine[row.target], row.scale) for row in matched)


def _is_of(target: str, objects: Sequence[bpy.types.Object]) -> bool:
    """Whether these objects have the channels of a pose; one of all at rest may be silence."""
    parts = _POSE.fullmatch(target)
    action = bpy.data.actions.get(bpy.utils.unescape_identifier(parts[1])) if parts else None
    paths = {path for path, _ in _values(action, 0.0)} if action is not None else set()
    return any(_has(thing, path) for thing in objects for path in paths)


def _has(thing: bpy.types.Object, path: str) -> bool:
    keys = getattr(thing.data, "shape_keys", None)
    for owner in (thing, keys):
        try:
            if owner is not None and owner.path_resolve(path) is not None:
                return True
        except ValueError:
            continue
    return False
