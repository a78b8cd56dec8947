"""Tables of other tools."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkWarning, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES


def save(
    path: Path, header: str, rows: list[list[float]], mark: str = ",", point: str = "."
) -> Path:
    lines = [header.replace(",", mark)]
    lines += [mark.join(f"{value:.6f}".replace(".", point) for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


ROWS = [[i / 30, i / 40, 0.25, 0.5, 1.0 if i == 3 else 0.0] for i in range(20)]
NAMES = "time,jawOpen,mouthSmileLeft,EyeBlinkRight,somethingElse"


@pytest.mark.parametrize(("mark", "point"), [(",", "."), (";", "."), (";", ","), ("\t", ",")])
def test_semicolons_and_decimal_commas(tmp_path: Path, mark: str, point: str) -> None:
    path = save(tmp_path / "a.csv", NAMES, ROWS, mark, point)
    with pytest.warns(DreamTalkWarning, match=r"1 channels .*somethingElse"):
        motion = Motion.load(path)
    assert (motion.names, motion.fps, len(motion)) == (ARKIT_NAMES, 30, 20)
    np.testing.assert_allclose(motion.channel("jawOpen"), np.arange(20) / 40, atol=1e-6)
    assert (motion.channel("eyeBlinkRight") == 0.5).all()


def test_a_take_of_live_link_face_that_a_german_spreadsheet_saved(tmp_path: Path) -> None:
    motion = Motion(ARKIT_NAMES, np.random.default_rng(0).random((9, 52), np.float32), 25)
    motion.save(tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text().replace(",", ";").replace(".", ",")
    (tmp_path / "b.csv").write_text(text)
    again = Motion.load(tmp_path / "b.csv")
    assert (again.fps, len(again)) == (25, 9)
    np.testing.assert_allclose(again.weights, motion.weights, atol=1e-7)


@pytest.mark.parametrize(
    ("clock", "scale", "fps"),
    [("Time", 1, 30), ("timestamp", 1, 30), ("timestamp", 1000, 30), ("time_ms", 1000, 30)],
)
def test_times(tmp_path: Path, clock: str, scale: float, fps: int) -> None:
    rows = [[row[0] * scale, row[1]] for row in ROWS]
    assert Motion.load(save(tmp_path / "a.csv", f"{clock},jawOpen", rows)).fps == fps


@pytest.mark.parametrize("unit", [1, 1000])
def test_a_clock_that_counts_since_1970(tmp_path: Path, unit: int) -> None:
    lines = [f"{1_790_000_000 * unit + i * unit / 25:.3f},0.5" for i in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["timestamp,jawOpen", *lines]))
    assert Motion.load(tmp_path / "a.csv").fps == 25


def test_a_head_that_does_not_roll(tmp_path: Path) -> None:
    rows = [[i / 30, 0.5, 0.1, 0.2] for i in range(5)]
    motion = Motion.load(save(tmp_path / "a.csv", "time,jawOpen,HeadYaw,HeadPitch", rows))
    np.testing.assert_allclose(motion.head_rotation[0], np.degrees((-0.2, 0.1, 0)), rtol=1e-5)


def test_an_ntsc_rate(tmp_path: Path) -> None:
    rows = [[i * 1001 / 30000, 0.5] for i in range(900)]
    assert Motion.load(save(tmp_path / "a.csv", "t,jawOpen", rows)).fps == Fraction(30000, 1001)


def test_without_times_the_rate_is_guessed_and_said(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", "frame,jawOpen", [[i, 0.5] for i in range(5)])
    with pytest.warns(DreamTalkWarning, match="no times; 30 frames"):
        assert Motion.load(path).fps == 30


def test_the_controls_of_a_metahuman_become_shapes(tmp_path: Path) -> None:
    parts = [f"CTRL_expressions_mouthLipsTogether{side}" for side in ("UL", "UR", "DL", "DR")]
    header = ",".join(
        ["time", "CTRL_expressions_jawOpen", *parts, "HeadYaw", "HeadPitch", "HeadRoll"]
    )
    rows = [[i / 60, 0.5, 0.2, 0.2, 0.4, 0.4, 0.1, 0.2, 0.3] for i in range(9)]
    motion = Motion.load(save(tmp_path / "a.csv", header, rows))
    assert motion.fps == 60
    assert (motion.channel("jawOpen") == 0.5).all()
    np.testing.assert_allclose(motion.channel("mouthClose"), 0.3, atol=1e-7)
    np.testing.assert_allclose(motion.head_rotation[0], np.degrees((-0.2, 0.1, 0.3)), rtol=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("time,jawOpen\n0,0.1\n0.1\n", "cut off"),
        ("time,jawOpen\n0,0.1\n0.1,open\n", "no number"),
        ("time,jawOpen\n", "no frames"),
        ("time,jawOpen\n0,45\n1,50\n", "divide them by 100"),
        ("time,jawOpen\n1,0\n0,0\n", "steps back"),
        ("time_ms,jawOpen\n0,0\n1,0\n", "too close together"),
        ("time,jawOpen\n0,0\n0.0005,0\n0.001,0\n", "too close together"),
        ("time,jawOpen,jaw_open\n0,0,0\n1,0,0\n", ""),
        ("name,price\nbread,3\n", "no face curves"),
    ],
)
def test_refuses(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    if not message:
        Motion.load(tmp_path / "a.csv")
        return
    with pytest.raises(MotionError, match=message):
        Motion.load(tmp_path / "a.csv")
