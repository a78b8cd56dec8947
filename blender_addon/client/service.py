# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the one worker of this Blender, which is started when it is first needed and polled
by a timer. Everything here belongs to the main thread."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..redraw import redraw_panels
from .choice import chosen_runtime, preferences
from .runtimes import Wheel
from .tasks import Cancelled, Task, WorkerError
from .worker import Worker

_EVERY = 0.1
_WAIT = 0.02
_LOOK = 5.0
_MODELLED = {"animate", "extract_style", "save_style", "speak", "styles"}
"""Methods that need a model; those and `track` need a device."""


class Service:
    """The worker and the tasks that it has been sent, for as long as the extension is registered.

    worker: None while there is none. timer: what Blender calls while there is a task.
    """

    def __init__(self, wheel: Wheel | None) -> None:
        """wheel: DreamTalk as it came with the extension."""
        self.worker: Worker | None = None
        # Blender tells timers apart by their identity, and `self._tick` is a new object each time.
        self.timer = self._tick
        self._wheel = wheel
        self._numbers = count(1)
        self._tasks: list[Task] = []  # those whose `done` has not been called
        self._shown: list[tuple[Any, ...]] = []
        self._looked = -math.inf, "", ""
        bpy.app.handlers.load_pre.append(self._before_load)

    def close(self) -> None:
        """Shut the worker down; Blender calls nothing of this any more."""
        bpy.app.handlers.load_pre.remove(self._before_load)
        self.stop()
        if bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.unregister(self.timer)

    def request(
        self, method: str, done: Callable[[Task], None] | None = None, **params: Any
    ) -> Task:
        """Send the worker a request, and start it first if need be; returns at once.

        method, params: see `dreamtalk_core/worker`; model and device are those of the
        preferences. None stands for a parameter that is left out. done: called once, when the task
        has finished in whatever way, from a timer or from `wait`.
        Raises WorkerError where there is no Python to run it in.
        """
        chosen = preferences()
        if method in _MODELLED | {"track"}:
            params = {"device": chosen.device, **params}
        if method in _MODELLED:
            own = bpy.path.abspath(chosen.model) if chosen.model else "default"
            params = {"model": own, **params}
        task = Task(next(self._numbers), method, done)
        worker = self._started()
        worker.add(task, {name: value for name, value in params.items() if value is not None})
        self._tasks.append(task)
        if not bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.register(self.timer, first_interval=_EVERY, persistent=True)
        return task

    def trouble(self) -> str:
        """Why no worker can be started, "" if one can; looked for every few seconds only, as a
        panel asks at every redraw."""
        now, named = time.monotonic(), preferences().python
        if named != self._looked[1] or now > self._looked[0] + _LOOK:
            try:
                chosen_runtime(self._wheel)
                trouble = ""
            except WorkerError as error:
                trouble = str(error)
            self._looked = now, named, trouble
        return self._looked[2]

    @property
    def doing(self) -> str:
        """What the worker is doing, in a word or two."""
        if self.worker is None:
            return "Starts when it is needed"
        if not self.worker.busy:
            return "Ready"
        return "Working" if self.worker.ready else "Starting DreamTalk"

    def poll(self) -> None:
        """Bring all tasks up to date, and call `done` of those that have finished."""
        if self.worker is not None:
            self.worker.poll()
        for task in [task for task in self._tasks if task.finished]:
            self._tasks.remove(task)
            if task.done is not None:
                task.done(task)

    def wait(self, task: Task, progress: Callable[[float], None] | None = None) -> dict[str, Any]:
        """The result of a task, once it is there; for where no timer fires.

        progress: called with 0 to 1. Whatever it raises, and an interrupt, cancels the task.
        Raises WorkerError if the task fails, Cancelled if it has been cancelled.
        """
        try:
            while not task.finished:
                time.sleep(_WAIT)
                self.poll()
                if progress is not None:
                    progress(task.progress)
        except BaseException:
            self.cancel(task)
            raise
        self.poll()
        if task.state == "CANCELLED":
            raise Cancelled("Cancelled.")
        if task.state == "FAILED":
            raise WorkerError(task.error)
        return task.result

    def cancel(self, task: Task) -> None:
        """Cancel a task at once; one that has finished stays as it is."""
        if self.worker is not None:
            self.worker.cancel(task)

    def running(self) -> tuple[Task, ...]:
        """The tasks that have not finished, oldest first."""
        return tuple(task for task in self._tasks if not task.finished)

    @property
    def folder(self) -> Path:
        """Where files of the worker are. It goes with the worker, also what that was writing."""
        return Path(bpy.app.tempdir, "dreamtalk")

    def stop(self) -> None:
        """Shut the worker down; what it was doing is cancelled. The next request starts another."""
        if self.worker is not None:
            self.worker.shut_down()
            self.worker = None
        self.poll()

    def _started(self) -> Worker:
        """The worker in the Python that the preferences name."""
        runtime = chosen_runtime(self._wheel)
        if self.worker is not None and self.worker.runtime != runtime:
            self.stop()
        if self.worker is None:
            self.worker = Worker(runtime, self.folder)
        return self.worker

    def _tick(self) -> float | None:
        before = self._tasks[:]  # also those that finish now
        try:
            self.poll()
        except Exception:  # of some `done`; Blender would drop the timer, and the other tasks too
            traceback.print_exc()
        shown = [(own.number, own.state, own.message, round(200 * own.progress)) for own in before]
        if shown != self._shown:
            self._shown = shown
            redraw_panels()
        return _EVERY if self._tasks or (self.worker is not None and self.worker.busy) else None

    @persistent
    def _before_load(self, *_: object) -> None:
        """What was requested belongs to the scene that goes away."""
        for task in self.running():
            self.cancel(task)
        self.poll()
