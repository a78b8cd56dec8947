"""Whole batches, with real workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.batch.by_hand import ByHand
from dreamtalk_core.batch.ledger import Marks
from dreamtalk_core.cli import main
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

ROOT = Path(__file__).resolve().parents[2]
COUNT = 6
FILES = ("ledger.ndjson", "report.html")

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, demo_voice: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of short lines, in the working folder."""
    monkeypatch.chdir(tmp_path)
    sound = Speech.load(demo_voice).waveform
    for i in range(COUNT):
        write_wave(f"{i}.wav", sound[2 * i * SAMPLE_RATE : 2 * (i + 1) * SAMPLE_RATE])
    rows = [f"line{i},{i}.wav,{i},0.8," for i in range(COUNT)]
    write(["id,audio,seed,lips,style", *rows])
    return tmp_path


def write_wave(name: str, sound: np.ndarray) -> None:
    with wave.open(name, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def write(rows: Sequence[str]) -> None:
    Path("lines.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def ledger(folder: str = "out") -> dict[str, dict[str, Any]]:
    lines = Path(folder, "ledger.ndjson").read_text(encoding="utf-8").splitlines()
    return {entry["id"]: entry for entry in map(json.loads, lines)}


def batch(*more: str) -> int:
    """One worker: to start another takes as long as all these lines."""
    return main(["batch", "lines.csv", "-o", "out", "--jobs", "1", *more])


def test_a_row_is_what_the_command_line_makes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte: curves, a preview, a portrait that speaks."""
    portrait = os.path.relpath(DEMO_PORTRAIT, folder)
    write_wave("short.wav", Speech.load("0.wav").waveform[: SAMPLE_RATE // 2])
    write(
        [
            "id,audio,seed,fps,style,portrait,others,outputs",
            "one,short.wav,3,29.97,,,,{id}.csv;{id}.json;{id}.mp4",
            f"two,short.wav,,,,{portrait},,deep/{{id}}.npz;deep/{{id}}.mp4",
            f"three,1.wav,,,,{portrait},,{{id}}.csv",
            "four,2.wav,,,happy*0.5+sad*0.5,,3.wav,{id}.npz",
        ]
    )
    assert batch() == 0
    assert capsys.readouterr().out.split() == [str(folder / "out" / n) for n in FILES]
    Path("own").mkdir()
    one = ["animate", "short.wav", "--seed", "3", "--fps", "29.97", "-o", "own/one.csv"]
    assert main([*one, "-o", "own/one.json", "--preview", "own/one.mp4"]) == 0
    assert main(["render", portrait, "short.wav", "-o", "own/two.mp4"]) == 0
    assert main(["animate", "1.wav", "--portrait", portrait, "-o", "own/three.csv"]) == 0
    four = ["animate", "2.wav", "--style", "happy*0.5+sad*0.5", "--others", "3.wav"]
    assert main([*four, "-o", "own/four.npz"]) == 0
    made, own = contents(folder / "out"), contents(folder / "own")
    video = made.pop("deep/two.mp4")
    curves = ["render", portrait, "out/deep/two.npz", "--audio", "short.wav"]
    assert main([*curves, "-o", "again.mp4"]) == 0
    assert video == own.pop("two.mp4") == Path("again.mp4").read_bytes()
    for name, content in own.items():
        assert made.pop(name) == content, name
    assert set(made) == {"deep/two.npz", *FILES}
    assert set(ledger()["two"]["inputs"]) == {"short.wav", Path(portrait).as_posix()}


def test_a_corrupt_row_costs_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.wav").write_bytes(b"RIFF nonsense")
    rows = Path("lines.csv").read_text(encoding="utf-8").splitlines()[:3]
    write(
        [*rows, "lost,nowhere.wav,,,", "odd,0.wav,,,jolly", "broken,empty.wav,,,", "last,1.wav,,,"]
    )
    assert batch("--no-grade") == 6
    entries = ledger()
    failed = {name for name, entry in entries.items() if entry["status"] == "failed"}
    assert failed == {"lost", "odd", "broken"}
    assert "happy" in entries["odd"]["error"]
    assert sorted(path.name for path in Path("out").glob("*.csv")) == [
        *("last.csv", "line0.csv", "line1.csv")
    ]
    err = capsys.readouterr().err
    assert "row 3, lost" in err
    assert "--only failed" in err
    # Mended, and nothing else is made again.
    Path("nowhere.wav").write_bytes(Path("2.wav").read_bytes())
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.csv")}
    assert batch("--only", "failed", "--no-grade") == 6
    assert "1 done, 3 left, 2 failed" in capsys.readouterr().err
    assert ledger()["lost"]["status"] == "done"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_resume_makes_what_has_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*more: str) -> str:
        assert batch("--resume", *more) == 0
        return capsys.readouterr().err.splitlines()[-1]

    assert told("--dry-run") == f"{COUNT} planned"
    assert not Path("out").exists()
    assert told().startswith(f"{COUNT} done")
    first = contents(folder / "out")
    assert told().startswith(f"{COUNT} kept")
    assert contents(folder / "out") == first
    # Another sound, another setting, a lost output, and one that an animator has mended.
    Path("0.wav").write_bytes(Path("1.wav").read_bytes())
    text = Path("lines.csv").read_text(encoding="utf-8")
    write(text.replace("line1,1.wav,1", "line1,1.wav,9").splitlines())
    Path("out/line2.csv").unlink()
    mended = first["line3.csv"] + b"\n"
    Path("out/line3.csv").write_bytes(mended)
    assert told("--dry-run").startswith("2 kept, 1 edited, 3 planned")
    assert told().startswith("3 done, 2 kept, 1 edited")
    after = contents(folder / "out")
    assert after["line3.csv"] == mended
    assert after["line2.csv"] == first["line2.csv"]
    assert after["line0.csv"] != first["line0.csv"]
    assert after["line1.csv"] != first["line1.csv"]
    assert after["line4.csv"] == first["line4.csv"]


def test_other_tables_and_hand_edits_stay_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run over some of the rows forgets none of the others."""
    rows = Path("lines.csv").read_text(encoding="utf-8").splitlines()[:4]
    write(rows)
    assert batch("--no-grade") == 0
    mended = Path("out/line2.csv").read_bytes() + b"\n"
    Path("out/line2.csv").write_bytes(mended)
    write(rows[:2])
    capsys.readouterr()
    assert batch("--resume", "--no-grade") == 0
    assert capsys.readouterr().err.splitlines()[-1] == "1 kept"
    assert list(ledger()) == ["line0", "line1", "line2"]
    assert "line2" not in Path("out/report.html").read_text(encoding="utf-8")
    write(rows)
    # Nothing may be replaced, and nothing has to be; a grade comes late.
    assert batch("--resume", "--no-clobber") == 0
    assert capsys.readouterr().err.splitlines()[-1].startswith("2 kept, 1 edited")
    assert [name for name, entry in ledger().items() if "grade" in entry] == ["line0", "line1"]
    assert Path("out/line2.csv").read_bytes() == mended
    # What has failed, and was mended by hand, is no row that was made.
    entry = {"id": "line2", "row": 3, "status": "failed", "error": "full.", "outputs": {}}
    entry["outputs"] = {"line2.csv": "of half of it"}
    with Path("out/ledger.ndjson").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    assert batch("--resume") == 6
    assert "2 kept, 1 failed" in capsys.readouterr().err


def test_a_batch_refuses_what_would_be_lost(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(["id,audio,outputs", "one,0.wav,lines.csv"])
    before = contents(folder)
    assert batch("-o", ".") == 2
    assert "is read as well" in capsys.readouterr().err
    Path("out").mkdir()
    assert batch("--against", "out") == 2
    assert "own folder" in capsys.readouterr().err
    Path("out/report.html").write_bytes(b"mine")
    assert batch("--no-clobber") == 4
    assert contents(folder) == before | {"out/report.html": b"mine"}


def test_a_style_file_is_seen_from_where_the_command_runs(folder: Path) -> None:
    Path("deep").mkdir()
    write(["id,audio", "one,../0.wav"])
    Path("lines.csv").rename("deep/lines.csv")
    assert main(["animate", "1.wav", "-o", "rage.csv"]) == 0
    command = ["batch", "deep/lines.csv", "-o", "out", "--jobs", "1", "--no-grade"]
    assert main([*command, "--style", "rage.csv"]) == 0
    assert set(ledger()["one"]["inputs"]) == {"../0.wav", "../rage.csv"}
    assert main([*command, "--style", "nowhere.csv", "--dry-run"]) == 6


def test_killed_at_any_moment_and_resumed(folder: Path) -> None:
    """Every file is that of a run which nobody has disturbed."""
    command = [sys.executable, "-m", "dreamtalk_core.cli", "batch", "lines.csv"]
    command += ["--jobs", "2", "--progress", "ndjson", "--resume"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run(folder: str, rows: int | None) -> list[dict[str, Any]]:
        process = subprocess.Popen(
            [*command, "-o", folder],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=os.name != "nt",
        )
        assert process.stdout is not None
        events = []
        for line in process.stdout:
            events.append(json.loads(line))
            made = sum(e["event"] == "row" and "state" not in e for e in events)
            if rows is not None and made >= rows:
                process.kill() if os.name == "nt" else os.killpg(process.pid, signal.SIGKILL)
                break
        process.stdout.close()
        process.wait()
        return events

    whole = run("whole", None)
    assert whole[0] == {"event": "start", "rows": COUNT, "todo": COUNT}
    assert whole[-1]["done"] == COUNT
    for rows in (1, 2):
        run("killed", rows)
    with Path("killed/ledger.ndjson").open("a", encoding="utf-8") as file:
        file.write('{"id":"line5","row":6,"sta')
    last = run("killed", None)
    assert last[-1]["kept"] >= 3
    left, right = contents(folder / "whole"), contents(folder / "killed")
    made = {f"line{i}.csv{more}" for i in range(COUNT) for more in ("", ".provenance.json")}
    assert set(left) == made | set(FILES)
    assert left == right


def test_killed_after_writing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs that are newer than the ledger knows are not taken for somebody's own work."""
    assert batch("--no-grade") == 0
    whole = contents(folder / "out")
    Marks(folder / "out").set("line0", "of another sound")
    Path("out/line0.csv").write_bytes(b"of yet another")
    assert batch("--resume", "--no-grade") == 0
    assert f"1 done, {COUNT - 1} kept" in capsys.readouterr().err
    assert contents(folder / "out") == whole


def test_parts_make_the_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("--output", "whole", "--jobs", "2") == 0
    assert [batch("--part", f"{number}/2") for number in (2, 1)] == [0, 0]
    assert len(list(Path("out").glob("ledger-*-of-2.ndjson"))) == 2
    assert batch("--resume") == 0
    assert f"{COUNT} kept" in capsys.readouterr().err
    assert contents(folder / "out") == contents(folder / "whole")
    assert batch("--part", "4/3") == 2


def test_check_grades_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch() == 0
    capsys.readouterr()
    before = contents(folder / "out")
    sound = Path("0.wav").read_bytes()
    Path("0.wav").write_bytes(sound[:44] + bytes(len(sound) - 44))
    assert batch("--check", "--progress", "ndjson") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {event["id"]: event.get("flags") for event in events if event["event"] == "row"}
    assert told["line0"] == ["silent"]
    after = contents(folder / "out")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"report.html"}
    page = after["report.html"].decode()
    assert page.index("line0") < page.index("line1")
    assert page.count("<img") == page.count("<svg") == COUNT
    assert "http" not in page


def test_a_batch_cannot_be_made_without_its_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch("--model", "nowhere.safetensors") == 2
    assert "nowhere.safetensors" in capsys.readouterr().err
    assert batch("--device", "cuda:77") == 2
    assert not list(Path("out").glob("*.csv"))


def test_a_worker_that_dies_costs_its_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks a process before it is killed for want of memory."""
    from dreamtalk_core.batch import local
    from dreamtalk_core.batch.plan import Row
    from dreamtalk_core.batch.work import Job

    job = Job(folder, folder / "out", "default", "cpu", "all", False)
    rows = [Row(i + 1, f"line{i}", f"{i}.wav", "neutral", outputs=(f"{i}.csv",)) for i in range(4)]
    given = local._Process.give

    def give(self: Any, task: Any) -> None:
        if task[0].id == "line1":
            self._process.kill()
            self._process.join()
        given(self, task)

    monkeypatch.setattr(local._Process, "give", give)
    entries = {one["id"]: one for one in local.run_local(job, [(row, None) for row in rows], 2)}
    assert [entries[row.id]["status"] for row in rows] == ["done", "failed", "done", "done"]
    assert "signal 9" in entries["line1"]["error"] or os.name == "nt"
    assert Path("out/3.csv").is_file()


def smile(path: str) -> None:
    """What an animator does."""
    motion = Motion.load(path)
    weights = motion.weights.copy()
    smiles = [motion.names.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    weights[10:30, smiles] = np.clip(weights[10:30, smiles] + 0.2, 0, 1)
    Motion(motion.names, weights, motion.fps, motion.head_rotation).save(path)


def rerecord() -> None:
    """All lines anew, a little softer."""
    for i in range(COUNT):
        write_wave(f"{i}.wav", 0.9 * Speech.load(f"{i}.wav").waveform)


def test_corrections_are_laid_over_a_new_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(Path("lines.csv").read_text(encoding="utf-8").splitlines()[:4])
    keep = ("--resume", "--keep-corrections", "--no-grade")

    def told() -> str:
        assert batch(*keep) == 0
        return capsys.readouterr().err.splitlines()[-1]

    assert told() == "3 done"
    smile("out/line0.csv")
    mended = Path("out/line0.csv").read_bytes()
    Path("out/line1.csv").write_bytes(b"no curves")
    assert told() == "1 kept, 2 edited"
    rerecord()
    assert batch(*keep, "--dry-run") == 0
    assert capsys.readouterr().err.splitlines()[-1] == "1 edited, 2 planned"
    assert batch(*keep) == 0
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("2 done, 1 edited, 1 corrected")
    assert "line1.csv was changed by hand and stays (" in err
    assert Path("out/line1.csv").read_bytes() == b"no curves"
    assert Path("out/line0.csv.edited").read_bytes() == mended
    layer = Path("out/line0.csv.corrections.json")
    corrected, with_layer = Motion.load("out/line0.csv"), contents(folder / "out")
    assert told().startswith("2 kept, 1 edited, 1 corrected")
    # Deleted, the line is what it would have been.
    kept = layer.read_bytes()
    layer.unlink()
    assert told().startswith("1 done, 1 kept, 1 edited")
    plain = Motion.load("out/line0.csv")
    assert main(["animate", "0.wav", "--seed", "0", "--lips", "0.8", "-o", "own.csv"]) == 0
    assert Path("own.csv").read_bytes() == Path("out/line0.csv").read_bytes()
    added = corrected.weights - plain.weights
    at = plain.names.index("mouthSmileLeft")
    wanted = np.clip(plain.weights[10:30, at] + 0.2, 0, 1) - plain.weights[10:30, at]
    np.testing.assert_allclose(added[10:30, at], wanted, atol=0.005)
    assert not np.delete(added, [at, plain.names.index("mouthSmileRight")], axis=1).any()
    # Put back, it is there again, byte for byte; an edit on top becomes one with it.
    layer.write_bytes(kept)
    assert batch(*keep) == 0
    assert contents(folder / "out") == with_layer
    smile("out/line0.csv")
    rerecord()
    assert batch("--keep-corrections", "--no-grade") == 0
    again = Motion.load("out/line0.csv").weights - plain.weights
    assert again[10:30, at].mean() > 1.6 * added[10:30, at].mean()


@pytest.mark.parametrize("moment", ["taken off", "marked", "written", "remembered"])
def test_corrections_survive_every_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A worker that is killed there leaves what an undisturbed one makes of it."""
    from dreamtalk_core.batch.plan import Row
    from dreamtalk_core.batch.work import Job, Worker
    from dreamtalk_core.pipeline import line

    row = Row(1, "a", "0.wav", "neutral", outputs=("a.csv", "a.npz"))
    known, files = {}, {}
    for out in ("whole", "killed"):
        Path(out).mkdir()
        job = Job(folder, folder / out, "default", "cpu", "resume", False, keep=True)
        known[out] = Worker(job).run(row, None)
        Marks(folder / out).take_off("a")
        smile(f"{out}/a.csv")
    rerecord()

    def killed(*_: Any, **__: Any) -> Any:
        raise SystemExit

    def then_killed(function: Any) -> Any:
        return lambda *a, **k: (function(*a, **k), killed())

    with monkeypatch.context() as patch:
        if moment == "taken off":
            patch.setattr(Worker, "_make", killed)
        elif moment == "marked":
            patch.setattr(line, "write_line", killed)
        elif moment == "written":
            patch.setattr(ByHand, "remember", killed)
        else:
            patch.setattr(ByHand, "remember", then_killed(ByHand.remember))
        with pytest.raises(SystemExit):
            Worker(job).run(row, known["killed"])
    for out in ("whole", "killed"):
        job = Job(folder, folder / out, "default", "cpu", "resume", False, keep=True)
        made = Worker(job).run(row, known[out])
        assert made["status"] == "done"
        assert made["corrections"]
        Marks(folder / out).close(["a"])
        files[out] = contents(folder / out)
    assert len(files["whole"]) == 6
    assert files["whole"] == files["killed"]


def test_corrections_survive_kills(folder: Path) -> None:
    """The same of a whole batch: a worker and its parent are killed wherever they are."""
    assert batch("--keep-corrections", "--no-grade") == 0
    for i in range(0, COUNT, 2):
        smile(f"out/line{i}.csv")
    shutil.copytree("out", "whole")
    rerecord()
    keep = ["--keep-corrections", "--resume", "--no-grade"]
    assert batch(*keep, "-o", "whole") == 0
    command = [sys.executable, "-m", "dreamtalk_core.cli", "batch", "lines.csv", "-o", "out"]
    for rows in (1, 2):
        process = subprocess.Popen(
            [*command, "--jobs", "1", "--progress", "ndjson", *keep],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=os.name != "nt",
        )
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            rows -= event["event"] == "row" and "state" not in event
            if not rows:
                process.kill() if os.name == "nt" else os.killpg(process.pid, signal.SIGKILL)
                break
        process.stdout.close()
        process.wait()
    assert batch(*keep) == 0
    left, right = contents(folder / "whole"), contents(folder / "out")
    assert sum(name.endswith(".corrections.json") for name in left) == COUNT // 2
    assert left == right
