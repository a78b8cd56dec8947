from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats import npz
from dreamtalk_core.motion import Motion


@pytest.mark.slow
@given(
    weights=arrays(np.float32, (5, 2), elements=st.floats(0, 1, width=32)),
    head=arrays(np.float32, (5, 3), elements=st.floats(-360, 360, width=32)),
    fps=st.fractions(Fraction(1, 10), 240, max_denominator=2000),
)
def test_round_trip_is_exact(weights: np.ndarray, head: np.ndarray, fps: Fraction) -> None:
    motion = Motion(("jawOpen", "Größe"), weights, fps, head)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        npz.write(path, motion)
        assert Motion.load(path) == motion


def content() -> dict[str, object]:
    return {
        "format": "dreamtalk-motion",
        "version": 1,
        "names": ["a"],
        "fps": "25/1",
        "weights": np.zeros((2, 1)),
        "head_rotation": np.zeros((2, 3)),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a DreamTalk motion"),
        ({"version": 2}, "version 2"),
        ({"fps": "no"}, "frame rate"),
        ({"weights": np.zeros((2, 3))}, "shape"),
        ({"weights": np.array([[None], [None]])}, "not a numpy archive"),
        ({"head_rotation": np.zeros((1, 3))}, "Head rotation"),
    ],
)
def test_refuses(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **{**content(), **change})  # type: ignore[arg-type]
    with pytest.raises(MotionError, match=message):
        Motion.load(path)


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, weights=np.zeros((2, 1)))
    with pytest.raises(MotionError, match="lacks format, version, names, fps, head_rotation"):
        Motion.load(path)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.save(path.with_suffix(".npy"), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path.with_suffix(".npy").rename(path)
    with pytest.raises(MotionError):
        Motion.load(path)


def test_a_bare_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(MotionError, match="no face curves"):
        Motion.load(tmp_path / "a.npz")
