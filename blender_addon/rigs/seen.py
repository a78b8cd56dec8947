# SPDX-License-Identifier: GPL-3.0-or-later
"""The active character as panels need it at every redraw: looked for when something has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy
from bpy.app.handlers import persistent

from dreamtalk_core.errors import DreamTalkError

from ..state import state
from .characters import objects_of
from .doubts import doubts
from .motions import lack_of


def seen_objects(context: bpy.types.Context) -> list[bpy.types.Object]:
    """What `objects_of` found when something of the scene last changed. Raises the same."""
    active = context.active_object
    key = (
        "objects",
        context.scene.session_uid,
        active.session_uid if active else 0,
        len(context.selected_objects),
    )
    memory = state().seen
    if key not in memory:
        try:
            # By name: after an undo every object has another address.
            memory[key] = [_name(own) for own in objects_of(context)]
        except DreamTalkError as error:
            # As text: an error that is raised again and again keeps every frame that it went by.
            memory[key] = str(error)
    if isinstance(memory[key], str):
        raise DreamTalkError(memory[key])
    return [thing for name in memory[key] if (thing := bpy.data.objects.get(name)) is not None]


def seen_doubts(objects: Sequence[bpy.types.Object]) -> list[str]:
    """What `doubts` found when something of the scene last changed. Raises the same."""
    found: list[str] = _seen(doubts, objects)
    return found


def seen_lack(objects: Sequence[bpy.types.Object]) -> str:
    """What `lack_of` found when something of the scene last changed. Raises the same."""
    found: str = _seen(lack_of, objects)
    return found


def _seen(look: Callable[[Sequence[bpy.types.Object]], Any], objects: Sequence[Any]) -> Any:
    key = (look.__name__, *(own.session_uid for own in objects))
    memory = state().seen
    if key not in memory:
        memory[key] = look(objects)
    return memory[key]


def _name(thing: bpy.types.Object) -> str | tuple[str, str]:
    return thing.name if thing.library is None else (thing.name, thing.library.filepath)


@persistent
def _forget(*_: object) -> None:
    state().seen.clear()


_HANDLERS = ("depsgraph_update_post", "undo_post", "redo_post", "load_post")
"""A frame that is played changes no character, and calls none of them."""


def register() -> None:
    for name in _HANDLERS:
        getattr(bpy.app.handlers, name).append(_forget)


def unregister() -> None:
    for name in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(_forget)
