# SPDX-License-Identifier: GPL-3.0-or-later
"""The one worker of this Blender: started when it is first needed, polled by a timer, ended with
the extension. Everything here belongs to the main thread."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from .choice import chosen_runtime, preferences
from .worker import Cancelled, Task, Worker, WorkerError

_EVERY = 0.1
_WAIT = 0.02
_MODELLED = {"animate", "extract_style", "save_style", "styles"}
"""Methods that need a model; those and `track` need a device."""

_numbers = count(1)
_worker: Worker | None = None
_tasks: list[Task] = []
"""Those whose `done` has not been called."""


def request(method: str, done: Callable[[Task], None] | None = None, **params: Any) -> Task:
    """Ask the worker for something, and start it first if need be; returns at once.

    method, params: see `dreamtalk_core/worker`; model and device are those of the preferences.
    None stands for a parameter that is left out. done: called once, when the task has finished in
    whatever way, from a timer or from `wait`.
    Raises WorkerError where there is no Python to run it in.
    """
    chosen = preferences()
    if method in _MODELLED | {"track"}:
        params = {"device": chosen.device, **params}
    if method in _MODELLED:
        own = bpy.path.abspath(chosen.model) if chosen.model else "default"
        params = {"model": own, **params}
    task = Task(next(_numbers), method, done)
    _running().ask(task, {name: value for name, value in params.items() if value is not None})
    _tasks.append(task)
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_EVERY, persistent=True)
    return task


def poll() -> None:
    """Bring all tasks up to date, and tell those who wait for the ones that have finished."""
    if _worker is not None:
        _worker.poll()
    for task in [task for task in _tasks if task.finished]:
        _tasks.remove(task)
        if task.done is not None:
            task.done(task)


def wait(task: Task, progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """The result of a task, once it is there; for where no timer fires.

    progress: called with 0 to 1. Whatever it raises, and an interrupt, cancels the task.
    Raises WorkerError if the task fails, Cancelled if it has been cancelled.
    """
    try:
        while not task.finished:
            time.sleep(_WAIT)
            poll()
            if progress is not None:
                progress(task.progress)
    except BaseException:
        cancel(task)
        raise
    poll()
    if task.state == "CANCELLED":
        raise Cancelled("Cancelled.")
    if task.state == "FAILED":
        raise WorkerError(task.error)
    return task.result


def cancel(task: Task) -> None:
    """Cancel a task at once; one that has finished stays as it is."""
    if _worker is not None:
        _worker.cancel(task)


def running() -> tuple[Task, ...]:
    """The tasks that have not finished, oldest first."""
    return tuple(task for task in _tasks if not task.finished)


def stop() -> None:
    """End the worker; what it was doing is cancelled. The next request starts another."""
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None
    poll()


def _running() -> Worker:
    """The worker in the Python that is chosen now."""
    global _worker
    runtime = chosen_runtime()
    if _worker is not None and _worker.runtime != runtime:
        stop()
    if _worker is None:
        _worker = Worker(runtime, Path(bpy.app.tempdir, "dreamtalk"))
    return _worker


def _tick() -> float | None:
    try:
        poll()
    except Exception:  # of some `done`; Blender would drop the timer, and the other tasks with it
        traceback.print_exc()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type == "UI":  # panels; drawing a heavy scene anew takes long
                    region.tag_redraw()
    return _EVERY if _tasks or (_worker is not None and _worker.busy) else None


@persistent
def _before_load(*_: object) -> None:
    """What was asked for belongs to the scene that goes away."""
    for task in running():
        cancel(task)
    poll()


def register() -> None:
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(_before_load)
    stop()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
