"""One byte of a recording is wrong: it is refused, or what is heard is in its place."""

from __future__ import annotations

import os
import random
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

pytestmark = pytest.mark.slow

SHORTER = 0.005
"""Seconds that may be missing without a word."""
LATER = 0.04
"""Seconds that the end may be late or early without a word: one frame."""
DAMAGES = 25 * int(os.environ.get("DREAMTALK_FUZZ", "1"))
"""Of each file; more by hand."""
RATE = 48_000

FORMATS = {
    "a.flac": ("flac", "s16"),
    "a.opus": ("libopus", "flt"),
    "a.ogg": ("libopus", "flt"),
    "a.mp3": ("libmp3lame", "fltp"),
    "a.m4a": ("aac", "fltp"),
    "a.mp4": ("aac", "fltp"),
    "a.mkv": ("aac", "fltp"),
    "b.mkv": ("flac", "s16"),
    "a.webm": ("libopus", "flt"),
    "a.wav": ("pcm_s16le", "s16"),
}


@pytest.fixture(scope="module")
def spoken(demo_voice: Path) -> NDArray[np.float32]:
    """Six seconds at 48 kHz."""
    voice = Speech.load(demo_voice).waveform[: 6 * SAMPLE_RATE]
    return np.interp(np.arange(6 * RATE) / RATE, np.arange(len(voice)) / SAMPLE_RATE, voice).astype(
        np.float32
    )


def encode(path: Path, samples: NDArray[np.float32]) -> bytes:
    codec, form = FORMATS[path.name]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.codec_context.layout, stream.codec_context.format = "mono", form
        size = stream.codec_context.frame_size or 4608
        for start in range(0, len(samples), size):
            piece = samples[None, start : start + size]
            if form == "s16":
                piece = (piece * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), form, "mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def late_by(whole: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Seconds by which the last second of a recording is late in another one."""
    end = min(len(whole), len(other)) - SAMPLE_RATE // 2
    reach = SAMPLE_RATE // 4
    part = whole[end - SAMPLE_RATE : end]
    around = other[end - SAMPLE_RATE - reach : end + reach]
    matches = np.correlate(around, part, "valid")
    return (int(matches.argmax()) - reach) / SAMPLE_RATE


@pytest.mark.parametrize("name", FORMATS)
def test_a_wrong_byte_is_reported_or_does_no_harm(
    tmp_path: Path, spoken: NDArray[np.float32], name: str
) -> None:
    path = tmp_path / name
    content = encode(path, spoken)
    whole = Speech.load(path).waveform
    assert abs(len(whole) / SAMPLE_RATE - 6) < LATER
    rng, refused = random.Random(0), 0
    for number in range(DAMAGES):
        # A fifth of them near the end, where nothing comes after that could tell.
        place = rng.randrange(len(content) * (9 if number % 5 == 0 else 0) // 10, len(content))
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings(record=True) as words:
                warnings.simplefilter("always")
                damaged = Speech.load(path).waveform
        except SpeechError:
            refused += 1
            continue
        if words:
            assert any(word in str(words[0].message) for word in ("missing", "lacks"))
            continue
        assert (len(whole) - len(damaged)) / SAMPLE_RATE <= SHORTER, place
        assert abs(late_by(whole, damaged)) <= LATER, place
    if name in ("a.opus", "a.ogg"):  # every page has a checksum
        assert refused == DAMAGES


def test_the_place_of_the_damage_is_reported(tmp_path: Path, spoken: NDArray[np.float32]) -> None:
    path = tmp_path / "a.flac"
    content = bytearray(encode(path, spoken))
    # The mark that a frame begins with: without it the frame is left out.
    content[content.index(b"\xff\xf8", len(content) // 2)] ^= 255
    path.write_bytes(content)
    with pytest.raises(SpeechError, match=r"damaged at about (2\.\d|3\.\d) s"):
        Speech.load(path)
