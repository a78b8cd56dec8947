"""Files for Unity and Godot, as parsers read them that others wrote."""

from __future__ import annotations

import json
from pathlib import Path

import godot_parser
import numpy as np
import yaml

from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import quaternions
from tests.formats.test_keyed import FRAMES, make


class UnityLoader(yaml.SafeLoader):
    """Documents tagged with the numbers of Unity's classes."""


UnityLoader.add_multi_constructor(
    "tag:unity3d.com,2011:", lambda loader, number, node: loader.construct_mapping(node, deep=True)
)


def test_unity_s_clip_in_another_parser(tmp_path: Path) -> None:
    motion = make()
    motion.save(tmp_path / "a.anim", {"style": "happy"})
    with (tmp_path / "a.anim").open(encoding="utf-8") as file:
        clip = yaml.load(file, UnityLoader)["AnimationClip"]
    assert float(clip["m_SampleRate"]) == 25
    assert float(clip["m_AnimationClipSettings"]["m_StopTime"]) == FRAMES / 25
    assert len(clip["m_FloatCurves"]) == 52
    times = np.arange(FRAMES) / 25
    for curve in clip["m_FloatCurves"]:
        assert (curve["path"], int(curve["classID"])) == ("Head", 137)
        keys = curve["curve"]["m_Curve"]
        at, values = ([float(key[name]) for key in keys] for name in ("time", "value"))
        shape = motion.channel(curve["attribute"].removeprefix("blendShape."))
        np.testing.assert_allclose(np.interp(times, at, values), shape * 100, atol=1e-5)
        slopes = np.diff(values) / np.diff(at)
        np.testing.assert_allclose([float(key["outSlope"]) for key in keys][:-1], slopes, rtol=1e-6)
    (turn,) = clip["m_RotationCurves"]
    turns = [[float(k["value"][axis]) for axis in "xyzw"] for k in turn["curve"]["m_Curve"]]
    expected = quaternions(motion.head_rotation) * (1, -1, -1, 1)
    np.testing.assert_allclose(turns, expected, atol=1e-8)


def test_godot_s_animation_in_another_parser(tmp_path: Path) -> None:
    motion = make()
    motion.save(tmp_path / "a.tres", {"style": 'ha"ppy\\ ü'})
    fields = dict(list(godot_parser.load(str(tmp_path / "a.tres")).get_sections())[-1].properties)
    assert fields["length"] == FRAMES / 25
    assert json.loads(fields["metadata/provenance"]) == {"style": 'ha"ppy\\ ü'}
    times = np.arange(FRAMES) / 25
    for i, name in enumerate(ARKIT_NAMES):
        assert fields[f"tracks/{i}/path"].path == f"Head:blend_shapes/{name}"
        keys = fields[f"tracks/{i}/keys"]
        values = np.interp(times, keys["times"].args, keys["values"])
        np.testing.assert_allclose(values, motion.weights[:, i], atol=1e-6)
    turns = np.reshape(fields["tracks/52/keys"].args, (-1, 6))
    np.testing.assert_allclose(turns[:, 2:], quaternions(motion.head_rotation), atol=1e-8)
