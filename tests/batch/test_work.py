"""Whether a row is done, asked of a worker that makes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dreamtalk_core.batch.inputs import digest
from dreamtalk_core.batch.plan import Row
from dreamtalk_core.batch.work import Job, Worker

ROW = Row(3, "a", "a.wav", "angry*0.5", outputs=("x/a.csv",), settings={"lips": 0.5})


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.chdir(tmp_path)
    Path("a.wav").write_bytes(b"a sound")
    Path("out/x").mkdir(parents=True)
    Path("out/x/a.csv").write_bytes(b"curves")
    return Worker(Job(tmp_path, tmp_path / "out", "default", "cpu", "plan", True))


def known(worker: Worker, row: Row = ROW) -> dict[str, Any]:
    """What a run would have written of a row."""
    line_key = worker._key(row, [digest(Path("a.wav"))])
    made = {"x/a.csv": digest(Path("out/x/a.csv"))}
    return {"id": "a", "row": 1, "status": "done", "key": line_key, "outputs": made}


def state(worker: Worker, row: Row, entry: Mapping[str, Any] | None) -> str:
    found = worker.run(row, dict(entry) if entry else None)
    assert (found["id"], found["row"]) == ("a", 3)
    return str(found.get("state", found["status"]))


def test_what_is_done_is_kept(worker: Worker) -> None:
    assert state(worker, ROW, None) == "planned"
    assert state(worker, ROW, known(worker)) == "kept"
    assert state(worker, ROW, known(worker) | {"status": "begun"}) == "kept"


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, style="angry"),
        replace(ROW, settings={"lips": 0.6}),
        replace(ROW, outputs=("x/a.csv", "x/a.npz")),
        replace(ROW, others=("a.wav",)),
        replace(ROW, portrait="a.wav"),
        replace(ROW, scheme="vrm1"),
        replace(ROW, voice="a.wav"),
        replace(ROW, transcript="a word"),
        replace(ROW, start="source"),
    ],
)
def test_what_is_asked_otherwise_is_made(worker: Worker, row: Row) -> None:
    assert state(worker, row, known(worker)) == "planned"


def test_what_has_changed_is_made(worker: Worker, user_styles: Path) -> None:
    entry = known(worker)
    Path("a.wav").write_bytes(b"another")
    assert state(worker, ROW, entry) == "planned"
    Path("a.wav").write_bytes(b"a sound")
    (user_styles / "angry.safetensors").write_bytes(b"my own anger")
    assert state(worker, ROW, entry) == "planned"
    (user_styles / "angry.safetensors").unlink()
    assert state(worker, ROW, entry) == "kept"
    Path("out/x/a.csv").unlink()
    assert state(worker, ROW, entry) == "planned"


def test_what_somebody_has_edited_stays(worker: Worker) -> None:
    entry = known(worker)
    Path("out/x/a.csv").write_bytes(b"curves, mended")
    assert state(worker, ROW, entry) == "edited"
    Path("a.wav").write_bytes(b"another")
    assert state(worker, ROW, entry) == "edited"
    # Only of a run that was killed there the file may be newer than the ledger.
    assert state(worker, ROW, entry | {"status": "begun"}) == "planned"


def test_a_failure_forgets_no_edit(worker: Worker) -> None:
    entry = known(worker)
    Path("out/x/a.csv").write_bytes(b"curves, mended")
    Path("a.wav").rename("b.wav")
    failed = worker.run(ROW, entry)
    assert failed["status"] == "failed"
    assert "a.wav" in failed["error"]
    Path("b.wav").rename("a.wav")
    assert state(worker, ROW, failed) == "edited"
    assert state(worker, ROW, None) == "planned"


def test_no_input_is_written_over(worker: Worker) -> None:
    found = worker.run(replace(ROW, others=("out/x/a.csv",)), None)
    assert "it is read as well" in found["error"]


def test_what_a_failed_row_has_written_is_no_edit(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wrote curves, then the disk was full."""
    entry = known(worker)
    Path("a.wav").write_bytes(b"another")

    def half(self: Worker, row: Row, line: Any) -> Any:
        self._writing = True
        Path("out/x/a.csv").write_bytes(b"other curves")
        raise OSError("no space")

    made = Worker(replace(worker._job, mode="resume"))
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "_make", half)
        failed = made.run(ROW, entry)
    assert failed["status"] == "failed"
    assert failed["outputs"] == {"x/a.csv": digest(Path("out/x/a.csv"))}
    assert state(worker, ROW, failed) == "planned"
    Path("out/x/a.csv").write_bytes(b"mended")
    assert state(worker, ROW, failed) == "edited"


def test_what_is_done_is_kept_where_nothing_may_be_replaced(worker: Worker) -> None:
    careful = Worker(replace(worker._job, mode="resume", clobber=False, grade=False))
    assert state(careful, ROW, known(worker)) == "kept"
    entry = known(worker)
    Path("a.wav").write_bytes(b"another")
    assert "to be kept" in careful.run(ROW, entry)["error"]
    assert Path("out/x/a.csv").read_bytes() == b"curves"


@pytest.mark.parametrize(
    ("style", "words"),
    [("hapy", "Did you mean happy"), ("happy*0.5+rage.csv*0.5", "no file rage.csv")],
)
def test_a_style_that_there_is_not_is_told_beforehand(
    worker: Worker, style: str, words: str
) -> None:
    assert words in worker.run(replace(ROW, style=style), None)["error"]
    assert state(worker, replace(ROW, style="auto"), None) == "planned"


def test_an_earlier_file_that_cannot_be_read_fails_no_row(worker: Worker) -> None:
    Path("then/x").mkdir(parents=True)
    Path("then/x/a.csv").write_bytes(b"nonsense")
    job = replace(worker._job, mode="resume", against=Path("then").absolute(), grade=False)
    found = Worker(job).run(ROW, known(worker))
    assert found["status"] == "done"
    assert "a.csv" in found["change"]["unknown"]
