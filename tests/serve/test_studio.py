"""The studio, with its own model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import SpeechError
from dreamtalk_core.motion import Motion
from dreamtalk_core.progress import Progress
from dreamtalk_core.serve.studio import MOTION, Order, Studio
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.sound import write_wav
from dreamtalk_core.warned import collect_warnings, warn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio("default", "cpu", 20.0)


def stages(name: str) -> Progress:
    return lambda done, total: None


def made(studio: Studio, folder: Path, speech: Path) -> Motion:
    studio.make(Order(speech, "happy"), folder, stages)
    return Motion.load(folder / MOTION)


def sound(path: Path, start: float, seconds: float = 1.0) -> Path:
    voice = Speech.load(DEMO_VOICE).waveform
    first = round(start * SAMPLE_RATE)
    write_wav(path, voice[first : first + round(seconds * SAMPLE_RATE)][None], SAMPLE_RATE)
    return path


def test_a_sound_is_heard_once_and_anew_where_it_has_changed(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    encode = studio.talk.phonetics.stream  # type: ignore[attr-defined]
    monkeypatch.setattr(
        studio.talk.phonetics,  # type: ignore[attr-defined]
        "stream",
        lambda *given: heard.append(1) or encode(*given),
    )
    path = sound(tmp_path / "a.wav", 0)
    first = made(studio, tmp_path, path)
    assert heard
    heard.clear()
    again = made(studio, tmp_path, path)
    assert not heard
    np.testing.assert_array_equal(first.weights, again.weights)
    sound(path, 2)
    other = made(studio, tmp_path, path)
    assert heard
    assert not np.array_equal(first.weights, other.weights)


def test_only_a_few_are_known(studio: Studio, tmp_path: Path) -> None:
    for number in range(6):
        made(studio, tmp_path, sound(tmp_path / f"{number}.wav", number))
    assert [Path(path).stem for path, _ in studio._heard] == ["2", "3", "4", "5"]


def test_what_is_odd_about_a_sound_is_told_each_time(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, load = sound(tmp_path / "odd.wav", 0), Speech.load

    def odd(path: Path, longest: float) -> Speech:
        warn(f"{path} is odd.")
        return load(path, longest)

    monkeypatch.setattr(Speech, "load", odd)
    for _ in range(2):
        told: list[str] = []
        with collect_warnings(told.append):
            studio.make(Order(path, "happy"), tmp_path, stages)
        assert told == [f"{path} is odd."]


def test_a_sound_that_is_not_there_is_told(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=r"none\.wav"):
        made(studio, tmp_path, tmp_path / "none.wav")
