# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each channel of a character's mapping lies in Blender.

A mapping's target is the name of a shape key, on every mesh of the character that has it; or a
property of the armature or the object, as Blender writes its path: `pose.bones["jaw"].location[1]`,
`["Smile"]`; or, for what turns as a whole, a bone: `pose.bones["head"]`; or a pose, see `poses`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import INDEX, REGIONS
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.retarget import TURNS, Mapping, Match, Row
from dreamtalk_core.retarget.steps import in_steps
from dreamtalk_core.retarget.visemes import SILENCE, VISEMES

from ..state import state
from . import bones, controls, poses, reach
from .characters import character_of, holder_of, node_trees
from .curve import DRAWINGS, Curve, Floats
from .custom import driven_keys, property_rows
from .rotation import Matrix, rotation_channels
from .shape_keys import has_keys, key_names

_INDEX = re.compile(r"\[(\d+)\]$")
_ROTATION = re.compile(r"(pose\.bones\[.+\])\.rotation_euler\[([012])\]$")
_UNMOVED = 0.5
"""How much a drawing at rest is wanted: others are shown from there on."""
_REGION_OF = {"eyelids": "Eyes", "gaze": "Eyes", "brows": "Brows", "cheeks_nose": "Cheeks"} | {
    "jaw": "Jaw",
    "mouth": "Lips",
    "tongue": "Lips",
}


@dataclass(frozen=True, eq=False)
class Place:
    """One number in Blender: a property of a data-block, with its index (0 for a single number)."""

    owner: bpy.types.ID
    path: str
    index: int = 0


def places(target: str, objects: Sequence[bpy.types.Object]) -> list[Place]:
    """Where a target lies: one place, or several where meshes share a key; none if it is not there.

    A bone that turns as a whole has one place, its own path; a pose those of all that it moves.
    """
    if poses.is_pose(target):
        moved = poses.pose_channels(target, objects)
        return [own for channel in moved for own in places(channel, objects)]
    if target.startswith("nodes["):
        trees = dict.fromkeys(tree for thing in objects for tree in node_trees(thing))
        return [Place(own, target) for own in trees if isinstance(_value(own, target), int)]
    if target.startswith(("pose.bones[", "[", "modifiers[")):
        index = _INDEX.search(target)
        path = target[: index.start()] if index else target
        found = []
        for thing in objects:
            value = _value(thing, path)
            if index and hasattr(value, "__len__") and int(index[1]) < len(value):
                found.append(Place(thing, path, int(index[1])))
            elif not index and isinstance(value, (int, float, bpy.types.PoseBone)):
                found.append(Place(thing, path))
        return found[:1]
    keys = dict.fromkeys(thing.data.shape_keys for thing in objects if has_keys(thing))
    path = f'key_blocks["{bpy.utils.escape_identifier(target)}"].value'
    return [Place(own, path) for own in keys if target in own.key_blocks]


def is_drawing(target: str, objects: Sequence[bpy.types.Object]) -> bool:
    """Whether a target is a whole number, which cannot be mixed: it says which drawing is shown."""
    found = [_value(own.owner, own.path) for own in places(target, objects)[:1]]
    return any(isinstance(value, int) and not isinstance(value, bool) for value in found)


def _value(thing: bpy.types.ID, path: str) -> object:
    try:
        return thing.path_resolve(path)
    except ValueError:
        return None


def mapping_of(objects: Sequence[bpy.types.Object]) -> Mapping:
    """As `table_of`, with rows of channels in the place of those of poses."""
    return poses.expanded(table_of(objects), objects)


def table_of(objects: Sequence[bpy.types.Object]) -> Mapping:
    """The mapping that is stored with a character, or else what its names are matched to.

    Raises DreamTalkError where a row of the table is not valid.
    """
    rows = character_of(objects).rows
    if rows:
        return Mapping(tuple(Row(own.source, own.target, own.scale, own.offset) for own in rows))
    return automatic(objects)


def key_match(objects: Sequence[bpy.types.Object]) -> Match:
    """What the names of a character's shape keys are matched to: of those that move anything."""
    still = set(reach.still_keys(objects))
    return state().match(tuple(name for name in key_names(objects) if name not in still))


def speaks(objects: Sequence[bpy.types.Object], mapping: Mapping) -> bool:
    """Whether shape keys of these objects open the mouth."""
    opening = {
        row.target for row in mapping.rows if row.source == "jawOpen" or row.source in VISEMES
    }
    return not opening.isdisjoint(key_names(objects))


def _jaw_too(armature: bpy.types.Object, objects: Sequence[bpy.types.Object], own: Mapping) -> bool:
    """Whether a jaw's bone has something to move that no key moves, and nothing that one does."""
    jaw = bones.jaw_bone(armature)
    meshes = [thing for thing in objects if thing.type == "MESH"] if jaw is not None else []
    hanging = [thing for thing in meshes if reach.hangs_on(thing, armature, str(jaw))]
    return bool(hanging) and not any(speaks([thing], own) for thing in hanging)


def automatic(objects: Sequence[bpy.types.Object]) -> Mapping:
    """What a character's shape keys, properties and bones are by their names.

    A property takes the place of shape keys that are driven, by it as a rule.
    """
    found = key_match(objects)
    rows, own_properties = found.mapping.rows, property_rows(objects)
    if own_properties:
        driven = driven_keys(objects)
        shown = {row.source for row in own_properties}
        rows = tuple(row for row in rows if row.target not in driven or row.source not in shown)
        shown = {row.source for row in rows}
        rows += tuple(row for row in own_properties if row.source not in shown)
    for thing in objects:
        if thing.type == "ARMATURE":
            jaw_too = _jaw_too(thing, objects, found.mapping)
            rows += bones.bone_rows(thing, {row.source for row in rows}, jaw_too)
    return Mapping(rows, found.mapping.name)


def curves_of(objects: Sequence[bpy.types.Object], motion: Motion) -> list[Curve]:
    """The curves that a motion, at the scene's frame rate, is on a character.

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
    curves += _drawing_curves(objects, mapping, motion)
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
    objects: Sequence[bpy.types.Object], mapping: Mapping, motion: Motion
) -> Iterator[Curve]:
    """Which drawing is shown: each row has the number `scale + offset`, which is shown while its
    source is the strongest; at rest it is that of silence, or the offset."""
    hold = character_of(objects).hold
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


def region_of(source: str) -> str:
    """The region of a source, one of `actions.REGIONS`."""
    if source == "mouthClose":
        return "Jaw"  # it undoes the opening of the jaw
    if source in INDEX:
        region = next(own for own, names in REGIONS.items() if source in names)
        return _REGION_OF[region]
    if source.startswith("viseme"):
        return "Lips"
    return "Head" if source.startswith("head") else "Eyes"


def regions_of(mapping: Mapping) -> dict[str, str]:
    """Target -> region of the source with the largest scale."""
    largest: dict[str, Row] = {}
    for row in mapping.rows:
        old = largest.get(row.target)
        if row.source not in TURNS and (old is None or abs(row.scale) > abs(old.scale)):
            largest[row.target] = row
    return {target: region_of(row.source) for target, row in largest.items()}


def rests_of(mapping: Mapping) -> dict[str, float]:
    rests: dict[str, float] = {}
    for row in mapping.rows:
        rests[row.target] = rests.get(row.target, 0.0) + row.offset
    return rests
