# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a mesh a shape key or a bone moves: names promise it, and do not always keep it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import bpy
import numpy as np

from ..state import state
from .shape_keys import has_keys, key_names, points_of

_LEAST = 2e-5
"""Share of the mesh's size that a vertex must be moved by: what is less, exporters leave behind."""
_WEIGHS = 0.01

Found = TypeVar("Found")


def still_keys(objects: Sequence[bpy.types.Object]) -> tuple[str, ...]:
    """Names of a character's shape keys that move no vertex of any of its meshes."""
    meshes = [thing for thing in objects if has_keys(thing)]
    moving = {name for thing in meshes for name in _moving(thing)}
    return tuple(name for name in key_names(meshes) if name not in moving)


def _moving(thing: bpy.types.Object) -> frozenset[str]:
    blocks = thing.data.shape_keys.key_blocks
    masks = tuple((own.name, own.vertex_group, own.relative_key.name) for own in blocks)
    return _looked(thing, "keys", masks, lambda: frozenset(_moves(thing)))


def _moves(thing: bpy.types.Object) -> Iterable[str]:
    blocks = thing.data.shape_keys.key_blocks
    points = {own.name: points_of(own) for own in blocks}
    size = float(np.ptp(points_of(thing.data.shape_keys.reference_key), axis=0).max(initial=0.0))
    for own in blocks:
        away = np.abs(points[own.name] - points[own.relative_key.name]).max(axis=1)
        moved = np.flatnonzero(away > _LEAST * size).tolist()
        mask = thing.vertex_groups.get(own.vertex_group)
        if any(mask is None or _weight(thing, mask.index, i) for i in moved):
            yield own.name


def hangs_on(thing: bpy.types.Object, armature: bpy.types.Object, bone: str) -> bool:
    """Whether a bone, or one below it, moves a mesh."""
    below = [own.name for own in armature.data.bones[bone].children_recursive]
    bones = {bone, *below}
    if thing.parent == armature and thing.parent_type == "BONE":
        return thing.parent_bone in bones
    if thing.find_armature() != armature:
        return False
    groups = tuple(own.index for own in thing.vertex_groups if own.name in bones)
    count = range(len(thing.data.vertices))
    return bool(groups) and _looked(
        thing, bone, groups, lambda: any(_weight(thing, own, i) for i in count for own in groups)
    )


def _weight(thing: bpy.types.Object, group: int, vertex: int) -> bool:
    """Whether a vertex is in a group of vertices, with a weight to speak of."""
    groups = thing.data.vertices[vertex].groups
    return any(own.group == group and own.weight > _WEIGHS for own in groups)


def _looked(
    thing: bpy.types.Object, what: str, signature: Hashable, find: Callable[[], Found]
) -> Found:
    """What is found out about a mesh, remembered: panels ask at every redraw."""
    memory, address = state().looked, (thing.session_uid, what)
    signature = (thing.data.session_uid, len(thing.data.vertices), signature)
    if address not in memory or memory[address][0] != signature:
        memory[address] = (signature, find())
    found: Found = memory[address][1]
    return found


def look_again() -> None:
    """Forget what has been found out: a key may have been sculpted since."""
    state().looked.clear()
