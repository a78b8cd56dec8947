"""Between BFM coefficients and ARKit curves."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import ModelError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.original import bfm
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.layout import still_pose

Array = NDArray[np.float64]


def still(weights: NDArray[np.floating]) -> Motion:
    """ARKit curves at 25 frames a second of a head that does not turn."""
    return Motion(ARKIT_NAMES, weights.astype(np.float32), Fraction(25))


def turn(axis: int, radians: float) -> Array:
    """A right-handed rotation about x, y or z."""
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[[i, j], [i, j]] = np.cos(radians)
    matrix[i, j], matrix[j, i] = -np.sin(radians), np.sin(radians)
    return matrix


def test_head_angles_are_the_same_rotation() -> None:
    angles = np.random.default_rng(0).uniform(-1.2, 1.2, (50, 3)).astype(np.float32)
    for (x, y, z), (pitch, yaw, roll) in zip(
        angles, np.radians(bfm.head_rotation(angles)), strict=True
    ):
        theirs = turn(2, z) @ turn(1, y) @ turn(0, x)
        ours = turn(1, yaw) @ turn(0, pitch) @ turn(2, roll)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_head_angles_come_back() -> None:
    degrees = np.random.default_rng(1).uniform(-60, 60, (50, 3)).astype(np.float32)
    back = bfm.head_rotation(bfm.pose_angles(degrees))
    np.testing.assert_allclose(back, degrees, atol=1e-3)


def test_a_face_at_rest_is_the_neutral_expression() -> None:
    rest = still(np.zeros((5, 52)))
    face = Coefficients.from_motion(rest)
    np.testing.assert_allclose(face.pose, still_pose(5))
    assert np.ptp(face.expression, axis=0).max() == 0
    assert face.to_motion().weights.max() < 1e-4
    neutral = np.arange(64, dtype=np.float32) / 64
    np.testing.assert_allclose(
        Coefficients.from_motion(rest, neutral).expression, neutral[None].repeat(5, 0)
    )
    assert Coefficients(neutral[None], still_pose(1)).to_motion(neutral).weights.max() < 1e-4


@pytest.mark.parametrize(
    ("names", "share"),
    [
        (("jawOpen",), 0.6),
        (("eyeBlinkLeft", "eyeBlinkRight"), 0.4),
        (("mouthSmileLeft", "mouthSmileRight"), 0.4),
        (("browInnerUp",), 0.25),
    ],
)
def test_strong_shapes_survive_the_way_there_and_back(names: tuple[str, ...], share: float) -> None:
    columns = [INDEX[name] for name in names]
    weights = np.zeros((2, 52), np.float32)
    weights[1, columns] = 0.8
    back = Coefficients.from_motion(still(weights)).to_motion().weights[1]
    assert back[columns].mean() > share * 0.8
    assert np.delete(back, columns).max() < back[columns].mean(), "and they are what moves most"


def test_another_rate_becomes_25_frames_a_second() -> None:
    motion = Motion(ARKIT_NAMES, np.zeros((60, 52), np.float32), Fraction(60))
    assert len(Coefficients.from_motion(motion)) == 25
    assert Coefficients.from_motion(motion).to_motion().fps == 25


def test_real_clips_keep_their_jaw_and_head(shared: Path) -> None:
    """The maps were fitted on these: this checks that they are used the right way round."""
    for path in sorted((shared / "corpus" / "style_clips").glob("*angry*.npz")):
        with np.load(path) as file:
            expression, arkit, head = file["bfm_exp"], file["arkit"], file["bfm_angle_trans"]
        pose = still_pose(len(expression))
        pose[:, :3] = head[:, :3]
        motion = Coefficients(expression, pose).to_motion()
        jaw = arkit[:, INDEX["jawOpen"]].astype(np.float64)
        assert np.corrcoef(motion.channel("jawOpen"), jaw)[0, 1] > 0.75
        assert np.abs(motion.head_rotation).max() < 30
        back = Coefficients.from_motion(still(arkit))
        moves = np.argsort(expression.std(0))[-5:]
        found = [np.corrcoef(back.expression[:, i], expression[:, i])[0, 1] for i in moves]
        assert np.mean(found) > 0.6


def test_damaged_maps_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bfm.maps.cache_clear()
    monkeypatch.setattr(bfm, "MAPS", tmp_path / "bfm.safetensors")
    with pytest.raises(ModelError, match="no such file"):
        bfm.maps()
    bfm.MAPS.write_bytes(b"nothing")
    with pytest.raises(ModelError):
        bfm.maps()


def test_the_fit_finds_a_linear_map_in_different_people() -> None:
    """Everyone has a face of their own, which must not get into the slope."""
    from dreamtalk_core.weights.make_bfm import fit

    rng = np.random.default_rng(0)
    slope = rng.normal(size=(6, 4))
    pairs = []
    for i, frames in enumerate((200, 50, 400)):
        x = rng.normal(size=(frames, 6))
        neutral = 10 * rng.normal(size=4)
        pairs.append((f"person {i}", x + 3 * i, x @ slope + neutral))
    found, _ = fit(pairs, 1e-6)
    np.testing.assert_allclose(found, slope, atol=1e-4)
