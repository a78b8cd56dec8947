"""`dreamtalk render` and `dreamtalk preview`, run in this process on the built-in head."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.control.drawing import KINDS
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.media import pixels
from dreamtalk_core.speech.sound import write_wav

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a portrait and a take of six frames, still and then moving."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "face.png").write_bytes(encode_png(HeadRenderer(192).render(np.zeros(52))))
    weights = np.zeros((6, 52))
    weights[3:, INDEX["jawOpen"]] = 0.6
    Motion(ARKIT_NAMES, weights, 25).save(tmp_path / "take.npz")
    return tmp_path


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [pixels(frame, "rgb24").astype(int) for frame in file.decode(video=0)]


def test_a_portrait_speaks_and_says_that_it_is_synthetic(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "line.mp4"
    assert main(["render", "face.png", "take.npz", "-o", str(out), "--audio", str(DEMO_VOICE)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    shown = frames(out)
    assert [frame.shape for frame in shown] == [(192, 192, 3)] * 6
    face = frames(folder / "face.png")[0]
    assert np.abs(shown[0] - face).mean() < 3, "zeros are the photo"
    assert np.abs(shown[5] - face).max() > 60, "the mouth is open"
    assert np.abs(shown[5] - face)[:20].mean() < 3, "and nothing far from it has moved"
    with av.open(str(out)) as file:
        assert "Synthetic media" in file.metadata["comment"]
        assert file.streams.audio


def test_a_photo_and_a_voice_are_enough(folder: Path) -> None:
    assert main(["render", "face.png", str(DEMO_VOICE), "-o", "line.mp4", "--style", "happy"]) == 0
    with av.open(str(folder / "line.mp4")) as file:
        assert file.streams.video[0].frames == 346
        assert file.streams.audio


def test_a_portrait_takes_what_animate_takes(folder: Path) -> None:
    """The same settings give the same motion: what is drawn is what `animate` saves."""
    line = cut_voice(folder, "line.wav", 0.0, 1.0)
    settings = ["--fps", "30", "--seed", "3", "--steps", "2", "--guidance", "1.4", "--blinks", "0"]
    keyed = ["--style", "neutral@0, angry@0.5", "--jaw", "0.8"]
    assert main(["animate", line, "-o", "curves.npz", *settings, *keyed]) == 0
    assert main(["render", "face.png", line, "-o", "one.mp4", *settings, *keyed]) == 0
    assert main(["render", "face.png", "curves.npz", "-o", "two.mp4"]) == 0
    one, two = frames(folder / "one.mp4"), frames(folder / "two.mp4")
    assert len(one) == len(two) == 30
    np.testing.assert_array_equal(one, two)


def cut_voice(folder: Path, name: str, start: float, seconds: float) -> str:
    wave = Speech.load(DEMO_VOICE).waveform
    first, count = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
    write_wav(folder / name, wave[None, first : first + count], SAMPLE_RATE)
    return name


@pytest.fixture
def group(folder: Path) -> Path:
    one = HeadRenderer(192).render(np.zeros(52))
    (folder / "group.png").write_bytes(encode_png(np.hstack([one, one])))
    return folder


def test_two_who_say_the_same_do_not_move_together(group: Path) -> None:
    line = cut_voice(group, "ü 1.wav", 0.0, 1.0)
    assert main(["render", "group.png", line, line, "-o", "talk.mp4", "--style", "happy"]) == 0
    last = frames(group / "talk.mp4")[-5]
    assert last.shape == (192, 384, 3)
    assert np.abs(last[:, :192] - last[:, 192:]).max() > 40
    with av.open(str(group / "talk.mp4")) as file:
        assert file.streams.audio


def test_who_has_no_speech_listens(group: Path) -> None:
    line = cut_voice(group, "line.wav", 0.0, 1.5)
    words = ["render", "group.png", line, "--face", "1", "--face", "0", "-o", "talk.mp4"]
    assert main([*words, "--style", "sad", "--style", "neutral", "--fps", "12"]) == 0
    shown = frames(group / "talk.mp4")
    assert len(shown) == 18
    picture = frames(group / "group.png")[0]
    listener = np.abs(shown[-1] - picture)[:, :192]
    assert listener[60:120].max() > 60, "turned to who speaks"


def test_control_pictures_of_two(group: Path) -> None:
    words = ["render", "group.png", "take.npz", "take.npz", "-o", "who.####.png"]
    assert main([*words, "--control", "person"]) == 0
    first, *others = sorted(group.glob("who.*.png"))
    assert len(others) == 5
    picture = frames(first)[0]
    assert (picture[:, :192] == (0, 0, 255)).all(-1).mean() > 0.2
    assert (picture[:, 192:] == (255, 0, 0)).all(-1).mean() > 0.2


def test_faces_are_shown_with_their_numbers(
    group: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["portrait", "group.png", "--numbered", "numbers.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["face", "0"], ["face", "1"]]
    assert lines[-1] == "numbers.png"
    changed = np.abs(frames(group / "numbers.png")[0] - frames(group / "group.png")[0]).max(-1) > 9
    assert changed[:, :192].any()
    assert changed[:, 192:].any()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["take.npz", "take.npz", "--face", "0"], "--face once for each"),
        (["take.npz", "take.npz", "take.npz"], "but 2"),
        (["take.npz", "take.npz", "--face", "1", "--face", "1"], "chosen twice"),
        (["take.npz", "take.npz", "--crop", "96"], "--crop is for one face"),
        (["take.npz", "--seed", "1"], "--seed is for a speech"),
        (["take.npz", "--style", "sad"], "--style is for a speech"),
        (["take.npz", "--face", "0", "--face", "1"], "Nobody speaks"),
        ([str(DEMO_VOICE), "--seed", "1", "--seed", "2"], "--seed is given 2 times for one face"),
        ([str(DEMO_VOICE), "--blinks", "-1"], "blinks is -1"),
        ([str(DEMO_VOICE), "--pose", "a.mat"], "--pose is for"),
    ],
)
def test_mistakes_with_faces_are_one_clear_line(
    words: list[str], told: str, group: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "group.png", *words, "-o", "a.mp4"]) in (2, 3, 4)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("dreamtalk: ")
    assert told in error
    assert not (group / "a.mp4").exists()


def test_pictures_in_a_row_cropped(folder: Path) -> None:
    words = ["render", "face.png", "take.npz", "-o", "line.####.png", "--crop", "96", "--stamp"]
    assert main(words) == 0
    pictures = sorted(folder.glob("line.*.png"))
    assert len(pictures) == 6
    assert frames(pictures[0])[0].shape == (96, 96, 3)
    assert b"AlgorithmicMedia" in pictures[0].read_bytes()


@pytest.mark.parametrize("command", [["render", "face.png", "take.npz"], ["preview", "take.npz"]])
@pytest.mark.parametrize("kind", ["mesh", "mouth", "depth", "pose", "composite"])
def test_control_pictures(command: list[str], kind: str, folder: Path) -> None:
    words = [*command, "-o", "control.mp4", "--control", kind]
    assert main([*words, "--size", "128"] if command[0] == "preview" else words) == 0
    shown = frames(folder / "control.mp4")
    assert len(shown) == 6
    assert shown[0].max() > 150
    assert np.abs(shown[5] - shown[0]).max() > 30


def test_heads_side_by_side_on_green_with_curves(folder: Path) -> None:
    Motion.load("take.npz").save("other.npz")
    words = ["preview", "take.npz", "other.npz", "-o", "two.mp4", "--size", "128", "--yaw", "30"]
    assert main([*words, "--background", "#20c040", "--curves", "jawOpen"]) == 0
    shown = frames(folder / "two.mp4")[0]
    assert shown.shape[1] == 256
    assert shown.shape[0] > 128
    np.testing.assert_allclose(shown[60, 4], [0x20, 0xC0, 0x40], atol=12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["render", "grey.png", "take.npz", "-o", "a.mp4"], "no face in grey.png"),
        (["render", "face.png", "nowhere.npz", "-o", "a.mp4"], "nowhere.npz"),
        (["render", "face.png", "take.npz", "-o", "a.gif"], ".mp4"),
        (["render", "face.png", "take.npz", "-o", "a.mp4", "--codec", "vp9"], "vp9"),
        (["render", "face.png", "take.npz", "-o", "a.mp4", "--crop", "5"], "16 to"),
        (["render", "face.png", "take.npz", "-o", "a.mp4", "--control", "teeth"], "mesh"),
        (["preview", "take.npz", "-o", "a.mp4", "--background", "blue"], "studio"),
        (["preview", "take.npz", "-o", "a.mp4", "--background", "none"], "transparency"),
        (["preview", "take.npz", "-o", "a.mp4", "--curves", "jaw"], "jaw"),
        (["preview", "take.npz", "-o", "a.mp4", "--head", "take.npz"], "take.npz"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "grey.png").write_bytes(encode_png(np.full((64, 64, 3), 90, np.uint8)))
    before = sorted(folder.iterdir())
    assert main(arguments) in (2, 3, 4)
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("dreamtalk: ")
    assert words in error
    assert sorted(folder.iterdir()) == before


def test_every_control_is_named_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--help"]) == 0
    words = capsys.readouterr().out.replace(",", " ").split()
    assert set(KINDS) <= set(words)
