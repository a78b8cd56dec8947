"""A stream against the whole, with the shipped model on real speech."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dreamtalk_core import Behaviour, DreamTalk, Motion, Speech
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError, SpeechError
from dreamtalk_core.motion.arkit import mouth_opening
from dreamtalk_core.pipeline.stream import CONTEXT, SAMPLES, MotionStream


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


def stream(talk: DreamTalk, wave: np.ndarray, size: int, **options: float) -> list[Motion]:
    fed = MotionStream(talk, talk.load_style("happy"), **options)  # type: ignore[arg-type]
    pieces = [fed.feed(wave[at : at + size]) for at in range(0, len(wave), size)]
    return [piece for piece in [*pieces, fed.finish()] if piece is not None]


@pytest.mark.slow
def test_pieces_join_to_what_the_whole_speech_gives(talk: DreamTalk) -> None:
    speech = Speech.load(DEMO_VOICE)
    whole = talk.animate(speech, "happy")
    pieces = stream(talk, speech.waveform, 5000)
    joined = np.concatenate([mouth_opening(piece.weights) for piece in pieces])
    assert len(joined) == len(whole)
    assert np.corrcoef(joined, mouth_opening(whole.weights))[0, 1] > 0.9
    assert {piece.names for piece in pieces} == {whole.names}
    tip = np.concatenate([piece.channel("tongueTipUp") for piece in pieces])
    assert np.corrcoef(tip, whole.channel("tongueTipUp"))[0, 1] > 0.95
    # No seam: the steps between pieces are like the steps within.
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    weights = np.concatenate([piece.weights for piece in pieces])
    steps = np.abs(np.diff(weights, axis=0)).mean(1)
    assert steps[ends - 1].mean() < 1.5 * steps.mean()


@pytest.mark.slow
def test_in_what_pieces_speech_comes_makes_no_other_take(talk: DreamTalk) -> None:
    wave = Speech.load(DEMO_VOICE).waveform[: 5 * 16_000]
    takes = [
        np.concatenate([piece.head_rotation for piece in stream(talk, wave, size)])
        for size in (3200, 4160, 8000)
    ]
    for other in takes[1:]:
        assert np.abs(other - takes[0]).mean() < 0.4  # degrees; they move by 2
        for axis in range(3):
            assert np.corrcoef(other[:, axis], takes[0][:, axis])[0, 1] > 0.8


def test_the_first_second_gives_curves_at_once(talk: DreamTalk) -> None:
    fed = MotionStream(talk, talk.load_style("neutral"))
    wave = Speech.load(DEMO_VOICE).waveform
    assert fed.feed(wave[:1000]) is None
    first = fed.feed(wave[1000:16_000])
    assert first is not None
    assert len(first) == 20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_stream(talk: DreamTalk) -> None:
    wave = np.tile(Speech.load(DEMO_VOICE).waveform[: 5 * 16_000], 6)
    fed = MotionStream(talk, talk.load_style("neutral"), steps=1)
    frames = 0
    for at in range(0, len(wave), 32_000):
        piece = fed.feed(wave[at : at + 32_000])
        frames += 0 if piece is None else len(piece)
        assert len(fed.wave) <= (CONTEXT + 60) * SAMPLES
        assert len(fed.chapter.curves) <= 620
    assert fed.chapter.first > 0
    last = fed.finish()
    assert last is not None
    assert frames + len(last) == len(wave) // SAMPLES


def test_whole_numbers_have_the_scale_of_their_type(talk: DreamTalk) -> None:
    """What a microphone gives: taken as it stands it would be a thousandfold too loud."""
    wave = talk.load_speech(DEMO_VOICE).waveform[:16_000]
    style = talk.load_style("neutral")
    expected = MotionStream(talk, style).feed(np.round(wave * 32767) / 32768)
    motion = MotionStream(talk, style).feed(np.round(wave * 32767).astype(np.int16))
    assert motion is not None
    assert expected is not None
    np.testing.assert_allclose(motion.weights, expected.weights, atol=1e-5)


def test_nothing_follows_the_end(talk: DreamTalk) -> None:
    stream = MotionStream(talk, talk.load_style("neutral"))
    stream.feed(np.zeros(16_000, np.float32))
    assert stream.finish() is not None
    with pytest.raises(SpeechError, match="finished"):
        stream.feed(np.zeros(160, np.float32))


ALONE = Behaviour(blinks=0, gaze=0, gestures=0, idle=0, tongue=0)


def heard_in_pieces(talk: DreamTalk, wave: np.ndarray, **options: Any) -> np.ndarray:
    """Head rotation [T, 3] of a face that hears somebody in a stream."""
    fed = MotionStream(talk, "neutral", steps=1, behaviour=ALONE, **options)
    pieces = [fed.feed(other=wave[at : at + 8000]) for at in range(0, len(wave), 8000)]
    return np.concatenate(
        [piece.head_rotation for piece in [*pieces, fed.finish()] if piece is not None]
    )


@pytest.mark.slow
def test_who_listens_in_a_stream_does_so_as_with_the_whole(talk: DreamTalk) -> None:
    wave = np.resize(Speech.load(DEMO_VOICE).waveform, 40 * 16_000)
    options = {"steps": 1, "behaviour": ALONE, "toward": 20.0}
    spoken = talk.analyse(Speech(wave, "again and again"))
    whole, still = (
        talk.listen(spoken, listening=strength, **options).head_rotation for strength in (1, 0)
    )
    heard, unheard = (
        heard_in_pieces(talk, wave, listening=strength, toward=20.0) for strength in (1, 0)
    )
    asked, found = whole - still, heard - unheard
    assert len(found) == len(asked) == 1000
    assert np.corrcoef(found[:, 1], asked[:, 1])[0, 1] > 0.9
    nods, same = (
        np.flatnonzero(np.diff((one[:, 0] > 1).astype(int)) > 0) for one in (found, asked)
    )
    assert 0.6 < len(nods) / len(same) < 1.7
    assert np.mean([np.abs(nods - frame).min() <= 2 for frame in same]) > 0.3


def test_who_speaks_in_a_stream_does_not_listen(talk: DreamTalk) -> None:
    wave = Speech.load(DEMO_VOICE).waveform[:48_000]
    turned = {}
    for own in (True, False):
        fed = MotionStream(talk, "neutral", steps=1, toward=40.0)
        motion = fed.feed(wave if own else None, other=wave)
        assert motion is not None
        turned[own] = motion.channel("eyeLookOutLeft")[40:].mean()
    assert turned[False] > turned[True] + 0.2


def test_silence_of_somebody_else_changes_nothing(talk: DreamTalk) -> None:
    wave = Speech.load(DEMO_VOICE).waveform[:32_000]
    alone = MotionStream(talk, "neutral", steps=1).feed(wave)
    assert alone == MotionStream(talk, "neutral", steps=1).feed(wave, other=0 * wave)


def test_both_must_last_as_long(talk: DreamTalk) -> None:
    fed = MotionStream(talk, "neutral")
    for pieces in ((None, None), (np.zeros(160), np.zeros(80))):
        with pytest.raises(SpeechError, match="as many samples"):
            fed.feed(pieces[0], other=pieces[1])


def test_what_is_no_speech_is_refused(talk: DreamTalk) -> None:
    assert MotionStream(talk, talk.load_style("neutral")).finish() is None
    fed = MotionStream(talk, talk.load_style("neutral"))
    with pytest.raises(SpeechError, match="finite"):
        fed.feed(np.array([0.0, np.nan]))
    with pytest.raises(SpeechError, match="mono"):
        fed.feed(np.zeros((2, 100)))
    with pytest.raises(DreamTalkError, match="guidance"):
        MotionStream(talk, talk.load_style("neutral"), guidance_scale=-1)
