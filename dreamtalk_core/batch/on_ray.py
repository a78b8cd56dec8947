"""Workers on the machines of a Ray cluster that share a disk: an actor for each core, or GPU.

An actor that is lost, with its machine or alone, costs nothing: another one gets its row, and a new
one comes as soon as the cluster has room. A row that has cost several actors is taken to be why.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from dreamtalk_core.batch.ledger import Entry
from dreamtalk_core.batch.work import Job, Task, begin
from dreamtalk_core.errors import BatchError, DreamTalkError, shown

_TRIES = 3


def run_ray(address: str) -> Callable[[Job, Iterable[Task], int], Iterator[Entry]]:
    """What makes rows on a cluster: its address as `ray.init` takes it, "auto" for the one that
    this machine is part of, or "local" for one that is made here.

    Raises BatchError where there is no Ray, or no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise BatchError(
            "Ray is not installed. Install it with: pip install dreamtalk[ray], on all machines."
        ) from error
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise BatchError(
            f"There is no Ray cluster at {shown(address)} ({shown(error, 200)}). Start one with "
            "'ray start', or leave --ray out."
        ) from error
    return _run


def cluster_cores() -> int:
    """Cores of the cluster."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, job: Job) -> None:
        self._worker = begin(job)

    def ready(self) -> None:
        """Answers once there is an actor."""

    def answer(self, task: Task) -> Entry | DreamTalkError:
        return self._worker.answer(task)


def _run(job: Job, tasks: Iterable[Task], jobs: int) -> Iterator[Entry]:
    import ray

    crew = _Crew(job, tasks)
    try:
        for _ in range(jobs):
            crew.hire()
        while crew.busy:
            done, _ = ray.wait(list(crew.posts), num_returns=1)
            for post in done:
                entry = crew.take(post)
                if entry is not None:
                    yield entry
    finally:
        crew.dismiss()


class _Crew:
    """Actors, and what each is at."""

    def __init__(self, job: Job, tasks: Iterable[Task]) -> None:
        self._job = job
        self._tasks = iter(tasks)
        self._again: deque[Task] = deque()
        self._lost: Counter[str] = Counter()
        self._next = self._draw()
        self.posts: dict[Any, tuple[Any, Task | None]] = {}
        """What is waited for: the actor, and its row, None of an actor that is still to come."""

    @property
    def busy(self) -> bool:
        """Whether a row is not done."""
        return self._next is not None or any(task for _, task in self.posts.values())

    def hire(self) -> None:
        import ray

        gpus = int(self._job.device.startswith("cuda"))
        actor = ray.remote(num_cpus=1, num_gpus=gpus)(_Actor).remote(self._job)
        self.posts[actor.ready.remote()] = (actor, None)

    def take(self, post: Any) -> Entry | None:
        """What has come of one of `posts`; its actor gets the next row.

        Raises what no row could be made without, see `Worker.run`.
        """
        import ray

        actor, task = self.posts.pop(post)
        try:
            found: Entry | DreamTalkError | None = ray.get(post)
        except ray.exceptions.RayActorError:
            self.hire()
            return None if task is None else self._without_actor(task)
        if isinstance(found, DreamTalkError):
            raise found
        if self._next is not None:
            self.posts[actor.answer.remote(self._next)] = (actor, self._next)
            self._next = self._draw()
        else:
            ray.kill(actor)
        return found

    def dismiss(self) -> None:
        import ray

        for actor, _ in self.posts.values():
            with suppress(Exception):  # the cluster may be gone, too
                ray.kill(actor)

    def _without_actor(self, task: Task) -> Entry | None:
        row = task[0]
        self._lost[row.id] += 1
        if self._lost[row.id] < _TRIES:
            self._again.append(task)
            if self._next is None:
                self._next = self._draw()
            return None
        return {
            "id": row.id,
            "row": row.number,
            "status": "failed",
            "error": f"{_TRIES} workers have ended at it. If they were short of memory, give each "
            "more cores of the cluster.",
        }

    def _draw(self) -> Task | None:
        return self._again.popleft() if self._again else next(self._tasks, None)
