# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences: which Python makes motions, on what device, with which model."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bpy

from dreamtalk_core.errors import DreamTalkError

from .. import PACKAGE
from ..client.choice import chosen_runtime, no_install, own_environment
from ..client.installation import Installation
from ..client.tasks import WorkerError
from ..client.worker import HELLO
from ..messages import draw_message, draw_online, message_of, told
from ..properties import properties
from ..redraw import redraw_panels
from ..state import state

_EVERY = 0.2


@properties()
class DREAMTALK_Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    python: str = bpy.props.StringProperty(
        name="Python",
        description=(
            "A Python that has DreamTalk, or the folder of a ComfyUI with the DreamTalk nodes, of "
            "DreamTalk itself, or of a virtual environment. Empty: look for one"
        ),
        subtype="FILE_PATH",
    )
    device: str = bpy.props.StringProperty(
        name="Device",
        description="What computes: auto, cpu, cuda, cuda:1 or mps",
        default="auto",
    )
    model: str = bpy.props.StringProperty(
        name="Model",
        description="The file of a model of your own. Empty: the one that comes with DreamTalk",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "python")
        try:
            runtime = chosen_runtime(state().wheel)
        except WorkerError as error:
            draw_message(layout, context, message_of(error), "INFO")
        else:
            layout.label(text=str(runtime.python), icon="CHECKMARK", translate=False)
        row = layout.row()
        row.operator(DREAMTALK_OT_check_worker.bl_idname, icon="PLAY")
        if not no_install(state().wheel):
            draw_online(row)
            row.operator(DREAMTALK_OT_install_worker.bl_idname, icon="IMPORT")
        installation = state().installation
        if installation is not None:
            draw_message(layout, context, installation.message, "SORTTIME")
        layout.prop(self, "device")
        layout.prop(self, "model")


class DREAMTALK_OT_check_worker(bpy.types.Operator):
    bl_idname = "dreamtalk.check_worker"
    bl_label = "Check"
    bl_description = "Start the chosen Python and ask which DreamTalk it has"

    def execute(self, context: bpy.types.Context) -> set[str]:
        service = state().service
        try:
            service.stop()
            answer = service.wait(service.request("hello", **HELLO))
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        self.report({"INFO"}, told(f"DreamTalk {answer['version']}, Python {answer['python']}"))
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
        if why := no_install(state().wheel):
            cls.poll_message_set(why)
            return False
        if not bpy.app.online_access:
            cls.poll_message_set("Tick Allow Online Access in the System preferences first")
            return False
        if state().installation is not None:
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
            state().cancel_installation()
            self.report({"INFO"}, told("Stopped; nothing was installed"))
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        elif not self._advance():
            redraw_panels()
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        redraw_panels()
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Another file is opened, or Blender quits."""
        state().cancel_installation()
        context.window_manager.event_timer_remove(self._timer)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self._begin():
            return {"CANCELLED"}
        try:
            while not self._advance():
                time.sleep(_EVERY)
        except BaseException:
            state().cancel_installation()
            raise
        return {"FINISHED"} if self._good else {"CANCELLED"}

    def _begin(self) -> bool:
        own = state()
        self._good = False
        assert own.wheel is not None  # or `poll` is False
        try:
            own.installation = Installation(Path(sys.executable), own.wheel, own_environment())
        except (OSError, WorkerError) as error:
            self.report({"ERROR"}, message_of(error))
            return False
        return True

    def _advance(self) -> bool:
        """Go on with it; whether it has come to an end, good or bad."""
        own = state()
        try:
            if own.installation is not None and not own.installation.poll():
                return False
        except WorkerError as error:
            self.report({"ERROR"}, message_of(error))
        else:
            self._good = own.installation is not None
            if self._good:
                self.report({"INFO"}, told("DreamTalk is installed."))
        own.installation = None
        return True


CLASSES = (DREAMTALK_Preferences, DREAMTALK_OT_check_worker, DREAMTALK_OT_install_worker)
