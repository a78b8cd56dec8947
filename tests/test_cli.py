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
        (["animate", str(DEMO_VOICE), "-o", "a.csv", "--fps", "soon"], "fps"),
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


def test_styles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["styles"]) == 0
    assert {"neutral", "happy", "angry"} <= set(capsys.readouterr().out.split())
