from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats import json_motion
from dreamtalk_core.motion import Motion

DOCUMENT = {
    "format": "dreamtalk-motion",
    "version": 1,
    "fps": "24000/1001",
    "channels": ["jawOpen", "Größe"],
    "weights": [[0, 1], [0.5, 0.25]],
    "head_rotation": [[1, 2, 3], [-1, -2, -3.5]],
}


@pytest.mark.slow
@given(
    weights=arrays(np.float32, (5, 2), elements=st.floats(0, 1, width=32)),
    head=arrays(np.float32, (5, 3), elements=st.floats(-360, 360, width=32)),
    fps=st.fractions(Fraction(1, 10), 240, max_denominator=2000),
)
def test_round_trip_is_exact(weights: np.ndarray, head: np.ndarray, fps: Fraction) -> None:
    motion = Motion(("a", 'quoted "b"'), weights, fps, head)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        json_motion.write(path, motion)
        assert Motion.load(path) == motion


def test_reads_the_documented_layout(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    motion = Motion.load(path)
    assert motion.names == ("jawOpen", "Größe")
    assert motion.fps == Fraction(24000, 1001)
    assert motion.weights.tolist() == [[0, 1], [0.5, 0.25]]
    assert motion.head_rotation.tolist() == [[1, 2, 3], [-1, -2, -3.5]]


def test_writes_the_documented_layout(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    json_motion.write(path, Motion(("a",), np.full((2, 1), 0.1, np.float32), Fraction(25)))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document == {
        "format": "dreamtalk-motion",
        "version": 1,
        "fps": "25/1",
        "frame_count": 2,
        "channels": ["a"],
        "head_rotation": [[0, 0, 0], [0, 0, 0]],
        "weights": [[0.1], [0.1]],
    }


def test_head_rotation_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps({k: v for k, v in DOCUMENT.items() if k != "head_rotation"}), encoding="utf-8"
    )
    assert not Motion.load(path).head_rotation.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no face curves"),
        ({"version": 2}, "version 2"),
        ({"version": None}, "version None"),
        ({"fps": None}, "frame rate"),
        ({"fps": "x"}, "frame rate"),
        ({"fps": [25]}, "frame rate"),
        ({"channels": "jawOpen"}, "lists"),
        ({"channels": [1, 2]}, "strings"),
        ({"weights": {}}, "lists"),
        ({"weights": [[0, 1], [0]]}, "numbers"),
        ({"weights": [[0, 1], ["x", 0]]}, "numbers"),
        ({"weights": [[0, 1], [0, float("nan")]]}, "finite"),
        ({"weights": [[0, 1], [0, 50]]}, r"0\.\.1"),
        ({"weights": []}, "shape"),
        ({"frame_count": 3}, "frame_count"),
        ({"head_rotation": [[0, 0, 0]]}, "Head rotation"),
    ],
)
def test_refuses(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**DOCUMENT, **change}), encoding="utf-8")
    with pytest.raises(MotionError, match=message):
        Motion.load(path)


@pytest.mark.parametrize("key", ["fps", "channels", "weights"])
def test_missing_members_are_named(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({k: v for k, v in DOCUMENT.items() if k != key}), encoding="utf-8")
    with pytest.raises(MotionError, match=f"lacks {key}"):
        Motion.load(path)
