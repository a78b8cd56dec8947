"""Face Cap's text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

SHAPES = ("browInnerUp", "jawOpen", "mouthSmile_L", "mouthLeft")


def text(frames: int = 30, step: int = 40) -> str:
    lines = ["info,0,0,0", "bs," + ",".join(SHAPES) + ","]
    for i in range(frames):
        turn = f"0.0,0.1,-0.2,{i},{-2 * i / 10},{i / 5},1,2,3,4"
        lines.append(f"k,{i * step},{turn},0.1,{i / frames},1,0")
    return "\n".join(lines) + "\n"


def test_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "take.txt"
    path.write_text(text())
    motion = Motion.load(path)
    assert (motion.names, motion.fps, len(motion)) == (ARKIT_NAMES, 25, 30)
    np.testing.assert_allclose(motion.channel("jawOpen"), np.arange(30) / 30, atol=1e-7)
    assert (motion.channel("mouthSmileLeft") == 1).all()
    assert (motion.channel("browInnerUp") == np.float32(0.1)).all()
    assert not motion.channel("mouthSmileRight").any()
    # x down; y and z to the character's right, where ours are to the left.
    np.testing.assert_allclose(motion.head_rotation[10], (10, 2, -2), atol=1e-5)


def test_a_phone_s_own_clock(tmp_path: Path) -> None:
    path = tmp_path / "take.txt"
    path.write_text(text(200, 17))  # 58.8 frames a second
    assert Motion.load(path).duration == pytest.approx(3.4, abs=0.02)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bs,", "sb,", "line of names"),
        (",1,0\n", ",1\n", "cut off"),
        (",1,0\n", ",1,x\n", "no number"),
        ("k,", "q,", "no frames"),
        ("browInnerUp", "jawOpen", "twice"),
        ("k,40,", "k,4000,", "steps back at its frame 3"),
        (",1,0\n", ",100,0\n", "divide them by 100"),
        (",1,0\n", ",nan,0\n", "finite"),
    ],
)
def test_refuses(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "take.txt"
    path.write_text(text().replace(old, new))
    with pytest.raises(MotionError, match=message):
        Motion.load(path)


def test_two_recordings_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "take.txt"
    other = ",".join(SHAPES[::-1])
    path.write_text(text() + f"bs,{other},\n")
    with pytest.raises(MotionError, match="several recordings"):
        Motion.load(path)
