# SPDX-License-Identifier: GPL-3.0-or-later
"""What a motion is on a character: curves of its keys, properties and bones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.retarget import Mapping
from dreamtalk_core.retarget.steps import in_steps
from dreamtalk_core.retarget.visemes import SILENCE

from . import bones, controls, reach
from .characters import character_of, holder_of
from .curve import DRAWINGS, Curve, Floats
from .rotation import Matrix, rotation_channels
from .shape_keys import key_names
from .targets import Place, is_drawing, mapping_of, places, region_of, regions_of, rests_of

_ROTATION = re.compile(r"(pose\.bones\[.+\])\.rotation_euler\[([012])\]$")
_UNMOVED = 0.5
"""How much a drawing at rest is wanted: others are shown from there on."""


def curves_of(
    objects: Sequence[bpy.types.Object], motion: Motion, per_frame: float = 1.0
) -> list[Curve]:
    """The curves that a motion is on a character.

    per_frame: how many of its frames are one of the scene, in which drawings are held.
    Raises DreamTalkError where nothing takes the motion, or a mesh is in edit mode.
    """
    editing = next((thing for thing in objects if thing.mode == "EDIT"), None)
    if editing is not None:
        raise DreamTalkError(f"'{editing.name}' is in edit mode. Leave it first: press Tab.")
    mapping = mapping_of(objects)
    controller = character_of(objects).controller
    if controller is not None:
        curves = list(_control_curves(controller, mapping, motion))
    else:
        curves = list(_channel_curves(objects, mapping, motion))
    curves += _turn_curves(objects, mapping, motion)
    curves += _drawing_curves(objects, mapping, motion, per_frame)
    if not curves:
        raise DreamTalkError(_nothing(objects))
    return curves


def lack_of(objects: Sequence[bpy.types.Object]) -> str:
    """Why no take would move anything of a character; "" if one would."""
    there = any(places(row.target, objects) for row in mapping_of(objects).rows)
    return "" if there else _nothing(objects)


def _nothing(objects: Sequence[bpy.types.Object]) -> str:
    name = holder_of(objects).name
    keys, still = key_names(objects), reach.still_keys(objects)
    if character_of(objects).rows:
        return f"No row of the mapping of '{name}' is on it. Press Match, or edit the table."
    if not keys:
        return (
            f"'{name}' has no shape keys and no face bones that DreamTalk knows. Press Make "
            "Shapes, add shape keys with ARKit names, or name its bones or properties in the "
            "mapping table."
        )
    if len(still) == len(keys):
        return (
            f"None of the {len(keys)} shape keys of '{name}' moves a vertex (the first: "
            f"{', '.join(keys[:3])}). Give them shapes first."
        )
    return (
        f"None of the {len(keys)} shape keys of '{name}' has a name that DreamTalk knows (the "
        f"first: {', '.join(keys[:3])}). Add rows to the mapping table, or load a preset."
    )


def _control_curves(
    controller: bpy.types.Object, mapping: Mapping, motion: Motion
) -> Iterator[Curve]:
    inputs, mine = mapping.inputs(motion), controls.controlled(controller)
    weights = {source: inputs[source] for source in inputs if source in mine}
    yield from controls.control_curves(controller, weights, {own: region_of(own) for own in mine})
    for source, values in inputs.items():
        if source in mine:
            continue
        yield Curve(controller, f'["{source}"]', values, region_of(source))


def _channel_curves(
    objects: Sequence[bpy.types.Object], mapping: Mapping, motion: Motion
) -> Iterator[Curve]:
    """Shape keys, properties and locations one by one; a bone's rotation as its mode has it."""
    regions, rests = regions_of(mapping), rests_of(mapping)
    rotations: dict[str, dict[int, str]] = {}
    values = mapping.values(motion)
    for target in values:
        if is_drawing(target, objects):
            continue
        rotation = _ROTATION.match(target)
        if rotation:
            rotations.setdefault(rotation[1], {})[int(rotation[2])] = target
            continue
        for place in places(target, objects):
            yield Curve(
                place.owner, place.path, values[target], regions[target], place.index, rests[target]
            )
    for bone, axes in rotations.items():
        for place in places(bone, objects):
            still = np.zeros(len(motion))
            columns = [values[axes[i]] if i in axes else still for i in range(3)]
            angles = np.stack(columns, axis=1).astype(np.float64)
            rest = np.array([[rests[axes[i]] if i in axes else 0.0 for i in range(3)]])
            region = regions[next(iter(axes.values()))]
            mode = place.owner.path_resolve(place.path).rotation_mode
            if len(mode) == 3:
                for i, target in axes.items():
                    yield Curve(
                        place.owner,
                        f"{place.path}.rotation_euler",
                        values[target],
                        region,
                        i,
                        rests[target],
                    )
                continue
            turned = quaternions(np.degrees(angles), "XYZ")
            still = quaternions(np.degrees(rest), "XYZ")
            yield from _rotation(place, turned, region, still)


def _turn_curves(
    objects: Sequence[bpy.types.Object], mapping: Mapping, motion: Motion
) -> Iterator[Curve]:
    for target, degrees in mapping.turns(motion).items():
        for place in places(target, objects):
            bone = place.owner.path_resolve(place.path)
            if not isinstance(bone, bpy.types.PoseBone):
                continue
            local = bones.local_axes(place.owner, bone.name)
            turned = quaternions(degrees)
            turned[:, :3] = turned[:, :3] @ local.T
            source = next(row.source for row in mapping.rows if row.target == target)
            yield from _rotation(place, turned, region_of(source), quaternions(np.zeros((1, 3))))


def _drawing_curves(
    objects: Sequence[bpy.types.Object], mapping: Mapping, motion: Motion, per_frame: float
) -> Iterator[Curve]:
    """Which drawing is shown: each row has the number `scale + offset`, which is shown while its
    source is the strongest; at rest it is that of silence, or the offset."""
    hold = int(np.ceil(character_of(objects).hold * per_frame))
    for target in mapping.targets:
        if not is_drawing(target, objects):
            continue
        rows = [row for row in mapping.rows if row.target == target]
        number = {row.source: round(row.scale + row.offset) for row in rows}
        rest = number.get(SILENCE, round(rows[0].offset))
        inputs = Mapping(tuple(rows)).inputs(motion)
        shares: dict[int, Floats] = {}
        if SILENCE not in number:
            shares[rest] = np.full(len(motion), _UNMOVED, np.float32)
        for source, values in inputs.items():
            shares[number[source]] = values + shares.get(number[source], np.float32(0))
        shown = in_steps(np.stack(list(shares.values())), hold)
        values = np.array(list(shares), np.float32)[shown]
        for place in places(target, objects):
            yield Curve(place.owner, place.path, values, DRAWINGS, place.index, float(rest))


def _rotation(place: Place, turned: Matrix, region: str, rest: Matrix) -> Iterator[Curve]:
    """Quaternions [T, 4] as the curves of the rotation that a bone uses; rest: [1, 4]."""
    mode = place.owner.path_resolve(place.path).rotation_mode
    path, values = rotation_channels(turned, mode)
    _, still = rotation_channels(rest, mode)
    for i, curve in enumerate(values.T.astype(np.float32)):
        rested = float(still[0, i])
        yield Curve(place.owner, f"{place.path}.{path}", curve, region, i, rested)
