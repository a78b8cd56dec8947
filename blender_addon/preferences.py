# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences: which Python makes motions, on what device, with which model."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import bpy

from dreamtalk_core.errors import DreamTalkError

from .installation import Installation
from .messages import say, told
from .runtimes import misfit, runtime_at, usual_runtime
from .worker import HELLO, Runtime, WorkerError

_EVERY = 0.2
_installation: Installation | None = None


class DREAMTALK_Preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    python: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Python",
        description=(
            "A Python that has DreamTalk, or the folder of a ComfyUI with the DreamTalk nodes, of "
            "DreamTalk itself, or of a virtual environment. Empty: look for one"
        ),
        subtype="FILE_PATH",
    )
    device: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Device",
        description="What computes: auto, cpu, cuda, cuda:1 or mps",
        default="auto",
    )
    model: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Model",
        description="The file of a model of your own. Empty: the one that comes with DreamTalk",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "python")
        try:
            runtime = chosen_runtime()
        except WorkerError as error:
            say(layout, context, told(error), "INFO")
        else:
            layout.label(text=str(runtime.python), icon="CHECKMARK", translate=False)
        row = layout.row()
        row.operator(DREAMTALK_OT_check_worker.bl_idname, icon="PLAY")
        if not no_install():
            row.operator(DREAMTALK_OT_install_worker.bl_idname, icon="IMPORT")
        if _installation is not None:
            layout.label(text=_installation.message, icon="SORTTIME", translate=False)
        layout.prop(self, "device")
        layout.prop(self, "model")


class DREAMTALK_OT_check_worker(bpy.types.Operator):
    bl_idname = "dreamtalk.check_worker"
    bl_label = "Check"
    bl_description = "Start the chosen Python and ask which DreamTalk it has"

    def execute(self, context: bpy.types.Context) -> set[str]:
        from . import service

        try:
            service.stop()
            known = service.wait(service.request("hello", **HELLO))
        except DreamTalkError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"DreamTalk {known['version']}, Python {known['python']}")
        return {"FINISHED"}


class DREAMTALK_OT_install_worker(bpy.types.Operator):
    bl_idname = "dreamtalk.install_worker"
    bl_label = "Install"
    bl_description = (
        "Make a Python environment with DreamTalk and PyTorch in this extension's own folder. "
        "Downloads up to 4 GB; Esc stops it"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if why := no_install():
            cls.poll_message_set(why)
            return False
        if not bpy.app.online_access:
            cls.poll_message_set("Tick Allow Online Access in the System preferences first")
            return False
        if _installation is not None:
            cls.poll_message_set("It is being installed")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.window is None:
            return self.execute(context)
        if not self._begin():
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC":
            stop_installation()
            self.report({"INFO"}, "Stopped; nothing was installed")
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        elif not self._advance():
            for area in context.screen.areas:
                area.tag_redraw()
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened, or Blender quits."""
        stop_installation()
        context.window_manager.event_timer_remove(self._timer)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self._begin():
            return {"CANCELLED"}
        try:
            while not self._advance():
                time.sleep(_EVERY)
        except BaseException:
            stop_installation()
            raise
        return {"FINISHED"} if self._good else {"CANCELLED"}

    def _begin(self) -> bool:
        global _installation
        self._good = False
        wheel = _wheel()
        assert wheel is not None  # or `poll` would have said so
        try:
            _installation = Installation(Path(sys.executable), wheel, own_environment())
        except (OSError, WorkerError) as error:
            self.report({"ERROR"}, told(error))
            return False
        return True

    def _advance(self) -> bool:
        """Go on with it; whether it has come to an end, good or bad."""
        global _installation
        try:
            if _installation is not None and not _installation.poll():
                return False
        except WorkerError as error:
            self.report({"ERROR"}, told(error))
        else:
            self._good = _installation is not None
            if self._good:
                self.report({"INFO"}, "DreamTalk is installed")
        _installation = None
        return True


CLASSES = (DREAMTALK_Preferences, DREAMTALK_OT_check_worker, DREAMTALK_OT_install_worker)


def preferences() -> Any:
    """This extension's preferences."""
    return bpy.context.preferences.addons[__package__].preferences


def own_environment() -> Path:
    """Where the environment of this extension is, or would be."""
    return Path(bpy.utils.extension_path_user(__package__, create=True), "python")


def no_install() -> str:
    """Why Install cannot make an environment, whatever the connection; "" if it can."""
    wheel = _wheel()
    if wheel is None:
        return "This copy of the extension lacks DreamTalk. Install the extension again"
    return misfit(sys.version_info[:2], wheel)


def _wheel() -> Path | None:
    """DreamTalk for the worker's Python, as it came with the extension."""
    return next(Path(__file__).with_name("worker").glob("*.whl"), None)


def chosen_runtime() -> Runtime:
    """The Python that the preferences name, or one that is found. Raises WorkerError."""
    named = preferences().python.strip()
    if not named:
        found = usual_runtime(own_environment())
        if found is None:
            why = no_install()
            install = f". None can be installed here. {why}." if why else "; or press Install."
            raise WorkerError(
                "No Python with DreamTalk was found. In the preferences of DreamTalk name one, or "
                f"a ComfyUI that has the DreamTalk nodes{install}"
            )
        return found
    place = Path(bpy.path.abspath(named))
    found = runtime_at(place)
    if found is None:
        what = "holds no Python" if place.is_dir() else "does not exist"
        raise WorkerError(
            f"{place} {what}. In the preferences of DreamTalk name a Python that has DreamTalk, or "
            "a ComfyUI that has the DreamTalk nodes."
        )
    return found


def stop_installation() -> None:
    """End it, if it runs; what there is of it goes."""
    global _installation
    if _installation is not None:
        _installation.cancel()
        _installation = None


def unregister() -> None:
    stop_installation()
