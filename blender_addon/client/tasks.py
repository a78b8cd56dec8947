# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the worker: what becomes of each, and what is raised where one fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamtalk_core.errors import DreamTalkError

TaskState = Literal["RUNNING", "DONE", "FAILED", "CANCELLED"]


class WorkerError(DreamTalkError):
    """The worker cannot be started, has ended, or could not do what was requested."""


class Cancelled(DreamTalkError):
    """What was requested has been cancelled."""


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
    state: TaskState = "RUNNING"
    progress: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def finished(self) -> bool:
        return self.state != "RUNNING"

    def fail(self, problem: str) -> None:
        """It has failed; why, in a line as of all errors."""
        self.state, self.error = "FAILED", str(WorkerError(problem))

    def update(self, message: dict[str, Any], log_tail: Callable[[], str]) -> None:
        """Read a message of the worker about it. log_tail: the end of its log, if it is needed."""
        if "progress" in message:
            done, total = message["progress"]
            self.progress = min(1.0, done / total) if total else 0.0
        elif "result" in message:
            self.warnings = tuple(message.get("warnings", ()))
            self.result, self.progress, self.state = message["result"], 1.0, "DONE"
        else:
            error = message.get("error", {})
            problem = str(error.get("message", error))
            if error.get("kind") == "Failure":
                problem = f"DreamTalk has met a fault of its own. {problem}\n{log_tail()}"
            self.fail(problem)
