"""Listening, and several people who are together."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dreamtalk_core import DreamTalk, Motion, Speech
from dreamtalk_core.animation.listening import Talker, responses
from dreamtalk_core.animation.noise import Chance
from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError, SpeechError
from dreamtalk_core.pipeline.base import Other
from dreamtalk_core.pipeline.people import Person, _direction, sample_people
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.prosody import measure_prosody

BOXES = [(0.0, 0.0, 100.0, 100.0), (200.0, 0.0, 300.0, 100.0), (400.0, 0.0, 500.0, 100.0)]
QUICK = {"steps": 4}


@cache
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@cache
def voice(start: float, seconds: float) -> Speech:
    first = round(start * SAMPLE_RATE)
    wave = Speech.load(DEMO_VOICE).waveform[first : first + round(seconds * SAMPLE_RATE)]
    return Speech(wave, f"{seconds} s from {start}")


def test_who_stands_to_the_right_of_the_picture_is_to_the_left() -> None:
    one, other = (Person(box=box) for box in BOXES[:2])
    pitch, yaw = _direction(one, other) or (0.0, 0.0)
    assert pitch == 0
    assert 15 < yaw < 38
    assert _direction(other, one) == (0.0, -yaw)
    assert abs((_direction(one, Person(box=BOXES[2])) or (0, 0))[1]) > yaw
    assert _direction(one, Person()) is None


def test_nobody_speaks() -> None:
    with pytest.raises(SpeechError, match="Nobody speaks"):
        sample_people(talk(), [Person(), Person()])


def test_real_speech_is_answered_five_to_ten_times_a_minute() -> None:
    prosody = measure_prosody(np.resize(Speech.load(DEMO_VOICE).waveform, 180 * SAMPLE_RATE))
    talker = Talker(prosody.loudness, prosody.pitch)
    spoken, own = (find_phrases(one, 25.0) for one in (talker.loudness, 0 * talker.loudness - 60))
    answers = [
        len(responses([talker], [spoken], own, Chance(seed, np.full(len(own), 7, np.uint64)))[0])
        for seed in range(8)
    ]
    assert 5 < np.mean(answers) / 3 < 10


@pytest.mark.slow
class TestListening:
    def test_as_long_as_what_is_heard_lips_shut_and_eyes_on_the_speaker(self) -> None:
        motion = talk().listen(voice(0, 4), toward=25.0, fps=30, **QUICK)
        assert (len(motion), motion.fps) == (120, 30)
        assert motion.channel("jawOpen").max() < 0.1
        assert motion.head_rotation[60:, 1].min() > 5
        # To their left: the left eye looks outwards.
        assert motion.channel("eyeLookOutLeft")[60:].mean() > 0.15

    def test_seed_and_voice_decide(self) -> None:
        one = talk().listen(voice(0, 3), **QUICK)
        assert one == talk().listen(talk().analyse(voice(0, 3)), **QUICK)
        assert one != talk().listen(voice(0, 3), seed=1, **QUICK)
        assert one != talk().listen(voice(5, 3), **QUICK)

    def test_others_change_nothing_where_listening_is_off(self) -> None:
        plain = talk().sample_motion(voice(0, 3), "happy", **QUICK)
        others = [Other(voice(5, 3), (0.0, 20.0))]
        off = talk().sample_motion(voice(0, 3), "happy", others=others, listening=0, **QUICK)
        assert off == plain

    def test_nobody_to_listen_to(self) -> None:
        with pytest.raises(SpeechError, match="nobody to listen to"):
            talk().listen([], **QUICK)

    def test_settings_out_of_range(self) -> None:
        with pytest.raises(DreamTalkError, match="toward is 100"):
            talk().listen(voice(0, 3), toward=100.0)


@pytest.mark.slow
class TestPeople:
    @staticmethod
    def dialogue(*people: Person) -> list[Motion]:
        return sample_people(talk(), people)

    def test_all_are_as_long_as_the_longest_and_the_first_is_as_alone(self) -> None:
        people = [Person(voice(0, 3), "happy", settings={**QUICK, "listening": 0}), Person()]
        one, listener = self.dialogue(*people)
        assert one == talk().sample_motion(voice(0, 3), "happy", **QUICK)
        assert len(listener) == len(one) == 75
        assert listener.channel("jawOpen").max() < 0.1

    def test_the_same_speech_and_seed_are_not_the_same_motion(self) -> None:
        same = Person(voice(0, 12), "neutral", settings={**QUICK, "listening": 0})
        one, other = self.dialogue(same, same)
        for name in ("eyeBlinkLeft", "browInnerUp"):
            alike = np.corrcoef(one.channel(name), other.channel(name))[0, 1]
            assert alike < 0.85, "pauses invite all of them to blink"
        assert np.corrcoef(one.head_rotation[:, 0], other.head_rotation[:, 0])[0, 1] < 0.9
        assert np.corrcoef(one.channel("jawOpen"), other.channel("jawOpen"))[0, 1] > 0.8

    def test_who_has_finished_turns_to_who_goes_on(self) -> None:
        short = Person(voice(0, 2), "neutral", settings=QUICK, box=BOXES[0])
        long = Person(voice(0, 5), "neutral", settings=QUICK, box=BOXES[1])
        one, other = self.dialogue(short, long)
        assert len(one) == len(other) == 125
        assert one.head_rotation[90:, 1].mean() > 5, "to the right of the picture"
        assert abs(other.head_rotation[:, 1].mean()) < 5
        assert one.channel("jawOpen")[80:].max() < 0.15, "silent by then"

    def test_a_motion_that_is_there_stays(self) -> None:
        given = talk().listen(voice(5, 1), **QUICK)
        first, second = self.dialogue(Person(motion=given), Person(voice(0, 2), settings=QUICK))
        assert first is given
        assert len(second) == 50
