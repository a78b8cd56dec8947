"""Sound while it is made: a file at the pace of speech, and a microphone, whose driver has a
stand-in here because no machine of ours hears anything."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.microphone import open_sound


def sine(seconds: float, rate: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype("f")


@pytest.mark.slow
def test_a_file_comes_as_fast_as_it_is_spoken(tmp_path: Path) -> None:
    path = tmp_path / "a tone é.wav"
    with av.open(path, "w") as file:
        track = file.add_stream("pcm_s16le", 16000, layout="mono")
        samples = np.round(sine(0.6, 16000) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.rate = 16000
        file.mux(track.encode(frame))
        file.mux(track.encode(None))
    begun, pieces = time.monotonic(), []
    with open_sound(path) as sound:
        while (piece := sound.read()) is not None:
            pieces.append(piece)
            assert sum(map(len, pieces)) <= (time.monotonic() - begun) * 16000 + 1
        assert sound.read() is None
    assert time.monotonic() - begun >= 0.6
    assert len(pieces) > 3
    assert np.array_equal(np.concatenate(pieces), Speech.load(path).waveform)


class Driver(ModuleType):
    """What of sounddevice is used."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.active = True
        self.call: Callable[..., None] = lambda *_: None

    def query_devices(self, device: str | None, _kind: str) -> dict[str, Any]:
        if device == "nowhere":
            raise ValueError("No input device matching 'nowhere'")
        return {"default_samplerate": 48000.0, "index": 3}

    def InputStream(self, *, samplerate: int, callback: Any, **_: Any) -> Driver:
        assert samplerate == 48000
        self.call = callback
        return self

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        self.active = False


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    own = Driver()
    monkeypatch.setitem(sys.modules, "sounddevice", own)
    return own


def test_a_microphone_of_another_rate(driver: Driver) -> None:
    pieces = []
    with open_sound() as sound:
        driver.call(np.full((4800, 1), 0.9, np.float32), 4800, None, None)
        assert sound.read() is not None, "heard before anybody listened: not taken"
        wave = sine(1.0, 48000)
        for at in range(0, len(wave), 1024):
            driver.call(wave[at : at + 1024, None], 1024, None, None)
            piece = sound.read()
            assert piece is not None
            pieces.append(piece)
        assert sound.read() is not None, "nothing yet is not the end"
        driver.active = False
        with pytest.raises(SpeechError, match="microphone is gone"):
            sound.read()
    heard = np.concatenate(pieces)
    assert abs(len(heard) - 16000) < 400
    wanted = sine(1.0, 16000)[: len(heard)]
    assert np.abs(heard[200:-200] - wanted[200:-200]).max() < 0.01


def test_no_such_microphone(driver: Driver) -> None:
    with (
        pytest.raises(SpeechError, match="microphone 'nowhere': No input"),
        open_sound("", "nowhere"),
    ):
        pass


def test_what_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SpeechError, match="pip install sounddevice"), open_sound():
        pass
