"""A portrait that speaks: crop, windows, frames, file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.layout import still_pose
from dreamtalk_core.original.render import (
    OriginalPictures,
    crop_portrait,
    draw_frames,
    driving_windows,
    face_box,
    fit_square,
    grown_box,
)
from dreamtalk_core.original.renderer import PIRenderer, RendererSizes
from dreamtalk_core.render.job import render
from dreamtalk_core.speech.audio import Speech

SIZES = RendererSizes(73, 8, 3, 4, 2, 4, 4, 2, 2, 4, 2, 1)
Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def renderer() -> PIRenderer:
    """With random weights: noise, but noise that depends on portrait and motion."""
    torch.manual_seed(0)
    names = PIRenderer(SIZES).state_dict()
    return PIRenderer.build({name: torch.randn_like(value) * 0.5 for name, value in names.items()})


@pytest.fixture(scope="module")
def portrait() -> Image:
    return np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)


def face(frames: int) -> Coefficients:
    expression = np.random.default_rng(1).normal(size=(frames, 64)).astype(np.float32)
    return Coefficients(expression, still_pose(frames))


def landmarks(x: float, y: float, apart: float) -> NDArray[np.float32]:
    """Those that the crop reads, of an upright face: eyes at (x, y), the mouth below."""
    points = np.zeros((478, 3), np.float32)
    for corners, side in (((33, 133), -1), ((362, 263), 1)):
        points[list(corners), :2] = x + side * apart / 2, y
    points[[61, 291], :2] = x, y + 1.1 * apart
    return points


def test_windows_repeat_the_ends() -> None:
    rows = np.arange(40, dtype=np.float32)[:, None].repeat(73, 1)
    windows = driving_windows(rows, 0, 40)
    assert windows.shape == (40, 73, 27)
    assert (windows[:, 0, 13] == rows[:, 0]).all()
    assert windows[0, 5].tolist() == [0] * 14 + list(range(1, 14))
    assert windows[39, 5].tolist() == list(range(26, 40)) + [39] * 13
    assert (driving_windows(rows, 7, 9) == windows[7:9]).all()


@pytest.mark.slow
def test_frames_are_the_networks_pictures(renderer: PIRenderer, portrait: Image) -> None:
    some = face(3)
    drawn = list(draw_frames(renderer, portrait, some))
    rows = np.concatenate([some.expression, some.pose], 1)
    image = torch.from_numpy(portrait).permute(2, 0, 1)[None].float() / 127.5 - 1
    pictures = renderer(renderer.prepare(image), torch.from_numpy(driving_windows(rows, 0, 3)))
    expected = (pictures.permute(0, 2, 3, 1).numpy() + 1) / 2 * 255
    assert np.abs(np.stack(drawn) - np.floor(expected)).max() <= 1
    assert np.std(drawn[0]) > 5
    assert np.abs(drawn[0].astype(int) - drawn[2]).max() > 5, "the motion must show"


def test_a_portrait_of_another_size_is_refused(renderer: PIRenderer) -> None:
    with pytest.raises(RenderError, match="Crop it first"):
        next(draw_frames(renderer, np.zeros((256, 255, 3), np.uint8), face(1)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["coefficients", "motion"])
def test_the_video_has_frames_and_sound(
    renderer: PIRenderer, portrait: Image, tmp_path: Path, kind: str
) -> None:
    motion = (
        face(10)
        if kind == "coefficients"
        else Motion(ARKIT_NAMES, np.full((20, 52), 0.2), Fraction(50))
    )
    speech = Speech(np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype(np.float32), "noise")
    calls: list[tuple[int, int]] = []
    path = tmp_path / "out.mp4"
    pictures = OriginalPictures(renderer, portrait, motion)
    render(pictures, path, speech, lambda *numbers: calls.append(numbers))
    assert calls == [(i, 10) for i in range(1, 11)]
    with av.open(str(path)) as file:
        assert file.streams.video[0].average_rate == 25
        assert "Synthetic media" in file.metadata["comment"]
        assert sum(1 for _ in file.decode(video=0)) == 10
    with av.open(str(path)) as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
    assert 0.4 <= samples / 16000 < 0.55


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(renderer: PIRenderer, portrait: Image) -> None:
    resource = pytest.importorskip("resource", reason="peak memory is told on Unix only")
    frames = draw_frames(renderer, portrait, face(60))
    for _ in range(10):
        next(frames)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in frames) == 50
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_the_box_is_where_the_face_is() -> None:
    left, top, right, bottom = face_box(landmarks(200, 150, 60))
    assert right - left == pytest.approx(bottom - top)
    assert right - left == pytest.approx(2.47 * 60)
    assert (left + right) / 2 == pytest.approx(200)
    assert 150 < (top + bottom) / 2 < 150 + 1.1 * 60, "between the eyes and the mouth"


def test_the_box_grows_as_in_the_public_code() -> None:
    """Worked out by hand after `crop_src_image` and `compute_aspect_preserved_bbox`."""
    # Up by 10, then 40 more on each side.
    assert grown_box((200, 200, 300, 300), 1000, 1000) == (160, 150, 340, 330)
    # 20 over the left edge: every side comes in by 20.
    assert grown_box((20, 200, 120, 300), 1000, 1000) == (0, 170, 140, 310)
    # The top is cut off at the edge, the height grows by 42.5 to make up for it; 42 over.
    assert grown_box((200, 5, 300, 105), 1000, 1000) == (202, 0, 298, 95)
    # Over the right edge nothing is done.
    assert grown_box((200, 200, 300, 300), 310, 1000) == (160, 150, 340, 330)


def test_the_crop_is_what_the_box_encloses() -> None:
    image = np.zeros((600, 600, 3), np.uint8)
    image[..., 0] = np.arange(600)[None] % 256
    points = landmarks(300, 280, 50)
    left, top, right, bottom = grown_box(face_box(points), 600, 600)
    crop = crop_portrait(image, points)
    assert crop.shape == (256, 256, 3)
    np.testing.assert_array_equal(crop, fit_square(image[top:bottom, left:right]))


def test_a_face_outside_the_picture_is_reported() -> None:
    with pytest.raises(RenderError, match="too near the edge"):
        crop_portrait(np.zeros((100, 100, 3), np.uint8), landmarks(-300, 50, 40))


@pytest.mark.parametrize("shape", [(64, 64), (256, 256), (601, 575), (1, 3)])
def test_squares_are_bilinear(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(tensor, (256, 256), mode="bilinear")
    found = fit_square(image)
    assert np.abs(found - expected[0].permute(1, 2, 0).numpy()).max() < 0.51


@pytest.mark.slow
def test_portraits_are_cropped_like_the_public_code(shared: Path) -> None:
    """Boxes of dlib 20.0.1 in the media, and the crop that the public code makes of them."""
    from dreamtalk_core.tracking.tracker import FaceTracker
    from dreamtalk_core.tracking.video import read_image

    tracker = FaceTracker.load()
    for name, box in {
        "face3.png": (115, 197, 486, 569),
        "male_face.png": (130, 198, 439, 508),
        "f30.png": (45, 62, 194, 211),
    }.items():
        image = read_image(shared / "media" / "portraits" / name)
        height, width = image.shape[:2]
        theirs = np.array(grown_box(box, width, height))
        ours = np.array(grown_box(face_box(tracker.find(image)[0].landmarks), width, height))
        # dlib's own grid is a tenth of the box.
        assert np.abs(theirs - ours).max() < 0.1 * (box[2] - box[0]), name
