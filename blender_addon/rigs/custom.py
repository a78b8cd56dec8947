# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of the user's own that a face is moved by, as many rigs have, and their drivers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import bpy

from dreamtalk_core.retarget import Row

from ..state import state
from .bones import bone_path
from .shape_keys import has_keys

_KEY = re.compile(r'key_blocks\["(.+)"\]\.value')


def property_rows(objects: Sequence[bpy.types.Object]) -> tuple[Row, ...]:
    """Rows for the numbers of an armature and its bones that are called after shapes or visemes."""
    found: dict[str, str] = {}
    for thing in (own for own in objects if own.type == "ARMATURE"):
        for before, holder in [
            ("", thing),
            *((bone_path(own.name), own) for own in thing.pose.bones),
        ]:
            for name, value in holder.items():
                if isinstance(value, float):
                    path = f'{before}["{bpy.utils.escape_identifier(name)}"]'
                    found.setdefault(name, path)
    matched = state().match(tuple(found)).mapping.rows if found else ()
    return tuple(Row(row.source, found[row.target], row.scale) for row in matched)


def driven_keys(objects: Sequence[bpy.types.Object]) -> set[str]:
    """Names of shape keys that have drivers: what is keyed on them is not seen."""
    found = set()
    for thing in (own for own in objects if has_keys(own)):
        data = thing.data.shape_keys.animation_data
        for curve in data.drivers if data else ():
            key = _KEY.fullmatch(curve.data_path)
            if key is not None:
                found.add(bpy.utils.unescape_identifier(key[1]))
    return found
