"""What all who decode sound may rely on; whole files and damage are tested with `Speech`."""

from __future__ import annotations

import os
import struct
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.media import decode_audio, to_float


def write_wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    """16-bit samples [n, channels]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_pieces_are_float32_by_channel(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (30000, 2))
    pieces = list(decode_audio(write_wav(tmp_path / "a.wav", samples, 44100)))
    assert {rate for _, rate in pieces} == {44100}
    assert {piece.dtype for piece, _ in pieces} == {np.dtype(np.float32)}
    whole = np.concatenate([piece for piece, _ in pieces], axis=1)
    np.testing.assert_array_equal(whole, samples.T / 2**15)


@pytest.mark.parametrize("rate", [1, 999, 1_000_001, 2**31 - 1])
def test_impossible_rates(tmp_path: Path, rate: int) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros((100, 1)), 44100)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate)
    path.write_bytes(content)
    with pytest.raises(SpeechError, match="sample rate"):
        list(decode_audio(path))


def test_full_scale_of_every_type() -> None:
    for dtype in (np.int16, np.int32, np.uint8):
        info = np.iinfo(dtype)
        assert to_float(np.array([info.min], dtype)) == -1
        assert to_float(np.array([info.max], dtype)) == pytest.approx(1, abs=0.01)
    assert to_float(np.array([0.5, 1e300])).tolist() == [0.5, np.inf]


MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" '
    'profiles="urn:mpeg:dash:profile:isoff-live:2011"><Period><AdaptationSet mimeType="audio/mp4">'
    '<Representation id="1" bandwidth="1"/></AdaptationSet></Period></MPD>'
)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nmore.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/more.ts\n",
        "ffconcat version 1.0\nfile speech.wav\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        MPD,
        "[playlist]\nFile1=http://127.0.0.1:9/x.mp3\n",
        "1\n00:00:01,000 --> 00:00:02,000\nTo be, or not to be.\n",
    ],
    ids=lambda text: text[:16],
)
@pytest.mark.parametrize("name", ["a.m3u8", "a.ffconcat", "a.sdp", "a.mpd", "a.wav", "a.mp4"])
def test_what_names_other_files_is_not_followed(tmp_path: Path, name: str, text: str) -> None:
    """A playlist may lead anywhere, and one without an end is waited for, for ever."""
    write_wav(tmp_path / "speech.wav", np.zeros((800, 1)), 8000)
    (tmp_path / name).write_text(text)
    began = time.perf_counter()
    with pytest.raises(SpeechError, match="is not a sound or video file"):
        list(decode_audio(tmp_path / name))
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:9/a.wav", "concat:a.wav|b.wav", "pipe:0", "data:audio/wav;base64,AA"]
)
def test_a_name_is_no_address(name: str) -> None:
    with pytest.raises(SpeechError, match=r"no such file|Cannot read"):
        list(decode_audio(name))


def test_names_that_mean_something_to_ffmpeg(tmp_path: Path) -> None:
    for name in ("take %03d.wav", "take #1 [b]*.wav", "a;b,c=d.wav"):
        try:
            path = write_wav(tmp_path / name, np.zeros((800, 1)), 8000)
        except OSError:
            continue  # this system has no such names
        assert sum(piece.shape[1] for piece, _ in decode_audio(path)) == 800


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    for path in (tmp_path / "a.wav", Path(os.devnull), Path("/dev/zero")):
        with pytest.raises(SpeechError, match="a pipe or a device"):
            list(decode_audio(path))
