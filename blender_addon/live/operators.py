# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and stop what the character follows, take its rest, and record it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.live import ifacialmocap

from ..animation.animate import character
from ..messages import message_of, told
from ..properties import properties
from ..redraw import redraw_panels
from ..state import state
from .receiver import LOOPBACK, SOURCES, Receiver, check_address
from .recording import Rest
from .session import Live
from .settings import live_settings
from .takes import Recording

_EVERY, _WAIT = 0.1, 0.004


class DREAMTALK_OT_start_live(bpy.types.Operator):
    bl_idname = "dreamtalk.start_live"
    bl_label = "Start Live"
    bl_description = "Have the character follow the face that is sent; nothing is stored"

    def execute(self, context: bpy.types.Context) -> set[str]:
        own = state()
        own.end_trial()
        own.end_live()
        try:
            own.live = start(context)
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def start(context: bpy.types.Context) -> Live:
    """The active character follows what the settings name. Raises DreamTalkError."""
    settings, objects = live_settings(context.scene), character(context)
    # Who has switched the network off wants nothing from other machines.
    host = "" if bpy.app.online_access else LOOPBACK
    phone = check_address(settings.phone) if settings.source == "IFACIALMOCAP" else ""
    receiver = Receiver(
        SOURCES[settings.source], settings.port, host, phone, ifacialmocap.greeting()
    )
    with ExitStack() as failing:
        failing.callback(receiver.close)
        live = Live(receiver, objects, Rest.read(settings.rest))
        failing.pop_all()
    return live


class DREAMTALK_OT_stop_live(bpy.types.Operator):
    bl_idname = "dreamtalk.stop_live"
    bl_label = "Stop Live"
    bl_description = "Follow nothing any more; the character is as it was before"

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_live()
        redraw_panels()
        return {"FINISHED"}


@properties()
class DREAMTALK_OT_take_rest(bpy.types.Operator):
    bl_idname = "dreamtalk.take_rest"
    bl_label = "Take Rest"
    bl_description = (
        "What the actor's face has shown for the last second counts as rest from now on, and is "
        "taken off: look straight ahead, with a face at rest"
    )
    bl_options: ClassVar[set[str]] = {"UNDO"}

    forget: bool = bpy.props.BoolProperty(name="Forget", options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings, live = live_settings(context.scene), state().live
        try:
            if self.forget:
                settings.rest = ""
            else:
                settings.rest = Rest.of(running().recent_motion()).text()
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        if live is not None:
            live.rest = Rest.read(settings.rest)
        return {"FINISHED"}


def running() -> Live:
    """What the character follows. Raises DreamTalkError where it follows nothing."""
    live = state().live
    if live is None or not live.running:
        raise DreamTalkError("Nothing is received yet. Press Start Live first.")
    return live


@properties()
class DREAMTALK_OT_record(bpy.types.Operator):
    bl_idname = "dreamtalk.record"
    bl_label = "Record"
    bl_description = (
        "Keep every frame that comes from now on, until Esc or Stop: a new take, or the frames of "
        "the range in the chosen one"
    )
    bl_options: ClassVar[set[str]] = {"UNDO"}

    seconds: float = bpy.props.FloatProperty(
        name="Seconds", description="How long it is to be; 0: until it is stopped", min=0.0
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.window is None or bpy.app.background:
            return self.execute(context)
        try:
            self._begin(context)
        except DreamTalkError as error:
            return self._failed(error)
        self._play(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        recording, playing = self._recording, context.screen.is_animation_playing
        ended = recording.over or (recording.plays and not playing)
        # What has been acted is kept: nobody acts it again just so. An undo takes it away.
        if event.type != "ESC" and not (event.type == "TIMER" and ended):
            return {"PASS_THROUGH"}
        self.cancel(context)
        if recording.plays and playing:
            bpy.ops.screen.animation_cancel(restore_frame=False)
        return self._apply()

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends all modal operators, as when another file is opened."""
        context.window_manager.event_timer_remove(self._timer)
        self._sync.close()
        self._recording.end()
        state().recording = None
        redraw_panels()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Without a window: wait for it to be over."""
        try:
            self._begin(context)
            recording = self._recording
            try:
                if not recording.ends:
                    raise DreamTalkError("Say for how many seconds to record: seconds=10.")
                while not recording.over:
                    recording.live.poll()
                    time.sleep(_WAIT)
            finally:
                recording.end()
                state().recording = None
        except DreamTalkError as error:
            return self._failed(error)
        return self._apply()

    def _begin(self, context: bpy.types.Context) -> None:
        state().end_trial()
        self._recording = Recording(running(), context, self.seconds)
        state().recording = self._recording

    def _play(self, context: bpy.types.Context) -> None:
        """Play the scene along, at its true speed."""
        self._sync, scene = ExitStack(), context.scene
        if not self._recording.plays:
            return
        if context.screen.is_animation_playing:
            bpy.ops.screen.animation_cancel(restore_frame=False)
        scene.frame_set(self._recording.first)
        if scene.sync_mode == "NONE":
            self._sync.callback(setattr, scene, "sync_mode", scene.sync_mode)
            scene.sync_mode = "FRAME_DROP"
        bpy.ops.screen.animation_play()
        self._recording.started = time.monotonic()

    def _apply(self) -> set[str]:
        try:
            take, frames = self._recording.apply()
        except DreamTalkError as error:
            return self._failed(error)
        self.report({"INFO"}, told(f"{take.name}: {frames} frames were recorded"))
        return {"FINISHED"}

    def _failed(self, error: DreamTalkError) -> set[str]:
        self.report({"ERROR"}, message_of(error))
        return {"CANCELLED"}


class DREAMTALK_OT_stop_recording(bpy.types.Operator):
    bl_idname = "dreamtalk.stop_recording"
    bl_label = "Stop"
    bl_description = "End the recording, and make a take of it"

    def execute(self, context: bpy.types.Context) -> set[str]:
        recording = state().recording
        if recording is not None:
            # The operator that records sees it, and makes the take.
            recording.stopped = True
        return {"FINISHED"}


CLASSES = (
    DREAMTALK_OT_start_live,
    DREAMTALK_OT_stop_live,
    DREAMTALK_OT_take_rest,
    DREAMTALK_OT_record,
    DREAMTALK_OT_stop_recording,
)
