"""Ablations: what is trained, what is evaluated, and what their table says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.ablate import ABLATIONS, configured, some_of_each, table
from dreamtalk_core.evaluation.report import ClipResult, Report


@dataclass
class Clip:
    id: str
    speaker: str


def test_fewer_steps_are_fewer_for_the_lip_expert_too() -> None:
    whole, short = configured("default", 0, None), configured("last_block", 1, 100)
    assert whole["steps"] == 1000
    assert whole["expert"]["steps"] == 1500  # type: ignore[index]
    assert short["steps"] == 100
    assert short["expert"]["steps"] == 150  # type: ignore[index]
    assert short["blocks"] == [4]
    assert short["seed"] == 1


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_differs_from_what_it_is_held_against(name: str) -> None:
    whole, without = configured("default", 0, None), configured(name, 0, None)
    assert sum(whole[entry] != without[entry] for entry in whole if entry != "about") == 1


def test_of_every_speaker_a_few_clips_are_taken() -> None:
    clips = [Clip(f"{i}", "many") for i in range(9)] + [Clip("x", "one")]
    assert [clip.id for clip in some_of_each(clips, 3)] == ["0", "4", "8", "x"]  # type: ignore
    assert len(list(some_of_each(clips, None))) == 10  # type: ignore[arg-type]


def test_the_table_tells_what_every_speaker_gained() -> None:
    def report(name: str, values: tuple[float, float]) -> Report:
        clips = (
            ClipResult(who, who, "wild", {"opening": [r]}, np.full(21, math.nan), np.zeros((2, 75)))
            for who, r in zip("ab", values, strict=True)
        )
        return Report(name, tuple(clips))

    lines = table([report("default", (0.5, 0.7)), report("less", (0.4, 0.6))]).splitlines()
    assert lines[1].split() == ["default", ".60", "/", "-", "/", "-", "/", "-"]
    assert lines[-1].split()[-3:] == ["-.10", "[-.10", "-.10]"]
