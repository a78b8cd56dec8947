"""The queue and the store, with work of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import anyio
import pytest

from dreamtalk_core.errors import DreamTalkError, SpeechError
from dreamtalk_core.progress import Progress
from dreamtalk_core.serve.jobs import BusyError, Job, Jobs, UnknownError, Work
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.serve.studio import Made, Order
from dreamtalk_core.serve.uploads import TooSlowError, Uploads
from dreamtalk_core.warned import warn
from tests.pipeline.live.waiting import until

MADE = Made(1, 25.0, ())


def write(order: Order, folder: Path, stages: Callable[[str], Progress]) -> Made:
    stages("write")(1, 2)
    (folder / "result").write_bytes(b"1")
    return MADE


def ended(job: Job) -> Job:
    until(lambda: job.ended is not None)
    return job


def test_jobs_are_done_in_order_and_swept(tmp_path: Path) -> None:
    seen = []

    def work(order: Order, folder: Path, stages: Callable[[str], Progress]) -> Made:
        seen.append(order.style)
        return write(order, folder, stages)

    with closing(Jobs(work, tmp_path / "jobs", Limits(results=2))) as jobs:
        made = [jobs.submit(Order(tmp_path, str(number))) for number in range(5)]
        assert ended(made[-1]).state == "done"
        jobs.sweep()
        assert seen == list("01234")
        kept = sorted(path.name for path in (tmp_path / "jobs").iterdir())
        assert kept == sorted(job.id for job in made[-2:])
        with pytest.raises(UnknownError):
            jobs.get(made[0].id)
    assert not (tmp_path / "jobs").exists()


def test_results_are_forgotten_after_a_while(tmp_path: Path) -> None:
    with closing(Jobs(write, tmp_path / "jobs", Limits(keep=0.05))) as jobs:
        job = ended(jobs.submit(Order(tmp_path)))
        time.sleep(0.1)
        jobs.sweep()
        with pytest.raises(UnknownError):
            jobs.get(job.id)
        assert not job.folder.exists()


def raising(error: Exception) -> Work:
    def work(order: Order, folder: Path, stages: Callable[[str], Progress]) -> Made:
        (folder / "half").touch()
        warn(f"{order.speech} is odd.")
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (SpeechError("SOUND is bad."), "SpeechError", "The sound is bad."),
        (MemoryError(), "OutOfMemoryError", "Not enough memory"),
        (KeyError("x"), "Fault", "A fault of ours"),
    ],
)
def test_what_fails_says_why_and_leaves_nothing(
    tmp_path: Path, error: Exception, kind: str, message: str
) -> None:
    speech = tmp_path / "secret" / "sound"
    if isinstance(error, SpeechError):
        error = SpeechError(str(error).replace("SOUND", str(speech)))
    with closing(Jobs(raising(error), tmp_path / "jobs", Limits())) as jobs:
        job = ended(jobs.submit(Order(speech)))
        assert job.state == "failed"
        assert job.error is not None
        assert job.error.kind == kind
        assert message in job.error.message
        assert job.warnings == ["The sound is odd."]
        assert not job.folder.exists()
        assert ended(jobs.submit(Order(speech))).state == "failed"  # the thread goes on


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    def work(order: Order, folder: Path, stages: Callable[[str], Progress]) -> Made:
        progress = stages("count")
        for number in range(10_000):
            time.sleep(0.005)
            progress(number, 10_000)
        return MADE

    with closing(Jobs(work, tmp_path / "jobs", Limits(work=0.1))) as jobs:
        job = ended(jobs.submit(Order(tmp_path)))
        assert job.state == "failed"
        assert job.error is not None
        assert job.error.kind == "TimeLimitError"


def test_a_job_that_waits_can_be_cancelled(tmp_path: Path) -> None:
    go, seen = threading.Event(), []

    def work(order: Order, folder: Path, stages: Callable[[str], Progress]) -> Made:
        seen.append(order.style)
        go.wait(10)
        return write(order, folder, stages)

    with closing(Jobs(work, tmp_path / "jobs", Limits())) as jobs:
        running, waiting = (jobs.submit(Order(tmp_path, style)) for style in "ab")
        until(lambda: seen)
        for job in (waiting, running):
            jobs.cancel(job.id)
        go.set()
        assert ended(running).state == waiting.state == "cancelled"
        assert not jobs.uses(tmp_path)
        assert seen == ["a"]


def store(folder: Path, limits: Limits, used: bool = False) -> Uploads:
    return Uploads(folder / "uploads", limits, lambda path: used)


async def pieces(*content: bytes, wait: float = 0) -> AsyncIterator[bytes]:
    for one in content:
        await anyio.sleep(wait)
        yield one


def test_what_arrives_at_once_counts_together(tmp_path: Path) -> None:
    """None of them is kept yet, and yet there is no room for all."""
    uploads, kept = store(tmp_path, Limits(file=10, files=30)), []

    async def one() -> None:
        with suppress(BusyError):
            kept.append(await uploads.take(pieces(*[b"x"] * 10, wait=0.001)))

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(one)

    anyio.run(all_at_once)
    assert sum(path.stat().st_size for path in (tmp_path / "uploads").iterdir()) <= 30
    assert len(list((tmp_path / "uploads").iterdir())) == len(kept)
    assert anyio.run(lambda: uploads.take(pieces(b"x" * 10))), "all is as before"


def test_a_file_that_cannot_be_deleted_is_swept_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "another program has it")

    uploads = store(tmp_path, Limits(keep=-1))
    number = anyio.run(lambda: uploads.take(pieces(b"x")))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        uploads.forget(number)
        uploads.sweep()
    assert uploads.find(number).is_file()
    uploads.sweep()
    assert not list((tmp_path / "uploads").iterdir())


def test_an_upload_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    uploads = store(tmp_path, Limits(upload=0.05))
    with pytest.raises(TooSlowError, match=r"0\.05 seconds"):
        anyio.run(lambda: uploads.take(pieces(b"a", b"b", wait=10)))
    with pytest.raises(DreamTalkError, match="empty"):
        anyio.run(lambda: uploads.take(pieces()))
    assert not list((tmp_path / "uploads").iterdir())


@pytest.mark.parametrize("used", [False, True])
def test_old_uploads_give_way_unless_they_are_needed(tmp_path: Path, used: bool) -> None:
    uploads = store(tmp_path, Limits(file=10, files=30), used)
    first, *_ = (anyio.run(lambda: uploads.take(pieces(b"x" * 8))) for _ in range(3))
    if used:
        with pytest.raises(BusyError, match="no room"):
            anyio.run(lambda: uploads.take(pieces(b"x" * 8)))
        assert uploads.find(first).is_file()
    else:
        last = anyio.run(lambda: uploads.take(pieces(b"x" * 8)))
        assert uploads.find(last).read_bytes() == b"x" * 8
        with pytest.raises(UnknownError):
            uploads.find(first)
    uploads.close()
    assert not (tmp_path / "uploads").exists()
