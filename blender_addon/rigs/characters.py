# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects a character is made of, and where what is stored with it lies."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from dreamtalk_core.errors import DreamTalkError

from .properties import CharacterSettings, character_settings

_TYPES = {"MESH", "ARMATURE", "GREASEPENCIL"}
_Groups = dict[bpy.types.Object, list[bpy.types.Object]]


def objects_of(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The meshes and armatures of the active object's character.

    It is what was matched together before; or else all that hangs on the same armature or below
    the same topmost object. Selected meshes that are nobody else's belong to it: teeth, a beard.
    Raises DreamTalkError when no mesh or armature is active.
    """
    active = context.active_object
    if active is None or active.type not in {*_TYPES, "EMPTY"}:
        raise DreamTalkError(
            "No character is selected. Click the face (a mesh with shape keys) or its armature."
        )
    groups = _groups(context.scene)
    found = _around(active, context.scene, groups)
    if active.select_get():
        others = {own for members in groups.values() for own in members}
        for own in context.selected_objects:
            hangs_on = {own.parent, own.find_armature()} - {None}
            free = own not in others and hangs_on <= set(found)
            if own.type == "MESH" and own not in found and free:
                found.append(own)
    if not found:
        raise DreamTalkError(
            f"'{active.name}' has no mesh and no armature. Click the face or its armature."
        )
    return found


def objects_around(thing: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The meshes and armatures of the character that an object is of; none if it is of none."""
    return _around(thing, scene, _groups(scene))


def _groups(scene: bpy.types.Scene) -> _Groups:
    """What has been matched together: the members, by the object that it is stored on."""
    found = {}
    for holder in scene.objects:
        members = [own.thing for own in character_settings(holder).members if own.thing is not None]
        if members:
            found[holder] = members
    return found


def _around(
    thing: bpy.types.Object, scene: bpy.types.Scene, groups: _Groups
) -> list[bpy.types.Object]:
    for holder, members in groups.items():
        if thing in (*members, holder, character_settings(holder).controller):
            return members
    return _family(thing, scene)


def _family(active: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    armature = active if active.type == "ARMATURE" else active.find_armature()
    top = armature or active
    while armature is None and top.parent is not None:
        top = top.parent
    below = set(top.children_recursive)
    found = [top, active]
    for own in scene.objects:
        if own in below or (armature is not None and own.find_armature() == armature):
            found.append(own)
    return [own for own in dict.fromkeys(found) if own.type in _TYPES]


def node_trees(thing: bpy.types.Object) -> list[bpy.types.NodeTree]:
    """The node trees of an object's materials."""
    materials = [slot.material for slot in thing.material_slots if slot.material is not None]
    return [own.node_tree for own in materials if own.node_tree is not None]


def data_blocks(thing: bpy.types.Object) -> list[bpy.types.ID]:
    """All of an object that a take may move."""
    keys = getattr(thing.data, "shape_keys", None)
    found = [thing, thing.data, keys, *node_trees(thing)]
    return [own for own in found if own is not None]


def holder_of(objects: Sequence[bpy.types.Object]) -> bpy.types.Object:
    """The object that a character's mapping is stored on: its armature, or its first mesh."""
    settings = {own: character_settings(own) for own in objects}
    stored = [own for own in objects if settings[own].members or settings[own].rows]
    armatures = [own for own in objects if own.type == "ARMATURE"]
    return [*stored, *armatures, *objects][0]


def character_of(objects: Sequence[bpy.types.Object]) -> CharacterSettings:
    """What is stored with a character."""
    return character_settings(holder_of(objects))
