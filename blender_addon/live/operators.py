# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and stop what the character follows, take its rest, and record it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.live import ifacialmocap

from ..animation.animate import character, style_text
from ..animation.settings import AUTO, SPEAKS, chosen_settings, first_frame, scene_settings
from ..animation.sound import check_sound
from ..messages import message_of, told
from ..properties import properties
from ..redraw import redraw_panels
from ..state import state
from .receiver import LOOPBACK, SOURCES, SPOKEN, Receiver, check_address
from .recording import Rest
from .session import Live
from .settings import SPEAK, live_settings
from .spoken import Spoken
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
    rest = Rest.read(settings.rest)
    with ExitStack() as failing:
        if settings.source == SPEAK:
            request = speak_request(context.scene)
            receiver = Receiver(SPOKEN, 0)
            spoken = Spoken(Path(bpy.app.tempdir) / f"dreamtalk-spoken-{receiver.port}.pcm")
            failing.callback(receiver.close)
            service = state().service
            task = service.request("speak", port=receiver.port, heard=str(spoken.file), **request)
            failing.callback(service.cancel, task)
            # What we make ourselves rests at 0.
            live = Live(receiver, objects, None, task, lambda: service.cancel(task), spoken)
        else:
            # Who has switched the network off wants nothing from other machines.
            host = "" if bpy.app.online_access else LOOPBACK
            phone = check_address(settings.phone) if settings.source == "IFACIALMOCAP" else ""
            greeting = ifacialmocap.greeting()
            receiver = Receiver(SOURCES[settings.source], settings.port, host, phone, greeting)
            failing.callback(receiver.close)
            live = Live(receiver, objects, rest)
        failing.pop_all()
    return live


def speak_request(scene: bpy.types.Scene) -> dict[str, Any]:
    """Parameters of the worker's `speak`, from the settings. Raises DreamTalkError."""
    settings, sound = scene_settings(scene), live_settings(scene).sound
    # The feeling of what is yet to be said nobody can hear.
    style = "" if settings.style_from == AUTO else style_text(scene, first_frame(scene))
    return {
        "sound": str(check_sound(sound)) if sound.strip() else "",
        "style": style,
        "project": str(Path(bpy.data.filepath).parent) if bpy.data.filepath else "",
        **chosen_settings(settings, SPEAKS),
    }


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
        state().end_trial()
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
        try:
            self._play(context)
        except DreamTalkError as error:
            self._leave()
            return self._failed(error)
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
        self._leave()

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
                self._leave()
        except DreamTalkError as error:
            return self._failed(error)
        return self._apply()

    def _begin(self, context: bpy.types.Context) -> None:
        state().end_trial()
        self._sync = ExitStack()
        self._recording = Recording(running(), context, self.seconds)
        state().recording = self._recording

    def _leave(self) -> None:
        """Keep no more, and have the scene's playback as it was."""
        recording, state().recording = state().recording, None
        if recording is not None:
            recording.end()
        self._sync.close()
        redraw_panels()

    def _play(self, context: bpy.types.Context) -> None:
        """Play the scene along, at its true speed."""
        scene = context.scene
        if not self._recording.plays:
            return
        if context.screen.is_animation_playing:
            bpy.ops.screen.animation_cancel(restore_frame=False)
        scene.frame_set(self._recording.first)
        if scene.sync_mode == "NONE":
            self._sync.callback(setattr, scene, "sync_mode", scene.sync_mode)
            scene.sync_mode = "FRAME_DROP"
        bpy.ops.screen.animation_play()
        self._recording.begin_now()

    def _apply(self) -> set[str]:
        return finish(self, self._recording)

    def _failed(self, error: DreamTalkError) -> set[str]:
        self.report({"ERROR"}, message_of(error))
        return {"CANCELLED"}


def finish(operator: bpy.types.Operator, recording: Recording) -> set[str]:
    """Make the take of a recording that has ended. Where that cannot be, because a mesh is in edit
    mode, say, what was acted waits in the state."""
    state().recording = None
    try:
        take, frames = recording.apply()
    except DreamTalkError as error:
        operator.report({"ERROR"}, message_of(error))
        if any(own.frame.face for own in recording.arrivals):
            state().recording = recording
        return {"CANCELLED"}
    finally:
        redraw_panels()
    for problem in recording.problems:
        operator.report({"WARNING"}, told(problem))
    operator.report({"INFO"}, told(f"{take.name}: {frames} frames were recorded"))
    return {"FINISHED"}


class DREAMTALK_OT_stop_recording(bpy.types.Operator):
    bl_idname = "dreamtalk.stop_recording"
    bl_label = "Stop"
    bl_description = "End the recording, and make a take of it"
    bl_options: ClassVar[set[str]] = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        recording = state().recording
        if recording is None:
            return {"CANCELLED"}
        if recording.ended:
            return finish(self, recording)
        # The operator that records sees it, and makes the take.
        recording.stopped = True
        return {"CANCELLED"}


CLASSES = (
    DREAMTALK_OT_start_live,
    DREAMTALK_OT_stop_live,
    DREAMTALK_OT_take_rest,
    DREAMTALK_OT_record,
    DREAMTALK_OT_stop_recording,
)
