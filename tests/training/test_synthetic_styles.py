from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.training.synthetic_styles import (
    EMOTIONS,
    PARTING,
    SyntheticStyle,
    apply_style,
    draw_face,
    draw_style,
    face,
)

CHANNELS = len(ARKIT_NAMES) + 3


def talking(frames: int = 100) -> np.ndarray:
    values = np.zeros((frames, CHANNELS), np.float32)
    values[:, INDEX["jawOpen"]] = np.clip(np.sin(np.arange(frames) / 4), 0, None) * 0.4
    values[:, INDEX["mouthPucker"]] = np.clip(np.cos(np.arange(frames) / 7), 0, None) * 0.6
    values[:, 52:] = 5 * np.sin(np.arange(frames) / 10)[:, None]
    return values


def test_the_plain_style_changes_nothing() -> None:
    np.testing.assert_array_equal(apply_style(talking(), SyntheticStyle()), talking())


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_closed_lips_stay_closed_in_every_emotion(emotion: str) -> None:
    moved = apply_style(talking(), SyntheticStyle(2 * face(EMOTIONS[emotion])))
    closed = talking()[:, INDEX["jawOpen"]] == 0
    assert closed.any()
    assert np.abs(moved[closed][:, [INDEX[name] for name in PARTING]]).max() == 0


def test_rounded_lips_smile_less() -> None:
    smile = apply_style(talking(), SyntheticStyle(face(EMOTIONS["happy"])))[
        :, INDEX["mouthSmileLeft"]
    ]
    rounded = talking()[:, INDEX["mouthPucker"]] > 0.5
    assert smile[rounded].max() < 0.8 * smile[~rounded].max()


def test_articulation_scales_the_lips_and_head_the_head() -> None:
    moved = apply_style(talking(), SyntheticStyle(articulation=1.5, head=0.5))
    np.testing.assert_allclose(
        moved[:, INDEX["jawOpen"]], 1.5 * talking()[:, INDEX["jawOpen"]], rtol=1e-5
    )
    np.testing.assert_allclose(moved[:, 52:], 0.5 * talking()[:, 52:], rtol=1e-5)


def test_beats_lift_the_brows_with_the_voice() -> None:
    moved = apply_style(talking(), SyntheticStyle(beats=0.3))
    brow, jaw = moved[:, INDEX["browInnerUp"]], talking()[:, INDEX["jawOpen"]]
    assert np.corrcoef(brow, jaw)[0, 1] > 0.6


def test_a_held_face_comes_and_goes_around_its_mean_alike_on_both_sides() -> None:
    smile = SyntheticStyle(face({"mouthSmile": 0.3, "browInnerUp": 0.3}), sway=0.5)
    still = np.zeros((20_000, CHANNELS), np.float32)
    moved = apply_style(still, smile, np.random.default_rng(0))[:, :52]
    left, right = moved[:, INDEX["mouthSmileLeft"]], moved[:, INDEX["mouthSmileRight"]]
    np.testing.assert_array_equal(left, right)
    assert left.mean() == pytest.approx(0.3, abs=0.02)
    assert left.std() == pytest.approx(0.15, abs=0.02)
    assert np.abs(np.diff(left)).max() < 0.15  # slowly
    assert abs(np.corrcoef(left, moved[:, INDEX["browInnerUp"]])[0, 1]) < 0.2
    held = apply_style(still, smile)
    assert np.ptp(held, axis=0).max() == 0  # nobody draws: it is held


def test_drawn_styles_stay_in_range_and_differ() -> None:
    rng = np.random.default_rng(0)
    drawn = [apply_style(talking(), draw_style(rng)) for _ in range(40)]
    shapes = np.stack(drawn)[..., :52]
    assert shapes.min() >= 0
    assert shapes.max() <= 1
    assert shapes.mean(1).std(0).max() > 0.1


def test_drawn_faces_reach_every_shape_that_is_held_and_no_other() -> None:
    rng = np.random.default_rng(0)
    faces = np.stack([draw_face(rng) for _ in range(200)])
    raised = (faces > 0).any(0)
    for name in ("browDownLeft", "browInnerUp", "mouthSmileRight", "eyeBlinkLeft", "noseSneerLeft"):
        assert raised[INDEX[name]]
    for name in ("jawOpen", "mouthClose", "mouthPucker", "tongueOut", "eyeLookInLeft"):
        assert not raised[INDEX[name]]
    both = faces[:, [INDEX["browDownLeft"], INDEX["browDownRight"]]]
    assert np.corrcoef(both.T)[0, 1] > 0.8
