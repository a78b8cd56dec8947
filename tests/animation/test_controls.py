from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.animation.controls import CLOSED_MM, apply_controls, closed_lips, lip_gaps_mm
from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, MIRROR, REGIONS
from dreamtalk_core.parameters import Controls
from dreamtalk_core.rig.head import MATERIALS, load_head

REGION_OF = {
    "lips": [name for name in (*REGIONS["mouth"], *REGIONS["tongue"]) if name != "mouthClose"],
    "jaw": [*REGIONS["jaw"], "mouthClose"],
    "brows": REGIONS["brows"],
    "eyes": [*REGIONS["eyelids"], *REGIONS["gaze"]],
    "cheeks": REGIONS["cheeks_nose"],
}
JAW, CLOSE = INDEX["jawOpen"], INDEX["mouthClose"]


def noise(frames: int = 40, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    head = rng.normal(0, 5, (frames, 3)).astype(np.float32)
    return Motion(ARKIT_NAMES, rng.random((frames, 52), np.float32), 25, head)


def one(**weights: float) -> np.ndarray:
    values = np.zeros((1, 52), np.float32)
    for name, weight in weights.items():
        values[:, INDEX[name]] = weight
    return values


def face(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Speech with an emotion: lips anywhere, and the shapes that styles add, up to far too much."""
    weights = rng.uniform(0, 1, (frames, 52)) * (rng.random(52) < 0.5)
    for name in ("mouthSmile", "mouthFrown", "mouthUpperUp", "mouthLowerDown", "mouthStretch"):
        for side in ("Left", "Right"):
            weights[:, INDEX[name + side]] += rng.uniform(0, 0.8)
    return weights.clip(0, 1)


def test_the_settings_as_they_stand_change_nothing() -> None:
    assert apply_controls(noise(), Controls()) == noise()
    assert apply_controls(noise(), Controls(), np.zeros(40)) == noise()


@pytest.mark.parametrize("control", list(REGION_OF))
def test_a_strength_scales_its_region_and_nothing_else(control: str) -> None:
    motion = noise()
    done = apply_controls(motion, Controls(**{control: 0.5}))
    mine = [INDEX[name] for name in REGION_OF[control]]
    others = [i for i in range(52) if i not in mine]
    np.testing.assert_allclose(done.weights[:, mine], 0.5 * motion.weights[:, mine], atol=1e-7)
    np.testing.assert_array_equal(done.weights[:, others], motion.weights[:, others])
    np.testing.assert_array_equal(done.head_rotation, motion.head_rotation)


def test_every_channel_has_a_strength() -> None:
    assert sorted(name for names in REGION_OF.values() for name in names) == sorted(ARKIT_NAMES)


def test_head_strength_and_clipping() -> None:
    done = apply_controls(noise(), Controls(head=2.0, lips=3.0))
    np.testing.assert_array_equal(done.head_rotation, 2 * noise().head_rotation)
    assert done.weights.max() == 1


def test_lips_stay_shut_when_the_jaw_moves_less() -> None:
    """A jaw that opens behind closed lips: less of it must not press them into each other."""
    motion = Motion(ARKIT_NAMES, one(jawOpen=0.5, mouthClose=0.5), 25)
    gaps = lip_gaps_mm(apply_controls(motion, Controls(jaw=0.3)).weights)
    assert np.abs(gaps).max() < 0.5
    gaps = lip_gaps_mm(apply_controls(motion, Controls(max_opening=0.2)).weights)
    assert np.abs(gaps).max() < 0.5


@given(st.floats(0, 1))
def test_the_mouth_opens_no_wider_than_its_limit(limit: float) -> None:
    weights = np.repeat(one(), 101, axis=0)
    weights[:, JAW] = np.linspace(0, 1, 101)
    jaw = apply_controls(Motion(ARKIT_NAMES, weights, 25), Controls(max_opening=limit)).weights[
        :, JAW
    ]
    assert jaw.max() == pytest.approx(limit, abs=1e-6)
    below = weights[:, JAW] <= limit / 2
    np.testing.assert_allclose(jaw[below], weights[below, JAW], atol=1e-6)
    steps = np.diff(jaw)
    # It bends: never flat before the end, never steeper than it was.
    if limit > 0.05:
        assert steps.min() > 0
    assert steps.max() <= 0.01 + 1e-6


def test_asymmetry_holds_one_side_back() -> None:
    motion = noise()
    done = apply_controls(motion, Controls(asymmetry=0.4)).weights
    right = [INDEX["mouthSmileRight"], INDEX["browOuterUpRight"]]
    unchanged = [
        INDEX[name] for name in ("mouthSmileLeft", "eyeBlinkRight", "mouthRight", "jawOpen")
    ]
    np.testing.assert_allclose(done[:, right], 0.6 * motion.weights[:, right], atol=1e-6)
    np.testing.assert_array_equal(done[:, unchanged], motion.weights[:, unchanged])
    mirrored = Motion(ARKIT_NAMES, motion.weights[:, list(MIRROR)], 25)
    other = apply_controls(mirrored, Controls(asymmetry=-0.4)).weights
    np.testing.assert_array_equal(other[:, list(MIRROR)], done)


def test_smoothing_takes_jitter_and_leaves_blinks() -> None:
    motion = noise(200)
    jitter = [
        np.abs(np.diff(apply_controls(motion, Controls(smoothing=s)).weights[:, JAW])).mean()
        for s in (0, 0.3, 0.6, 1)
    ]
    assert jitter == sorted(jitter, reverse=True)
    assert jitter[-1] < 0.15 * jitter[0]
    done = apply_controls(motion, Controls(smoothing=1.0))
    np.testing.assert_array_equal(done.channel("eyeBlinkLeft"), motion.channel("eyeBlinkLeft"))
    assert done.head_rotation.std() < 0.5 * motion.head_rotation.std()


@given(st.integers(0, 10_000))
def test_lips_meet_whatever_the_face_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = face(rng, 12)
    motion = Motion(ARKIT_NAMES, weights, 25)
    controls = Controls(
        lips=rng.uniform(1, 2),
        jaw=rng.uniform(0, 2),
        smoothing=rng.random(),
        asymmetry=rng.uniform(-1, 1),
    )
    done = apply_controls(motion, controls, np.ones(12))
    assert load_head().lip_gap_mm(done.weights).max() <= 0.3
    assert lip_gaps_mm(done.weights).max() < CLOSED_MM + 0.01
    # The jaw goes on as it did.
    free = apply_controls(motion, controls)
    easy = free.weights[:, JAW] < 0.8
    np.testing.assert_allclose(done.weights[easy, JAW], free.weights[easy, JAW], atol=1e-6)


@given(st.integers(0, 10_000))
def test_closing_never_presses_lips_into_each_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = 0.35 * face(rng, 12)
    weights[:, JAW] = rng.uniform(0, 0.6, 12)
    weights[:, CLOSE] = rng.uniform(0, 1, 12)
    gaps = lip_gaps_mm(closed_lips(weights))
    assert gaps.max() < CLOSED_MM + 0.01
    # On a lopsided mouth one side is pressed a little when the other meets.
    assert gaps.mean(1).min() >= -2
    even = np.maximum(weights, weights[:, list(MIRROR)])
    assert lip_gaps_mm(closed_lips(even)).mean(1).min() >= -1.5


def test_a_closed_jaw_needs_the_jaw() -> None:
    """mouthClose cannot undo a jaw that is wide open together with a funnel and a snarl."""
    wide = one(
        jawOpen=1.0, mouthFunnel=1.0, jawForward=1.0, mouthStretchLeft=1, mouthStretchRight=1
    )
    done = closed_lips(wide)
    assert lip_gaps_mm(done).max() < CLOSED_MM + 0.01
    assert 0.8 < done[0, JAW] < 1


def test_pressed_lips_are_relieved_and_gently_shut_ones_left_alone() -> None:
    pressed = closed_lips(one(mouthRollLower=1, mouthPressLeft=1, mouthPressRight=1))
    assert -1.51 < lip_gaps_mm(pressed).min() < -1.4
    assert 0.1 < pressed[0, INDEX["mouthRollLower"]] < 0.5
    gentle = one(mouthRollLower=0.25)
    assert lip_gaps_mm(gentle).min() > -1.5
    np.testing.assert_array_equal(closed_lips(gentle), gentle)


def test_a_smile_and_a_round_mouth_survive_a_closure() -> None:
    smiling = one(jawOpen=0.3, mouthSmileLeft=0.6, mouthSmileRight=0.6, mouthPucker=0.1)
    done = closed_lips(smiling)
    changed = np.flatnonzero(np.abs(done - smiling)[0] > 1e-6)
    assert changed.tolist() == [CLOSE]
    round_mouth = closed_lips(one(jawOpen=0.2, mouthPucker=0.5))
    assert round_mouth[0, INDEX["mouthPucker"]] == pytest.approx(0.5)


def test_closure_follows_its_curve() -> None:
    """Nothing jumps: what closures ask for slowly comes slowly, and before and after is as was."""
    time = np.arange(60)
    weights = np.zeros((60, 52))
    weights[:, JAW] = 0.3 + 0.1 * np.sin(time / 5)
    weights[:, INDEX["mouthUpperUpLeft"]] = 0.3
    weights[:, INDEX["mouthFunnel"]] = 0.2 + 0.2 * np.sin(time / 7)
    motion = Motion(ARKIT_NAMES, weights, 25)
    closures = np.exp(-0.5 * ((time - 30) / 5.0) ** 2)
    closures[np.abs(time - 30) > 14] = 0
    done = apply_controls(motion, Controls(), closures).weights
    np.testing.assert_array_equal(done[closures == 0], motion.weights[closures == 0])
    assert np.abs(np.diff(done, axis=0)).max() < 0.08
    gap = load_head().lip_gap_mm(done)
    assert gap[30] == 0
    assert gap[30] < gap[26] < gap[22] < gap[18]


@pytest.mark.parametrize("controls", [Controls(closure=0.0), Controls(lips=0.0)])
def test_no_closure_without_lips_or_request(controls: Controls) -> None:
    motion = noise()
    assert apply_controls(motion, controls, np.ones(40)) == apply_controls(motion, controls)


def test_half_a_closure() -> None:
    motion = Motion(ARKIT_NAMES, one(jawOpen=0.4), 25)
    gaps = [
        lip_gaps_mm(apply_controls(motion, Controls(closure=c), np.ones(1)).weights).mean()
        for c in (0.0, 0.5, 1.0)
    ]
    assert gaps[1] == pytest.approx((gaps[0] + gaps[2]) / 2, abs=0.5)


def test_other_channels_pass_through() -> None:
    names = ("jawOpen", "tail", "mouthClose")
    motion = Motion(names, np.full((3, 3), 0.4), 25)
    done = apply_controls(motion, Controls(jaw=0.5), np.ones(3))
    assert done.names == names
    np.testing.assert_array_equal(done.channel("tail"), motion.channel("tail"))
    np.testing.assert_allclose(done.channel("jawOpen"), 0.2, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("lips", -0.1, "from 0 up"),
        ("head", float("inf"), "from 0 up"),
        ("smoothing", 1.1, "from 0 to 1"),
        ("closure", float("nan"), "from 0 to 1"),
        ("max_opening", -1.0, "from 0 to 1"),
        ("asymmetry", -1.5, "from -1 to 1"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: float, hint: str) -> None:
    with pytest.raises(DreamTalkError, match=rf"{name} is .*{hint}"):
        Controls(**{name: value})


@pytest.mark.parametrize("closures", [np.zeros(3), np.full(40, 1.2), np.full(40, np.nan)])
def test_closures_of_another_kind(closures: np.ndarray) -> None:
    with pytest.raises(MotionError, match="40 frames"):
        apply_controls(noise(), Controls(), closures)


def test_a_bite_brings_the_lower_lip_to_the_teeth_and_nothing_else() -> None:
    weights = np.full((3, len(ARKIT_NAMES)), 0.3, np.float32)
    motion = Motion(ARKIT_NAMES, weights, Fraction(25))
    bitten = apply_controls(motion, Controls(), None, np.array([0.0, 0.5, 1.0]))
    roll = bitten.channel("mouthRollLower")
    np.testing.assert_allclose(roll, [0.3, 0.525, 0.75], atol=1e-6)
    np.testing.assert_allclose(bitten.channel("mouthLowerDownLeft"), [0.3, 0.15, 0], atol=1e-6)
    opening = bitten.channel("jawOpen") - bitten.channel("mouthClose")
    np.testing.assert_allclose(opening, [0, 0.03, 0.06], atol=1e-6)
    changed = (bitten.weights != weights).any(0)
    assert {ARKIT_NAMES[i] for i in np.flatnonzero(changed)} == {
        "mouthRollLower", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthClose",
    }  # fmt: skip
    assert apply_controls(motion, Controls(closure=0), None, np.ones(3)) == motion


def test_a_bite_opens_no_jaw_that_is_held() -> None:
    still = Motion(ARKIT_NAMES, np.zeros((3, len(ARKIT_NAMES)), np.float32), Fraction(25))
    for controls, widest in ((Controls(jaw=0), 0.0), (Controls(max_opening=0.02), 0.02)):
        bitten = apply_controls(still, controls, None, np.ones(3))
        assert bitten.channel("jawOpen").max() == pytest.approx(widest)


@pytest.mark.parametrize(("jaw", "close"), [(0, 0), (0.05, 0.05), (0.2, 0.05), (0.3, 0)])
def test_a_bite_is_seen(jaw: float, close: float) -> None:
    """The lower lip is above the edge of the upper teeth, and the upper one does not hide it."""
    weights = np.zeros((1, len(ARKIT_NAMES)), np.float32)
    weights[0, [INDEX["jawOpen"], INDEX["mouthClose"]]] = jaw, close
    bitten = apply_controls(Motion(ARKIT_NAMES, weights, 25), Controls(), None, np.ones(1))
    head = load_head()
    teeth = np.unique(head.triangles[head.material == MATERIALS.index("teeth")])
    upper = teeth[np.linalg.norm(head.deltas[INDEX["jawOpen"]][teeth], axis=1) < 0.5]
    front = upper[np.abs(head.vertices[upper, 0]) < 8]
    points = head.pose(bitten.weights[0])
    lip = points[np.unique(head.lip_columns[:, 1])]
    front = points[front[points[front, 2] > points[front, 2].max() - 4]]
    assert 0 < lip[:, 1].max() - front[:, 1].min() < 4.5
    assert np.linalg.norm(lip[:, None] - front, axis=2).min() < 3
    assert 1 < head.lip_gap_mm(bitten.weights)[0] < 2.5
