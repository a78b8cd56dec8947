"""The groups of the development corpus."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from benchmarks.corpora.grid import clip_bursts
from benchmarks.corpora.groups import group_of


@dataclass
class Clip:
    id: str
    split: str = "train"
    speaker: str = "somebody"


@pytest.mark.parametrize(
    ("clip", "group"),
    [
        (Clip("wild_1"), "wild"),
        (Clip("ar_x", "dev"), "arabic"),
        (Clip("ar_x", "train"), None),
        (Clip("grid_s1_bbaf3s", "train", "GRID_s1_male"), None),
        (Clip("grid_s1_bbas1s", "dev", "GRID_s1_male"), "grid dev"),
        (Clip("grid_brbk7n", "train", "GRID_B_female"), "grid unseen"),
        (Clip("grid_drpato_800ms_ex2", "train", "GRID_s30"), "grid unseen"),
        (Clip("grid_vid2speech_bbwgza", "train", "GRID_s4"), None),
        (Clip("grid_s31_bgiq6p", "train", "GRID_s31"), "grid unseen"),
        (Clip("grid_new_maleA_6a59e295", "train", "GRID_new_maleA"), "grid unseen"),
        (Clip("jv_01-01-01_01", "train", "jv01"), "javanese acted"),
        (Clip("crema_1001_DFA_ANG_XX", "train", "CREMA-D_1001"), "crema acted"),
        (Clip("my_recording", "dev"), None),
    ],
)
def test_clips_fall_into_groups(clip: Clip, group: str | None) -> None:
    assert group_of(clip) == group


def test_only_grid_sentences_are_searched_for_bursts() -> None:
    assert clip_bursts(Clip("wild_bbaf3s")) == []
    assert clip_bursts(Clip("grid_drpato_800ms_ex2")) == []
