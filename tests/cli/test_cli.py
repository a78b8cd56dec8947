"""The command line, run in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main


def test_animate_writes_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv, archive = tmp_path / "zeile eins.csv", tmp_path / "ü.npz"
    arguments = ["animate", str(DEMO_VOICE), "-o", str(csv), "-o", str(archive)]
    assert main([*arguments, "--fps", "29.97", "--steps", "2", "--style", "sad"]) == 0
    one, other = Motion.load(csv), Motion.load(archive)
    assert len(one) == len(other) > 400
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
    assert capsys.readouterr().out.splitlines() == [str(csv), str(archive)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["animate", "nowhere.wav", "-o", "a.csv"], "nowhere.wav"),
        (["animate", str(DEMO_VOICE), "-o", "a.xyz"], ".csv"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--preview", "a.txt"], ".mp4"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--style", "jolly"], "happy"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--fps", "soon"], "frame rate"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--steps", "0"], "steps"),
        (["animate", str(DEMO_VOICE), "-o", "no/a.csv"], "does not exist"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--preview", "no/a.mp4"], "does not exist"),
        (
            ["animate", str(DEMO_VOICE), "-o", "a.csv", "--style", "sad", "--portrait", "a.png"],
            "--style auto",
        ),
        (["evaluate", "--corpus", "nowhere"], "manifest.tsv"),
    ],
)
def test_mistakes_end_in_one_clear_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert not list(tmp_path.iterdir())


def take(folder: Path) -> Path:
    """A motion file of two frames."""
    path = folder / "take.csv"
    Motion(("jawOpen",), np.zeros((2, 1), np.float32), 25, np.zeros((2, 3), np.float32)).save(path)
    return path


def test_preview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "Vorschau ü.mp4"
    arguments = ["preview", str(take(tmp_path)), "-o", str(output), "--audio", str(DEMO_VOICE)]
    assert main(arguments) == 0
    assert output.stat().st_size > 0
    assert capsys.readouterr().out.splitlines() == [str(output)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.csv", "-o", "a.mp4"], "nowhere.csv"),
        (["empty.csv", "-o", "a.mp4"], "empty"),
        (["take.csv", "-o", "a.avi"], ".mp4"),
        (["take.csv", "-o", "folder.mp4"], "is a folder"),
        (["take.csv", "-o", "no/a.mp4"], "does not exist"),
        (["take.csv", "-o", f"{'long' * 90}.mp4"], "long"),
        ([f"{'long' * 90}.csv", "-o", "a.mp4"], "long"),
        (["take.csv", "-o", "a.mp4", "--audio", "nowhere.wav"], "no such file"),
        (["take.csv", "-o", "a.mp4", "--audio", "folder.mp4"], "is a folder"),
        (["take.csv", "-o", "a.mp4", "--audio", "empty.csv"], "empty"),
        (["take.csv", "-o", "a.mp4", "--audio", "take.csv"], "not a sound or video"),
    ],
)
def test_mistakes_in_a_preview_are_one_clear_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    take(tmp_path)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder.mp4").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["preview", *arguments]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert sorted(tmp_path.rglob("*")) == before
