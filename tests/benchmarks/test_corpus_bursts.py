"""The burst finder on real GRID speech, against the lips that were tracked with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpora.grid import clip_bursts, grid_sentence
from dreamtalk_core.evaluation.lips import aperture, lip_parting_delay
from dreamtalk_core.speech.audio import Speech

CLIPS = Path(__file__).parents[3] / "shared" / "corpus" / "clips"
NAMES = ("bbas1s", "bbbz8n", "bgbu4p", "bwbt6n", "lbby2n", "pbac1s", "pbio4n", "pgbe2n", "srbb4n")


@dataclass(frozen=True)
class Clip:
    id: str
    split: str
    speaker: str
    weights: NDArray[np.float32]
    lip_gap: NDArray[np.float32]
    lip_width: NDArray[np.float32]
    speech: Speech

    def waveform(self) -> NDArray[np.float32]:
        return self.speech.waveform


def grid_clip(name: str) -> Clip:
    path = CLIPS / f"grid_s1_{name}.npz"
    if not path.is_file():
        pytest.skip(f"needs the development corpus in {CLIPS}")
    with np.load(path) as track:
        signals = (track["arkit"], track["lip_gap"], track["lip_width"])
    return Clip(path.stem, "dev", "GRID_s1_male", *signals, Speech.load(path.with_suffix(".flac")))


def test_the_tracked_lips_part_at_the_bursts() -> None:
    sentences = [grid_sentence(name) or () for name in NAMES]
    expected = sum(word[0] in "bp" for sentence in sentences for word in sentence)
    gaps, openings, found = [], [], 0
    for clip in map(grid_clip, NAMES):
        for burst in clip_bursts(clip):
            found += 1
            gaps.append(lip_parting_delay(clip.lip_gap, burst))
            openings.append(lip_parting_delay(aperture(clip.weights), burst))
    assert found >= 0.9 * expected
    for delays in (gaps, openings):
        assert abs(np.nanmedian(delays)) < 0.02
        assert np.isnan(delays).sum() <= 0.1 * found
        assert np.nanmedian(np.abs(delays)) < 0.025
