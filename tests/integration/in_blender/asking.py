"""What checks of several files ask of an operator or begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy


def refusal(action: Callable[[], Any]) -> str:
    """What an operator reports that does not do what it is asked; fails if it does it."""
    try:
        action()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("it went through")


def sample_head(session: Any) -> Any:
    """The sample head in an empty scene; returns its mesh object."""
    session.install()
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    return bpy.context.object
