"""Reports as text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dreamtalk_core.evaluation.report import ClipResult, Report, Summary, cell_text, comparison
from dreamtalk_core.evaluation.tables import aligned, number


def hand_made(name: str, opening: float) -> Report:
    figures = {"opening": [opening, opening], "rounding": [-0.04], "amplitude": [math.nan]}
    clip = ClipResult("wild_1", "wild", figures, np.full(21, math.nan), np.zeros((2, 75)))
    return Report(name, (clip,))


def test_table_shows_what_was_measured_and_explains_it() -> None:
    lines = hand_made("ours", 0.584).table().splitlines()
    assert lines[0] == "ours"
    assert [line.split() for line in lines[1:4]] == [
        ["wild"],
        ["clips", "1"],
        ["lip", "gap", "r", ".58", "[.58", ".58]"],
    ]
    assert lines[5].split() == ["amplitude", "-"]
    assert lines[6].split() == ["peak", "lag", "fr", "-"]
    assert [line.split(":")[0] for line in lines[8:]] == ["lip gap r", "pucker r", "amplitude"]
    assert len(hand_made("ours", 0.5).table(legend=False).splitlines()) == 7


def test_a_cell_says_how_many_clips_gave_it_if_some_did_not() -> None:
    assert cell_text(Summary(0.5, 0.4, 0.6, 8, 0), 2) == ".50 [.40 .60]"
    assert cell_text(Summary(0.5, 0.4, 0.6, 8, 2), 2) == ".50 [.40 .60] (8)"
    assert cell_text(Summary(math.nan, math.nan, math.nan, 0, 8), 2) == "-"


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
