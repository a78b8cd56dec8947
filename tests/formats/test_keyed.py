"""What animation programs read: Unity, Godot, Maya, MikuMikuDance, Live2D, MetaHumans in Unreal."""

from __future__ import annotations

import json
import re
import runpy
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats._keys import kept
from dreamtalk_core.formats.motion3_json import parameters
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.retarget import scheme_mapping

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 40


def make(fps: Any = 25) -> Motion:
    draw = np.random.default_rng(0)
    weights = draw.random((FRAMES, 52), np.float32)
    weights[5:30, INDEX["jawOpen"]] = 0.25
    return Motion(ARKIT_NAMES, weights, fps, draw.normal(0, 9, (FRAMES, 3)).astype(np.float32))


def test_keys_that_are_needed() -> None:
    values = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2.0])
    assert kept(values).tolist() == [0, 2, 3, 4, 5, 8]
    assert kept(np.zeros(1)).tolist() == [0]
    back = np.interp(np.arange(9), kept(values), values[kept(values)])
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("ending", [".anim", ".tres", ".ma"])
@pytest.mark.parametrize("fps", [24, "23.976", "29.97", 60, "59.94", Fraction(25, 2)])
def test_rates_and_rigs_of_other_names(tmp_path: Path, ending: str, fps: Any) -> None:
    motion = make(fps)
    own = Motion(("Kiefer auf", "lächeln-L"), motion.weights[:, :2], fps, motion.head_rotation)
    if ending == ".ma":
        own = Motion(("Kiefer_auf", "lacheln_L"), own.weights, fps, own.head_rotation)
    own.save(tmp_path / f"a{ending}")
    again = Motion.load(tmp_path / f"a{ending}")
    assert again.names == own.names
    if ending != ".ma" or fps != Fraction(25, 2):  # which Maya has no name for
        assert (again.fps, len(again)) == (own.fps, FRAMES)
        np.testing.assert_allclose(again.weights, own.weights, atol=1e-6)
        np.testing.assert_allclose(again.head_rotation, own.head_rotation, atol=1e-4)
    else:
        assert again.duration == pytest.approx(float(own.duration), abs=0.08)


def test_maya_s_scene(tmp_path: Path) -> None:
    motion = make("29.97")
    motion.save(tmp_path / "a.ma")
    text = (tmp_path / "a.ma").read_text()
    assert "-t 29.97fps;" in text
    assert text.count("addAttr ") == 52
    assert text.count("connectAttr ") == 55
    (keys,) = re.findall(r'-n "DreamTalk_rotateY";.*?ktv\[0:39\]"([^;]+);', text, re.DOTALL)
    numbers = np.array(keys.split(), float).reshape(-1, 2)
    np.testing.assert_array_equal(numbers[:, 0], np.arange(FRAMES))
    np.testing.assert_array_equal(numbers[:, 1].astype(np.float32), motion.head_rotation[:, 1])
    bad = Motion(("a b", "a_b"), np.zeros((3, 2)), 25)
    with pytest.raises(MotionError, match="two channels a_b"):
        bad.save(tmp_path / "b.ma")


