# SPDX-License-Identifier: GPL-3.0-or-later
"""A take and its sound in the sequencer, kept together: where one is moved, the other goes along.

A strip points at its take, and the take remembers where both were, so whichever has moved since
leads, and an undo undoes both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
from bpy.app.handlers import persistent

from ..state import state
from .moving import all_shifts, move_corrections, move_take, shift_of
from .sound import sound_strips
from .take_settings import take_settings


def bind(take: bpy.types.Action, strip: bpy.types.Strip, at: int | None = None) -> None:
    """Keep a take with a sound strip. at: the frame of the sound's second 0 that the take was made
    for; None: where it is now."""
    strip.dreamtalk_take = take
    settings = take_settings(take)
    settings.sound_at = round(strip.frame_start) if at is None else at
    settings.moved = shift_of(take)


def bound(take: bpy.types.Action, scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """The sound strips that a take is kept with: several, where one was split or copied."""
    return [own for own in sound_strips(scene) if own.dreamtalk_take == take]


def keep_together(scene: bpy.types.Scene) -> None:
    """Move what has been left behind since the last time."""
    found: dict[bpy.types.Action, list[bpy.types.Strip]] = {}
    for strip in sound_strips(scene):
        if strip.dreamtalk_take is not None:
            found.setdefault(strip.dreamtalk_take, []).append(strip)
    for take, shifts in all_shifts(found).items():
        _keep(take, found[take], shifts)


def _keep(take: bpy.types.Action, strips: Sequence[bpy.types.Strip], shifts: Sequence[int]) -> None:
    settings = take_settings(take)
    # Of a strip that was split or copied the part that stays holds the take.
    strip = min(strips, key=lambda own: abs(own.frame_start - settings.sound_at))
    by = round(strip.frame_start) - settings.sound_at
    if by:
        shift = settings.moved + by
        move_corrections(take, by)
    else:
        shift = next((own for own in shifts if own != settings.moved), settings.moved)
        if shift == settings.moved:
            return
        strip.frame_start += shift - settings.moved
    move_take(take, shift)
    settings.sound_at, settings.moved = round(strip.frame_start), shift


@contextmanager
def apart() -> Iterator[None]:
    """For as long as the block lasts, takes move without their sounds."""
    state().together = False
    try:
        yield
    finally:
        state().together = True


@persistent
def _changed(scene: bpy.types.Scene, *_: object) -> None:
    if state().together:
        keep_together(scene)


def register() -> None:
    bpy.types.Strip.dreamtalk_take = bpy.props.PointerProperty(type=bpy.types.Action)
    bpy.app.handlers.depsgraph_update_post.append(_changed)


def unregister() -> None:
    bpy.app.handlers.depsgraph_update_post.remove(_changed)
    del bpy.types.Strip.dreamtalk_take
