"""Coefficients, their files, and poses that are longer than their clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.layout import STILL_CROP, extended_pose, still_pose


@pytest.fixture
def face() -> Coefficients:
    generator = np.random.default_rng(0)
    return Coefficients(
        generator.standard_normal((7, 64), np.float32), generator.standard_normal((7, 9))
    )


def test_what_it_holds(face: Coefficients) -> None:
    assert len(face) == 7
    assert face.duration == Fraction(7, 25)
    assert face.expression.dtype == face.pose.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        face.pose[0, 0] = 1


@pytest.mark.parametrize(
    ("expression", "pose"),
    [
        (np.zeros((0, 64)), np.zeros((0, 9))),
        (np.zeros((3, 63)), np.zeros((3, 9))),
        (np.zeros(64), np.zeros(9)),
        (np.zeros((3, 64)), np.zeros((4, 9))),
        (np.zeros((3, 64)), np.zeros((3, 6))),
        (np.full((3, 64), np.nan), np.zeros((3, 9))),
        (np.zeros((3, 64)), np.full((3, 9), np.inf)),
        ("text", np.zeros((3, 9))),
    ],
)
def test_what_it_cannot_hold(expression: Any, pose: Any) -> None:
    with pytest.raises(MotionError):
        Coefficients(expression, pose)


def test_round_trip(face: Coefficients, tmp_path: Path) -> None:
    path = tmp_path / "face.NPZ"
    face.save(path)
    again = Coefficients.load(path)
    assert np.array_equal(again.expression, face.expression)
    assert np.array_equal(again.pose, face.pose)
    assert [file.name for file in tmp_path.iterdir()] == ["face.NPZ"]


def test_files_that_are_none(face: Coefficients, tmp_path: Path) -> None:
    face.save(tmp_path / "face.npz")
    data = (tmp_path / "face.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.npz").write_bytes(b"")
    Motion(("jawOpen",), np.zeros((3, 1)), Fraction(25)).save(tmp_path / "motion.npz")
    for name, message in {
        "cut.npz": "damaged",
        "empty.npz": "is empty",
        "motion.npz": "it lacks expression, pose",
        "none.npz": "no such file",
        "face.csv": "suffix '.csv'",
        "face": "no suffix",
    }.items():
        with pytest.raises(MotionError, match=message):
            Coefficients.load(tmp_path / name)
    with pytest.raises(DreamTalkError, match="does not exist"):
        face.save(tmp_path / "nowhere" / "face.npz")


def test_a_still_head() -> None:
    pose = still_pose(3)
    assert pose.shape == (3, 9)
    assert not pose[:, :6].any()
    assert np.array_equal(pose[2, 6:], np.float32(STILL_CROP))


@pytest.mark.parametrize(
    ("clip", "frames", "extension", "order"),
    [
        (4, 11, "mirror", [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2]),
        (4, 11, "loop", [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2]),
        (4, 3, "mirror", [0, 1, 2]),
        (4, 3, "loop", [0, 1, 2]),
        (2, 5, "mirror", [0, 1, 0, 1, 0]),
        (1, 3, "mirror", [0, 0, 0]),
    ],
)
def test_pose_goes_on(clip: int, frames: int, extension: Any, order: list[int]) -> None:
    pose = np.repeat(np.arange(clip, dtype=np.float32)[:, None], 9, axis=1)
    extended = extended_pose(pose, frames, extension)
    assert extended.shape == (frames, 9)
    assert extended[:, 4].tolist() == order


def test_with_the_head_of_a_clip(face: Coefficients) -> None:
    moved = face.with_pose(still_pose(2) + 1)
    assert np.array_equal(moved.expression, face.expression)
    assert np.array_equal(moved.pose, still_pose(7) + 1)
