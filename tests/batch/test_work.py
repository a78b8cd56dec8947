"""Whether a row is done, asked of a worker that makes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dreamtalk_core.batch.plan import Row
from dreamtalk_core.batch.work import Job, Worker, digest

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
