from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError, SpeechError
from dreamtalk_core.pipeline.live.sources import Source, open_source
from dreamtalk_core.speech.audio import Speech
from tests.pipeline.live.waiting import until

SOUND = (np.sin(np.arange(4001)) * 20_000).astype("<i2")


def all_of(source: Source, count: int) -> np.ndarray:
    taken: list[np.ndarray] = []
    until(lambda: sum(map(len, taken)) >= count or taken.append(source.take(700)))
    return np.concatenate(taken)


def test_a_file_gives_what_is_asked_for_and_ends() -> None:
    source = open_source(str(DEMO_VOICE), print)
    wave = Speech.load(DEMO_VOICE).waveform
    assert np.array_equal(source.take(1000), wave[:1000])
    assert np.array_equal(source.take(len(wave)), wave[1000:])
    assert source.ended
    assert not len(source.take(5))


def test_senders_come_one_after_the_other_and_halves_of_samples_are_joined() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    said: list[str] = []
    source = open_source(f"tcp://127.0.0.1:{port}", said.append)
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port)) as sender:
            data = SOUND.tobytes()
            sender.sendall(data[:3])
            sender.sendall(data[3:] + b"\0")  # half a sample that never becomes whole
        got = all_of(source, len(SOUND))
        assert np.array_equal(got, (SOUND / 32768).astype(np.float32))
        assert not source.ended
    source.close()
    assert any("waiting for the next" in line for line in said)


def test_whoever_sends_too_fast_is_held_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    source = open_source(f"tcp://127.0.0.1:{port}", print)
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sender.sendall(bytes(1 << 25))
        assert source.waiting < 40_000
    source.close()


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        source = open_source("-", print)
        os.write(write, SOUND.tobytes())
        os.close(write)
        assert np.array_equal(all_of(source, len(SOUND)), (SOUND / 32768).astype(np.float32))
        until(lambda: source.ended)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://host", "tcp://HOST:PORT"),
        ("tcp://host", "must name a host"),
        ("tcp://127.0.0.1:1x", "no address"),
        ("no such file.wav", "no such file"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises((DreamTalkError, SpeechError), match=says):
        open_source(text, print)


def test_a_microphone_names_the_extra_or_portaudio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DreamTalkError, match=r"pip install dreamtalk\[live\]"):
        open_source("mic", print)
    # As the library says it on a machine without PortAudio.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DreamTalkError, match="needs PortAudio"):
        open_source("mic", print)


STAND_IN = """
import threading
import numpy as np

class PortAudioError(Exception):
    pass

def query_devices(device, kind):
    if device not in (None, 3, "usb"):
        raise ValueError(f"no input device matching {device!r}")
    return {"default_samplerate": 48000.0}

class InputStream:
    def __init__(self, samplerate, channels, dtype, device, latency, callback):
        assert (samplerate, channels, dtype) == (48000, 1, "float32")
        self.callback = callback

    def start(self):
        tone = np.sin(2 * np.pi * 440 * np.arange(48000) / 48000).astype(np.float32)
        def speak():
            for at in range(0, 48000, 480):
                self.callback(tone[at : at + 480, None], 480, None, None)
        threading.Thread(target=speak, daemon=True).start()

    def close(self):
        pass
"""


def test_a_microphone_is_heard_at_its_own_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a stand-in: machines that test have none."""
    (tmp_path / "sounddevice.py").write_text(STAND_IN)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mic", "mic:usb", "mic:3"):
        source = open_source(name, print)
        sound = all_of(source, 15_000)  # but for what the resampler holds
        peak = np.abs(np.fft.rfft(sound[:8000])).argmax() * 2
        assert peak == 440
        assert np.abs(sound).max() == pytest.approx(1, abs=0.02)
        source.close()
    with pytest.raises(DreamTalkError, match="There is no microphone camera"):
        open_source("mic:camera", print)
