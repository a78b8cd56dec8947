# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process that makes motions, seen from here: start it, ask it, hear it, end it.

It speaks JSON lines, as `dreamtalk_core/worker` in its Python describes them. No threads (those
who review extensions do not want them in Blender) and nothing that waits: the worker's answers go
to a file, and a file can be read at any time on any system without waiting, which pipes allow on
Windows only through its own calls. Its stdin is a pipe, and the end of that pipe is how it learns
that Blender is gone, in whatever way. No Blender in this module either: tests run it without.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.temporaries import remove

PROTOCOL = 3
"""Version of the worker's protocol that is spoken here."""
PATIENCE = 3.0
"""Seconds that a cancelled request may go on before the worker is ended."""
START = 120.0
"""Seconds that a Python may take to answer first: there are virus scanners and network drives."""

IDLE = 900
"""Seconds without a task after which the worker ends, and gives its memory back."""
HELLO: dict[str, Any] = {"protocol": PROTOCOL, "idle": IDLE}

_BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
spec = spec_from_file_location("dreamtalk_core", Path(sys.argv[1], "dreamtalk_core", "__init__.py"))
sys.modules["dreamtalk_core"] = core = module_from_spec(spec)
spec.loader.exec_module(core)
from dreamtalk_core.worker import main
main()
"""
_TAIL = 12
"""Lines of the worker's log that an error shows."""

State = Literal["RUNNING", "DONE", "FAILED", "CANCELLED"]


class WorkerError(DreamTalkError):
    """The worker cannot be started, has ended, or could not do what was asked."""


class Cancelled(DreamTalkError):
    """What was asked for has been cancelled."""


@dataclass(eq=False)
class Task:
    """A request to the worker.

    progress: 0 to 1. message: what is being done, for the panel. result: of the method, when DONE.
    warnings: what was guessed, for the user. error: for the user, when FAILED. done: called once
    with the task when it has finished.
    """

    number: int
    method: str
    done: Callable[[Task], None] | None = None
    message: str = ""
    state: State = "RUNNING"
    progress: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""

    def fail(self, problem: str) -> None:
        """It has failed; why, in a line as of all errors."""
        self.state, self.error = "FAILED", str(WorkerError(problem))

    @property
    def finished(self) -> bool:
        return self.state != "RUNNING"


@dataclass(frozen=True)
class Runtime:
    """A Python and where its DreamTalk is.

    python: its program. core: the folder that holds `dreamtalk_core`; None if it is installed.
    """

    python: Path
    core: Path | None = None

    @property
    def command(self) -> list[str]:
        """What starts the worker."""
        # -I: neither variables, nor the user's packages, nor the working folder change what is run.
        start = [str(self.python), "-I", "-X", "utf8"]
        if self.core is None:
            return [*start, "-m", "dreamtalk_core.worker"]
        return [*start, "-c", _BOOT, str(self.core)]


