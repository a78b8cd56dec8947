"""Whether a row is done, asked of a worker that makes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.batch.by_hand import ByHand, key_with
from dreamtalk_core.batch.inputs import digest, line_of
from dreamtalk_core.batch.ledger import file_name_of
from dreamtalk_core.batch.plan import Row
from dreamtalk_core.batch.run import _known_still
from dreamtalk_core.batch.work import Job, Worker
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

ROW = Row(3, "a", "a.wav", "angry*0.5", outputs=("x/a.csv",), settings={"lips": 0.5})
NAME = f"{file_name_of('a')}.npz"


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
    worker._marks.set("a", "of something else")
    assert state(worker, ROW, known(worker)) == "kept"


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
    # Only of a run that was killed while it wrote it the file may be newer than the ledger.
    worker._marks.set("a", entry["key"])
    assert state(worker, ROW, entry) == "edited"
    worker._marks.set("a", "of something else")
    assert state(worker, ROW, entry) == "planned"
    Path("a.wav").write_bytes(b"a sound")
    assert state(worker, ROW, entry) == "planned"


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


def by_hand(worker: Worker) -> tuple[Worker, Motion, dict[str, Any]]:
    """A worker that keeps corrections, and a row as it has made it."""
    keeps = Worker(replace(worker._job, keep=True))
    rng = np.random.default_rng(0)
    made = Motion(ARKIT_NAMES, rng.uniform(0.1, 0.8, (50, 52)), Fraction(25))
    made.save("out/x/a.csv")
    ByHand(keeps._job.folder, "a", line_of(ROW, keeps._job.folder)).remember(made)
    return keeps, made, known(worker)


def smiling(made: Motion) -> Motion:
    weights = made.weights.copy()
    weights[10:20, INDEX["mouthSmileLeft"]] += 0.1
    return Motion(made.names, weights, made.fps)


def test_corrections_make_way_for_what_is_made_anew(worker: Worker) -> None:
    keeps, made, entry = by_hand(worker)
    smiling(made).save("out/x/a.csv")
    assert state(keeps, ROW, entry) == "edited"  # nothing else has changed
    Path("a.wav").write_bytes(b"another")
    assert state(worker, ROW, entry) == "edited"
    before = sorted(Path("out").rglob("*"))
    assert state(keeps, ROW, entry) == "planned"
    assert sorted(Path("out").rglob("*")) == before  # to plan is to change nothing
    careful = Worker(replace(keeps._job, clobber=False))
    assert state(careful, ROW, entry) == "edited"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda made: Path("out/x/a.csv").write_bytes(b"nonsense"), "no face curves"),
        (lambda made: made.resample(25, 1).save("out/x/a.csv"), "another length"),
        (lambda made: made.resample(50).save("out/x/a.csv"), "another length or rate"),
        (lambda made: Path("out/.made").joinpath(NAME).unlink(), "was not kept"),
        (lambda made: Path("out/.made").joinpath(NAME).write_bytes(b"PK"), "was not kept"),
    ],
)
def test_what_is_not_understood_stays(
    worker: Worker, edit: Callable[[Motion], object], why: str
) -> None:
    keeps, made, entry = by_hand(worker)
    smiling(made).save("out/x/a.csv")
    Path("a.wav").write_bytes(b"another")
    edit(made)
    before = Path("out/x/a.csv").read_bytes()
    found = Worker(replace(keeps._job, mode="resume")).run(ROW, entry)
    assert found["state"] == "edited"
    assert why in found["why"]
    assert Path("out/x/a.csv").read_bytes() == before


def test_what_was_made_of_something_else_is_no_base(worker: Worker) -> None:
    """It was made without --keep-corrections since."""
    keeps, _, entry = by_hand(worker)
    entry["outputs"] = {"x/a.csv": "of another run"}
    Path("a.wav").write_bytes(b"another")
    found = keeps.run(ROW, entry)
    assert found["state"] == "edited"
    assert "was not kept" in found["why"]


def test_a_layer_is_part_of_what_a_row_is_made_from(worker: Worker) -> None:
    entry = known(worker)
    layer = Path("out/x/a.csv.corrections.json")
    layer.write_bytes(b"a layer")
    assert state(worker, ROW, entry) == "planned"
    made = entry | {"key": key_with(entry["key"], digest(layer)), "corrections": digest(layer)}
    assert state(worker, ROW, made) == "kept"
    layer.write_bytes(b"another")
    assert state(worker, ROW, made) == "planned"
    layer.unlink()
    assert state(worker, ROW, made) == "planned"


def test_a_lost_worker_forgets_no_edit() -> None:
    failed = {"id": "a", "row": 1, "status": "failed", "error": "Its worker has ended."}
    entry, whole = _known_still(failed, {"id": "a", "key": "k", "outputs": {"a.csv": "x"}})
    assert entry["outputs"] == {"a.csv": "x"}
    assert not whole  # a mark that it has left still counts
    assert _known_still(failed, None) == (failed, False)
    assert _known_still(failed | {"outputs": {}}, entry) == (failed | {"outputs": {}}, True)