def test_mmd_s_morphs_and_head(tmp_path: Path) -> None:
    motion = make(60)
    motion.save(tmp_path / "a.vmd")
    again, expected = Motion.load(tmp_path / "a.vmd"), scheme_mapping("mmd").apply(motion)
    expected = expected.resample(30)
    assert (again.fps, again.names) == (30, expected.names)
    np.testing.assert_array_equal(again.weights, expected.weights)
    np.testing.assert_allclose(again.head_rotation, expected.head_rotation, atol=1e-4)
    data = (tmp_path / "a.vmd").read_bytes()
    assert struct.unpack_from("<I", data, 50) == (FRAMES // 2,)
    assert data.endswith(bytes(16))
    own = Motion(("mouthLowerDownLeft", "x"), np.zeros((3, 2)), 30)
    with pytest.raises(MotionError, match="no place for the name mouthLowerDownLeft"):
        own.save(tmp_path / "b.vmd")


def test_live2d_s_counts_and_curves(tmp_path: Path) -> None:
    motion = make(30)
    motion.save(tmp_path / "a.motion3.json", {"seed": 1})
    document = json.loads((tmp_path / "a.motion3.json").read_text())
    meta, curves = document["Meta"], document["Curves"]
    points = segments = 0
    for curve in curves:
        numbers = curve["Segments"]
        rows = np.array([0, *numbers]).reshape(-1, 3)
        assert not rows[:, 0].any()
        points, segments = points + len(rows), segments + len(rows) - 1
        limit = 30 if "Angle" in curve["Id"] else 1
        values = np.interp(np.arange(FRAMES) / 30, rows[:, 1], rows[:, 2])
        expected = np.clip(parameters(motion)[curve["Id"]], -limit, limit)
        if "Open" in curve["Id"] or curve["Id"].endswith(("Cheek", "Smile")):
            expected = np.clip(expected, 0, 1)
        np.testing.assert_allclose(values, expected, atol=2e-4)
    assert (meta["CurveCount"], meta["TotalPointCount"]) == (len(curves), points)
    assert meta["TotalSegmentCount"] == segments
    assert document["provenance"] == {"seed": 1}


def test_a_metahuman_s_table_and_its_script(tmp_path: Path) -> None:
    motion = make("29.97")
    path = tmp_path / "a.metahuman.csv"
    motion.save(path)
    script = runpy.run_path(str(ROOT / "docs" / "unreal_import.py"))
    times, curves = script["read_table"](path)
    assert script["rate_of"](times) == (30000, 1001)
    np.testing.assert_allclose(times, np.arange(FRAMES) * 1001 / 30000, atol=1e-9)
    controls = scheme_mapping("metahuman").apply(motion)
    assert list(curves) == [*controls.names, "HeadYaw", "HeadPitch", "HeadRoll"]
    for name in controls.names:
        np.testing.assert_array_equal(np.float32(curves[name]), controls.channel(name))
    again = Motion.load(path)
    assert (again.fps, len(again)) == (motion.fps, FRAMES)
    np.testing.assert_allclose(again.channel("jawOpen"), motion.channel("jawOpen"), atol=1e-6)
    np.testing.assert_allclose(again.head_rotation, motion.head_rotation, atol=1e-4)


def test_the_keys_of_a_long_curve_stand_in_several_lists(tmp_path: Path) -> None:
    motion = make()
    motion.save(tmp_path / "a.ma")
    text = (tmp_path / "a.ma").read_text()
    (row,) = re.findall(r'"DreamTalk_rotateY";.*?(setAttr -s[^;]+;)', text, re.DOTALL)
    words = row.removesuffix(";").split()
    first, rest = " ".join(words[4:24]), " ".join(words[24:])
    parts = f'setAttr -s 40 ".ktv[0:9]" {first};\n\tsetAttr ".ktv[10:39]" {rest};'
    (tmp_path / "b.ma").write_text(text.replace(row, parts))
    again = Motion.load(tmp_path / "b.ma")
    np.testing.assert_allclose(again.head_rotation, motion.head_rotation, atol=1e-4)


def test_behind_a_name_of_mmd_s_there_may_be_anything(tmp_path: Path) -> None:
    motion = make(30)
    motion.save(tmp_path / "a.vmd")
    data = (tmp_path / "a.vmd").read_bytes()
    for name in ("頭", "あ"):
        short = name.encode("cp932")
        data = data.replace(short.ljust(15, b"\0"), (short + b"\0").ljust(15, b"\xfd"))
    assert b"\xfd" in data
    (tmp_path / "b.vmd").write_bytes(data)
    a, b = Motion.load(tmp_path / "a.vmd"), Motion.load(tmp_path / "b.vmd")
    assert a.names == b.names
    np.testing.assert_array_equal(a.head_rotation, b.head_rotation)


@pytest.mark.parametrize("ending", [".glb", ".usd", ".abc"])
def test_a_head_does_not_stay_still_for_shapes_that_it_has_not(ending: str, tmp_path: Path) -> None:
    other = Motion(("Jaw_Open",), np.ones((3, 1)), 30)
    with pytest.raises(MotionError, match="none of the shapes Jaw_Open"):
        other.save(tmp_path / f"a{ending}")
    assert not any(tmp_path.iterdir())


def test_visemes_in_a_table(tmp_path: Path) -> None:
    fifteen = scheme_mapping("oculus").apply(make())
    fifteen.save(tmp_path / "a.metahuman.csv")
    again = Motion.load(tmp_path / "a.metahuman.csv")
    assert (again.names, again.fps) == (fifteen.names, 25)
    np.testing.assert_array_equal(again.weights, fifteen.weights)
    np.testing.assert_allclose(again.head_rotation, fifteen.head_rotation, atol=1e-4)
