"""`.mat` files of style clips and poses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.layout import STILL_CROP

scipy_io = pytest.importorskip("scipy.io", reason="needs SciPy: pip install dreamtalk[original]")


def test_columns_of_deep3dfacerecon(tmp_path: Path) -> None:
    """As the public code writes them: 80..144, 224..227, 254..257, and the crop."""
    coeff = np.tile(np.arange(257.0), (3, 1))
    placed = np.tile([512.0, 480.0, 0.9, 120.0, 130.0], (3, 1))
    scipy_io.savemat(tmp_path / "clip.mat", {"coeff": coeff, "transform_params": placed})
    face = Coefficients.load(tmp_path / "clip.mat")
    assert face.expression[1].tolist() == list(range(80, 144))
    assert face.pose[2, :6].tolist() == [224, 225, 226, 254, 255, 256]
    assert np.array_equal(face.pose[0, 6:], np.float32([0.9, 120, 130]))


def test_without_a_crop_it_is_still(tmp_path: Path) -> None:
    scipy_io.savemat(tmp_path / "clip.mat", {"coeff": np.ones((2, 257))})
    face = Coefficients.load(tmp_path / "clip.mat")
    assert np.array_equal(face.pose[:, 6:], np.float32([STILL_CROP, STILL_CROP]))


def test_round_trip(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    face = Coefficients(generator.standard_normal((5, 64)), generator.standard_normal((5, 9)))
    face.save(tmp_path / "face.MAT")
    again = Coefficients.load(tmp_path / "face.MAT")
    assert np.array_equal(again.expression, face.expression)
    assert np.array_equal(again.pose, face.pose)
    content = scipy_io.loadmat(tmp_path / "face.MAT")
    assert content["coeff"].shape == (5, 257)
    assert content["transform_params"].shape == (5, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"expression": np.zeros((3, 64))}, "has no array `coeff`"),
        ({"coeff": np.zeros((3, 64))}, r"coeff is \[3, 64\]"),
        ({"coeff": np.zeros((0, 257))}, r"coeff is \[0, 257\]"),
        ({"coeff": np.full((3, 257), np.nan)}, "finite"),
        ({"coeff": "text"}, "coeff is char"),
        (
            {"coeff": np.zeros((3, 257)), "transform_params": np.zeros((2, 5))},
            r"transform_params is \[2, 5\], not \[3, 5\]",
        ),
    ],
)
def test_what_is_no_clip(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    scipy_io.savemat(tmp_path / "clip.mat", content)
    with pytest.raises(MotionError, match=message):
        Coefficients.load(tmp_path / "clip.mat")


def test_damaged_files(tmp_path: Path) -> None:
    scipy_io.savemat(tmp_path / "whole.mat", {"coeff": np.ones((9, 257))})
    data = (tmp_path / "whole.mat").read_bytes()
    for name, content, message in (
        ("cut.mat", data[: len(data) // 2], "damaged"),
        ("empty.mat", b"", "is empty"),
        ("text.mat", b"hello" * 100, "damaged"),
        ("hdf.mat", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + data, "-v7"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MotionError, match=message):
            Coefficients.load(tmp_path / name)
