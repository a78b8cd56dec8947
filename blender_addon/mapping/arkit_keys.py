# SPDX-License-Identifier: GPL-3.0-or-later
"""ARKit shape keys for meshes that have none, or have others."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget import Mapping
from dreamtalk_core.rig.head import load_head

from ..rigs.curve import Floats
from ..rigs.sample_head import to_blender
from ..rigs.shape_keys import add_shapes, has_keys, points_of

_SAME = 1e-4
"""Metres that a vertex of the sample head may be away from where it was."""


def make(objects: Sequence[bpy.types.Object], mapping: Mapping) -> int:
    """Add the ARKit keys that the meshes lack; returns how many.

    The sample head's are its own, whether or not it still has any. Another mesh's are mixed from
    the keys that the mapping moves. Keys that are there stay as they are.
    Raises DreamTalkError where there is nothing to make them of, or a mesh is in edit mode.
    """
    planned: list[tuple[bpy.types.Object, dict[str, Floats]]] = []
    for thing in objects:
        if thing.type != "MESH" or thing.data.library is not None:
            continue
        if thing.mode == "EDIT":
            raise DreamTalkError(f"'{thing.name}' is in edit mode. Leave it first: press Tab.")
        have = set(thing.data.shape_keys.key_blocks.keys()) if has_keys(thing) else set()
        shapes = _sample_shapes(thing) or _mixed(thing, mapping)
        planned.append((thing, {name: shapes[name] for name in shapes if name not in have}))
    made = sum(len(shapes) for _, shapes in planned)
    if not made:
        raise DreamTalkError(
            "There are no ARKit keys to make: the meshes have them, or have no shape keys that the "
            "mapping moves. Add > DreamTalk Head brings a head that has them all."
        )
    for thing, shapes in planned:
        if shapes:
            add_shapes(thing, shapes)
    return made


def _sample_shapes(thing: bpy.types.Object) -> dict[str, Floats]:
    """What the shapes add [V, 3] if this is the sample head, else nothing."""
    head = load_head()
    if len(thing.data.vertices) != len(head.vertices):
        return {}
    rest = np.empty(3 * len(head.vertices), np.float32)
    thing.data.vertices.foreach_get("co", rest)
    if np.abs(rest.reshape(-1, 3) - to_blender(head.vertices)).max() > _SAME:
        return {}
    return dict(zip(FACE_NAMES, to_blender(head.face_deltas), strict=True))


def _mixed(thing: bpy.types.Object, mapping: Mapping) -> dict[str, Floats]:
    """Shape -> what a mesh's own keys add to it [V, 3], as the mapping mixes them."""
    if not has_keys(thing):
        return {}
    keys = thing.data.shape_keys
    rest = points_of(keys.reference_key)
    result: dict[str, Floats] = {}
    for row in mapping.rows:
        if row.source in FACE_NAMES and row.target in keys.key_blocks:
            moves = np.float32(row.scale) * (points_of(keys.key_blocks[row.target]) - rest)
            result[row.source] = result.get(row.source, 0) + moves
    return result
