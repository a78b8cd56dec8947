"""`dreamtalk track` and `dreamtalk portrait`, run in this process on the built-in head."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.cli import main
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.head.pictures import HeadPictures
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.job import render

pytestmark = pytest.mark.slow

SQUINT = 0.2


@pytest.fixture(scope="module")
def performance() -> Motion:
    """A second and more of a head that squints all the time, opens its mouth and turns."""
    time = (np.arange(36) + 0.5) / 30
    weights = np.zeros((36, 52))
    weights[:, INDEX["jawOpen"]] = 0.3 - 0.3 * np.cos(2 * np.pi * time)
    weights[:, [INDEX["eyeSquintLeft"], INDEX["eyeSquintRight"]]] = SQUINT
    turn = np.stack([0 * time, 10 * np.sin(np.pi * time), 0 * time], 1)
    return Motion(ARKIT_NAMES, weights, 30, turn)


@pytest.fixture(scope="module")
def video(performance: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "Kopf ü.mp4"
    render(HeadPictures(performance, 256), path)
    return path


def test_track_writes_the_performance(
    video: Path, performance: Motion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [tmp_path / f"take{suffix}" for suffix in (".csv", ".json", ".npz")]
    asked = [word for path in outputs for word in ("-o", str(path))]
    assert main(["track", str(video), *asked]) == 0
    assert capsys.readouterr().out.splitlines() == [str(path) for path in outputs]
    for path in outputs:
        tracked = Motion.load(path)
        assert (len(tracked), tracked.fps) == (36, Fraction(30))
        jaw = tracked.channel("jawOpen")
        assert np.corrcoef(jaw, performance.channel("jawOpen"))[0, 1] > 0.97
        np.testing.assert_allclose(
            tracked.head_rotation[:, 1], performance.head_rotation[:, 1], atol=3
        )


def test_the_own_face_is_taken_off_unless_raw(video: Path, tmp_path: Path) -> None:
    def squint(name: str, *options: str) -> float:
        path = tmp_path / f"{name}.npz"
        assert main(["track", str(video), "-o", str(path), *options]) == 0
        return float(np.median(Motion.load(path).channel("eyeSquintLeft")))

    still = tmp_path / "still.png"
    still.write_bytes(encode_png(HeadRenderer(256).render(np.zeros(52))))
    raw, itself, known = (
        squint("raw", "--raw"),
        squint("auto"),
        squint("n", "--neutral", str(still)),
    )
    assert itself < raw - 0.1
    assert 0 < known < raw


def test_a_style_comes_from_a_video(video: Path, tmp_path: Path, user_styles: Path) -> None:
    assert main(["style", "extract", str(video), "--keep", "squinter"]) == 0
    assert [path.name for path in user_styles.iterdir()] == ["squinter.safetensors"]


def test_portrait_is_judged_and_cropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, crop = tmp_path / "a.png", tmp_path / "crop.png"
    weights = np.zeros(52)
    weights[INDEX["jawOpen"]] = 0.8
    picture.write_bytes(encode_png(HeadRenderer(256).render(weights)))
    assert main(["portrait", str(picture), "-o", str(crop), "--size", "64"]) == 0
    printed = capsys.readouterr()
    out = printed.out.splitlines()
    assert out[0].startswith("face     1")
    assert "dreamtalk: warning: The mouth is open" in printed.err
    assert out[-1] == str(crop)
    assert crop.read_bytes()[16:24] == (64).to_bytes(4, "big") * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["track", "nowhere.mp4", "-o", "a.csv"], "nowhere.mp4"),
        (["track", "grey.png", "-o", "a.xyz"], ".csv"),
        (["track", "grey.png", "-o", "no/a.csv"], "does not exist"),
        (["track", "grey.png", "-o", "a.csv"], "no face in grey.png"),
        (["track", "text.mp4", "-o", "a.csv"], "text.mp4 is not a video or picture"),
        (["track", "grey.png", "-o", "a.csv", "--fps", "soon"], "frame rate"),
        (["portrait", "grey.png"], "no face in grey.png"),
        (["portrait", "grey.png", "--points", "1,2"], "Cannot read the points"),
        (["style", "extract", "grey.png", "--keep", "a"], "no face in grey.png"),
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
    (tmp_path / "grey.png").write_bytes(encode_png(np.full((64, 64, 3), 90, np.uint8)))
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    assert main(arguments) in (2, 3, 4)
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert sorted(tmp_path.iterdir()) == before
    assert not list(user_styles.iterdir())
