# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping of a character, kept on one of its objects (`targets.holder_of`).

Until somebody presses Match, edits a row or loads a preset, nothing is kept, and names are matched
anew every time.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import SOURCES, Mapping

from ..rigs import targets
from ..rigs.bones import bone_path
from . import drivers


def _sources(_row: MappingRow, _context: bpy.types.Context, text: str) -> list[str]:
    return [name for name in SOURCES if text.lower() in name.lower()]


def _channels(row: MappingRow, _context: bpy.types.Context, text: str) -> list[str]:
    """What a row may move: shape keys by name, bones by path."""
    objects = [own.thing for own in row.id_data.dreamtalk.members if own.thing]
    bones = [
        bone_path(bone.name)
        for thing in objects
        if thing.type == "ARMATURE"
        for bone in thing.data.bones
    ]
    return [name for name in [*targets.key_names(objects), *bones] if text.lower() in name.lower()]


class MappingRow(bpy.types.PropertyGroup):
    """One row of a character's mapping, as `dreamtalk_core.retarget.Row`."""

    __annotations__ = {
        "source": bpy.props.StringProperty(
            name="Source",
            description="What moves the channel: an ARKit shape, a viseme, an angle in degrees, or "
            "head, eyeLeft, eyeRight to turn a whole bone",
            search=_sources,
        ),
        "target": bpy.props.StringProperty(
            name="Target",
            description="What is moved: a shape key by its name; a bone or a property by its path, "
            'such as pose.bones["jaw"].location[1] (right-click a property > Copy Data Path)',
            search=_channels,
            search_options={"SUGGESTION"},
        ),
        "scale": bpy.props.FloatProperty(
            name="Scale", description="How far it moves at the full shape", default=1.0, step=5
        ),
        "offset": bpy.props.FloatProperty(
            name="Offset", description="Its value while the face is at rest", default=0.0, step=5
        ),
    }


class MappingMember(bpy.types.PropertyGroup):
    """An object of the character."""

    __annotations__ = {"thing": bpy.props.PointerProperty(type=bpy.types.Object)}


class CharacterSettings(bpy.types.PropertyGroup):
    """What is kept with a character: its objects, its mapping, and what drives it."""

    __annotations__ = {
        "members": bpy.props.CollectionProperty(type=MappingMember),
        "rows": bpy.props.CollectionProperty(type=MappingRow),
        "row": bpy.props.IntProperty(name="Row", description="The selected row of the mapping"),
        "controller": bpy.props.PointerProperty(
            type=bpy.types.Object, description="What drives the face, where it is driven"
        ),
    }


def keep(objects: Sequence[bpy.types.Object], mapping: Mapping) -> None:
    """Keep a mapping with a character, in the place of the old one; drivers follow it.

    Raises DreamTalkError where the character is linked and cannot keep anything.
    """
    holder = targets.holder_of(objects)
    if holder.library is not None:
        raise DreamTalkError(
            f"'{holder.name}' is linked from {holder.library.filepath}, so it cannot keep a "
            "mapping here. Make a library override of it first (Object > Library Override > Make)."
        )
    driven = holder.dreamtalk.controller is not None
    if driven:
        drivers.undrive(objects)
    settings = holder.dreamtalk
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
    return [name for name in targets.key_names(objects) if name not in used]


def ensure_kept(objects: Sequence[bpy.types.Object]) -> None:
    """Keep what is matched by name, if nothing is kept yet."""
    if not targets.holder_of(objects).dreamtalk.rows:
        keep(objects, targets.automatic(objects))


CLASSES = (MappingRow, MappingMember, CharacterSettings)


def register() -> None:
    bpy.types.Object.dreamtalk = bpy.props.PointerProperty(type=CharacterSettings)


def unregister() -> None:
    del bpy.types.Object.dreamtalk
