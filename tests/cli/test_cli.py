"""The command line, run in this process."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main
from dreamtalk_core.motion.tongue import FACE_NAMES


@pytest.mark.slow
def test_animate_writes_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv, archive = tmp_path / "zeile eins.csv", tmp_path / "ü.npz"
    arguments = ["animate", str(DEMO_VOICE), "-o", str(csv), "-o", str(archive)]
    assert main([*arguments, "--fps", "29.97", "--steps", "2", "--style", "sad"]) == 0
    one, other = Motion.load(csv), Motion.load(archive)
    assert len(one) == len(other) > 400
    np.testing.assert_allclose(one.weights, other.to_arkit().weights, atol=1e-5)
    assert other.names == FACE_NAMES  # a take of Live Link Face has no tongue
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
        (
            ["animate", str(DEMO_VOICE), "-o", "a.csv", "--style", "autograph", "--portrait", "p"],
            "--style auto",
        ),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--toward", "20"], "--others"),
        (["listen", "nowhere.wav", "-o", "a.csv"], "nowhere.wav"),
        (["listen", str(DEMO_VOICE), "-o", "a.csv", "--toward", "200"], "toward is 200"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--pose", "a.mat"], "--pose is for"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--pose-extension", "loop"], "original"),
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--smoothing", "nan"], "smoothing is nan"),
        (["track", str(DEMO_VOICE), "-o", "a.csv", "--smoothing", "nan"], "smoothing is nan"),
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
    assert main(arguments) in (2, 3, 4)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert not list(tmp_path.iterdir())


def motion_file(folder: Path) -> Path:
    """A motion file of two frames."""
    path = folder / "take.csv"
    Motion(("jawOpen",), np.zeros((2, 1), np.float32), 25, np.zeros((2, 3), np.float32)).save(path)
    return path


@pytest.mark.slow
def test_preview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "Vorschau ü.mp4"
    arguments = [
        "preview",
        str(motion_file(tmp_path)),
        "-o",
        str(output),
        "--audio",
        str(DEMO_VOICE),
    ]
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
    motion_file(tmp_path)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder.mp4").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["preview", *arguments]) in (2, 3, 4)
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert sorted(tmp_path.rglob("*")) == before


class TestFilesThatAreRead:
    """Nothing that a command reads is what it writes, whatever the two are called."""

    @pytest.fixture(autouse=True)
    def files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("v.mp4", "p.png", "s.wav", "take.csv", "take.npz", "c.safetensors"):
            (tmp_path / name).write_bytes(b"precious")
        (tmp_path / "shot.0001.png").write_bytes(b"precious")
        os.link(tmp_path / "v.mp4", tmp_path / "hard link.mp4")
        (tmp_path / "folder").mkdir()

    @pytest.mark.parametrize(
        "command",
        [
            "render p.png v.mp4 -o v.mp4",
            "render p.png v.mp4 -o folder/../v.mp4",
            "render p.png take.csv --audio v.mp4 -o v.mp4",
            "render p.png v.mp4 -o hard_link.mp4",
            # The sound of numbered pictures is a file of its own.
            "render p.png s.wav -o s.####.png",
            "render shot.0001.png take.csv -o shot.####.png",
            "portrait p.png -o p.png",
            "track v.mp4 -o new.csv -o v.mp4",
            "track v.mp4 --neutral take.npz -o take.npz",
            "animate s.wav --style take.csv -o take.csv",
            "animate s.wav --style take.csv*0.5+happy -o take.csv",
            "animate s.wav -o new.csv --preview s.wav",
            "preview take.csv -o v.mp4 --audio v.mp4",
            "style mix c.safetensors+happy -o c.safetensors",
            "import c.safetensors c.safetensors",
        ],
    )
    def test_are_not_written(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        before = {path.name: path.read_bytes() for path in Path().glob("*.*")}
        arguments = [word.replace("hard_link", "hard link") for word in command.split()]
        assert main(arguments) in (2, 4)
        (line,) = capsys.readouterr().err.splitlines()
        assert "is read as well" in line
        assert {path.name: path.read_bytes() for path in Path().glob("*.*")} == before

    @pytest.mark.parametrize(
        "command",
        [
            "animate s.wav -o take.csv",
            "animate s.wav -o new.csv --preview v.mp4",
            "track v.mp4 -o take.csv",
            "render p.png s.wav -o shot.####.png",
            "preview take.csv -o v.mp4",
            "style mix happy -o c.safetensors",
        ],
    )
    def test_with_no_clobber_nothing_is_replaced(
        self, command: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*command.split(), "--no-clobber"]) in (2, 4)
        assert "is there already" in capsys.readouterr().err

    def test_names_that_no_file_can_have_do_no_harm(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["animate", "x" * 5000, "-o", "new.csv", "--style", "a\0b"]) in (2, 4)
        assert main(["animate", "s.wav", "-o", "new.csv", "--style", "y" * 300 + "*0.5"]) in (2, 4)
        assert all(line.startswith("dreamtalk: ") for line in capsys.readouterr().err.splitlines())
