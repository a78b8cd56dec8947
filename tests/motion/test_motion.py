from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion, frame_count, frame_times, parse_fps
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

RATES = [
    ("23.976", Fraction(24000, 1001)),
    (24, Fraction(24)),
    (25, Fraction(25)),
    (29.97, Fraction(30000, 1001)),
    (30, Fraction(30)),
    (50, Fraction(50)),
    (60, Fraction(60)),
]
NAMES = ("jawOpen", "mouthClose")


def make(frames: int = 10, fps: int | Fraction = 25, names: tuple[str, ...] = NAMES) -> Motion:
    rng = np.random.default_rng(frames)
    weights = rng.random((frames, len(names)), np.float32)
    head = rng.normal(0, 10, (frames, 3)).astype(np.float32)
    return Motion(names, weights, Fraction(fps), head)


@pytest.mark.parametrize(
    ("given_fps", "expected"),
    [
        *RATES,
        (23.98, Fraction(24000, 1001)),
        (24000 / 1001, Fraction(24000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (0.1, Fraction(1, 10)),
        (" 25 ", Fraction(25)),
        (Fraction(599, 10), Fraction(599, 10)),
        (np.float32(25), Fraction(25)),
    ],
)
def test_parse_fps(given_fps: object, expected: Fraction) -> None:
    assert parse_fps(given_fps) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [0, -25, "fast", "25/0", "", float("nan"), float("inf"), None, True, 1001, "1e99999999", "-25"],
)
def test_parse_fps_refuses(bad: object) -> None:
    with pytest.raises(MotionError, match="frame rate"):
        parse_fps(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(("fps", "exact"), RATES)
@given(samples=st.integers(1, 16000 * 600))
def test_frame_count_is_exact(fps: object, exact: Fraction, samples: int) -> None:
    duration = Fraction(samples, 16000)
    count = frame_count(duration, fps)  # type: ignore[arg-type]
    assert count == max(1, (duration * exact + Fraction(1, 2)).__floor__())


def test_frame_count_rounds_half_up_and_is_at_least_one() -> None:
    assert frame_count(Fraction(1, 50), 25) == 1
    assert frame_count(Fraction(3, 50), 25) == 2
    assert frame_count(Fraction(5, 50), 25) == 3
    assert frame_count(0, 25) == 1


def test_times_are_frame_middles() -> None:
    motion = make(3, 25)
    np.testing.assert_allclose(motion.times, [0.02, 0.06, 0.10])
    assert motion.duration == Fraction(3, 25)
    assert len(motion) == 3


def test_is_immutable_and_does_not_share_the_callers_arrays() -> None:
    weights = np.zeros((2, 2), np.float32)
    motion = Motion(NAMES, weights, Fraction(25))
    weights[:] = 1
    assert motion.weights.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        motion.weights[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        motion.head_rotation[0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        motion.fps = Fraction(30)  # type: ignore[misc]


def test_accepts_plain_lists_and_clips_rounding() -> None:
    motion = Motion(["a"], [[1.00001], [-1e-5]], "25")  # type: ignore[arg-type]
    assert motion.weights.dtype == motion.head_rotation.dtype == np.float32
    assert motion.weights.ravel().tolist() == [1.0, 0.0]
    assert motion.head_rotation.shape == (2, 3)
    assert motion.fps == 25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((4, 3))}, "shape"),
        ({"weights": np.zeros(4)}, "shape"),
        ({"weights": np.zeros((0, 2))}, "shape"),
        ({"weights": np.full((4, 2), np.nan)}, "finite"),
        ({"weights": np.full((4, 2), 1e300)}, "finite"),
        ({"weights": np.full((4, 2), 1.2)}, r"0\.\.1"),
        ({"weights": np.full((4, 2), -0.1)}, r"0\.\.1"),
        ({"weights": [["x", "y"]]}, "numbers"),
        ({"names": ("a", "a")}, "repeated: a"),
        ({"names": ("a", "")}, "empty"),
        ({"names": "ab"}, "strings"),
        ({"fps": 0}, "frame rate"),
        ({"head_rotation": np.zeros((3, 3))}, "Head rotation"),
        ({"head_rotation": np.full((4, 3), np.inf)}, "finite"),
    ],
)
def test_refuses(change: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"names": NAMES, "weights": np.zeros((4, 2)), "fps": 25}
    with pytest.raises(MotionError, match=message):
        Motion(**{**fields, **change})  # type: ignore[arg-type]


def test_channel() -> None:
    motion = make()
    np.testing.assert_array_equal(motion.channel("mouthClose"), motion.weights[:, 1])
    with pytest.raises(MotionError, match="no channel 'tongueOut'"):
        motion.channel("tongueOut")


def test_equality_is_by_value() -> None:
    assert make() == make()
    assert make() != make(fps=30)
    assert make() != "motion"


def test_to_arkit_reorders_fills_and_drops() -> None:
    motion = make(names=("tongueOut", "jawOpen", "ownShape"))
    arkit = motion.to_arkit()
    assert arkit.names == ARKIT_NAMES
    np.testing.assert_array_equal(arkit.channel("jawOpen"), motion.channel("jawOpen"))
    np.testing.assert_array_equal(arkit.channel("tongueOut"), motion.channel("tongueOut"))
    others = [i for name, i in INDEX.items() if name not in motion.names]
    assert not arkit.weights[:, others].any()
    assert arkit.to_arkit() is arkit


@pytest.mark.parametrize(("fps", "exact"), RATES)
def test_resample_gives_the_exact_count(fps: object, exact: Fraction) -> None:
    duration = Fraction(16001 * 7, 16000)
    source = make(frame_count(duration, 25))
    result = source.resample(fps, duration)  # type: ignore[arg-type]
    assert result.fps == exact
    assert len(result) == frame_count(duration, exact)


def test_resample_to_the_same_rate_changes_nothing() -> None:
    motion = make(50)
    assert motion.resample(25) == motion


def test_resample_samples_at_frame_middles_and_holds_the_edges() -> None:
    ramp = np.linspace(0.0, 1.0, 26, dtype=np.float32)[:, None]
    motion = Motion(("a",), ramp, Fraction(25))
    up = motion.resample(50)
    np.testing.assert_allclose(
        up.channel("a"),
        np.interp(frame_times(52, Fraction(50)), motion.times, ramp[:, 0]),
        atol=1e-6,
    )
    longer = motion.resample(25, Fraction(2))
    assert len(longer) == 50
    np.testing.assert_array_equal(longer.channel("a")[:26], ramp[:, 0])
    assert (longer.channel("a")[26:] == ramp[-1]).all()


def test_resampled_head_takes_the_short_way_round() -> None:
    head = np.zeros((2, 3), np.float32)
    head[:, 1] = 170, -170
    motion = Motion(("a",), np.zeros((2, 1), np.float32), Fraction(25), head)
    yaw = motion.resample(75).head_rotation[:, 1]
    assert np.abs(np.diff(yaw)).max() < 21
    assert (np.abs(yaw) >= 170 - 1e-3).all()


@pytest.mark.slow
def test_light_layer_needs_only_numpy() -> None:
    """How soon it is there: benchmarks/records."""
    program = """
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "av", "soxr", "librosa", "scipy", "numba", "cv2"}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
for name in ("errors", "files", "motion.arkit", "motion", "motion.curves", "parameters", "formats",
             "formats.livelink", "formats.json_motion", "formats.npz"):
    importlib.import_module("dreamtalk_core." + name)
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True, timeout=60)
