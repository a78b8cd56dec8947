"""What holds for every readable format."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.formats import FORMATS, WRITABLE, write_motion
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES

BOTH = tuple(kind.ending for kind in FORMATS if kind.reads and kind.writes)
"""Endings of what is written and read again."""


def make() -> Motion:
    rng = np.random.default_rng(0)
    weights = rng.random((40, 52), np.float32)
    head = rng.normal(0, 9, (40, 3)).astype(np.float32)
    return Motion(ARKIT_NAMES, weights, Fraction(25), head)


@pytest.mark.parametrize("suffix", BOTH)
def test_saved_motion_loads_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a line, ünïcode{suffix}"
    motion = make()
    motion.save(path)
    again = Motion.load(path)
    assert (again.names, again.fps, len(again)) == (motion.names, motion.fps, len(motion))
    np.testing.assert_allclose(again.weights, motion.weights, rtol=0, atol=1e-10)
    np.testing.assert_allclose(again.head_rotation, motion.head_rotation, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("suffix", BOTH)
def test_upper_case_suffixes_and_overwriting(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"A{suffix.upper()}"
    path.write_bytes(b"old")
    write_motion(path, make())
    assert len(Motion.load(str(path))) == 40
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", BOTH)
def test_same_motion_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    write_motion(tmp_path / f"a{suffix}", make())
    write_motion(tmp_path / f"b{suffix}", make())
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", BOTH)
def test_every_cut_of_a_file_is_refused_or_harmless(tmp_path: Path, suffix: str) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_motion(whole, make())
    content = whole.read_bytes()
    for length in np.linspace(1, len(content) - 400, 40).astype(int):
        cut.write_bytes(content[:length])
        # A table may end after any row without a trace; then it has the rows before.
        if (
            suffix == ".csv"
            and content[:length].splitlines()[-1].count(b",") == 62
            and length > 999
        ):
            part = Motion.load(cut).weights
            np.testing.assert_array_equal(part, Motion.load(whole).weights[: len(part)])
        else:
            with pytest.raises(MotionError, match="cut"):
                Motion.load(cut)


@pytest.mark.parametrize("suffix", BOTH)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00\x01 not text", b"hello\n", b"[1, 2]", b"\x00" * 100, b"{" * 100_000],
)
def test_other_content_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"wrong{suffix}"
    path.write_bytes(content)
    with pytest.raises(MotionError, match="wrong"):
        Motion.load(path)


@pytest.mark.parametrize("suffix", BOTH)
def test_missing_files_and_folders_are_named(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(MotionError, match="no such file"):
        Motion.load(tmp_path / f"gone{suffix}")
    (tmp_path / f"dir{suffix}").mkdir()
    with pytest.raises(MotionError, match="folder"):
        Motion.load(tmp_path / f"dir{suffix}")
    with pytest.raises(DreamTalkError, match="does not exist"):
        write_motion(tmp_path / "gone" / f"a{suffix}", make())


@pytest.mark.parametrize("name", ["take.fbx", "take", "take.json.doc"])
def test_unknown_suffixes_list_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(MotionError, match=r"Use one of .*\.csv, .*\.json, .*\.npz"):
        write_motion(tmp_path / name, make())
    with pytest.raises(MotionError, match=r"Use one of .*\.csv, .*\.json, .*\.npz"):
        Motion.load(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_glb_is_for_writing_only(tmp_path: Path) -> None:
    assert ".glb" in WRITABLE
    with pytest.raises(MotionError, match=r"Cannot read a\.glb"):
        Motion.load(tmp_path / "a.glb")


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_tongue_comes_back_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    weights = np.random.default_rng(0).random((9, 68), np.float32)
    motion = Motion(FACE_NAMES, weights, 25)
    motion.save(tmp_path / f"a{suffix}")
    assert Motion.load(tmp_path / f"a{suffix}") == motion
