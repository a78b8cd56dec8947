from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkWarning
from dreamtalk_core.motion.timecode import Timecode
from dreamtalk_core.speech.timecode import recorded_at, start_of


def broadcast_wav(path: Path, samples: int, rate: int = 48000) -> Path:
    """A second of silence that begins so many samples after midnight (EBU Tech 3285)."""
    bext = bytes(338) + struct.pack("<Q", samples) + bytes(256)
    sound = bytes(2 * rate)
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    chunks = b"".join(
        struct.pack("<4sI", name, len(data)) + data
        for name, data in ((b"bext", bext), (b"fmt ", form), (b"data", sound))
    )
    path.write_bytes(struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks)
    return path


def film(path: Path, timecode: str, rate: Fraction) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        if timecode:
            container.metadata["timecode"] = timecode
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_broadcast_wav_counts_samples_since_midnight(tmp_path: Path) -> None:
    path = broadcast_wav(tmp_path / "Zeile ü.wav", 48000 * 36000 + 24000)
    assert recorded_at(path) == Timecode.parse("10:00:00:30", 60)


def test_a_day_of_samples_needs_more_than_32_bits(tmp_path: Path) -> None:
    path = broadcast_wav(tmp_path / "late.wav", 96000 * 80000, 96000)
    assert recorded_at(path) == Timecode.at(80000, 60)


@pytest.mark.parametrize(
    ("label", "rate"),
    [("10:20:30:12", Fraction(25)), ("01:00:00;02", Fraction(30000, 1001))],
)
def test_a_film_has_its_own(tmp_path: Path, label: str, rate: Fraction) -> None:
    found = recorded_at(film(tmp_path / "take.mov", label, rate))
    assert found == Timecode.parse(label, rate)
    assert str(found) == label


def test_most_recordings_say_nothing(tmp_path: Path) -> None:
    assert recorded_at(film(tmp_path / "take.mp4", "", Fraction(25))) is None


def test_what_cannot_be_one_is_told(tmp_path: Path) -> None:
    path = broadcast_wav(tmp_path / "odd.wav", 0)
    assert recorded_at(path) == Timecode.at(0, 60)
    path = film(tmp_path / "odd.mkv", "10:00:00:77", Fraction(25))
    with pytest.warns(DreamTalkWarning, match="23:59:59:24"):
        assert recorded_at(path) is None


def test_a_start_is_asked_for_in_words(tmp_path: Path) -> None:
    wav = broadcast_wav(tmp_path / "line.wav", 48000 * 3600 + 4800)
    fps = Fraction(25)
    assert start_of(None, None, fps, wav) is None
    assert str(start_of("10:00:00:12", None, fps, wav)) == "10:00:00:12"
    source = start_of("source", None, fps, wav)
    assert source is not None
    assert source.label(3) == "01:00:00:02.500"
    assert start_of(None, "own", fps, wav) == Timecode(Fraction(0), fps)
    counted = start_of("10:00:00:12", "50", fps, wav)
    assert counted is not None
    assert (str(counted), counted.rate) == ("10:00:00:24", 50)
    dropped = start_of("00:01:00;02", None, Fraction(30000, 1001), wav)
    assert dropped is not None
    assert dropped.drop


def test_a_recording_without_one_begins_at_midnight(tmp_path: Path) -> None:
    path = film(tmp_path / "take.mp4", "", Fraction(25))
    with pytest.warns(DreamTalkWarning, match="midnight"):
        assert start_of("source", None, Fraction(25), path) == Timecode.at(0, 25)
