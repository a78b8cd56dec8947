"""Recordings of iFacialMocap's datagrams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion


def text(mark: str = "-", time: str = "") -> str:
    lines = []
    for i in range(20):
        shapes = f"trackingStatus{mark}1|jawOpen{mark}{i}|eyeBlink_L{mark}100|mouthLeft{mark}5|"
        turns = f"head#{i / 2},-3.5,2,0.1,0.2,0.3|rightEye#1,2,3|leftEye#1,2,3|"
        lines.append(f"{time.format(i / 30)}{shapes}={turns}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("mark", ["-", "&"])
@pytest.mark.parametrize(("time", "fps"), [("", 60), ("{:.6f}\t", 30), ("{:.4f}; ", 30)])
def test_a_recording(tmp_path: Path, mark: str, time: str, fps: int) -> None:
    path = tmp_path / "take.txt"
    path.write_text(text(mark, time))
    motion = Motion.load(path)
    assert (motion.fps, len(motion)) == (fps, 20)
    np.testing.assert_allclose(motion.channel("jawOpen"), np.arange(20) / 100, atol=1e-7)
    assert (motion.channel("eyeBlinkLeft") == 1).all()
    np.testing.assert_allclose(motion.head_rotation[4], (2, -3.5, 2), atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("jawOpen-7|", "jawOpen|", "cut off or damaged"),
        ("jawOpen-7|", "", "other shapes"),
        ("head#3.5,-3.5", "head#x,-3.5", "cut off or damaged"),
        ("eyeBlink_L-100", "eyeBlink_L-900", "divide them by 100"),
    ],
)
def test_refuses(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "take.txt"
    assert old in text()
    path.write_text(text().replace(old, new))
    with pytest.raises(MotionError, match=message):
        Motion.load(path)


def test_content_says_what_it_is_not_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    path.write_text(text())
    assert len(Motion.load(path)) == 20
