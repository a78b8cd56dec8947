"""Predictions against tracked clips: groups, summaries, JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.evaluation import evaluate as judged
from dreamtalk_core.evaluation.evaluate import style_code
from dreamtalk_core.evaluation.report import METRICS
from dreamtalk_core.models.lip_expert import Sync
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

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
        self.weights[:, INDEX["jawOpen"]] = 0.5 + 0.1 * curve
        self.weights[:, INDEX["mouthPucker"]] = 0.3 - 0.05 * curve

    @property
    def lip_gap(self) -> NDArray[np.float32]:
        gap: NDArray[np.float32] = self.weights[:, INDEX["jawOpen"]] / 2
        return gap

    @property
    def lip_width(self) -> NDArray[np.float32]:
        width: NDArray[np.float32] = 1 - self.weights[:, INDEX["mouthPucker"]]
        return width

    @property
    def motion(self) -> Motion:
        return Motion(ARKIT_NAMES, self.weights, Fraction(25))

    def waveform(self) -> NDArray[np.float32]:
        return np.zeros(self.frames * 640, np.float32)


def no_bursts(clip: object) -> list[float]:
    return []


evaluate = partial(
    judged.evaluate,
    group=lambda clip: "wild" if clip.id.startswith("wild_") else clip.split,
    known={"wild": "people in ordinary conditions"},
)


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
    assert report.values("wild", "amplitude")["somebody"].min() == 0
    assert "(3)" in report.table()


def test_partings_are_counted_by_burst() -> None:
    def two_bursts(clip: object) -> list[float]:
        return [1.0, 1.5]

    report = evaluate(lambda clip: clip.weights, [Clip("wild_1")], bursts=two_bursts)
    assert len(report.values("wild", "parting")["somebody"]) == 2
    assert len(report.values("wild", "opening")["somebody"]) == 1


def test_whose_a_clip_is_may_be_told() -> None:
    clips = [Clip(f"wild_{i}", speaker="nameless") for i in range(3)]
    assert evaluate(lambda clip: clip.weights, clips).speakers("wild") == 1
    told = evaluate(lambda clip: clip.weights, clips, speaker=lambda clip: clip.id)
    assert told.speakers("wild") == 3


def test_the_head_of_a_motion_is_judged_and_weights_have_none() -> None:
    clip = Clip("wild_1")
    turning = np.zeros((clip.frames, 3), np.float32)
    turning[:, 0] = np.sin(np.arange(clip.frames))
    motion = Motion(ARKIT_NAMES, clip.weights, Fraction(25), turning)

    @dataclass
    class Loud(Clip):
        def waveform(self) -> NDArray[np.float32]:
            return (0.3 * np.repeat(np.arange(self.frames) % 25 < 5, 640)).astype(np.float32)

    loud = Loud("wild_2")
    report = evaluate(lambda clip: motion, [loud], bursts=no_bursts)
    assert report.summary("wild", METRIC["beat"]).count == 1
    still = evaluate(lambda clip: clip.weights, [loud], bursts=no_bursts)
    assert still.summary("wild", METRIC["beat"]).count == 0


def test_a_shut_mouth_is_shut_at_closures_and_an_open_one_is_not() -> None:
    @dataclass
    class Speaking(Clip):
        @property
        def lip_gap(self) -> NDArray[np.float32]:
            return (0.25 + 0.25 * np.cos(np.arange(self.frames) / 3)).astype(np.float32)

    gapped = Speaking("wild_1")
    bursts = [1.0]
    shut = np.zeros((gapped.frames, 52))
    parted = shut.copy()
    parted[:, INDEX["jawOpen"]] = 0.4
    for weights, share in ((shut, 1.0), (parted, 0.0)):
        report = evaluate(lambda _, w=weights: w, [gapped], bursts=lambda _: bursts)
        assert report.values("wild", "shut")["somebody"] == pytest.approx(share)
        assert report.values("wild", "shut_bursts")["somebody"] == pytest.approx(share)


def test_further_figures_come_from_what_is_given() -> None:
    clips = [Clip("wild_1"), Clip("wild_2", frames=20)]
    report = evaluate(
        lambda clip: clip.weights,
        clips,
        bursts=no_bursts,
        sync=lambda clip, motion: Sync(2, 1.5, 0.8) if len(motion) > 40 else None,
        style=lambda motion: motion.weights.mean(axis=0),
        retake=lambda clip: 0.9 * clip.weights,
    )
    for key in ("sync", "confidence", "style"):
        assert (report.summary("wild", METRIC[key]).count, key) == (1, key)
    assert report.summary("wild", METRIC["sync"]).value == 2
    assert report.summary("wild", METRIC["style"]).value == 0
    assert report.summary("wild", METRIC["takes_lips"]).value > 0
    plain = evaluate(lambda clip: clip.weights, clips, bursts=no_bursts)
    assert "sync" not in {metric.key for metric in plain.metrics}


def test_style_distances_are_in_units_of_the_named_styles() -> None:
    torch = pytest.importorskip("torch")

    class Model:
        styles: ClassVar = {"a": torch.zeros(4), "b": torch.tensor([0.0, 3.0, 0.0, 0.0])}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "dreamtalk_core.style.extract_style",
            lambda model, motion, name, source: SimpleNamespace(code=np.ones(4) * len(motion)),
        )
        code = style_code(Model())  # type: ignore[arg-type]
        apart = code(Clip("a", frames=40).motion) - code(Clip("b", frames=37).motion)
    assert np.linalg.norm(apart) == pytest.approx(2)  # 3 x sqrt(4) in units of 3


def test_a_frame_more_or_less_is_forgiven_but_not_ten() -> None:
    clip = Clip("wild_1")
    for frames in (slice(0, -1), slice(None)):
        report = evaluate(
            lambda clip, frames=frames: clip.weights[frames], [clip], bursts=no_bursts
        )
        assert report.summary("wild", METRIC["opening"]).value == pytest.approx(1)
    with pytest.raises(ValueError, match="65 frames predicted, 75 tracked"):
        evaluate(lambda clip: clip.weights[:65], [clip], bursts=no_bursts)


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
