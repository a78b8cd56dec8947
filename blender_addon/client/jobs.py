# SPDX-License-Identifier: GPL-3.0-or-later
"""Work for several requests in a row, without blocking the interface: the motions of one or many
sounds. Nothing in the scene changes before all of them are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.temporaries import remove

from ..messages import told
from . import service
from .worker import Task

_EVERY = 0.1

Result = Motion | DreamTalkError
"""What comes of a wish."""

current: Job | None = None
"""The job that the panel shows."""


class Job:
    """Motions for a list of the worker's `animate` parameters, one after the other."""

    def __init__(self, wishes: Sequence[dict[str, Any]]) -> None:
        self.wishes = list(wishes)
        self.motions: list[Result] = []
        """What has come of the wishes so far."""
        self.warnings: list[str] = []
        """What was guessed on the way, for the user."""
        self.task: Task | None = None
        self.folder = Path(bpy.app.tempdir)

    @property
    def progress(self) -> float:
        """How much of all is done, 0 to 1."""
        now = self.task.progress if self.task else 0.0
        return min(1.0, (len(self.motions) + now) / max(1, len(self.wishes)))

    @property
    def message(self) -> str:
        """What it is doing."""
        now = self.task.message if self.task else "Starting DreamTalk"
        many = len(self.wishes)
        return now if many == 1 else f"{now} ({min(len(self.motions) + 1, many)}/{many})"

    def step(self) -> bool:
        """Go on; whether everything is there. Raises WorkerError where no worker can be started."""
        if self.task is None:
            if len(self.motions) == len(self.wishes):
                return True
            output = self.folder / f"dreamtalk-{id(self)}-{len(self.motions)}.npz"
            wish = self.wishes[len(self.motions)]
            self.task = service.request("animate", output=str(output), **wish)
            self.output = output
            return False
        service.poll()
        if self.task.finished:
            self.motions.append(self._taken())
            self.task = None
        return self.task is None and len(self.motions) == len(self.wishes)

    def _taken(self) -> Result:
        assert self.task is not None
        if self.task.state != "DONE":
            return DreamTalkError(self.task.error or "Cancelled.")
        self.warnings += self.task.warnings
        try:
            return Motion.load(self.output)
        except DreamTalkError as error:
            return error
        finally:
            remove(self.output)

    def run(self, progress: Callable[[float], None] | None = None) -> None:
        """Do all of it now. Whatever `progress` raises, and an interrupt, cancels."""
        try:
            while not self.step():
                if progress:
                    progress(self.progress)
                time.sleep(_EVERY / 5)
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Stop; nothing of it is left."""
        if self.task is not None:
            service.cancel(self.task)
            self.task = None
            remove(self.output)


def all_of(results: Sequence[Result]) -> list[Motion]:
    """The motions, all of them. Raises the first DreamTalkError there is."""
    for result in results:
        if isinstance(result, DreamTalkError):
            raise result
    return [result for result in results if isinstance(result, Motion)]


class JobOperator:
    """An operator that makes motions first and changes the scene at the end, in one step of undo.

    With a window it is modal, Esc or the panel's Cancel stops it; without one it waits.
    A subclass has `plan`, which looks at the scene and gives the wishes, and `apply`, which changes
    it; both raise DreamTalkError for what the user can mend.
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
        """Set off, and let the interface go on."""
        global current
        if current is not None:
            return self._failed(
                DreamTalkError("DreamTalk is busy. Wait, or stop it: the X beside its bar.")
            )
        try:
            self._job = Job(self.plan(context))
            self._job.step()
        except DreamTalkError as error:
            return self._failed(error)
        current = self._job
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" or current is not self._job:
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
            self._job = Job(self.plan(context))
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
        global current
        context.window_manager.event_timer_remove(self._timer)
        if current is self._job:
            current = None
        redraw(context)

    def _failed(self, error: DreamTalkError) -> set[str]:
        self.report({"ERROR"}, told(error))
        return {"CANCELLED"}


class DREAMTALK_OT_cancel(bpy.types.Operator):
    bl_idname = "dreamtalk.cancel"
    bl_label = "Cancel"
    bl_description = "Stop what DreamTalk is doing; the scene stays as it was"

    def execute(self, context: bpy.types.Context) -> set[str]:
        global current
        # The modal operator sees that its job is no longer the one, and stops it.
        current = None
        for task in service.running():
            service.cancel(task)
        return {"FINISHED"}


def redraw(context: bpy.types.Context) -> None:
    """Have every area drawn again: a panel does not notice by itself that a bar has moved."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()


CLASSES = (DREAMTALK_OT_cancel,)


def unregister() -> None:
    global current
    if current is not None:
        current.cancel()
        current = None
