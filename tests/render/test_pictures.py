"""Videos of the head and of control pictures, and contact sheets."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.control.drawing import KINDS
from dreamtalk_core.render.control.pictures import ControlPictures
from dreamtalk_core.render.head.look import Look, parse_background
from dreamtalk_core.render.head.pictures import HeadPictures, contact_sheet
from dreamtalk_core.render.job import render
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.speech.media import pixels


def motion(frames: int = 12, fps: str = "25") -> Motion:
    weights = np.zeros((frames, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.8, frames)
    turn = np.zeros((frames, 3), np.float32)
    turn[:, 1] = np.linspace(-10, 10, frames)
    return Motion(ARKIT_NAMES, weights, fps, turn)  # type: ignore[arg-type]


def test_preview_has_every_frame_in_order(tmp_path: Path, demo_voice: Path) -> None:
    path = tmp_path / "Vorschau é.mp4"
    steps: list[tuple[int, int]] = []
    moving = motion(fps="24000/1001")
    render(HeadPictures(moving, 128), path, demo_voice, lambda *step: steps.append(step))
    assert steps == [(i, 12) for i in range(1, 13)]
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.average_rate == Fraction(24000, 1001)
        assert (video.width, video.height) == (128, 128)
        assert video.duration * video.time_base == moving.duration
        assert abs(audio.duration * audio.time_base - moving.duration) < Fraction(1, 8000)
        pictures = [pixels(frame, "rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(pictures) == 12
    # The head turns one way all the time: pictures differ more the further apart they are.
    change = [np.abs(picture - pictures[0]).mean() for picture in pictures]
    assert change[11] > change[6] > change[2] > 0


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise InterruptedError("stop")

    before = threading.active_count()
    with pytest.raises(Exception, match="stop"):
        render(HeadPictures(motion(40), 96), tmp_path / "v.mp4", progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() <= before


def test_other_channels_do_not_matter(tmp_path: Path) -> None:
    some = Motion(("jawOpen", "extra"), np.full((3, 2), 0.5, np.float32), Fraction(25))
    render(HeadPictures(some, 64), tmp_path / "v.mp4")
    assert (tmp_path / "v.mp4").stat().st_size > 0


def test_contact_sheet(tmp_path: Path) -> None:
    path = tmp_path / "Übersicht 表.png"
    contact_sheet(motion(), [0.0, 0.2, 0.47, 9.0], path, columns=3, size=96)
    with av.open(str(path)) as picture:
        sheet = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    assert sheet.shape == (2 * 96, 3 * 96, 3)
    cells = [sheet[:96, :96], sheet[:96, 96:192], sheet[:96, 192:]]
    # They differ because the head moves.
    assert np.abs(cells[0].astype(int) - cells[2]).mean() > 2
    # Past the end the last frame is held; unused cells are plain.
    assert np.abs(cells[2].astype(int) - sheet[96:, :96]).max() == 0
    assert sheet[96:, 96:].std() == 0


@pytest.mark.parametrize(("times", "columns"), [([], 3), ([0.1], 0)])
def test_impossible_sheets(tmp_path: Path, times: list[float], columns: int) -> None:
    with pytest.raises(RenderError, match="contact sheet"):
        contact_sheet(motion(), times, tmp_path / "s.png", columns)
    assert list(tmp_path.iterdir()) == []


def pictures(path: Path, layout: str = "rgb24") -> list[NDArray[np.int64]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=layout).astype(int) for frame in container.decode(video=0)]


def still(frames: int = 3, **shapes: float) -> Motion:
    weights = np.zeros((frames, 52), np.float32)
    for name, value in shapes.items():
        weights[:, INDEX[name]] = value
    return Motion(ARKIT_NAMES, weights, Fraction(25))


def test_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    several = {"one": still(2), "two": still(4, jawOpen=0.8), "": still(3)}
    steps: list[tuple[int, int]] = []
    render(HeadPictures(several, 96), path, progress=lambda *step: steps.append(step))
    shown = pictures(path)
    assert steps[-1] == (4, 4)
    assert [picture.shape for picture in shown] == [(96, 288, 3)] * 4
    first, second, third = (shown[0][:, i : i + 96] for i in (0, 96, 192))
    # The mouths differ, the first one and the last one only by the name above them.
    assert np.abs(first - second)[60:80].mean() > 4
    assert np.abs(first - third)[40:].mean() < 2
    assert np.abs(first - third)[:18, :48].max() > 60
    # Ended motions hold their last frame.
    assert np.abs(shown[3][:, :96] - first).mean() < 1


def test_more_than_a_row(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    render(HeadPictures({str(i): still(1) for i in range(6)}, 64), path)
    shown = pictures(path)[0]
    assert shown.shape == (128, 256, 3)
    assert shown[64:, 128:].max() < 16  # but for what h264 leaves


@pytest.mark.slow
def test_curves_lie_under_the_picture(tmp_path: Path) -> None:
    moving = motion(50)
    path = tmp_path / "v.##.png"
    render(HeadPictures(moving, 200, Look(curves=("jawOpen",))), path)
    shown = [pictures(tmp_path / f"v.{i:02d}.png")[0] for i in (0, 20, 40)]
    assert shown[0].shape == (250, 200, 3)
    strips = [picture[200:] for picture in shown]
    # The first curve is red. Just after the current instant, the middle, it has about its value.
    heights = []
    for strip in strips:
        red = (strip[12:, 103:107, 0] > 140) & (strip[12:, 103:107, 2] < 130)
        heights.append(float(np.nonzero(red)[0].mean()))
    low, middle, high = heights
    assert low > middle + 5 > high + 10


def test_a_turntable_turns_once(tmp_path: Path) -> None:
    path = tmp_path / "v.#.png"
    render(HeadPictures(still(9), 96, Look(turntable=8 / 25)), path)
    shown = [pictures(tmp_path / f"v.{i}.png")[0] for i in range(9)]
    np.testing.assert_array_equal(shown[0], pictures(tmp_path / "v.8.png")[0])
    assert np.abs(shown[0] - shown[4]).mean() > 10


def test_transparent_previews(tmp_path: Path) -> None:
    clear = Look(background=None)
    with pytest.raises(RenderError, match="no transparency"):
        render(HeadPictures(still(), 64, clear), tmp_path / "v.mp4")
    render(HeadPictures({"a": still(2), "b": still(2)}, 64, clear), tmp_path / "v.mov")
    shown = pictures(tmp_path / "v.mov", "rgba")
    assert len(shown) == 2
    assert shown[0][2, 60, 3] == 0
    assert shown[0][40, 32, 3] == 255
    assert [file.name for file in tmp_path.iterdir()] == ["v.mov"]


@pytest.mark.parametrize(
    ("several", "look", "message"),
    [
        ({}, Look(), "no motion"),
        ({"a": still(), "b": motion(3, "30")}, Look(), "one frame rate, not 25, 30"),
        ({"a": still()}, Look(curves=("jawOpne",)), "no channel jawOpne"),
        ({"a": still()}, Look(curves=ARKIT_NAMES[:9]), "only room for eight"),
        ({"a": still()}, Look(zoom=100), "zoom"),
    ],
)
def test_what_cannot_be_shown(
    tmp_path: Path, several: dict[str, Motion], look: Look, message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        render(HeadPictures(several, 64, look), tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_control_videos(tmp_path: Path, kind: str) -> None:
    render(ControlPictures(motion(3), kind, 96), tmp_path / "v.mp4")
    shown = pictures(tmp_path / "v.mp4")
    size = 512 if kind == "face" else 96
    assert [picture.shape for picture in shown] == [(size, size, 3)] * 3
    assert shown[0].std() > 5
    render(ControlPictures(motion(3), kind, 96), tmp_path / "v.#.exr")
    with av.open(str(tmp_path / "v.2.exr")) as container:
        assert container.streams.video[0].codec_context.pix_fmt.startswith("gbrp")


def test_a_control_picture_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="mesh, landmarks"):
        render(ControlPictures(motion(3), "canny"), tmp_path / "v.mp4")


@pytest.mark.slow
def test_control_videos_of_a_portrait(tmp_path: Path) -> None:
    template = load_template()
    landmarks = template.rest * [1, -1, -1] + [100, 120, 0]
    image = np.full((241, 200, 3), 128, np.uint8)
    portrait = PortraitRenderer(image, landmarks, np.eye(4), np.zeros(52))
    render(ControlPictures(motion(3), "normals", portrait=portrait), tmp_path / "v.#.png")
    shown = [pictures(tmp_path / f"v.{i}.png")[0] for i in range(3)]
    assert shown[0].shape == (241, 200, 3)
    assert np.abs(shown[0] - shown[2]).mean() > 1


def test_backgrounds() -> None:
    assert parse_background("Studio") == "studio"
    assert parse_background("none") is None
    assert parse_background("#20C0ff") == (32, 192, 255)
    for text in ("", "20c040", "#20c04", "green"):
        with pytest.raises(RenderError, match="studio, none or a colour"):
            parse_background(text)
