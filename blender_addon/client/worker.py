# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker, as requests see it: a queue of tasks, and the process that does them one by one.

Its messages are those that `dreamtalk_core/worker` describes. No Blender in this module: tests
run it without.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamtalk_core.temporaries import remove

from .process import Process, Runtime
from .tasks import Task, WorkerError

PROTOCOL = 3
"""Version of the worker's protocol that is used here."""
PATIENCE = 3.0
"""Seconds that a cancelled request may go on before the worker is ended."""
START = 120.0
"""Seconds that a Python may take to answer first: there are virus scanners and network drives."""

IDLE = 900
"""Seconds without a task after which the worker ends, and gives its memory back."""
HELLO: dict[str, Any] = {"protocol": PROTOCOL, "idle": IDLE}

_DOING = {
    "animate": "Animating",
    "extract_style": "Watching the performance",
    "make_shapes": "Making the shapes",
    "save_style": "Making the style",
    "speak": "Listening",
    "styles": "Drawing the styles",
    "track": "Tracking the face",
}


class Worker:
    """A worker, and the tasks that wait for it. No method waits for it.

    It is sent one task at a time. One that ends in the middle of a task fails that task; the next
    is done by another process.
    """

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        """Start it. folder: for its answers and its log; made if need be.

        Raises WorkerError if it does not start.
        """
        self.runtime = runtime
        self._folder = folder
        self._waiting: dict[int, tuple[Task, dict[str, Any]]] = {}
        self._current: Task | None = None
        self._start()

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._waiting) or self._current is not None

    @property
    def ready(self) -> bool:
        """Whether it has answered, and takes tasks."""
        return self._ready

    def add(self, task: Task, params: Mapping[str, Any]) -> None:
        """Add a task. Raises WorkerError if the worker has ended and does not start again."""
        task.message = "Waiting" if self.busy else "Starting DreamTalk"
        if not self.busy and self._process.ended:
            self._process.end()
            self._start()
        self._waiting[task.number] = (task, dict(params))

    def cancel(self, task: Task) -> None:
        """A task is cancelled at once; a worker that does not leave it alone is ended by `poll`."""
        if task.finished:
            return
        task.state = "CANCELLED"
        self._waiting.pop(task.number, None)
        if task is self._current:
            self._deadline = time.monotonic() + PATIENCE
            self._process.send({"method": "cancel", "params": {"id": task.number}})

    def poll(self) -> None:
        """Read the worker's messages, bring tasks up to date, and send it the next one."""
        ended = self._process.ended  # before: its last messages are read below
        for line in self._process.lines():
            self._read(line)
        if ended and self.busy:
            self._after_end(self._process.exit_reason())
        elif time.monotonic() > self._deadline:
            self._process.end()
            self._after_end(f"{self.runtime.python} did not answer within {START:.0f} seconds.")
        if self._ready and self._current is None and self._waiting:
            self._current, params = self._waiting.pop(next(iter(self._waiting)))
            request = {"id": self._current.number, "method": self._current.method, "params": params}
            self._process.send(request)
            self._current.message = _DOING.get(self._current.method, "Starting DreamTalk")

    def shut_down(self) -> None:
        """End it, in the middle of its work or not; tasks that are not done are cancelled."""
        if self._current is not None:
            self._waiting[self._current.number] = (self._current, {})
        for task, _ in self._waiting.values():
            task.state = "CANCELLED"
        self._process.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        self._ready = False
        self._deadline = time.monotonic() + START
        self._process = Process(self.runtime, self._folder)
        self._process.send({"id": 0, "method": "hello", "params": HELLO})

    def _read(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # a line of somebody else's
        if not isinstance(message, dict):
            return
        number, task = message.get("id"), self._current
        if number == 0 and not self._ready and "progress" not in message:
            self._read_hello(message)
        elif task is not None and number == task.number:
            if not task.finished:
                task.update(message, self._process.log_tail)
            elif "output" in message.get("result", {}):
                # It was done before the message that cancelled it was read.
                remove(Path(message["result"]["output"]))
            if "progress" not in message:
                self._current, self._deadline = None, math.inf

    def _read_hello(self, message: dict[str, Any]) -> None:
        """The answer to `hello`."""
        problem = message.get("error", {}).get("message", "")
        protocol = message.get("result", {}).get("protocol")
        if not problem and protocol != PROTOCOL:
            problem = (
                f"{self.runtime.python} has another version of DreamTalk (its protocol is "
                f"{protocol}, not {PROTOCOL}). Update DreamTalk there, or this extension."
            )
        if problem:
            self._process.end()
            self._after_end(problem)
        else:
            self._ready, self._deadline = True, math.inf

    def _after_end(self, problem: str) -> None:
        """The process has ended: what it was doing has failed, and the rest needs another one."""
        failed = [self._current] if self._ready else [task for task, _ in self._waiting.values()]
        if not self._ready:
            self._waiting.clear()
        self._current, self._deadline = None, math.inf
        if self._waiting:
            self._process.end()
            try:
                self._start()
            except WorkerError as error:
                failed += [task for task, _ in self._waiting.values()]
                self._waiting.clear()
                problem = str(error)
        for task in failed:
            if task is not None and not task.finished:
                task.fail(problem)
