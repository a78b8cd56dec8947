"""Transcripts as hints: what is written corrects lips that are not surely heard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError, DreamTalkWarning
from dreamtalk_core.speech.articulation import FEATURES, articulation
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.phonetics import (
    FEATURE_WIDTH,
    PhoneticEncoder,
    reported_features,
)
from dreamtalk_core.speech.written import Hint, _align, _sounds, read_hint
from tests.speech.test_phones import SAID

BILABIAL = FEATURES.index("bilabial")


@pytest.fixture(scope="module")
def phonetics() -> PhoneticEncoder:
    return PhoneticEncoder.load()


@pytest.fixture(scope="module")
def voice() -> Speech:
    return Speech.load(DEMO_VOICE)


@pytest.fixture(scope="module")
def muffled(voice: Speech) -> Speech:
    """The same with nothing above 1 kHz."""
    spectrum = np.fft.rfft(voice.waveform)
    spectrum[np.fft.rfftfreq(len(voice.waveform), 1 / SAMPLE_RATE) > 1000] = 0
    return Speech.from_array(np.fft.irfft(spectrum, len(voice.waveform)), SAMPLE_RATE)


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("Happy", "hapi"),
        ("phone", "fone"),
        ("мама", "mama"),
        ("Φως", "fos"),
        ("家", ""),
        ("4b", "b"),
    ],
)
def test_letters_are_spoken(word: str, sounds: str) -> None:
    assert "".join(_sounds(word)) == sounds


def test_the_likeliest_way_goes_through_the_letters_in_order() -> None:
    """Two letters at rows 3 and 7, the third never; the blank between them."""
    chances, blank = np.full((12, 3), -9.0, np.float32), np.full(12, -0.1, np.float32)
    for row, letter in ((3, 0), (7, 1)):
        chances[row, letter], blank[row] = -0.1, -6.0
    way, score = _align(chances, blank, np.array([0, 1, 2]))
    assert list(np.flatnonzero(way >= 0)) == [3, 7]
    assert list(way[[3, 7]]) == [0, 1]
    _, backwards = _align(chances, blank, np.array([2, 1, 0]))
    assert score > backwards


def test_a_long_way_is_that_of_its_parts() -> None:
    """More letters than are considered at once, each in a row of its own, two rows apart."""
    count = 700
    chances, blank = np.full((2 * count, 2), -9.0, np.float32), np.full(2 * count, -0.1, np.float32)
    letters = np.random.default_rng(0).integers(0, 2, count)
    chances[1::2][np.arange(count), letters] = -0.1
    blank[1::2] = -8.0
    way, _ = _align(chances, blank, letters)
    assert (way[1::2] == np.arange(count)).all()
    assert (way[::2] == -1).all()


def test_rows_are_corrected_alike_in_pieces() -> None:
    rows = torch.zeros(40, FEATURE_WIDTH, dtype=torch.float16)
    rows[:, -1 - len(FEATURES) + BILABIAL] = 0.2
    rows[:, -1 - 2 * len(FEATURES) + BILABIAL] = 0.5
    apart = np.zeros(40, bool)
    apart[30:35] = True
    hint = Hint(np.array([9, 20]), articulation(("p", "f")), apart)

    def pieces() -> Iterator[torch.Tensor]:
        yield from rows.split(10)

    (whole,) = hint.correct([rows])
    torch.testing.assert_close(torch.cat(list(hint.correct(pieces()))), whole)
    reported = reported_features(whole)
    assert reported[9, BILABIAL] == 1
    assert reported[20, FEATURES.index("labiodental")] == 1
    assert reported[30:35, BILABIAL].max() == 0
    assert reported[36, BILABIAL] == pytest.approx(0.1, abs=1e-3)
    assert rows[9, -1 - len(FEATURES) + BILABIAL] == pytest.approx(0.2, abs=1e-3), "not in place"


@pytest.mark.slow
def test_what_is_surely_heard_stays(voice: Speech, phonetics: PhoneticEncoder) -> None:
    hint = read_hint(voice, phonetics, SAID)
    assert hint is not None
    assert len(hint.rows) <= 2, "all but 2 of its 17 lips are heard"
    rows = torch.cat(list(phonetics.stream(voice.waveform)))
    before = reported_features(rows)[:, BILABIAL]
    after = reported_features(torch.cat(list(hint.correct([rows]))))[:, BILABIAL]
    sure = before > 0.4
    assert sure.sum() >= 10
    torch.testing.assert_close(after[sure], before[sure])


@pytest.mark.slow
def test_lips_that_are_mumbled_are_closed(
    voice: Speech, muffled: Speech, phonetics: PhoneticEncoder
) -> None:
    """Where the clear voice has a bilabial, the muffled one with a transcript has it more often."""

    def lips(speech: Speech, transcript: str = "") -> np.ndarray:
        rows = torch.cat(list(phonetics.stream(speech.waveform)))
        if transcript:
            hint = read_hint(speech, phonetics, transcript)
            assert hint is not None
            (rows,) = hint.correct([rows])
        return reported_features(rows)[:, BILABIAL].numpy()

    clear = np.flatnonzero(lips(voice) > 0.4)
    there = [
        lips(muffled, said)[[range(i - 3, i + 4) for i in clear]].max(1) for said in ("", SAID)
    ]
    heard, helped = [(own > 0.4).mean() for own in there]
    assert helped >= heard + 0.15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Die Katze saß schon lange Zeit auf einem Stuhl im Garten und schlief", "is not what"),
        ("謝謝 您 的 來電", "no letters"),
    ],
)
def test_what_is_not_said_changes_nothing(
    said: str, why: str, voice: Speech, phonetics: PhoneticEncoder
) -> None:
    with pytest.warns(DreamTalkWarning, match=why):
        assert read_hint(voice, phonetics, said) is None


def test_work_can_be_ended(voice: Speech, phonetics: PhoneticEncoder) -> None:
    def stop() -> None:
        raise DreamTalkError("enough")

    with pytest.raises(DreamTalkError, match="enough"):
        read_hint(voice, phonetics, SAID, stop)
