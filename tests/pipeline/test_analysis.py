"""A speech is analysed once: how often its waveform goes through what hears it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core import DreamTalk, MotionStream, Speech
from dreamtalk_core.pipeline.sync import measure_sync
from dreamtalk_core.speech import prosody
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.phonetics import PhoneticEncoder
from dreamtalk_core.worker import Methods

ONCE = {"phonetics": 1, "pitch": 1}


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture
def speech(demo_voice: Path) -> Speech:
    return Speech(Speech.load(demo_voice).waveform[: 4 * SAMPLE_RATE], "four seconds")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a waveform goes through the recogniser, and through the measure of pitch."""
    found = Counter[str]()
    stream, pitch = PhoneticEncoder.stream, prosody.measure_pitch

    def streamed(self: PhoneticEncoder, *arguments: Any) -> Any:
        found["phonetics"] += 1
        return stream(self, *arguments)

    def measured(*arguments: Any) -> Any:
        found["pitch"] += 1
        return pitch(*arguments)

    monkeypatch.setattr(PhoneticEncoder, "stream", streamed)
    monkeypatch.setattr(prosody, "measure_pitch", measured)
    return found


def test_style_motion_and_sync_share_one(
    talk: DreamTalk, speech: Speech, calls: Counter[str]
) -> None:
    features = talk.analyse(speech)
    motion = talk.animate(features, talk.predict_style(features), steps=1)
    shared = measure_sync(features, motion)
    assert calls == ONCE
    assert measure_sync(speech, motion) == shared
    assert calls == {"phonetics": 2, "pitch": 1}


def test_a_motion_that_outlasts_its_speech_can_be_judged(talk: DreamTalk, speech: Speech) -> None:
    motion = talk.animate(speech, "neutral", steps=1)
    long = motion.resample(25, motion.duration + 1)
    assert measure_sync(talk.analyse(speech), long).offset == measure_sync(speech, long).offset


def test_a_stream_hears_each_window_once(
    talk: DreamTalk, speech: Speech, calls: Counter[str]
) -> None:
    stream = MotionStream(talk, "neutral", steps=1)
    for count, piece in enumerate(np.array_split(speech.waveform, 3), 1):
        assert stream.feed(piece) is not None
        assert calls == {"phonetics": count, "pitch": count}


def test_the_worker_hears_a_file_once(
    demo_voice: Path, tmp_path: Path, calls: Counter[str]
) -> None:
    methods = Methods()
    about = {"speech": str(demo_voice), "project": str(tmp_path), "device": "cpu"}

    def animate(name: str, **options: Any) -> bytes:
        path = tmp_path / name
        methods.animate(lambda *_: None, output=str(path), **about, **options, steps=1)
        return path.read_bytes()

    methods.save_style(lambda *_: None, style="auto", name="hers", shelf="project", **about)
    calls["phonetics"] -= 1  # the sentence that the picture of a style shows
    calls["pitch"] -= 1
    animate("styled.csv")
    animate("plain.csv", style="neutral")
    assert calls == ONCE


def test_a_file_that_has_changed_is_heard_anew(
    demo_voice: Path, tmp_path: Path, calls: Counter[str]
) -> None:
    methods, line = Methods(), tmp_path / "line.flac"
    line.write_bytes(demo_voice.read_bytes())
    about = {"speech": str(line), "output": str(tmp_path / "line.npz"), "device": "cpu"}
    for count in (1, 1, 2):
        if count == 2:
            line.write_bytes(demo_voice.read_bytes())
        methods.animate(lambda *_: None, **about, style="neutral", steps=1)
        assert calls == {"phonetics": count, "pitch": count}