class Worker:
    """A worker, and the tasks that wait for it. No method waits for it.

    It is given one task at a time. One that ends in the middle of a task fails that task; the next
    is done by another process.
    """

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        """Start it. folder: for its answers and its log; made if need be.

        Raises WorkerError if it does not start.
        """
        self.runtime = runtime
        self._answers = folder / "answers.jsonl"
        self._log = folder / "worker.log"
        self._waiting: dict[int, tuple[Task, dict[str, Any]]] = {}
        self._current: Task | None = None
        self._start()

    @property
    def busy(self) -> bool:
        """Whether anything is still to be heard."""
        return bool(self._waiting) or self._current is not None

    def ask(self, task: Task, params: Mapping[str, Any]) -> None:
        """Take a task. Raises WorkerError if the worker has ended and does not start again."""
        task.message = "Waiting" if self.busy else "Starting DreamTalk"
        if not self.busy and self._process.poll() is not None:
            self._end()
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
            self._send({"method": "cancel", "params": {"id": task.number}})

    def poll(self) -> None:
        """Take in what the worker has said, bring tasks up to date, and hand it the next one."""
        ended = self._process.poll() is not None  # before: what it said last is read below
        for line in self._lines():
            self._hear(line)
        if ended and self.busy:
            self._bury(self._farewell())
        elif time.monotonic() > self._deadline:
            self._end()
            self._bury(f"{self.runtime.python} did not answer within {START:.0f} seconds.")
        if self._known and self._current is None and self._waiting:
            self._current, params = self._waiting.pop(next(iter(self._waiting)))
            request = {"id": self._current.number, "method": self._current.method, "params": params}
            self._send(request)
            self._current.message = _DOING.get(self._current.method, "Starting DreamTalk")

    def close(self) -> None:
        """End it, in the middle of its work or not; tasks that are not done are cancelled."""
        if self._current is not None:
            self._waiting[self._current.number] = (self._current, {})
        for task, _ in self._waiting.values():
            task.state = "CANCELLED"
        self._end()
        shutil.rmtree(self._answers.parent, ignore_errors=True)

    def log_tail(self) -> str:
        """The last lines that the worker, or what it uses, has written to its log."""
        try:
            text = self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join([line for line in text.splitlines() if line.strip()][-_TAIL:])

    def _start(self) -> None:
        self._known = False
        self._rest = b""
        self._deadline = time.monotonic() + START
        try:
            self._answers.parent.mkdir(parents=True, exist_ok=True)
            with self._answers.open("wb") as answers, self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    self.runtime.command,
                    stdin=subprocess.PIPE,
                    stdout=answers,
                    stderr=log,
                    cwd=self._answers.parent,
                    env=clean_environment(os.environ),
                    bufsize=0,
                    **hidden_window(),
                )
            self._reader = self._answers.open("rb")
        except OSError as error:
            shutil.rmtree(self._answers.parent, ignore_errors=True)
            raise WorkerError(
                f"{self.runtime.python} could not be started: {error.strerror or error}. Choose "
                "another Python in the preferences of DreamTalk."
            ) from error
        self._send({"id": 0, "method": "hello", "params": HELLO})

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._reader.close()

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        # If it has ended, `poll` finds out, and says why.
        with suppress(OSError):
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")

    def _lines(self) -> list[bytes]:
        """Whole lines that have come since the last time."""
        if self._reader.closed:
            return []
        *lines, self._rest = (self._rest + self._reader.read()).split(b"\n")
        return lines

    def _hear(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # a line of somebody else's
        if not isinstance(message, dict):
            return
        number, task = message.get("id"), self._current
        if number == 0 and not self._known and "progress" not in message:
            self._meet(message)
        elif task is not None and number == task.number:
            if not task.finished:
                _bring_up_to_date(task, message, self.log_tail)
            elif "output" in message.get("result", {}):
                # It was done before it heard that nobody wants it any more.
                remove(Path(message["result"]["output"]))
            if "progress" not in message:
                self._current, self._deadline = None, math.inf

    def _meet(self, message: dict[str, Any]) -> None:
        """The answer to `hello`."""
        problem = message.get("error", {}).get("message", "")
        spoken = message.get("result", {}).get("protocol")
        if not problem and spoken != PROTOCOL:
            problem = (
                f"{self.runtime.python} has another version of DreamTalk (its protocol is "
                f"{spoken}, not {PROTOCOL}). Update DreamTalk there, or this extension."
            )
        if problem:
            self._end()
            self._bury(problem)
        else:
            self._known, self._deadline = True, math.inf

    def _bury(self, problem: str) -> None:
        """The process has ended: what it was doing has failed, and the rest needs another one."""
        failed = [self._current] if self._known else [task for task, _ in self._waiting.values()]
        if not self._known:
            self._waiting.clear()
        self._current, self._deadline = None, math.inf
        if self._waiting:
            self._end()
            try:
                self._start()
            except WorkerError as error:
                failed += [task for task, _ in self._waiting.values()]
                self._waiting.clear()
                problem = str(error)
        for task in failed:
            if task is not None and not task.finished:
                task.fail(problem)

    def _farewell(self) -> str:
        """Why the process may have ended, for the user."""
        tail = self.log_tail()
        if "No module named 'dreamtalk_core" in tail or "No module named dreamtalk_core" in tail:
            return (
                f"There is no DreamTalk in {self.runtime.python}, or it is too old for this "
                "extension. Install it there, or choose another Python in the preferences."
            )
        return f"The worker ended by itself ({_exit(self._process.returncode)}).\n{tail}".rstrip()


def _bring_up_to_date(task: Task, message: dict[str, Any], log_tail: Callable[[], str]) -> None:
    if "progress" in message:
        done, total = message["progress"]
        task.progress = min(1.0, done / total) if total else 0.0
    elif "result" in message:
        task.warnings = tuple(message.get("warnings", ()))
        task.result, task.progress, task.state = message["result"], 1.0, "DONE"
    else:
        error = message.get("error", {})
        problem = str(error.get("message", error))
        if error.get("kind") == "Failure":
            problem = f"DreamTalk has met a fault of its own. {problem}\n{log_tail()}"
        task.fail(problem)


_DOING = {
    "animate": "Animating",
    "extract_style": "Watching the performance",
    "save_style": "Making the style",
    "styles": "Drawing the styles",
    "track": "Tracking the face",
}


def _exit(status: int | None) -> str:
    return f"signal {-status}" if status is not None and status < 0 else f"exit code {status}"


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would lead another Python, or its PyTorch, astray."""
    return {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith("PYTHON") and name != "__PYVENV_LAUNCHER__"
    }


def hidden_window() -> dict[str, Any]:
    """What keeps Windows from showing a console for a child process."""
    return {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
