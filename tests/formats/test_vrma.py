from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats.gltf.container import read_glb
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import quaternions

REQUIRED = {"hips", "spine", "head"} | {
    side + part
    for side in ("left", "right")
    for part in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
}


def make(names: tuple[str, ...] = ARKIT_NAMES) -> Motion:
    draw = np.random.default_rng(2)
    turns = draw.normal(0, 12, (7, 3)).astype(np.float32)
    return Motion(names, draw.random((7, len(names)), np.float32), Fraction(30), turns)


class File:
    """What an importer sees."""

    def __init__(self, path: Path) -> None:
        self.document, self._binary = read_glb(path, MotionError)
        self.about: Any = self.document["extensions"]["VRMC_vrm_animation"]

    def numbers(self, accessor: int) -> np.ndarray:
        entry = self.document["accessors"][accessor]
        view = self.document["bufferViews"][entry["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[entry["type"]]
        flat = np.frombuffer(self._binary, "<f4", entry["count"] * width, view["byteOffset"])
        return flat.reshape(-1, width)

    def track(self, node: int, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of what moves a node."""
        animation = self.document["animations"][0]
        (found,) = [
            channel["sampler"]
            for channel in animation["channels"]
            if channel["target"] == {"node": node, "path": path}
        ]
        sampler = animation["samplers"][found]
        return self.numbers(sampler["input"])[:, 0], self.numbers(sampler["output"])


def test_a_weight_is_the_x_of_a_node(tmp_path: Path) -> None:
    motion = make()
    motion.save(tmp_path / "line.vrma", {"seed": 1})
    file = File(tmp_path / "line.vrma")
    assert file.about["specVersion"] == "1.0"
    custom = file.about["expressions"]["custom"]
    assert set(custom) == {name for name in ARKIT_NAMES if not name.startswith("eyeLook")}
    for name in ("jawOpen", "mouthSmileLeft"):
        times, values = file.track(custom[name]["node"], "translation")
        np.testing.assert_allclose(times, np.arange(7) / 30, atol=1e-7)
        np.testing.assert_array_equal(values[:, 0], motion.channel(name))
        assert not values[:, 1:].any()
    assert file.document["asset"]["extras"]["dreamtalk"] == {"seed": 1}


def test_a_humanoid_has_all_its_bones_and_turns_its_head(tmp_path: Path) -> None:
    motion = make()
    motion.save(tmp_path / "line.vrma")
    file = File(tmp_path / "line.vrma")
    bones = file.about["humanoid"]["humanBones"]
    assert set(bones) == REQUIRED
    _, turns = file.track(bones["head"]["node"], "rotation")
    np.testing.assert_allclose(turns, quaternions(motion.head_rotation), atol=1e-6)
    parents = {
        child: number
        for number, node in enumerate(file.document["nodes"])
        for child in node.get("children", ())
    }
    assert parents[bones["leftHand"]["node"]] == bones["leftLowerArm"]["node"]


def test_gaze_is_a_turn(tmp_path: Path) -> None:
    weights = np.zeros((2, 52), np.float32)
    weights[1, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 1
    Motion(ARKIT_NAMES, weights, Fraction(25)).save(tmp_path / "line.vrma")
    file = File(tmp_path / "line.vrma")
    _, turns = file.track(file.about["lookAt"]["node"], "rotation")
    np.testing.assert_allclose(turns[0], [0, 0, 0, 1], atol=1e-7)
    # To the character's left, about y.
    assert 2 * np.degrees(np.arcsin(turns[1, 1])) == pytest.approx(28, abs=0.01)


def test_names_of_vrm_are_presets(tmp_path: Path) -> None:
    make(("aa", "blinkLeft", "tongueOut")).save(tmp_path / "line.vrma")
    expressions = File(tmp_path / "line.vrma").about["expressions"]
    assert set(expressions["preset"]) == {"aa", "blinkLeft"}
    assert set(expressions["custom"]) == {"tongueOut"}
