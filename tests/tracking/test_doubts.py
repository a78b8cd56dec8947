"""What is doubtful about a face in a video is told, and what is not, is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkWarning
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.render.output.video import write_video
from dreamtalk_core.tracking import track_faces
from dreamtalk_core.tracking.tracker import Face, FaceTracker
from dreamtalk_core.tracking.video import open_images

Picture = np.ndarray


def painting(person: int, frame: int = 0) -> Picture:
    """A picture [120, 160] of somebody before a wall; the person's face moves a little."""
    rng = np.random.default_rng(person)
    wall = np.full((120, 160, 3), rng.integers(60, 200, 3))
    coarse = rng.integers(40, 220, (10, 10)).repeat(10, 0).repeat(10, 1)
    wall[10:110, 30 + frame % 3 : 130 + frame % 3] = coarse[..., None]
    return wall.astype(np.uint8)


def face(x: float = 80.0, size: float = 100.0, yaw: float = 0.0) -> Face:
    landmarks = np.random.default_rng(0).uniform(-1, 1, (478, 3)).astype(np.float32)
    landmarks[:2] = [[-1, -1, 0], [1, 1, 0]]
    angle = np.radians(yaw)
    matrix = np.eye(4, dtype=np.float32)
    matrix[[0, 0, 2, 2], [0, 2, 0, 2]] = np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)
    weights = np.zeros(len(ARKIT_NAMES), np.float32)
    return Face(landmarks * size / 2 + np.float32([x, 60, 0]), weights, matrix, 0.9)


class Scripted:
    def __init__(self, faces: list[Face | None]) -> None:
        self.faces = faces

    def follow(self, images: Iterable[Any], choice: str | int) -> Iterator[Face | None]:
        for _, seen in zip(images, self.faces, strict=True):
            yield seen


def warnings_of(folder: Path, pictures: list[Picture], faces: list[Face | None]) -> list[str]:
    for i, picture in enumerate(pictures):
        (folder / f"{i:03}.png").write_bytes(encode_png(picture))
    return caught(lambda: track_faces(folder, tracker=Scripted(faces)))  # type: ignore[arg-type]


def caught(work: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()
    return [str(one.message) for one in found if one.category is DreamTalkWarning]


def test_one_person_in_one_shot_is_no_doubt(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, [painting(0, i) for i in range(12)], [face()] * 12) == []


def test_a_flash_is_no_cut(tmp_path: Path) -> None:
    pictures = [painting(0, i) for i in range(12)]
    pictures[6] = (pictures[6] * 0.6 + 100).clip(0, 255).astype(np.uint8)
    assert warnings_of(tmp_path, pictures, [face()] * 12) == []


@pytest.mark.parametrize("away", [0, 3])
def test_a_cut_to_somebody_else_is_reported_with_its_time(away: int, tmp_path: Path) -> None:
    """Also where nobody is seen for a moment in between."""
    pictures = [painting(0, i) for i in range(5)] + [painting(1, i) for i in range(5 + away)]
    faces = [face()] * 5 + [None] * away + [face()] * 5
    (text,) = warnings_of(tmp_path, pictures, faces)
    assert f"at {(5 + away) / 25:.2f} s" in text
    assert "Cut the video there" in text


@pytest.mark.parametrize(
    ("seen", "light", "words"),
    [
        (face(size=30), 1.0, "only 30 pixels"),
        (face(yaw=60), 1.0, "turned away in 100%"),
        (face(x=150), 1.0, "outside the picture in 100%"),
        (face(), 0.05, "dark in 100%"),
    ],
)
def test_a_face_that_is_hardly_seen_is_reported(
    seen: Face, light: float, words: str, tmp_path: Path
) -> None:
    pictures = [(painting(0, i) * light).astype(np.uint8) for i in range(6)]
    (text,) = warnings_of(tmp_path, pictures, [seen] * 6)
    assert words in text
    assert "Give a video" in text


def test_a_face_that_is_away_for_long_is_reported(tmp_path: Path) -> None:
    faces = [face()] * 3 + [None] * 20 + [face()] * 3
    (text,) = warnings_of(tmp_path, [painting(0)] * 26, faces)
    assert "no face from 0.12 to 0.92 s" in text


@pytest.fixture(scope="module")
def clips(shared: Path) -> list[list[Picture]]:
    folder = shared / "media" / "style_videos"
    names = ("M030_front_happy_level3_001.mp4", "W009_front_sad_level3_001.mp4")
    return [list(open_images(folder / name))[20:45] for name in names]


@pytest.mark.slow
def test_two_real_clips_joined(clips: list[list[Picture]], tmp_path: Path) -> None:
    tracker = FaceTracker.load()
    joined, single = tmp_path / "joined.mp4", tmp_path / "single.mp4"
    write_video(joined, iter(clips[0] + clips[1]), Fraction(25))
    write_video(single, iter(clips[0]), Fraction(25))
    (text,) = caught(lambda: track_faces(joined, tracker=tracker))
    assert "at 1.00 s" in text
    assert caught(lambda: track_faces(single, tracker=tracker)) == []
    beside = [np.concatenate(both, 1) for both in zip(*clips, strict=True)]
    write_video(joined, iter(beside), Fraction(25))
    (text,) = caught(lambda: track_faces(joined, tracker=tracker))
    assert text.startswith("There are 2 faces; number 0 from the left")
