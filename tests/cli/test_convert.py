"""`dreamtalk convert`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.cli import main
from dreamtalk_core.formats import (
    FORMATS,
    WRITABLE,
    is_read,
    provenance_beside,
    read_motion,
    read_provenance,
)
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

MADE = {"style": "happy", "seed": 7, "model": "0123"}


@pytest.fixture
def motion() -> Motion:
    draw = np.random.default_rng(0)
    head = draw.normal(0, 5, (50, 3)).astype(np.float32)
    return Motion(ARKIT_NAMES, draw.random((50, 52), np.float32), 25, head)


def test_one_take_into_every_format(motion: Motion, tmp_path: Path) -> None:
    source = tmp_path / "eine Zeile ü.npz"
    motion.save(source, MADE)
    outputs = [str(tmp_path / f"take{ending}") for ending in WRITABLE]
    assert main(["convert", str(source), *outputs]) == 0
    assert all(Path(output).stat().st_size > 100 for output in outputs)


@pytest.mark.parametrize("kind", [one for one in FORMATS if one.reads and one.writes])
def test_how_it_was_made_goes_along(kind: object, motion: Motion, tmp_path: Path) -> None:
    ending = kind.ending  # type: ignore[attr-defined]
    source, middle = tmp_path / "a.json", tmp_path / f"b{ending}"
    motion.save(source, MADE)
    assert main(["convert", str(source), str(middle)]) == 0
    assert main(["convert", str(middle), str(tmp_path / "c.json")]) == 0
    assert read_provenance(tmp_path / "c.json", read_motion(tmp_path / "c.json")) == MADE


def test_what_lies_beside_another_file_is_not_of_this_one(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    motion.save(path, MADE)
    assert provenance_beside(path).is_file()
    assert not is_read(provenance_beside(path))
    assert read_provenance(path, read_motion(path)) == MADE
    motion.cut(0, 9).save(path)
    assert read_provenance(path, read_motion(path)) is None


def test_another_rate_and_other_names(motion: Motion, tmp_path: Path) -> None:
    source, target = tmp_path / "a.npz", tmp_path / "b.json"
    motion.save(source)
    assert main(["convert", str(source), str(target), "--fps", "50", "--scheme", "cc4"]) == 0
    again = Motion.load(target)
    assert (again.fps, len(again)) == (50, 100)
    assert "Jaw_Open" in again.names
    np.testing.assert_array_equal(again.head_rotation, motion.resample(50).head_rotation)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("b.xyz",), "the suffix '.xyz'"),
        (("b.json", "--scheme", "klingon"), "no scheme or mapping file klingon"),
        (("b.json", "--fps", "-1"), "not a frame rate"),
        (("a.json",), "it is read as well"),
    ],
)
def test_refuses(
    arguments: tuple[str, ...],
    message: str,
    motion: Motion,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    motion.save("a.json")
    assert main(["convert", "a.json", *arguments]) in (2, 4)
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
