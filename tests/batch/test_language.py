"""Lines of another language are found by the lines around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.batch.grade import Thresholds, measure_sounds
from dreamtalk_core.batch.language import LEAST, foreign_lines
from dreamtalk_core.batch.plan import Row, plan
from dreamtalk_core.batch.run import _compared
from dreamtalk_core.speech.articulation import FEATURES
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import PhoneticEncoder

FIGURES = 2 * len(FEATURES)


def lines(count: int, language: int, seed: int, apart: float = 1.5) -> list[dict[str, Any]]:
    """Grades of lines whose figures differ from language to language by as many deviations."""
    middle = apart * np.random.default_rng(language).standard_normal(FIGURES)
    rng = np.random.default_rng(100 + seed)
    # Some figures vary a thousand times as much as others, as those of rare sounds do.
    scale = np.logspace(-4, -1, FIGURES)
    rows = 0.2 + scale * (middle + rng.standard_normal((count, FIGURES)))
    return [{"seconds": 3.0, "silence": 0.2, "sounds": row.tolist()} for row in rows]


def test_planted_lines_are_found_and_the_others_left_alone() -> None:
    good = [*lines(100, 1, 0), *lines(100, 2, 1)]
    planted = [*lines(10, 2, 2), *lines(10, 1, 3)]
    names = ["German"] * 100 + ["Javanese"] * 100 + ["German"] * 10 + ["Javanese"] * 10
    told = foreign_lines([*good, *planted], names, 4.0)
    assert told[200:] == ["Javanese"] * 10 + ["German"] * 10
    assert sum(map(bool, told[:200])) <= 2


def test_of_three_languages_the_likeliest_is_named() -> None:
    every = [*lines(60, 1, 0), *lines(60, 2, 1), *lines(60, 3, 2), *lines(5, 3, 3)]
    told = foreign_lines(every, ["a"] * 60 + ["b"] * 60 + ["c"] * 60 + ["a"] * 5, 4.0)
    assert told[180:] == ["c"] * 5


def test_lines_of_one_language_are_left_alone() -> None:
    same = lines(200, 1, 0)
    told = foreign_lines(same, ["German", "Javanese"] * 100, 4.0)
    assert sum(map(bool, told)) <= 2


@pytest.mark.parametrize("names", [[""] * 120, ["German"] * 120, ["German"] * 90 + ["few"] * 30])
def test_nothing_is_told_where_there_is_nothing_to_compare_with(names: list[str]) -> None:
    assert LEAST > 30
    assert foreign_lines([*lines(90, 1, 0), *lines(30, 2, 1)], names, 4.0) == [""] * 120
    assert foreign_lines([], [], 4.0) == []


def test_lines_that_tell_nothing_are_passed_over() -> None:
    every = [*lines(60, 1, 0), *lines(60, 2, 1)]
    every[60] |= {"silence": 0.9}
    every[61] |= {"sounds": []}
    del every[62]["sounds"]  # of a ledger that an earlier release has written
    told = foreign_lines(every, ["a"] * 60 + ["a"] * 3 + ["b"] * 57, 4.0)
    assert told[60:63] == [""] * 3
    same = foreign_lines([lines(1, 1, 0)[0]] * 100, ["a", "b"] * 50, 4.0)
    assert same == [""] * 100  # figures that do not vary at all


def test_flags_come_last_and_music_has_no_language() -> None:
    grades = [*lines(60, 1, 0), *lines(60, 2, 1), *lines(2, 2, 2)]
    entries = [
        {"id": str(i), "status": "done", "grade": found, "flags": ["clipped"]}
        for i, found in enumerate(grades)
    ]
    entries[121]["flags"] = ["no speech"]
    entries.append({"id": "122", "status": "failed"})
    said = ["a"] * 60 + ["b"] * 60 + ["a"] * 3
    rows = [Row(i + 1, str(i), language=name) for i, name in enumerate(said)]
    found = _compared(entries, rows, Thresholds())
    assert found[120]["flags"] == ["clipped", "sounds like b"]
    assert entries[120]["flags"] == ["clipped"]
    assert found[121]["flags"] == ["no speech"]
    assert found[122] == entries[122]
    never = _compared(entries, rows, Thresholds(foreign=10_000))
    assert never == entries


def test_a_table_names_languages(recwarn: pytest.WarningsRecorder) -> None:
    rows = plan([{"audio": "a.wav", "character": "x"}], [{"character": "x", "language": "German"}])
    assert rows[0].language == "German"
    assert not recwarn.list


@pytest.mark.slow
def test_sounds_are_those_of_the_speech_alone(demo_voice: Path) -> None:
    ears = PhoneticEncoder.load()
    voice = np.array(Speech.load(demo_voice).waveform)[: 5 * SAMPLE_RATE]

    def sounds(waveform: np.ndarray) -> np.ndarray:
        return np.array(measure_sounds(SpeechFeatures(Speech(waveform, "it"), ears), ears))

    said = sounds(voice)
    assert said.shape == (FIGURES,)
    assert ((said >= 0) & (said <= 1)).all()
    quiet = np.zeros(2 * SAMPLE_RATE, np.float32)
    beside = sounds(np.concatenate([quiet, voice, quiet]))
    assert np.abs(beside - said).max() < 0.01  # silence around it changes nothing
    backwards = sounds(voice[::-1].copy())[len(FEATURES) :].sum()
    assert backwards < 0.9 * said[len(FEATURES) :].sum()  # sounds that it knows less
    assert not len(sounds(quiet))
