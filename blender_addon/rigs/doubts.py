# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a face with a take may still not move, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bpy

from dreamtalk_core.retarget import Mapping
from dreamtalk_core.retarget.schemes import words as part_words
from dreamtalk_core.retarget.visemes import VISEMES

from .bones import bone_path, jaw_bone
from .characters import character_of, holder_of
from .custom import driven_keys
from .reach import hangs_on, still_keys
from .shape_keys import has_keys
from .targets import mapping_of, places, speaks

_SHOWN = 6
_PARTS = {"teeth", "tooth", "tongue", "beard", "moustache", "mustache", "gums", "denture", "mouth"}
"""Words in the names of meshes that have to follow the jaw."""


def doubts(objects: Sequence[bpy.types.Object]) -> list[str]:
    """All that is found, the worst first. Raises DreamTalkError where the mapping is not valid."""
    if not objects:
        return []
    mapping = mapping_of(objects)
    meshes = [thing for thing in objects if has_keys(thing)]
    # Drivers of our own pass on what takes do to the controller.
    ours = character_of(objects).controller is not None
    wanted = set() if ours else set(mapping.targets)
    found = [line for thing in meshes for line in _switched_off(thing, wanted)]
    return [*found, *_mouth(objects, mapping), *_sliders(meshes, mapping), *_parts(objects)]


def _switched_off(thing: bpy.types.Object, wanted: set[str]) -> Iterator[str]:
    """wanted: keys that takes move by themselves."""
    keys = thing.data.shape_keys
    if thing.show_only_shape_key:
        yield f"'{thing.name}' shows only its active shape key (the pin): unpin it."
    if not keys.use_relative:
        yield f"The shape keys of '{thing.name}' are not relative: switch Relative on."
    muted = [block.name for block in keys.key_blocks if block.mute]
    if muted:
        yield f"Muted shape keys of '{thing.name}': {_listed(muted)}."
    driven = driven_keys([thing]) & wanted
    if driven:
        yield f"{len(driven)} shape keys of '{thing.name}' have drivers, which win."


def _mouth(objects: Sequence[bpy.types.Object], mapping: Mapping) -> Iterator[str]:
    """Whether the mouth opens, and what of it moves nothing."""
    still = still_keys(objects)
    there = [row for row in mapping.rows if places(row.target, objects)]
    empty = [row.target for row in there if row.target in still]
    moving = [row for row in there if row.target not in still]
    if empty:
        yield (
            f"These shape keys move no vertex: {_listed(empty)}. Give them a shape, or take their "
            "rows out of the mapping."
        )
    if there and not any(row.source == "jawOpen" or row.source in VISEMES for row in moving):
        yield (
            f"Nothing opens the mouth of '{holder_of(objects).name}'. Add rows to its mapping: "
            "jawOpen with a shape key or the jaw bone, or visemes."
        )


def _sliders(meshes: Sequence[bpy.types.Object], mapping: Mapping) -> Iterator[str]:
    """Keys that cannot go as far as the mapping wants them to."""
    wanted: dict[str, float] = {}
    for row in mapping.rows:
        wanted[row.target] = wanted.get(row.target, 0.0) + max(row.scale, 0.0) + row.offset
    for thing in meshes:
        for block in thing.data.shape_keys.key_blocks:
            far = min(wanted.get(block.name, 0.0), 1.0)
            if block.slider_max < 0.99 * far:
                yield (
                    f"The slider of {block.name} of '{thing.name}' ends at "
                    f"{block.slider_max:g}. Set its Range Max to {far:g}."
                )


def _parts(objects: Sequence[bpy.types.Object]) -> Iterator[str]:
    """Teeth, tongue and beard that stay where they are while the jaw opens."""
    armatures = [own for own in objects if own.type == "ARMATURE"]
    jaws = [(own, jaw) for own in armatures if (jaw := jaw_bone(own)) is not None]
    mapping = mapping_of(objects)
    for thing in objects:
        if thing.type != "MESH" or not _PARTS & set(part_words(thing.name)):
            continue
        if has_keys(thing) and speaks([thing], mapping):
            continue
        bone = next((jaw for own, jaw in jaws if hangs_on(thing, own, jaw)), None)
        if bone is None:
            yield (
                f"'{thing.name}' does not follow the jaw: it has no shape key for it, and no jaw "
                "bone moves it."
            )
        elif not any(row.target.startswith(bone_path(bone)) for row in mapping.rows):
            yield (
                f"'{thing.name}' follows the bone {bone}, which no take turns, as it moves the "
                "face too. Add a row to the mapping: jawOpen with a rotation of that bone."
            )


def _listed(names: Sequence[str]) -> str:
    """Some names, and how many there are more."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" (+ {more})" if more > 0 else "")
