from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main


@pytest.mark.slow
def test_cues_of_a_speech(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "said.txt"
    text.write_text("Thank you for calling", encoding="utf-8")
    table, words = tmp_path / "line.tsv", tmp_path / "line.srt"
    arguments = ["cues", str(DEMO_VOICE), "--transcript", str(text)]
    assert main([*arguments, "-o", str(table), "-o", str(words)]) == 0
    assert capsys.readouterr().out.split() == [str(table), str(words)]
    assert table.read_text(encoding="utf-8").endswith("\n13.84\tX\n")
    assert "Thank" in words.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_line_is_animated_with_its_cues(tmp_path: Path) -> None:
    from dreamtalk_core.motion import Motion

    outputs = [tmp_path / name for name in ("line.npz", "line.dat")]
    arguments = [part for path in outputs for part in ("-o", str(path))]
    assert main(["animate", str(DEMO_VOICE), "--fps", "30", *arguments]) == 0
    last = outputs[1].read_text(encoding="utf-8").splitlines()[-1]
    assert last == f"{len(Motion.load(outputs[0])) + 1} rest"


def test_who_listens_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", str(DEMO_VOICE), "-o", str(tmp_path / "line.tsv")]) != 0
    assert "tsv" in capsys.readouterr().err
