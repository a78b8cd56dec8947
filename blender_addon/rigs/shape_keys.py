# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys: which there are, and the one place where they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np

from .curve import Floats


def has_keys(thing: bpy.types.Object) -> bool:
    """Whether an object is a mesh with shape keys."""
    return thing.type == "MESH" and thing.data.shape_keys is not None


def key_names(objects: Sequence[bpy.types.Object]) -> list[str]:
    """The names of all shape keys of a character's meshes, without those at rest."""
    return list(
        dict.fromkeys(
            block.name
            for thing in objects
            if has_keys(thing)
            for block in thing.data.shape_keys.key_blocks
            if block != thing.data.shape_keys.reference_key
        )
    )


def add_shapes(thing: bpy.types.Object, shapes: Mapping[str, Floats]) -> None:
    """Add shape keys to a mesh object, after one at rest if it has none, and leave the face as it
    is: name -> what the full shape adds to the mesh [V, 3]."""
    if not has_keys(thing):
        _add(thing, "Basis")
    rest = points_of(thing.data.shape_keys.reference_key)
    for name, moves in shapes.items():
        _add(thing, name).points.foreach_set("co", (rest + moves).ravel())


def _add(thing: bpy.types.Object, name: str) -> bpy.types.ShapeKey:
    key = thing.shape_key_add(name=name, from_mix=False)
    key.value = 0.0  # from Blender 5.0 on it begins with 1
    return key


def points_of(key: bpy.types.ShapeKey) -> Floats:
    """Where a shape key puts every vertex [V, 3]."""
    co = np.empty(3 * len(key.points), np.float32)
    key.points.foreach_get("co", co)
    return co.reshape(-1, 3)
