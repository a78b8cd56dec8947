"""Faces of visemes speak as the 52 shapes do, measured on the built-in head."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.retarget import scheme_mapping
from dreamtalk_core.retarget.visemes import SILENCE, VISEMES, felt, pose_weights, solve
from dreamtalk_core.rig.head import load_head

FIVE = [row.source for row in scheme_mapping("vrm1").rows if row.source in VISEMES]


def spoken(frames: int = 200) -> NDArray[np.float64]:
    """Weights [T, 52]: the mouth opens and shuts at the pace of syllables, wide, then round."""
    time = np.arange(frames) / 25
    opening = np.clip(np.sin(2 * np.pi * 2.3 * time), 0, 1)
    rounded = np.clip(np.sin(2 * np.pi * 0.5 * time), 0, 1)
    weights = np.zeros((frames, len(ARKIT_NAMES)))
    weights[:, INDEX["jawOpen"]] = 0.4 * opening
    weights[:, INDEX["mouthFunnel"]] = 0.5 * rounded * opening
    weights[:, INDEX["mouthPucker"]] = 0.5 * rounded * opening
    for side in ("Left", "Right"):
        weights[:, INDEX[f"mouthSmile{side}"]] = 0.4 * (1 - rounded) * opening
        weights[:, INDEX[f"mouthLowerDown{side}"]] = 0.3 * opening
    return weights


def seen(weights: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    """Weights [T, 52] of a face that shows the solved visemes."""
    mix = solve(weights.astype(np.float32), names)
    return np.stack([mix[name] for name in names], axis=1) @ pose_weights(names)


@pytest.mark.parametrize("names", [list(VISEMES), FIVE], ids=["fifteen", "five"])
def test_lips_open_and_shut_as_they_should(names: list[str]) -> None:
    head, weights = load_head(), spoken()
    wanted, gap = head.lip_gap_mm(weights), head.lip_gap_mm(seen(weights, names))
    assert np.corrcoef(wanted, gap)[0, 1] > 0.97
    assert np.abs(wanted - gap).mean() < 0.2 * wanted.mean()
    assert gap[wanted < 0.1].max() < 0.5


def test_a_viseme_is_mostly_itself() -> None:
    names = [name for name in VISEMES if name != SILENCE]
    mix = solve(pose_weights(names).astype(np.float32), names)
    shares = np.stack([mix[name] for name in names])
    # Sounds that are made in the mouth look alike on the lips, and share the work.
    open_ones = [
        names.index(f"viseme_{viseme}") for viseme in ("PP", "FF", "CH", "aa", "I", "O", "U")
    ]
    for i in open_ones:
        assert shares[:, i].argmax() == i, names[i]
        assert shares[i, i] > 0.45, names[i]


def test_five_vowels_separate_wide_from_round() -> None:
    weights = np.zeros((2, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.15
    weights[0, INDEX["mouthPucker"]] = 0.6
    weights[1, [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]] = 0.5
    mix = solve(weights, FIVE)
    assert mix["viseme_U"][0] > 2 * mix["viseme_I"][0]
    assert mix["viseme_I"][1] > 2 * mix["viseme_U"][1]


def test_a_smile_that_lasts_is_no_vowel() -> None:
    """The same vowels are spoken as without it, and the lips part as far as they do with it."""
    head, weights = load_head(), spoken().astype(np.float32)
    smiling = weights.copy()
    for side in ("Left", "Right"):
        smiling[:, INDEX[f"mouthSmile{side}"]] += 0.6
    plain, happy = (solve(own, FIVE, felt(own, 25)) for own in (weights, smiling))
    assert happy["viseme_I"].mean() < plain["viseme_I"].mean() + 0.02
    assert solve(smiling, FIVE)["viseme_I"].mean() > plain["viseme_I"].mean() + 0.15
    assert np.corrcoef(plain["viseme_U"], happy["viseme_U"])[0, 1] > 0.95
    mix = np.stack([happy[name] for name in FIVE], axis=1) @ pose_weights(FIVE)
    assert np.abs(head.lip_gap_mm(mix) - head.lip_gap_mm(smiling)).mean() < 0.3


def test_rest_is_silence() -> None:
    mix = solve(np.zeros((3, 52), np.float32), list(VISEMES))
    assert mix.pop(SILENCE).tolist() == [1, 1, 1]
    assert not np.stack(list(mix.values())).any()


def test_curves_are_smooth_and_no_more_than_whole() -> None:
    weights = np.zeros((100, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.25 - 0.25 * np.cos(np.arange(100) * 0.06)
    weights[:, INDEX["mouthPucker"]] = 0.25 - 0.25 * np.cos(np.arange(100) * 0.1)
    curves = np.stack(list(solve(weights, list(VISEMES)).values()))
    assert curves.min() >= 0
    assert np.allclose(curves.sum(axis=0), 1, atol=1e-5)
    assert np.abs(np.diff(curves)).max() < 0.2


def test_frames_do_not_know_each_other() -> None:
    """Long motions go in pieces; a frame alone comes out the same."""
    weights = np.tile(spoken(100).astype(np.float32), (45, 1))
    whole = solve(weights, FIVE)
    alone = solve(weights[4200:4201], FIVE)
    for name in FIVE:
        assert whole[name][4200] == pytest.approx(alone[name][0], abs=1e-6)


def test_no_visemes_no_work() -> None:
    assert solve(np.zeros((3, 52), np.float32), []) == {}
