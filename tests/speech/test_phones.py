from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkWarning
from dreamtalk_core.retarget.cues import HOLD
from dreamtalk_core.retarget.visemes import VISEMES
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.phones import Phones, hear_phones, viseme_of
from dreamtalk_core.speech.phonetics import PhoneticEncoder
from dreamtalk_core.speech.words import find_words

SAID = (
    "Thank you for calling Super Awesome Company, Waldo's premier provider of perfect products. "
    "If you know your party's extension, you may dial it at any time. For an operator, press zero."
)


@pytest.fixture(scope="module")
def heard() -> Phones:
    return hear_phones(Speech.load(DEMO_VOICE), PhoneticEncoder.load())


@pytest.mark.parametrize(
    ("phone", "viseme"),
    [
        *(
            ("p", "PP"),
            ("m", "PP"),
            ("f", "FF"),
            ("θ", "TH"),
            ("d", "DD"),
            ("n", "nn"),
            ("l", "nn"),
        ),
        *(
            ("s", "SS"),
            ("t͡ʃ", "CH"),
            ("ʃ", "CH"),
            ("ɹ", "RR"),
            ("k", "kk"),
            ("ŋ", "kk"),
            ("w", "U"),
        ),
        *(("j", "I"), ("i", "I"), ("ɪ", "I"), ("e", "E"), ("ə", "E"), ("æ", "aa"), ("ɑ", "aa")),
        *(("ɔ", "O"), ("oʊ", "O"), ("u", "U"), ("ʊ", "U"), ("aɪ", "aa"), ("eɪ", "E"), ("ju", "U")),
    ],
)
def test_a_phone_has_a_mouth(phone: str, viseme: str) -> None:
    assert VISEMES[viseme_of(phone)] == f"viseme_{viseme}"


@pytest.mark.slow
def test_phones_are_heard_in_order_and_within_the_sound(heard: Phones) -> None:
    assert heard.duration == Fraction(1384, 100)
    assert all(phone.end > phone.start for phone in heard.phones)
    assert all(a.end <= b.start for a, b in zip(heard.phones, heard.phones[1:], strict=False))
    assert heard.phones[-1].end <= heard.duration
    names = "".join(phone.name for phone in heard.phones)
    assert "pɹæs" in names  # press
    assert "kɔlɪŋ" in names  # calling
    # Between the sentences nobody speaks.
    assert not [phone for phone in heard.phones if 10.7 < phone.start < 11.0]


@pytest.mark.slow
def test_words_are_where_they_are_said(heard: Phones) -> None:
    words = {word.name: word for word in find_words(heard, SAID).words}
    assert len(find_words(heard, SAID).words) == 31
    for name, start, end in (("Company", 2.5, 3.2), ("extension", 8.0, 8.7), ("zero", 12.9, 13.3)):
        assert words[name].start == pytest.approx(start, abs=0.08)
        assert words[name].end == pytest.approx(end, abs=0.08)


@pytest.mark.slow
def test_a_transcript_of_something_else_is_told(heard: Phones) -> None:
    with pytest.warns(DreamTalkWarning, match="words are not heard"):
        find_words(heard, " ".join(["etwas ganz anderes"] * 60))


@pytest.mark.slow
def test_scripts_that_tell_nothing_have_places_too(heard: Phones) -> None:
    """As many words as were heard: the boundaries decide."""
    count = len(set(heard.groups))
    words = find_words(heard, " ".join(["სიტყვა"] * count)).words
    assert len(words) >= 0.9 * count


@pytest.mark.slow
def test_mouths_last_as_long_as_the_sound() -> None:
    sound = Speech.load(DEMO_VOICE).waveform[: 2 * SAMPLE_RATE + 123]
    heard = hear_phones(Speech(np.array(sound), "cut"), PhoneticEncoder.load())
    mouths = heard.mouths("rhubarb", "line.wav")
    assert mouths.duration == Fraction(2 * SAMPLE_RATE + 123, SAMPLE_RATE)
    assert min(cue.end - cue.start for cue in mouths.cues) >= HOLD
    # Super: the lips meet at its p.
    shut = [cue for cue in mouths.cues if cue.name == "A"]
    assert any(cue.start < 1.66 < cue.end for cue in shut)


def test_silence_says_nothing() -> None:
    heard = hear_phones(Speech(np.zeros(SAMPLE_RATE, np.float32), "quiet"), PhoneticEncoder.load())
    assert heard.phones == ()
    assert [cue.name for cue in heard.mouths("rhubarb").cues] == ["X"]
    assert find_words(heard, "").words == ()
