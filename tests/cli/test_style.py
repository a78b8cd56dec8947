"""`dreamtalk style`, run in this process."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

pytestmark = pytest.mark.slow


def smile(folder: Path, name: str = "grin.csv", seconds: float = 3) -> Path:
    """A motion file of a face that speaks with a smile."""
    weights = np.zeros((round(seconds * 25), 52))
    weights[:, INDEX["mouthSmileLeft"]] = weights[:, INDEX["mouthSmileRight"]] = 0.6
    weights[:, INDEX["jawOpen"]] = 0.15 + 0.15 * np.sin(np.arange(len(weights)))
    path = folder / name
    Motion(ARKIT_NAMES, weights, 25).save(path)
    return path


def test_a_style_is_extracted_saved_found_and_used(
    tmp_path: Path, user_styles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [str(smile(tmp_path)), str(smile(tmp_path, "grin 2.npz"))]
    file, png = tmp_path / "grinsen.safetensors", tmp_path / "grin.png"
    save = ["-o", str(file), "--keep", "Breites Grinsen", "--tag", "warm", "--tag", "broad"]
    assert main(["style", "extract", *clips, *save]) == 0
    saved = user_styles / "Breites Grinsen.safetensors"
    out = capsys.readouterr().out.splitlines()
    assert out == [f"from {clips[0]}; {clips[1]}", str(file), str(saved)]

    assert main(["style", "list"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Breites", "Grinsen", "user", "warm,", "broad"] in rows
    assert ["happy", "model"] in rows

    assert main(["style", "show", "breites grinsen", "--picture", str(png)]) == 0
    out = capsys.readouterr().out
    assert "6.0 s, kept for other models" in out
    assert "warm, broad" in out
    assert png.read_bytes().startswith(b"\x89PNG")

    curves = tmp_path / "a.npz"
    line = ["animate", str(DEMO_VOICE), "-o", str(curves), "--style"]
    assert main([*line, "Breites Grinsen*1.2"]) == 0
    grin = Motion.load(curves).channel("mouthSmileLeft").mean()
    assert main([*line, "neutral"]) == 0
    assert grin > Motion.load(curves).channel("mouthSmileLeft").mean() + 0.2


def test_styles_are_mixed_and_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["style", "mix", "happy*0.7+surprise*0.3", "--keep", "wow", "--project"]) == 0
    saved = tmp_path / "dreamtalk_styles" / "wow.safetensors"
    assert capsys.readouterr().out.splitlines() == [str(saved)]
    assert main(["style", "predict", str(DEMO_VOICE), "-o", "her.safetensors"]) == 0
    heard = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"heard (unsure, )?\w+ \(\d+ %\), intensity [\d.]+", heard)
    assert main(["style", "show", "her.safetensors"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "heard    " + heard.removeprefix("heard ").partition(", intensity")[0] in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["extract", "grin.csv"], "--keep NAME"),
        (["extract", "grin.csv", "-o", "a.csv"], ".safetensors"),
        (["extract", "grin.csv", "--keep", "a/b"], "cannot be called"),
        (["extract", "grin.csv", "--keep", "auto"], "another name"),
        (["extract", "short.csv", "--keep", "a"], "short.csv: A style needs at least 1 s"),
        (["extract", "nowhere.csv", "--keep", "a"], "nowhere.csv"),
        (["mix", "happy@0, sad@1", "--keep", "a"], "one style"),
        (["mix", "happi", "--keep", "a"], "Did you mean happy?"),
        (["show", "happi"], "Did you mean happy?"),
        (["show", "happy", "--picture", "no/a.png"], "does not exist"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    user_styles: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    smile(tmp_path)
    smile(tmp_path, "short.csv", 0.8)
    before = sorted(tmp_path.iterdir())
    assert main(["style", *arguments]) in (2, 3, 4)
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert sorted(tmp_path.iterdir()) == before
    assert not list(user_styles.iterdir())


def test_a_damaged_style_does_not_hide_the_others(
    user_styles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user_styles / "broken.safetensors").write_bytes(b"no style")
    assert main(["style", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith("broken") and "cannot be used" in row for row in rows)
    assert any(row.startswith("happy") for row in rows)
