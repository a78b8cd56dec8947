"""Lines of dialogue: a folder of them, a recording cut at its pauses, a part of a recording."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.errors import SpeechError
from dreamtalk_core.formats._limits import files_in
from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.prosody import measure_loudness

RECORDINGS = frozenset(
    (
        *(".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"),
        *(".wma", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"),
    )
)
"""Suffixes of files with sound in them that a folder is searched for."""

_EDGE = 0.1
"""Seconds that a line has before and after its words."""


def find_recordings(folder: Path) -> list[Path]:
    """The sound files, and videos, in a folder, by name.

    Raises SpeechError if there are none, or the folder cannot be read.
    """
    paths = sorted(files_in(folder, SpeechError))
    found = [path for path in paths if path.suffix.lower() in RECORDINGS]
    if not found:
        raise SpeechError(
            f"There are no recordings in {folder}, such as .wav, .mp3 or .flac files."
        )
    return found


def find_lines(speech: Speech, pause: float) -> list[tuple[float, float]]:
    """(start, end) in seconds of the lines of a recording, in order; all of it if it is silent.

    pause: seconds of silence that end a line.
    """
    total = float(speech.duration)
    frames = math.ceil(total * MODEL_FPS)
    phrases = find_phrases(measure_loudness(speech.waveform, frames), MODEL_FPS)
    starts, ends = phrases.starts / MODEL_FPS, np.append(phrases.ends, frames) / MODEL_FPS
    found: list[tuple[float, float]] = []
    for start, end in zip(starts, ends, strict=False):
        first, last = max(0.0, float(start) - _EDGE), min(total, float(end) + _EDGE)
        if found and start - found[-1][1] + _EDGE < pause:
            first = found.pop()[0]
        found.append((first, last))
    return found or [(0.0, total)]


def cut_speech(speech: Speech, start: float, seconds: float) -> Speech:
    """So many seconds of a speech from `start` on, as far as it goes.

    Its level stays as it is. Raises SpeechError if nothing is left.
    """
    first, last = (round(time * SAMPLE_RATE) for time in (start, start + seconds))
    waveform = speech.waveform[first:last]
    if not len(waveform):
        raise SpeechError(
            f"Nothing is left: this speech lasts {float(speech.duration):.2f} s, and the part is "
            f"to begin at {start:g} s. Begin earlier."
        )
    return Speech(waveform, speech.source)
