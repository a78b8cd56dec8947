# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping of a character, as it is stored with it.

Until somebody presses Match, edits a row or loads a preset, nothing is stored, and names are
matched anew every time.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import Mapping

from ..rigs import characters, targets
from ..rigs.properties import character_settings
from ..rigs.shape_keys import key_names
from . import drivers


def store(objects: Sequence[bpy.types.Object], mapping: Mapping) -> None:
    """Store a mapping with a character, in the place of the old one; drivers follow it.

    Raises DreamTalkError where the character is linked and nothing can be stored with it.
    """
    holder = characters.holder_of(objects)
    if holder.library is not None:
        raise DreamTalkError(
            f"'{holder.name}' is linked from {holder.library.filepath}, so it cannot keep a "
            "mapping here. Make a library override of it first (Object > Library Override > Make)."
        )
    settings = character_settings(holder)
    driven = settings.controller is not None
    if driven:
        drivers.undrive(objects)
    settings.members.clear()
    for thing in objects:
        settings.members.add().thing = thing
    settings.rows.clear()
    for row in mapping.rows:
        own = settings.rows.add()
        own.source, own.target = row.source, row.target
        own.scale, own.offset = row.scale, row.offset
    settings.row = min(settings.row, max(0, len(mapping.rows) - 1))
    if driven:
        drivers.drive(objects)


def unused(objects: Sequence[bpy.types.Object], mapping: Mapping) -> list[str]:
    """Shape keys that no row moves."""
    used = set(mapping.targets)
    return [name for name in key_names(objects) if name not in used]


def ensure_stored(objects: Sequence[bpy.types.Object]) -> None:
    """Store what is matched by name, if nothing is stored yet."""
    if not characters.character_of(objects).rows:
        store(objects, targets.automatic(objects))
