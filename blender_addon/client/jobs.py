# SPDX-License-Identifier: GPL-3.0-or-later
"""Several requests in a row, without blocking the interface: the motions of one or many sounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bpy.app.translations import pgettext_iface

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.temporaries import remove

from .service import Service
from .tasks import Task

_WAIT = 0.02

Result = Motion | DreamTalkError
"""What comes of a request."""

Read = Callable[[Path], Any]


class Job:
    """What comes of a list of the worker's parameters, one after the other: motions, by default.

    method: of the worker; read: the file that it writes.
    """

    def __init__(
        self,
        requests: Sequence[dict[str, Any]],
        service: Service,
        method: str = "animate",
        read: Read = Motion.load,
    ) -> None:
        self._method, self._read = method, read
        self.requests = list(requests)
        self.motions: list[Result] = []
        """What has come of the requests so far."""
        self.warnings: list[str] = []
        """What was guessed on the way, for the user."""
        self.heard: list[list[dict[str, Any]]] = []
        """Emotions that were heard in the voice of each, as `dreamtalk_core/worker` tells them."""
        self.answers: list[dict[str, Any]] = []
        """What the worker has answered to each."""
        self.task: Task | None = None
        self._service = service

    @property
    def progress(self) -> float:
        """How much of all is done, 0 to 1."""
        share = self.task.progress if self.task else 0.0
        return min(1.0, (len(self.motions) + share) / max(1, len(self.requests)))

    @property
    def message(self) -> str:
        """What it is doing."""
        doing = pgettext_iface(self.task.message if self.task else "Starting DreamTalk")
        many = len(self.requests)
        return doing if many == 1 else f"{doing} ({min(len(self.motions) + 1, many)}/{many})"

    def step(self) -> bool:
        """Go on; whether everything is there. Raises WorkerError where no worker can be started."""
        if self.task is None:
            if len(self.motions) == len(self.requests):
                return True
            output = self._service.folder / f"dreamtalk-{id(self)}-{len(self.motions)}.npz"
            request = self.requests[len(self.motions)]
            self.task = self._service.request(self._method, output=str(output), **request)
            self._output = output
            return False
        self._service.poll()
        if self.task.finished:
            self.motions.append(self._result())
            self.answers.append(self.task.result)
            self.heard.append(self.task.result.get("heard", []))
            self.task = None
        return self.task is None and len(self.motions) == len(self.requests)

    def _result(self) -> Result:
        assert self.task is not None
        if self.task.state != "DONE":
            return DreamTalkError(self.task.error or "Cancelled.")
        self.warnings += self.task.warnings
        try:
            return self._read(self._output)
        except DreamTalkError as error:
            return error
        finally:
            remove(self._output)

    def run(self, progress: Callable[[float], None] | None = None) -> None:
        """Do all of it, and wait for it. Whatever `progress` raises, and an interrupt, cancels."""
        try:
            while not self.step():
                if progress:
                    progress(self.progress)
                time.sleep(_WAIT)
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Stop; nothing of it is left."""
        if self.task is not None:
            self._service.cancel(self.task)
            self.task = None
            remove(self._output)


def all_of(results: Sequence[Result]) -> list[Motion]:
    """The motions, all of them. Raises the first DreamTalkError there is."""
    for result in results:
        if isinstance(result, DreamTalkError):
            raise result
    return [result for result in results if isinstance(result, Motion)]
