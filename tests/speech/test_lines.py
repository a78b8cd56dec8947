"""Lines: of a folder, of a recording, and parts of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.lines import cut_speech, find_lines, find_recordings


def spoken(*parts: tuple[float, bool]) -> Speech:
    """So many seconds of noise, or of silence, one after the other."""
    draw = np.random.default_rng(0)
    pieces = [
        draw.normal(0, 0.1 * speaks, round(seconds * SAMPLE_RATE)) for seconds, speaks in parts
    ]
    return Speech(np.concatenate(pieces).clip(-1, 1).astype(np.float32), "test")


def test_a_recording_is_cut_at_its_pauses() -> None:
    speech = spoken(
        (1, False), (2, True), (1, False), (1, True), (0.3, False), (1, True), (1, False)
    )
    found = find_lines(speech, 0.5)
    # A tenth of a second belongs to the line before and after its words.
    np.testing.assert_allclose(found, [(0.9, 3.1), (3.9, 6.4)], atol=0.06)
    assert len(find_lines(speech, 0.2)) == 3
    assert len(find_lines(speech, 2.0)) == 1


def test_a_silent_recording_is_one_line() -> None:
    assert find_lines(spoken((2, False)), 0.5) == [(0.0, 2.0)]


def test_lines_lie_within_the_recording() -> None:
    ((start, end),) = find_lines(spoken((1, True)), 0.5)
    assert 0 <= start < end <= 1


def test_the_demo_voice_has_lines(demo_voice: Path) -> None:
    speech = Speech.load(demo_voice)
    found = np.array(find_lines(speech, 0.4))
    assert len(found) > 1
    assert (found[:, 0] < found[:, 1]).all()
    assert (found[1:, 0] - found[:-1, 1] > 0).all()


def test_a_part_of_a_speech() -> None:
    speech = spoken((2, True))
    part = cut_speech(speech, 0.5, 1.0)
    np.testing.assert_array_equal(part.waveform, speech.waveform[8000:24000])
    assert part.source == "test"
    assert cut_speech(speech, 1.5, 9.0).duration == 0.5
    with pytest.raises(SpeechError, match=r"lasts 2\.00 s, and the part is to begin at 2\.5 s"):
        cut_speech(speech, 2.5, 1.0)


def test_recordings_of_a_folder(tmp_path: Path) -> None:
    for name in ("b 2.WAV", "a é.flac", "notes.txt", "take.mp4"):
        (tmp_path / name).touch()
    assert [path.name for path in find_recordings(tmp_path)] == ["a é.flac", "b 2.WAV", "take.mp4"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpeechError, match="There are no recordings in"):
        find_recordings(tmp_path / "empty")
    with pytest.raises(SpeechError, match="not there"):
        find_recordings(tmp_path / "not there")
