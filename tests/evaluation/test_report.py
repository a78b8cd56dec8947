"""Reports as text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dreamtalk_core.evaluation.report import (
    METRICS,
    ClipResult,
    Report,
    Summary,
    cell_text,
    change_text,
    comparison,
)
from dreamtalk_core.evaluation.tables import aligned, number

METRIC = {metric.key: metric for metric in METRICS}
STILL = np.full(21, math.nan)


def hand_made(name: str, opening: float) -> Report:
    figures = {"opening": [opening, opening], "rounding": [-0.04], "amplitude": [math.nan]}
    clip = ClipResult("wild_1", "me", "wild", figures, STILL, np.zeros((2, 75)))
    return Report(name, (clip,))


def spoken(openings: dict[str, list[float]], key: str = "opening") -> Report:
    """A report of speakers with one figure in each of their clips."""
    return Report(
        "ours",
        tuple(
            ClipResult(f"{speaker}_{i}", speaker, "wild", {key: [value]}, STILL, np.zeros((2, 75)))
            for speaker, values in openings.items()
            for i, value in enumerate(values)
        ),
    )


def test_table_shows_what_was_measured_and_explains_it() -> None:
    lines = hand_made("ours", 0.584).table().splitlines()
    assert lines[0] == "ours"
    assert [line.split() for line in lines[1:5]] == [
        ["wild"],
        ["speakers", "1"],
        ["clips", "1"],
        ["lip", "gap", "r", ".58", "[.58", ".58]"],
    ]
    assert lines[6].split() == ["amplitude", "-"]
    assert lines[7].split() == ["peak", "lag", "fr", "-"]
    assert [line.split(":")[0] for line in lines[10:]] == ["lip gap r", "pucker r", "amplitude"]
    assert len(hand_made("ours", 0.5).table(legend=False).splitlines()) == 8


def test_who_has_many_clips_is_heard_as_much_as_who_has_one() -> None:
    report = spoken({"many": [0.9] * 8, "few": [0.5, 0.7], "one": [0.3]})
    summary = report.summary("wild", METRIC["opening"])
    assert summary.value == pytest.approx((0.9 + 0.6 + 0.3) / 3)
    assert summary.over_clips == pytest.approx((8 * 0.9 + 1.2 + 0.3) / 11)
    assert (summary.speakers, summary.count, summary.left_out) == (3, 11, 0)
    # Three speakers: drawn anew, all three may be the worst, or the best.
    assert (summary.low, summary.high) == pytest.approx((0.3, 0.9))
    assert report.speakers("wild") == 3
    assert ".60 [.30 .90] | .79" in report.table()


def test_a_median_is_one_of_speakers_medians() -> None:
    report = spoken({"a": [1.0, 1.2, 9.0], "b": [0.5], "c": [0.8, 0.8]}, "amplitude")
    assert report.each("wild", METRIC["amplitude"]) == {"a": 1.2, "b": 0.5, "c": 0.8}
    assert report.summary("wild", METRIC["amplitude"]).value == 0.8


def test_of_one_speaker_the_interval_is_over_clips() -> None:
    summary = spoken({"one": [0.2, 0.4, 0.6]}).summary("wild", METRIC["opening"])
    assert summary.value == summary.over_clips == pytest.approx(0.4)
    assert summary.low < 0.4 < summary.high


def test_a_speaker_who_gave_no_figure_is_none_of_them() -> None:
    summary = spoken({"one": [0.5, 0.5], "still": [math.nan]}).summary("wild", METRIC["opening"])
    assert (summary.value, summary.speakers, summary.count, summary.left_out) == (0.5, 1, 2, 1)
    nobody = spoken({"still": [math.nan]}).summary("wild", METRIC["opening"])
    assert math.isnan(nobody.value)
    assert (nobody.speakers, nobody.count, nobody.left_out) == (0, 0, 1)


def test_a_change_is_each_speakers_own() -> None:
    before = spoken({"a": [0.1], "b": [0.9, 0.7], "gone": [0.5]})
    after = spoken({"a": [0.2], "b": [0.9, 0.9], "new": [0.1]})
    change = after.change(before, "wild", METRIC["opening"])
    assert change == pytest.approx((0.1, 0.1, 0.1))  # though a and b are .7 apart
    assert change_text(change) == ".10 [.10 .10]"
    alone = spoken({"a": [0.4]}).change(before, "wild", METRIC["opening"])
    assert change_text(alone) == ".30"
    assert change_text(spoken({}).change(before, "wild", METRIC["opening"])) == "-"


def test_lags_are_means_over_speakers() -> None:
    def clip(name: str, speaker: str, peak: int) -> ClipResult:
        lags = np.eye(21)[10 + peak]
        return ClipResult(name, speaker, "wild", {}, lags, np.zeros((2, 75)))

    many = [clip(f"{i}", "many", 4) for i in range(5)]
    report = Report("ours", (*many, clip("x", "one", 1), clip("y", "two", 1)))
    assert report.lags("wild")[[11, 14]] == pytest.approx([2 / 3, 1 / 3])
    assert report.peak_lag("wild") == 1


def test_a_cell_says_how_many_clips_gave_it_if_some_did_not() -> None:
    assert cell_text(Summary(0.5, 0.4, 0.6, 1, 8, 0, 0.5), 2) == ".50 [.40 .60]"
    assert cell_text(Summary(0.5, 0.4, 0.6, 3, 8, 2, 0.7), 2) == ".50 [.40 .60] | .70 (8)"
    assert cell_text(Summary(*[math.nan] * 3, 0, 0, 8, math.nan), 2) == "-"


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
