"""The features of a speech, each made once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk_core import DreamTalk, Speech
from dreamtalk_core.speech import features, phonetics
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.features import SpeechFeatures, encode_speech


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture
def speech(demo_voice: Path) -> Speech:
    return Speech(Speech.load(demo_voice).waveform[: 4 * SAMPLE_RATE], "four seconds")


def test_a_speech_is_analysed_once(talk: DreamTalk, speech: Speech, calls: Counter[str]) -> None:
    whole = talk.animate(speech, "auto")
    assert calls == {"phonetics": 1, "pitch": 1}
    analysed = talk.analyse(speech)
    style = talk.load_style("auto", analysed)
    assert talk.sample_motion(analysed, style) == talk.sample_motion(analysed, style) == whole
    assert calls == {"phonetics": 2, "pitch": 2}


def test_rows_of_long_speech_pass_through_after_its_beginning(
    talk: DreamTalk, speech: Speech, monkeypatch: pytest.MonkeyPatch, calls: Counter[str]
) -> None:
    monkeypatch.setattr(features, "CACHED_SECONDS", 3)
    monkeypatch.setattr(phonetics, "WINDOW", 3 * phonetics.FRAME_RATE)
    analysed = SpeechFeatures(speech, talk.phonetics)
    assert analysed.beginning.frames == 75
    assert analysed.beginning is analysed.beginning
    with torch.inference_mode():
        expected = torch.cat(
            list(encode_speech(talk.phonetics, speech.waveform, 100, lambda _: None))
        )
        (beginning,) = analysed.beginning.rows()
        assert torch.equal(beginning[:-1], expected[:150])
        for count in (3, 4):  # what follows, again each time it is asked for
            assert torch.equal(torch.cat(list(analysed.rows())), expected)
            assert calls["phonetics"] == count
        done: list[int] = []
        (rows,) = analysed.beginning.rows(done.append)
    assert calls["phonetics"] == 4
    assert done == [75]
    assert len(rows) == 151
    assert np.isfinite(analysed.prosody.pitch).any()
