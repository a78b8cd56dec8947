# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where shape keys are made."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from . import targets
from .curve import Floats


def add_shapes(thing: bpy.types.Object, shapes: Mapping[str, Floats]) -> None:
    """Add shape keys to a mesh object, after one at rest if it has none, and leave the face as it
    is: name -> what the full shape adds to the mesh [V, 3]."""
    if not targets.has_keys(thing):
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
