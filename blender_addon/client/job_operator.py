# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that need motions first. Nothing in the scene changes before all of them are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion

from ..messages import message_of, told
from ..properties import properties
from ..redraw import redraw_panels
from ..state import state
from .jobs import Job, Result

_EVERY = 0.1

Kept = TypeVar("Kept", bound=bpy.types.ID)


class JobOperator:
    """An operator that makes motions first and changes the scene at the end, in one step of undo.

    With a window it is modal, Esc or the panel's Cancel stops it; without one it waits.
    A subclass has `plan`, which looks at the scene and gives the requests, and `apply`, which
    changes `scene`: the one that it began in, whichever is shown by then. Both raise DreamTalkError
    for what the user can mend.
    """

    if TYPE_CHECKING:
        report: Callable[[set[str], str], None]

    method = "animate"
    """What the worker is asked for."""

    def read(self, path: Path) -> Any:
        """The file that it writes."""
        return Motion.load(path)

    def plan(self, context: bpy.types.Context) -> list[dict[str, Any]]:
        raise NotImplementedError

    def apply(self, context: bpy.types.Context, results: Sequence[Result]) -> None:
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.execute(context) if bpy.app.background else self.begin(context)

    def begin(self, context: bpy.types.Context) -> set[str]:
        """Start, and let the interface go on."""
        if state().job is not None:
            return self._failed(
                DreamTalkError("DreamTalk is busy. Wait, or stop it: the X beside its bar.")
            )
        try:
            self._plan(context)
            self._job.step()
        except DreamTalkError as error:
            return self._failed(error)
        state().job = self._job
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        # Esc that stops playback is not meant for this.
        stopped = event.type == "ESC" and not context.screen.is_animation_playing
        if stopped or state().job is not self._job:
            self._job.cancel()
            self._end(context)
            self.report({"INFO"}, told("Cancelled; nothing has changed"))
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        with ExitStack() as ending:
            ending.callback(self._end, context)
            try:
                if not self._job.step():
                    ending.pop_all()
                    self._show()
                    return {"PASS_THROUGH"}
                self._apply(context)
            except DreamTalkError as error:
                return self._failed(error)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self._plan(context)
            self._job.run()
            self._apply(context)
        except DreamTalkError as error:
            return self._failed(error)
        return {"FINISHED"}

    @property
    def scene(self) -> bpy.types.Scene:
        """The scene that this began in. Raises DreamTalkError where it has gone."""
        return kept(bpy.data.scenes, [self._scene])[0]

    def _plan(self, context: bpy.types.Context) -> None:
        state().end_trial()
        live = state().live
        if live is not None and live.listens:
            # The worker does one thing at a time.
            raise DreamTalkError("DreamTalk is listening. Press Stop Live first.")
        self._scene, self._shown = context.scene.session_uid, (-1, "")
        self._job = Job(self.plan(context), state().service, self.method, self.read)

    def _show(self) -> None:
        shown = round(200 * self._job.progress), self._job.message
        if shown != self._shown:
            self._shown = shown
            redraw_panels()

    def _apply(self, context: bpy.types.Context) -> None:
        state().end_trial()
        self.apply(context, self._job.motions)
        for warning in dict.fromkeys(self._job.warnings):
            self.report({"WARNING"}, told(warning))

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends all modal operators, as when another file is opened."""
        self._job.cancel()
        self._end(context)

    def _end(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        if state().job is self._job:
            state().job = None
        redraw_panels()

    def _failed(self, error: DreamTalkError) -> set[str]:
        self.report({"ERROR"}, message_of(error))
        return {"CANCELLED"}


def kept(things: Iterable[Kept], uids: Sequence[int]) -> list[Kept]:
    """The data-blocks of these `session_uid`s: an undo gives them other addresses, a user other
    names. Raises DreamTalkError where one has gone."""
    found = {own.session_uid: own for own in things}
    if not found.keys() >= set(uids):
        raise DreamTalkError(
            "What was to be animated has been deleted meanwhile. Nothing has changed."
        )
    return [found[uid] for uid in uids]


@properties()
class DREAMTALK_OT_cancel(bpy.types.Operator):
    bl_idname = "dreamtalk.cancel"
    bl_label = "Cancel"
    bl_description = "Stop what this bar shows; the scene stays as it was"

    what: str = bpy.props.EnumProperty(
        items=[("JOB", "Job", ""), ("STYLES", "Styles", "")], options={"HIDDEN"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        own = state()
        if self.what == "STYLES":
            if own.styles.task is not None:
                own.service.cancel(own.styles.task)
        elif own.job is not None:
            own.job.cancel()
            # The modal operator sees that its job is no longer the one, and ends.
            own.job = None
        redraw_panels()
        return {"FINISHED"}


CLASSES = (DREAMTALK_OT_cancel,)
