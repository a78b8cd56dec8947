# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that runs the worker: named in the preferences, or found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .. import PACKAGE
from .process import Runtime
from .runtimes import Wheel, runtime_at, usual_runtime
from .tasks import WorkerError

if TYPE_CHECKING:
    from ..ui.preferences import DREAMTALK_Preferences


def preferences() -> DREAMTALK_Preferences:
    """This extension's preferences."""
    own: DREAMTALK_Preferences = bpy.context.preferences.addons[PACKAGE].preferences
    return own


def own_environment() -> Path:
    """Where the environment of this extension is, or would be."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True), "python")


def no_install(wheel: Wheel | None) -> str:
    """Why Install cannot make an environment of the shipped wheel, whatever the connection; "" if
    it can."""
    if wheel is None:
        return "This copy of the extension lacks DreamTalk. Install the extension again"
    return wheel.misfit(sys.version_info[:2])


def chosen_runtime(wheel: Wheel | None) -> Runtime:
    """The Python that the preferences name, or one that is found.

    wheel: the shipped one, or None. Raises WorkerError.
    """
    named = preferences().python.strip()
    if not named:
        found = usual_runtime(own_environment())
        if found is None:
            if why := no_install(wheel):
                raise WorkerError(
                    "No Python with DreamTalk was found. In the preferences of DreamTalk name one, "
                    "or a ComfyUI that has the DreamTalk nodes. None can be installed here. "
                    f"{why}."
                )
            raise WorkerError(
                "No Python with DreamTalk was found. Press Install, or name one, or a ComfyUI that "
                "has the DreamTalk nodes, in the preferences of DreamTalk."
            )
        return found
    place = Path(bpy.path.abspath(named))
    found = runtime_at(place)
    if found is None:
        if place.is_dir():
            raise WorkerError(
                f"{place} holds no Python. In the preferences of DreamTalk name a Python that has "
                "DreamTalk, or a ComfyUI that has the DreamTalk nodes."
            )
        raise WorkerError(
            f"{place} does not exist. In the preferences of DreamTalk name a Python that has "
            "DreamTalk, or a ComfyUI that has the DreamTalk nodes."
        )
    return found
