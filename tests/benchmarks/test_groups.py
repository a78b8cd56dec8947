"""The groups of the development corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.corpora.grid import clip_bursts
from benchmarks.corpora.groups import group_of, report_speaker
from dreamtalk_core.training import config as configuration
from dreamtalk_core.training.config import read_config


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
        (Clip("grid_s31_bgiq6p", "train", "GRID_s31"), None),
        (Clip("grid_new_maleA_6a59e295", "train", "GRID_new_maleA"), "grid unseen"),
        (Clip("jv_01-01-01_01", "train", "jv01"), "javanese acted"),
        (Clip("crema_1001_DFA_ANG_XX", "train", "CREMA-D_1001"), None),
        (Clip("my_recording", "dev"), None),
    ],
)
def test_clips_fall_into_groups(clip: Clip, group: str | None) -> None:
    assert group_of(clip) == group


def test_people_without_a_name_are_people_of_their_own() -> None:
    nameless = [Clip("wild_00015", speaker="VoxCeleb2 speaker"), Clip("wild_1", speaker="me")]
    assert [report_speaker(clip) for clip in nameless] == ["wild_00015", "me"]
    assert report_speaker(Clip("wild_2", speaker="me")) == "me"


def test_the_default_model_is_trained_on_nobody_it_is_judged_by() -> None:
    config = read_config(Path(configuration.__file__).with_name("default.json"))
    chosen = [source["where"] for source in config["sources"] if "where" in source]
    named = {name for where in chosen for name in where.get("speaker", [])}
    assert "GRID_s1_male" in named
    prefixes = {"GRID": "grid_", "CREMA-D": "crema_", "jv": "jv_"}
    for speaker in named:
        start = next((p for name, p in prefixes.items() if speaker.startswith(name)), "clip_")
        assert group_of(Clip(f"{start}x", "train", speaker)) is None


def test_only_grid_sentences_are_searched_for_bursts() -> None:
    assert clip_bursts(Clip("wild_bbaf3s")) == []
    assert clip_bursts(Clip("grid_drpato_800ms_ex2")) == []
