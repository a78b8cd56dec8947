# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that need motions first. Nothing in the scene changes before all of them are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import bpy

from dreamtalk_core.errors import DreamTalkError

from ..messages import message_of
from ..state import state
from .jobs import Job, Result

_EVERY = 0.1


class JobOperator:
    """An operator that makes motions first and changes the scene at the end, in one step of undo.

    With a window it is modal, Esc or the panel's Cancel stops it; without one it waits.
    A subclass has `plan`, which looks at the scene and gives the requests, and `apply`, which
    changes it; both raise DreamTalkError for what the user can mend.
    """

    if TYPE_CHECKING:
        report: Callable[[set[str], str], None]

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
            self._job = Job(self.plan(context), state().service)
            self._job.step()
        except DreamTalkError as error:
            return self._failed(error)
        state().job = self._job
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" or state().job is not self._job:
            self._job.cancel()
            self._end(context)
            self.report({"INFO"}, "Cancelled; nothing has changed")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        with ExitStack() as ending:
            ending.callback(self._end, context)
            try:
                if not self._job.step():
                    ending.pop_all()
                    redraw(context)
                    return {"PASS_THROUGH"}
                self._apply(context)
            except DreamTalkError as error:
                return self._failed(error)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self._job = Job(self.plan(context), state().service)
            self._job.run()
            self._apply(context)
        except DreamTalkError as error:
            return self._failed(error)
        return {"FINISHED"}

    def _apply(self, context: bpy.types.Context) -> None:
        self.apply(context, self._job.motions)
        for warning in dict.fromkeys(self._job.warnings):
            self.report({"WARNING"}, warning)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends all modal operators, as when another file is opened."""
        self._job.cancel()
        self._end(context)

    def _end(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        if state().job is self._job:
            state().job = None
        redraw(context)

    def _failed(self, error: DreamTalkError) -> set[str]:
        self.report({"ERROR"}, message_of(error))
        return {"CANCELLED"}


class DREAMTALK_OT_cancel(bpy.types.Operator):
    bl_idname = "dreamtalk.cancel"
    bl_label = "Cancel"
    bl_description = "Stop what DreamTalk is doing; the scene stays as it was"

    def execute(self, context: bpy.types.Context) -> set[str]:
        own = state()
        # The modal operator sees that its job is no longer the one, and stops it.
        own.job = None
        for task in own.service.running():
            own.service.cancel(task)
        return {"FINISHED"}


def redraw(context: bpy.types.Context) -> None:
    """Have every area drawn again: a panel does not notice by itself that a bar has moved."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()


CLASSES = (DREAMTALK_OT_cancel,)
