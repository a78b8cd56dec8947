"""Reports: groups, summaries, tables, JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.arkit import INDEX
from dreamtalk_core.evaluation.bursts import Burst
from dreamtalk_core.evaluation.evaluate import (
    METRICS,
    ClipResult,
    Report,
    aligned,
    clip_bursts,
    comparison,
    evaluate,
    group_of,
    number,
)

METRIC = {metric.key: metric for metric in METRICS}


@dataclass
class Clip:
    id: str
    split: str = "train"
    speaker: str = "somebody"
    seed: int = 0
    frames: int = 75
    weights: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        curve = np.convolve(rng.normal(size=self.frames), np.hanning(7), mode="same")
        self.weights = np.zeros((self.frames, 52), np.float32)
        self.weights[:, INDEX["jawOpen"]] = 0.3 + 0.1 * curve
        self.weights[:, INDEX["mouthPucker"]] = 0.3 - 0.05 * curve

    @property
    def lip_gap(self) -> NDArray[np.float32]:
        gap: NDArray[np.float32] = self.weights[:, INDEX["jawOpen"]] / 2
        return gap

    @property
    def lip_width(self) -> NDArray[np.float32]:
        width: NDArray[np.float32] = 1 - self.weights[:, INDEX["mouthPucker"]]
        return width

    def waveform(self) -> NDArray[np.float32]:
        return np.zeros(self.frames * 640, np.float32)


def no_bursts(clip: object) -> list[Burst]:
    return []


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
        (Clip("my_recording", "dev"), None),
    ],
)
def test_clips_fall_into_groups(clip: Clip, group: str | None) -> None:
    assert group_of(clip) == group


def test_a_perfect_prediction_gets_perfect_figures() -> None:
    clips = [Clip(f"wild_{i}", seed=i) for i in range(5)] + [Clip("mine", "dev", seed=9)]
    report = evaluate(lambda clip: clip.weights, clips, bursts=no_bursts)
    assert report.groups == ("wild", "dev")
    for key in ("opening", "rounding", "amplitude", "jitter", "jitter_all"):
        summary = report.summary("wild", METRIC[key])
        assert (summary.value, summary.low, summary.high) == pytest.approx((1, 1, 1))
        assert (summary.count, summary.left_out) == (5, 0)
    assert report.peak_lag("wild") == 0


def test_a_still_prediction_is_left_out_of_correlations_and_counted() -> None:
    clips = [Clip(f"wild_{i}", seed=i) for i in range(4)]
    report = evaluate(lambda clip: clip.weights * (clip.id != "wild_2"), clips, bursts=no_bursts)
    opening = report.summary("wild", METRIC["opening"])
    assert (opening.count, opening.left_out) == (3, 1)
    assert opening.value == pytest.approx(1)
    assert report.values("wild", "amplitude").min() == 0
    assert "left out" in report.table()


def test_partings_are_counted_by_burst() -> None:
    def two_bursts(clip: object) -> list[Burst]:
        return [Burst("bin", 1.0, 20.0), Burst("by", 1.5, 20.0)]

    report = evaluate(lambda clip: clip.weights, [Clip("wild_1")], bursts=two_bursts)
    assert len(report.values("wild", "parting")) == 2
    assert len(report.values("wild", "opening")) == 1


def test_a_frame_more_or_less_is_forgiven_but_not_ten() -> None:
    clip = Clip("wild_1")
    for frames in (slice(0, -1), slice(None)):
        report = evaluate(
            lambda clip, frames=frames: clip.weights[frames], [clip], bursts=no_bursts
        )
        assert report.summary("wild", METRIC["opening"]).value == pytest.approx(1)
    with pytest.raises(ValueError, match="65 frames predicted, 75 tracked"):
        evaluate(lambda clip: clip.weights[:65], [clip], bursts=no_bursts)


def test_only_grid_sentences_are_searched_for_bursts() -> None:
    assert clip_bursts(Clip("wild_bbaf3s")) == []
    assert clip_bursts(Clip("grid_drpato_800ms_ex2")) == []


def test_json_has_no_nan_and_every_clip(tmp_path: Path) -> None:
    clips = [Clip("wild_0"), Clip("wild_1", frames=12)]
    report = evaluate(lambda clip: clip.weights, clips, name="ours", bursts=no_bursts)
    path = tmp_path / "report.json"
    report.save(path)
    text = path.read_text(encoding="utf-8")
    assert "NaN" not in text
    document = json.loads(text)
    assert document["name"] == "ours"
    assert [clip["id"] for clip in document["clips"]] == ["wild_0", "wild_1"]
    assert document["clips"][1]["figures"]["jitter"] == [None]
    figures = document["groups"]["wild"]["figures"]
    assert figures["jitter"]["left_out"] == 1
    assert figures["opening"]["value"] == pytest.approx(1)
    assert figures["parting"]["value"] is None


def hand_made(name: str, opening: float) -> Report:
    figures = {"opening": [opening, opening], "rounding": [-0.04], "amplitude": [math.nan]}
    return Report(name, (ClipResult("wild_1", "wild", figures, np.full(21, math.nan)),))


def test_table_shows_value_interval_and_legend() -> None:
    lines = hand_made("ours", 0.584).table().splitlines()
    assert lines[0] == "ours"
    assert lines[1].split()[0] == "clips"
    assert lines[2].split()[:5] == ["wild", "1", ".58", "-.04", "-"]
    assert "[.58 .58]" in lines[3]
    assert lines[-1].startswith("|parting|: ")
    assert len(hand_made("ours", 0.5).table(legend=False).splitlines()) == 5


def test_comparison_is_a_markdown_table() -> None:
    assert comparison([hand_made("ours", 0.6), hand_made("theirs", 0.25)]).splitlines()[:4] == [
        "|  | wild |",
        "| --- | --- |",
        "| ours | .60 / -.04 / - |",
        "| theirs | .25 / -.04 / - |",
    ]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.584, 2, ".58"),
        (-0.04, 2, "-.04"),
        (1.0, 2, "1.00"),
        (-0.001, 2, ".00"),
        (12.4, 0, "12"),
        (-0.2, 0, "0"),
        (10.5, 1, "10.5"),
        (math.nan, 2, "-"),
    ],
)
def test_numbers_as_tables_show_them(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_columns_are_aligned() -> None:
    assert aligned([["", "a"], ["row", "1.00"]]) == ["        a", "row  1.00"]
