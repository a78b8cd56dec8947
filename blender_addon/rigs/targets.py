# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each channel of a character's mapping lies in Blender.

A mapping's target is the name of a shape key, on every mesh of the character that has it; or a
property of the armature or the object, as Blender writes its path: `pose.bones["jaw"].location[1]`,
`["Smile"]`; or, for what turns as a whole, a bone: `pose.bones["head"]`; or a pose, see `poses`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import bpy

from dreamtalk_core.motion.arkit import INDEX, REGIONS
from dreamtalk_core.retarget import TURNS, Mapping, Match, Row
from dreamtalk_core.retarget.visemes import VISEMES

from ..state import state
from . import bones, poses, reach
from .characters import character_of, node_trees
from .custom import driven_keys, property_rows
from .shape_keys import has_keys, key_names

_INDEX = re.compile(r"\[(\d+)\]$")
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
