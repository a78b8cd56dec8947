"""The head: its geometry, what its shapes do, lip measures, gaze."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, MIRROR
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.motion.tongue import TONGUE_NAMES
from dreamtalk_core.rig import head as head_module
from dreamtalk_core.rig.head import (
    EYE_SIDE,
    HEAD_FILE,
    MATERIALS,
    Head,
    gaze_rotation,
    load_head,
    pack_deltas,
)
from tests.faces import weights


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def ramp(steps: int = 11, **shapes: float) -> NDArray[np.float32]:
    return np.linspace(0, 1, steps, dtype=np.float32)[:, None] * weights(**shapes)


def vertices_of(head: Head, *materials: str) -> NDArray[np.int64]:
    kinds = [MATERIALS.index(name) for name in materials]
    return np.unique(head.triangles[np.isin(head.material, kinds)])


def test_file_is_small() -> None:
    assert HEAD_FILE.stat().st_size < 1_500_000


def test_arrays_fit_together(head: Head) -> None:
    count = len(head.vertices)
    assert head.deltas.shape == (52, count, 3)
    assert head.uv.shape == (count, 2)
    assert head.colours.shape == (count, 3)
    assert head.neck.shape == (count,)
    assert head.triangles.min() == 0
    assert head.triangles.max() == count - 1
    assert len(head.material) == len(head.triangles)
    assert set(head.material) == set(range(len(MATERIALS)))
    assert np.isfinite(head.vertices).all()
    assert 0 <= head.uv.min() <= head.uv.max() <= 1
    assert 0 <= head.colours.min() <= head.colours.max() <= 1
    assert 0 <= head.neck.min() <= head.neck.max() <= 1


def test_arrays_are_read_only(head: Head) -> None:
    for field in dataclasses.fields(head):
        with pytest.raises(ValueError, match="read-only"):
            getattr(head, field.name).flat[0] = 0


def test_head_has_the_size_of_a_head(head: Head) -> None:
    skin = head.vertices[vertices_of(head, "skin")]
    face = skin[np.abs(skin[:, 1]) < 60]
    # From ear to ear, and from the throat's height to the crown.
    assert 150 < np.ptp(face[:, 0]) < 200
    assert 120 < skin[:, 1].max() < 160
    left, right = head.eye_centres
    assert 55 < left[0] - right[0] < 65
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=0.05)


def test_every_shape_moves_something_by_a_natural_amount(head: Head) -> None:
    reach = np.linalg.norm(head.deltas, axis=2).max(axis=1)
    for name, distance in zip(ARKIT_NAMES, reach, strict=True):
        assert 1.5 < distance < 45, name


def test_left_and_right_shapes_mirror_each_other(head: Head) -> None:
    size = np.linalg.norm(head.deltas, axis=2).sum(axis=1)
    for name, partner in zip(ARKIT_NAMES, MIRROR, strict=True):
        assert size[INDEX[name]] == pytest.approx(size[partner], rel=0.08), name
    for name in ("eyeBlink", "mouthSmile", "browDown"):
        x = head.vertices[:, 0]
        moved = np.linalg.norm(head.deltas[INDEX[f"{name}Left"]], axis=1)
        assert moved[x > 0].sum() > 5 * moved[x < 0].sum(), name


def test_pose_adds_deltas_and_leaves_the_neutral_alone(head: Head) -> None:
    np.testing.assert_array_equal(head.pose(weights()), head.vertices)
    w = weights(jawOpen=0.5, mouthSmileLeft=0.25)
    expected = head.vertices + 0.5 * head.deltas[INDEX["jawOpen"]]
    expected = expected + 0.25 * head.deltas[INDEX["mouthSmileLeft"]]
    # The eyeballs are turned rather than moved, which rounds differently.
    np.testing.assert_allclose(head.pose(w), expected, atol=1e-4)


def test_upper_teeth_stay_and_lower_teeth_follow_the_jaw(head: Head) -> None:
    teeth = vertices_of(head, "teeth")
    drop = -head.deltas[INDEX["jawOpen"], teeth, 1]
    upper, lower = teeth[drop == 0], teeth[drop > 0]
    assert len(upper) == len(lower) > 300
    assert head.vertices[upper, 1].mean() > head.vertices[lower, 1].mean()
    assert not head.deltas[:, upper].any()
    # Rigid: no tooth changes its size.
    before, after = head.vertices[lower], head.pose(weights(jawOpen=1))[lower]
    spread = np.linalg.norm(before - before[0], axis=1)
    np.testing.assert_allclose(np.linalg.norm(after - after[0], axis=1), spread, atol=0.05)


def test_tongue_follows_the_jaw_and_comes_out(head: Head) -> None:
    tongue = vertices_of(head, "tongue")
    assert (head.deltas[INDEX["jawOpen"], tongue, 1] < -1).mean() > 0.9
    assert head.deltas[INDEX["tongueOut"], tongue, 2].max() > 15


def test_lips_touch_at_rest(head: Head) -> None:
    assert head.lip_gap_mm(weights()[None])[0] == 0


def test_lip_gap_grows_with_the_jaw(head: Head) -> None:
    gap = head.lip_gap_mm(ramp(jawOpen=1))
    assert gap.shape == (11,)
    assert gap.dtype == np.float32
    assert all(a < b for a, b in pairwise(gap))
    assert 25 < gap[-1] < 38


def test_mouth_close_cancels_the_jaw(head: Head) -> None:
    assert head.lip_gap_mm(ramp(jawOpen=1, mouthClose=1)).max() < 0.5
    half = head.lip_gap_mm(ramp(jawOpen=1, mouthClose=0.5))[-1]
    assert half == pytest.approx(head.lip_gap_mm(weights(jawOpen=1)[None])[0] / 2, rel=0.1)


@pytest.mark.parametrize(
    "shape", ["mouthPressLeft", "mouthRollLower", "mouthRollUpper", "mouthPucker"]
)
def test_closed_mouth_shapes_do_not_open_the_lips(head: Head, shape: str) -> None:
    assert head.lip_gap_mm(weights(**{shape: 1})[None])[0] < 0.5


def test_lip_width(head: Head) -> None:
    def width(**shapes: float) -> float:
        return float(head.lip_width_mm(weights(**shapes)[None])[0])

    assert 40 < width() < 50
    assert width(mouthPucker=1) < width() - 5
    assert width(mouthFunnel=1) < width() - 3
    assert width(mouthSmileLeft=1, mouthSmileRight=1) > width() + 8
    assert width(mouthStretchLeft=1, mouthStretchRight=1) > width() + 5


def test_rotation_convention() -> None:
    forward, up, left = np.eye(3)[[2, 1, 0]]
    assert (rotation_matrix([20, 0, 0]) @ forward)[1] < 0, "positive pitch looks down"
    assert (rotation_matrix([0, 20, 0]) @ forward)[0] > 0, "positive yaw turns to the left"
    assert (rotation_matrix([0, 0, 20]) @ left)[1] > 0, "positive roll raises the left ear"
    turn = rotation_matrix([10, 20, 30])
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    by_hand = (
        rotation_matrix([0, 20, 0]) @ rotation_matrix([10, 0, 0]) @ rotation_matrix([0, 0, 30])
    )
    np.testing.assert_allclose(turn, by_hand, atol=1e-12)
    assert up[1] == 1


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_gaze_directions(side: str) -> None:
    outward = 1 if side == "Left" else -1

    def look(way: str) -> NDArray[np.float64]:
        return gaze_rotation(weights(**{f"eyeLook{way}{side}": 1}), side)[:, 2]

    assert look("Out")[0] * outward == pytest.approx(np.sin(np.radians(EYE_SIDE)))
    assert look("In")[0] * outward < -0.3
    assert look("Up")[1] > 0.3
    assert look("Down")[1] < -0.3


def test_eyeballs_turn_without_changing_shape(head: Head) -> None:
    w = weights(eyeLookOutLeft=0.7, eyeLookInRight=0.7, eyeLookUpLeft=0.5, eyeLookUpRight=0.5)
    posed = head.pose(w)
    for (first, last), centre in zip(head.eyes, head.eye_centres, strict=True):
        before = np.linalg.norm(head.vertices[first:last] - centre, axis=1)
        after = np.linalg.norm(posed[first:last] - centre, axis=1)
        np.testing.assert_allclose(after, before, atol=1e-3)
        # The pupil's centre is the first vertex; both eyes look to the character's left and up.
        assert posed[first, 0] > head.vertices[first, 0] + 3
        assert posed[first, 1] > head.vertices[first, 1] + 1


def test_deltas_of_the_eyeballs_end_where_the_rotation_ends(head: Head) -> None:
    for name in ("eyeLookInLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookDownRight"):
        first, last = head.eyes[0 if name.endswith("Left") else 1]
        moved = head.vertices[first:last] + head.deltas[INDEX[name], first:last]
        np.testing.assert_allclose(moved, head.pose(weights(**{name: 1}))[first:last], atol=0.01)


def test_upper_lid_follows_the_gaze_down(head: Head) -> None:
    first, _ = head.eyes[0]
    skin = vertices_of(head, "skin")
    offset = head.vertices[skin] - head.eye_centres[0]
    lid = skin[(np.abs(offset[:, 0]) < 8) & (offset[:, 1] > 2) & (offset[:, 1] < 7)]
    lid = lid[head.vertices[lid, 2] > head.eye_centres[0][2] + 8]
    assert len(lid) > 3
    assert head.deltas[INDEX["eyeLookDownLeft"], lid, 1].min() < -1
    assert first > 0


def test_chest_does_not_turn_with_the_head(head: Head) -> None:
    y = head.vertices[:, 1]
    assert (head.neck[y > -30] == 1).all()
    assert head.neck[y < -140].max() < 0.05


def test_packing_keeps_deltas_to_a_thousandth(head: Head) -> None:
    deltas = np.concatenate([head.deltas, head.tongue_deltas])
    again = head_module._unpack_deltas(pack_deltas(deltas), len(head.vertices))
    assert np.abs(again - deltas).max() < 0.02


def test_the_tongue_goes_where_its_shapes_say(head: Head) -> None:
    tongue = np.unique(head.triangles[head.material == MATERIALS.index("tongue")])
    others = np.setdiff1d(np.arange(len(head.vertices)), tongue)
    assert not head.tongue_deltas[:, others].any()
    moves = dict(zip(TONGUE_NAMES, head.tongue_deltas[:, tongue], strict=True))
    tip = head.vertices[tongue, 2].argmax()
    assert moves["tongueTipUp"][tip, 1] > 8
    assert moves["tongueTipDown"][tip, 1] < -4
    assert moves["tongueStretch"][tip, 2] > 5
    assert moves["tongueIn"][tip, 2] < -5
    for name in ("Tip", "", "Roll"):
        left, right = moves[f"tongue{name}Left"], moves[f"tongue{name}Right"]
        np.testing.assert_allclose(left[:, 0].mean(), -right[:, 0].mean(), atol=0.1)
        assert np.abs(left - right).max() > 5
    assert moves["tongueLeft"][tip, 0] > 5
    front = head.vertices[tongue, 2] > head.vertices[tongue[tip], 2] - 25
    breadth = np.ptp(head.vertices[tongue][front, 0])
    wide, narrow = (head.vertices[tongue] + moves[f"tongue{name}"] for name in ("Wide", "Narrow"))
    assert np.ptp(wide[front, 0]) > 1.15 * breadth
    assert np.ptp(narrow[front, 0]) < 0.85 * breadth


def test_weights_without_a_tongue_leave_it_at_rest(head: Head) -> None:
    face = np.random.default_rng(0).random(52).astype(np.float32)
    np.testing.assert_array_equal(head.pose(face), head.pose(np.r_[face, np.zeros(16)]))
    raised = head.pose(np.r_[face, np.eye(16)[0]]) - head.pose(face)
    np.testing.assert_allclose(raised, head.tongue_deltas[0], atol=1e-4)


def test_damaged_file_is_reported(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path_factory.mktemp("head") / "head.npz"
    broken.write_bytes(HEAD_FILE.read_bytes()[:5000])
    monkeypatch.setattr(head_module, "HEAD_FILE", broken)
    with pytest.raises(DreamTalkError, match="missing or damaged"):
        load_head.__wrapped__()
