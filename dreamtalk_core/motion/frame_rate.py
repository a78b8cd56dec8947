"""Frame rates, exact, and the times of frames."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError

MODEL_FPS = 25
"""Frames a second that the model gives; a motion is resampled once, at the end."""

_MAX_FPS = 1000
_FPS_TEXT = re.compile(r"\s*\d{1,18}(\.\d{1,18}|\s*/\s*\d{1,18})?\s*")
# Decimal spellings of the NTSC rates, each meaning N * 1000/1001.
_NTSC_NOMINAL = (24, 30, 48, 60, 120)


def parse_fps(value: int | float | str | Fraction) -> Fraction:
    """Frames per second as an exact fraction.

    Takes an int, a float, a `Fraction`, or a string such as "25", "29.97" or "24000/1001".
    23.976, 23.98, 29.97, 47.95, 59.94 and 119.88 mean the NTSC fractions (24000/1001 and so on).

    Raises `MotionError` if it is not a number between 0 (excluded) and 1000.
    """
    problem = f"{value!r} is not a frame rate. Use a number such as 25 or 29.97, or 24000/1001."
    # Fraction would take "1e999999999" too, and be busy with it for a while.
    if isinstance(value, bool) or (isinstance(value, str) and not _FPS_TEXT.fullmatch(value)):
        raise MotionError(problem)
    try:
        text = value.strip().replace(" ", "") if isinstance(value, str) else value
        # repr of a float is its shortest decimal, so 12.5 and 0.1 come out as the user meant them.
        fps = Fraction(repr(float(text)) if isinstance(text, (float, np.floating)) else text)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise MotionError(problem) from error
    if not 0 < fps <= _MAX_FPS:
        raise MotionError(f"A frame rate must be above 0 and at most {_MAX_FPS}, not {value}.")
    return _snap_to_ntsc(fps)


@lru_cache(maxsize=64)  # of a motion it is asked ten times, and takes as long as a network's layer
def _snap_to_ntsc(fps: Fraction) -> Fraction:
    # Only decimal spellings snap: an exact 24000/1001, or a 1199/50 with another meaning, must be
    # kept, so the value has to be one of the usual roundings to the digits it was written with.
    for nominal in _NTSC_NOMINAL:
        exact = Fraction(nominal * 1000, 1001)
        for digits in (2, 3, 4, 5, 6):
            scale = 10**digits
            if fps in (Fraction(round(exact * scale), scale), Fraction(int(exact * scale), scale)):
                return exact
    # A float such as 30000 / 1001 carries the rounding of binary numbers.
    for nominal in _NTSC_NOMINAL:
        exact = Fraction(nominal * 1000, 1001)
        if abs(fps - exact) < Fraction(1, 10**7):
            return exact
    return fps


def frame_count(duration: int | float | Fraction, fps: int | float | str | Fraction) -> int:
    """Number of frames for `duration` seconds: duration * fps rounded half up, at least 1."""
    return max(1, int(Fraction(duration) * parse_fps(fps) + Fraction(1, 2)))


def frame_times(count: int, fps: int | Fraction) -> NDArray[np.float64]:
    """Sample times [count] in seconds: (i + 0.5) / fps."""
    return (np.arange(count) + 0.5) * fps.denominator / fps.numerator
