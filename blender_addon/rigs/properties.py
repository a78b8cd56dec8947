# SPDX-License-Identifier: GPL-3.0-or-later
"""`Object.dreamtalk`: what is stored with a character, on its holder (`characters.holder_of`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from dreamtalk_core.retarget import SOURCES

from ..properties import properties
from .bones import bone_path
from .shape_keys import key_names

if TYPE_CHECKING:
    from ..properties import Collection


def _sources(_row: MappingRow, _context: bpy.types.Context, text: str) -> list[str]:
    return [name for name in SOURCES if text.lower() in name.lower()]


def _channels(row: MappingRow, _context: bpy.types.Context, text: str) -> list[str]:
    """What a row may move: shape keys by name, bones by path."""
    objects = [own.thing for own in character_settings(row.id_data).members if own.thing]
    bones = [
        bone_path(bone.name)
        for thing in objects
        if thing.type == "ARMATURE"
        for bone in thing.data.bones
    ]
    poses = [f'actions["{bpy.utils.escape_identifier(own.name)}"]' for own in bpy.data.actions]
    return [name for name in [*key_names(objects), *bones, *poses] if text.lower() in name.lower()]


@properties()
class MappingRow(bpy.types.PropertyGroup):
    """One row of a character's mapping, as `dreamtalk_core.retarget.Row`."""

    source: str = bpy.props.StringProperty(
        name="Source",
        description="What moves the channel: an ARKit shape, a viseme, an angle in degrees, or "
        "head, eyeLeft, eyeRight to turn a whole bone",
        search=_sources,
    )
    target: str = bpy.props.StringProperty(
        name="Target",
        description="What is moved: a shape key by its name; a bone or a property by its path, "
        'such as pose.bones["jaw"].location[1] (right-click a property > Copy Data Path); a pose '
        'by its Action, such as actions["AA"]',
        search=_channels,
        search_options={"SUGGESTION"},
    )
    scale: float = bpy.props.FloatProperty(
        name="Scale", description="How far it moves at the full shape", default=1.0, step=5
    )
    offset: float = bpy.props.FloatProperty(
        name="Offset", description="Its value while the face is at rest", default=0.0, step=5
    )


@properties()
class MappingMember(bpy.types.PropertyGroup):
    """An object of the character."""

    thing: bpy.types.Object | None = bpy.props.PointerProperty(type=bpy.types.Object)


@properties()
class CharacterSettings(bpy.types.PropertyGroup):
    """A character's objects, its mapping, and what drives it."""

    members: Collection[MappingMember] = bpy.props.CollectionProperty(type=MappingMember)
    rows: Collection[MappingRow] = bpy.props.CollectionProperty(type=MappingRow)
    row: int = bpy.props.IntProperty(name="Row", description="The selected row of the mapping")
    hold: int = bpy.props.IntProperty(
        name="Hold", description="Frames that a drawing is shown at least", default=2, min=1
    )
    controller: bpy.types.Object | None = bpy.props.PointerProperty(
        type=bpy.types.Object, description="What drives the face, where it is driven"
    )


def character_settings(thing: bpy.types.Object) -> CharacterSettings:
    """What is stored with an object; of a character only one of its objects has any."""
    settings: CharacterSettings = thing.dreamtalk
    return settings


CLASSES = (MappingRow, MappingMember, CharacterSettings)


def register() -> None:
    bpy.types.Object.dreamtalk = bpy.props.PointerProperty(type=CharacterSettings)


def unregister() -> None:
    del bpy.types.Object.dreamtalk
