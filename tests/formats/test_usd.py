from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdSkel, UsdValidation

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.rig.head import load_head, turned


def make(fps: str = "30000/1001", names: tuple[str, ...] = ARKIT_NAMES) -> Motion:
    draw = np.random.default_rng(1)
    turns = draw.normal(0, 12, (6, 3)).astype(np.float32)
    return Motion(names, draw.random((6, len(names)), np.float32), Fraction(fps), turns)


@pytest.mark.parametrize("ending", [".usda", ".usdc", ".usd"])
def test_its_own_validators_find_nothing(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"Kopf ü{ending}"
    make().save(path, {"seed": 3})
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 20
    found = UsdValidation.ValidationContext(validators).Validate(Usd.Stage.Open(str(path)))
    assert not [error.GetMessage() for error in found]


def test_values_and_times_are_exact(tmp_path: Path) -> None:
    motion = make(names=FACE_NAMES)
    motion.save(tmp_path / "a.usdc", {"seed": 3})
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    assert stage.GetTimeCodesPerSecond() == 30000 / 1001
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, 5)
    assert stage.GetRootLayer().customLayerData["dreamtalk"] == '{"seed": 3}'
    animation = UsdSkel.Animation(stage.GetPrimAtPath("/DreamTalk/Animation"))
    assert tuple(animation.GetBlendShapesAttr().Get()) == FACE_NAMES
    weights = animation.GetBlendShapeWeightsAttr()
    assert weights.GetTimeSamples() == list(range(6))
    for i in range(6):
        np.testing.assert_array_equal(np.array(weights.Get(i)), motion.weights[i])


def test_the_skinned_head_is_ours(tmp_path: Path) -> None:
    """Posed by UsdSkel itself, every point is where our own renderer has it."""
    motion = make("25")
    # A gaze turns our eyeballs rigidly; the shapes of a file move them straight.
    still = [name for name in ARKIT_NAMES if not name.startswith("eyeLook")]
    motion = motion.over(tuple(still)).to_arkit()
    motion.save(tmp_path / "a.usdc")
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    assert UsdSkel.BakeSkinning(stage.Traverse())
    points = UsdGeom.Mesh(stage.GetPrimAtPath("/DreamTalk/Head")).GetPointsAttr()
    head = load_head()
    for i in (0, 5):
        wanted = turned(head.pose(motion.weights[i]), head.neck, motion.head_rotation[i]) * 0.1
        assert np.abs(np.array(points.Get(i)) - wanted).max() < 1e-3  # cm


def test_a_mesh_of_triangles_in_centimetres(tmp_path: Path) -> None:
    make().save(tmp_path / "a.usda")
    stage = Usd.Stage.Open(str(tmp_path / "a.usda"))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 0.01
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/DreamTalk/Head"))
    assert Gf.Vec3f(mesh.GetExtentAttr().Get()[1])[1] == pytest.approx(13.985, abs=0.01)
    assert set(mesh.GetFaceVertexCountsAttr().Get()) == {3}
