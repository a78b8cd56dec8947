"""Workers side by side on this machine: a process each, with a model of its own.

A row that takes its worker with it (memory that is refused, a fault in a library) costs that row:
another worker comes in its place. Workers end with whoever started them, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from dreamtalk_core.batch.ledger import Entry
from dreamtalk_core.batch.plan import Row
from dreamtalk_core.batch.work import Job, Task, begin
from dreamtalk_core.errors import DreamTalkError

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PATIENCE = 5.0
"""Seconds that a worker has to take its half-made file away."""


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_local(job: Job, tasks: Iterable[Task], jobs: int) -> Iterator[Entry]:
    """What became of rows, as they are done; `jobs` at a time.

    Closing it ends the work. Raises what no row could be made without, see `Worker.run`.
    """
    waiting = iter(tasks)
    crew: dict[Connection, _Process] = {}
    try:
        while True:
            while len(crew) < jobs and (task := next(waiting, None)) is not None:
                process = _Process(job)
                crew[process.link] = process
                process.give(task)
            if not crew:
                return
            for link in wait(list(crew)):
                assert isinstance(link, Connection)
                process = crew[link]
                yield process.answer()
                if process.alive and (task := next(waiting, None)) is not None:
                    process.give(task)
                else:
                    process.end()
                    del crew[link]
    finally:
        for process in crew.values():
            process.stop()
        for process in crew.values():
            process.end()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """What is begun within has one thread for linear algebra, unless the user wants it otherwise.

    Libraries ask the environment when they are loaded. Two workers on two cores make 13 lines a
    second with the threads that they would take, and 30 without (`benchmarks/batch.py speed`).
    """
    unset = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            del os.environ[name]


class _Process:
    """A worker, and the row that it has."""

    def __init__(self, job: Job) -> None:
        # Not a copy of this process: threads and locks would be copied half.
        context = multiprocessing.get_context("spawn")
        self.link, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, job), daemon=True)
        with _one_thread_each():
            self._process.start()
        other.close()
        self._row: Row | None = None
        self.alive = True

    def give(self, task: Task) -> None:
        self._row = task[0]
        with suppress(OSError):  # it is gone, which `answer` tells
            self.link.send(task)

    def answer(self) -> Entry:
        """What became of its row. Raises what it met that concerns all rows."""
        assert self._row is not None
        try:
            found: Entry | DreamTalkError = self.link.recv()
        except (EOFError, OSError):
            self.alive = False
            self._process.join(_PATIENCE)
            return {
                "id": self._row.id,
                "row": self._row.number,
                "status": "failed",
                "error": f"Its worker has ended ({self._how()}). If it was short of memory, use "
                "fewer --jobs.",
            }
        if isinstance(found, DreamTalkError):
            raise found
        return found

    def _how(self) -> str:
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"

    def stop(self) -> None:
        self._process.terminate()

    def end(self) -> None:
        self.link.close()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(link: Connection, job: Job) -> None:
    """The life of a worker: rows come, entries go, until nobody is at the other end."""
    # Ctrl-C reaches all of a group: whoever started us says what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    worker = begin(job)
    with suppress(EOFError, OSError):
        while True:
            link.send(worker.answer(link.recv()))
