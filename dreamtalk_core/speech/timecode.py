"""The timecode at which a recording says that it begins."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av

from dreamtalk_core.errors import MotionError, SpeechError
from dreamtalk_core.formats import begins_at, is_read
from dreamtalk_core.motion.frame_rate import parse_fps
from dreamtalk_core.motion.timecode import DROPPING, Timecode
from dreamtalk_core.speech.media import open_container
from dreamtalk_core.warned import warn

_CLOCK = 60
"""Frames per second of a sound's timecode, which is a time of day."""


SOURCE, OWN = "source", "own"
"""What stands for the timecode of the recording, and for the rate of the curves."""


def start_of(
    start: str | None,
    counts: str | None,
    fps: Fraction,
    recording: str | os.PathLike[str] | None = None,
) -> Timecode | None:
    """The timecode of the first frame of curves at `fps`, as a user asks for it; None: for none.

    start: a label that counts the frames of the curves; `SOURCE`: that of the recording, or
    midnight, with a warning, if it has none; None: midnight. counts: what the timecode counts in a
    second, a rate or `OWN`; None: the rate of the curves if there is a start.
    Raises MotionError for what is no timecode or rate, SpeechError for an unreadable one.
    """
    if start is None and counts is None:
        return None
    if start == SOURCE and recording is not None:
        begin = recorded_at(recording)
        if begin is None:
            warn(f"{recording} has no timecode, so the curves begin at midnight.")
    else:
        begin = None if start is None else Timecode.parse(start, fps)
    begin = begin or Timecode(Fraction(0), fps)
    rate = fps if counts in (None, OWN) else parse_fps(counts or OWN)
    return begin.counted(rate, begin.drop and rate in DROPPING)


def recorded_at(path: str | os.PathLike[str]) -> Timecode | None:
    """When a recording, or a motion file, begins; None if it does not say.

    Of a broadcast WAV it is its time reference, samples since midnight; of a video its timecode
    track or tag, counted at the video's rate. What cannot be one is left, with a warning.
    Raises SpeechError or MotionError if the file cannot be read.
    """
    file = Path(path)
    if is_read(file):
        return begins_at(file)
    with open_container(file, SpeechError, "sound or video", "Check the file.") as container:
        sound, pictures = container.streams.best("audio"), container.streams.best("video")
        every = [container.metadata, *(stream.metadata for stream in container.streams)]
        # Matroska writes the names of its tags in capitals.
        tags = {name.lower(): text for some in every[::-1] for name, text in some.items()}
        label, samples = tags.get("timecode", ""), tags.get("time_reference", "")
        try:
            if label and isinstance(pictures, av.VideoStream) and pictures.average_rate:
                return Timecode.parse(label, Fraction(pictures.average_rate))
            if (
                samples.isdecimal()
                and len(samples) < 20
                and isinstance(sound, av.AudioStream)
                and sound.sample_rate
            ):
                return Timecode.at(Fraction(int(samples), sound.sample_rate), _CLOCK)
        except MotionError as problem:
            warn(f"{file}: its timecode is not used. {problem}")
    return None
