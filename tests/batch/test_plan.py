"""Rows: whose word counts, how outputs are named, and what concerns one row or all."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk_core.batch.plan import plan
from dreamtalk_core.batch.table import WRONG
from dreamtalk_core.errors import BatchError, DreamTalkWarning
from dreamtalk_core.parameters import parameters, tables


def test_a_row_counts_more_than_its_character_and_that_more_than_the_rest() -> None:
    lines = [
        {"audio": "l/one.wav", "character": "anna", "lips": "0.5"},
        {"audio": "two.wav", "character": "anna"},
        {"audio": "three.wav", "style": "sad"},
    ]
    characters = [{"character": "anna", "style": "happy", "lips": "0.8", "portrait": "anna.png"}]
    one, two, three = plan(lines, characters, {"style": "angry", "lips": "0.9", "seed": "4"})
    assert [(row.id, row.style, row.portrait) for row in (one, two, three)] == [
        ("one", "happy", "anna.png"),
        ("two", "happy", "anna.png"),
        ("three", "sad", ""),
    ]
    assert [row.settings for row in (one, two, three)] == [
        {"lips": lips, "seed": 4} for lips in (0.5, 0.8, 0.9)
    ]


def test_every_setting_is_a_column() -> None:
    names = [setting.name for table in tables() for setting in parameters(table)]
    (row,) = plan([{"audio": "a.wav", "pose": "p.mat", **dict.fromkeys(names, "1")}])
    assert row.settings == {"pose": Path("p.mat"), **dict.fromkeys(names, 1), "fps": "1"}
    (row,) = plan([{"audio": "a.wav", "guidance": "1.5"}])
    assert row.settings == {"guidance_scale": 1.5}


def test_outputs_are_named_by_pattern() -> None:
    line = {
        "id": "act1/l7",
        "audio": "a.wav",
        "language": "de",
        "outputs": "{language}/{id}.csv; {language}\\{id}.mp4;{language}/{id}.csv",
    }
    (row,) = plan([line])
    assert row.outputs == ("de/act1/l7.csv", "de/act1/l7.mp4")
    assert plan([{"audio": "x/a.wav"}])[0].outputs == ("a.csv",)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"audio": "a.wav", "seed": "soon"}, "no number"),
        ({"audio": "a.wav", "outputs": "{take}.csv"}, "{take}"),
        ({"audio": "a.wav", "outputs": "../{id}.csv"}, "out of the folder"),
        ({"audio": "a.wav", "outputs": "/etc/{id}.csv"}, "out of the folder"),
        ({"audio": "a.wav", "outputs": "{id}.txt"}, ".csv, "),
        ({"audio": "a.wav", "outputs": "{id}.csv;{id}.CSV"}, "one file on some disks"),
        ({"audio": "a.wav", "outputs": "con/{id}.csv"}, "Windows"),
        ({"audio": "a.wav", "id": "what?"}, "Windows"),
        ({"audio": "a.wav", "character": "bo"}, "no character 'bo'"),
        ({"id": "x"}, "no audio"),
        ({"audio": "a.wav", WRONG: "it is odd"}, "it is odd"),
    ],
)
def test_what_is_wrong_with_a_row_stays_there(cells: dict[str, str], words: str) -> None:
    good, bad = plan([{"audio": "good.wav"}, cells], [{"character": "anna"}])
    assert not good.error
    assert words in bad.error
    assert bad.id in (cells.get("id"), "a")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"audio": "a.wav", "seeds": "1"}], "seed"),
        ([{"audio": "a.wav"}, {"audio": "b/A.wav"}], "twice"),
        ([{"audio": "a.wav", "outputs": "x.csv"}, {"audio": "b.wav", "outputs": "X.csv"}], "twice"),
    ],
)
def test_what_concerns_the_table(lines: list[dict[str, str]], words: str) -> None:
    with pytest.raises(BatchError, match=words):
        plan(lines)


def test_characters_must_be_sound() -> None:
    for characters in ([{"style": "sad"}], [{"character": "a"}, {"character": "a"}]):
        with pytest.raises(BatchError, match=r"Row \d of the characters"):
            plan([{"audio": "a.wav"}], characters)


def test_columns_for_others_are_named_once() -> None:
    with pytest.warns(DreamTalkWarning, match="notes, translator") as told:
        plan([{"audio": "a.wav", "notes": "x"}, {"audio": "b.wav", "translator": "y"}])
    assert len(told) == 1
