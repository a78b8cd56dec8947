"""Jobs: done one after the other by one thread, as there is one model; seen by any number."""

from __future__ import annotations

import shutil
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from secrets import token_hex

from dreamtalk_core.errors import DreamTalkError, OutOfMemoryError, out_of_memory
from dreamtalk_core.progress import Progress
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.serve.studio import Made, Order
from dreamtalk_core.warned import collect_warnings

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"


class BusyError(DreamTalkError):
    """There is no room for more work at the moment."""


class UnknownError(DreamTalkError):
    """There is nothing of that name, or no longer."""


class CancelledError(DreamTalkError):
    """Somebody has cancelled the job."""


class TimeLimitError(DreamTalkError):
    """A job took longer than it may."""


@dataclass(frozen=True)
class Trouble:
    """Why a job failed. kind: the name of an error of `errors`, or of those above."""

    kind: str
    message: str


@dataclass(eq=False)
class Job:
    """One order and what became of it.

    stage: what is done now. progress: 0..1 of that stage. error: why it failed. ended: on the clock
    `time.monotonic`, once it has. made: once it is done; its files are in `folder`.
    """

    id: str
    order: Order
    folder: Path
    state: str = QUEUED
    stage: str = ""
    progress: float = 0.0
    warnings: list[str] = field(default_factory=list)
    error: Trouble | None = None
    ended: float | None = None
    made: Made | None = None
    unwanted: bool = False


Work = Callable[[Order, Path, Callable[[str], Progress]], Made]
"""What a job is: makes an order's files in a folder, and tells of its stages."""


class Jobs:
    """A queue of jobs and the thread that does them; `close` ends both.

    work: called in that thread alone. folder: where results are kept; it is emptied by `close`.
    """

    def __init__(self, work: Work, folder: Path, limits: Limits) -> None:
        self._work, self._folder, self._limits = work, folder, limits
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="dreamtalk jobs", daemon=True)
        self._thread.start()

    def submit(self, order: Order) -> Job:
        """Put an order into the queue. Raises BusyError where that is full."""
        self.sweep()
        with self._lock:
            if self._count(QUEUED) >= self._limits.queue:
                raise BusyError("The queue is full. Try again in a while.")
            number = token_hex(8)
            job = self._jobs[number] = Job(number, order, self._folder / number)
        self._waiting.put(job)
        return job

    def get(self, number: str) -> Job:
        """A job by its id. Raises UnknownError."""
        with self._lock:
            if number not in self._jobs:
                raise UnknownError(
                    "There is no such job. Results are kept for a while only: send it again."
                )
            return self._jobs[number]

    def cancel(self, number: str) -> None:
        """Stop a job, if it is not done, and forget it with all that it made."""
        with self._lock:
            job = self._jobs.get(number)
            if job is None:
                return
            job.unwanted = True
            if job.state == QUEUED:
                self._end(job, CANCELLED)
            elif job.state != RUNNING:
                self._forget(job)

    def counts(self) -> dict[str, int]:
        """How many jobs are queued, and how many running."""
        with self._lock:
            return {state: self._count(state) for state in (QUEUED, RUNNING)}

    def uses(self, path: Path) -> bool:
        """Whether a job that is not finished reads a file."""
        with self._lock:
            return any(path in job.order.files for job in self._jobs.values() if job.ended is None)

    def sweep(self) -> None:
        """Forget what has been finished for too long, or lies behind too many."""
        with self._lock:
            finished = [job for job in self._jobs.values() if job.ended is not None]
            finished.sort(key=lambda job: job.ended or 0.0)
            many = len(finished) - self._limits.results
            oldest = time.monotonic() - self._limits.keep
            for place, job in enumerate(finished):
                if place < many or (job.ended or 0.0) < oldest:
                    self._forget(job)

    def close(self, seconds: float = 10.0) -> None:
        """Cancel everything and end the thread; waits so long for what it is at."""
        with self._lock:
            for job in self._jobs.values():
                job.unwanted = True
        self._waiting.put(None)
        self._thread.join(seconds)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _count(self, state: str) -> int:
        return sum(job.state == state for job in self._jobs.values())

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            with self._lock:
                if job.unwanted:
                    continue
                job.state = RUNNING
            state, job.error = self._do(job)
            with self._lock:
                self._end(job, state)

    def _do(self, job: Job) -> tuple[str, Trouble | None]:
        def failed(error: DreamTalkError) -> tuple[str, Trouble]:
            return FAILED, Trouble(type(error).__name__, _told(job.order, error))

        def warn(text: str) -> None:
            job.warnings.append(_told(job.order, text))

        try:
            with collect_warnings(warn):
                job.folder.mkdir(parents=True)
                job.made = self._work(job.order, job.folder, self._stages(job))
        except CancelledError:
            return CANCELLED, None
        except DreamTalkError as error:
            return failed(error)
        except Exception as error:
            if out_of_memory(error):
                return failed(OutOfMemoryError())
            traceback.print_exc()
            return FAILED, Trouble("Fault", "A fault of ours. The log of the server has more.")
        return DONE, None

    def _stages(self, job: Job) -> Callable[[str], Progress]:
        """What tells a job's progress, and ends it where it is unwanted or takes too long."""
        until = time.monotonic() + self._limits.work

        def begin(stage: str) -> Progress:
            job.stage, job.progress = stage, 0.0
            report(0, 1)
            return report

        def report(done: int, total: int) -> None:
            job.progress = done / total if total else 1.0
            if job.unwanted:
                raise CancelledError("Cancelled.")
            if time.monotonic() > until:
                raise TimeLimitError(
                    f"This took longer than the {self._limits.work:g} seconds that a job may. "
                    "Send a shorter sound."
                )

        return begin

    def _end(self, job: Job, state: str) -> None:
        # Whoever sees that it has failed finds nothing left of it.
        if state != DONE:
            shutil.rmtree(job.folder, ignore_errors=True)
        job.state, job.ended = state, time.monotonic()
        if job.unwanted:
            self._forget(job)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)


def _told(order: Order, text: object) -> str:
    """What is said of an order, for somebody who does not know our names of their files."""
    told = str(text)
    for name, path in (("The sound", order.speech), ("The picture", order.portrait)):
        told = told.replace(str(path), name) if path is not None else told
    return told
