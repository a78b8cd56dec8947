# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the strips of a take lie, and how they are moved and lengthened."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from .actions import channels, owners_of, strips
from .take_settings import styles, take_settings
from .tracks import cover


def shift_of(take: bpy.types.Action) -> int:
    """By how many frames the take's strip has been moved since it was made."""
    return shifts_of(take)[0]


def shifts_of(take: bpy.types.Action) -> list[int]:
    """By how many frames each strip of a take and its style has been moved; [0] if none is left."""
    return all_shifts([take])[take]


def all_shifts(takes: Iterable[bpy.types.Action]) -> dict[bpy.types.Action, list[int]]:
    """What `shifts_of` each take is."""
    return {take: [_shift(own) for own in found] or [0] for take, found in _lying(takes).items()}


def _shift(strip: bpy.types.NlaStrip) -> int:
    return round(strip.frame_start - strip.action_frame_start)


def _lying(
    takes: Iterable[bpy.types.Action],
) -> dict[bpy.types.Action, list[bpy.types.NlaStrip]]:
    """The strips of each take, then those of its style. The tracks of a data-block are looked
    through once, however many takes lie there."""
    style, found = styles(), {}
    on: dict[bpy.types.ID, dict[bpy.types.Action, list[bpy.types.NlaStrip]]] = {}
    for take in takes:
        found[take] = mine = list[bpy.types.NlaStrip]()
        for action in (take, style[take]) if take in style else (take,):
            for owner in owners_of(action):
                if owner not in on:
                    on[owner] = {}
                    for strip in strips(owner):
                        on[owner].setdefault(strip.action, []).append(strip)
                mine += on[owner].get(action, [])
    return found


def move_take(take: bpy.types.Action, shift: int) -> None:
    """Put all strips of a take and its style where they are moved by so many frames in all."""
    for strip in _lying([take])[take]:
        if _shift(strip) != shift:
            strip.frame_start_ui = strip.frame_start + shift - _shift(strip)
    cover(owners_of(take))


def move_corrections(take: bpy.types.Action, frames: int) -> None:
    """Move the corrections of a take, those that are active too."""
    for owner in owners_of(take):
        for strip in strips(owner):
            if strip.action and _corrects(strip.action, take):
                strip.frame_start_ui = strip.frame_start + frames
        active = owner.animation_data.action
        for own in channels(active, owner) if active and _corrects(active, take) else ():
            for point in own.keyframe_points:
                point.co_ui.x += frames
            own.update()


def _corrects(action: bpy.types.Action, take: bpy.types.Action) -> bool:
    settings = take_settings(action)
    return settings.kind == "CORRECTION" and settings.take == take


def lengthen(take: bpy.types.Action) -> None:
    """Have the take's strips end where its keys do now; where they begin they stay."""
    for owner in owners_of(take):
        for strip in strips(owner):
            if strip.action == take:
                strip.action_frame_end = take.frame_range[1]
