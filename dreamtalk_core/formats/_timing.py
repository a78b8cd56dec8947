"""Times of the rows of foreign files, and the rate that they have in common."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion.curves import resample
from dreamtalk_core.motion.frame_rate import frame_times

_USUAL_RATES = (
    *(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)),
    *(Fraction(n) for n in (24, 25, 30, 48, 50, 60, 100, 120)),
)
_LONGEST_STEP = 20.0  # seconds: a take with a frame every 20 seconds is none


def steady(
    times: NDArray[np.float64],
    table: NDArray[np.float64],
    path: Path,
    base: int,
    clock: str,
    quantum: float = 1e-3,
) -> tuple[Fraction, NDArray[np.float64]]:
    """The rate of rows [T, C] at `times` [T], and the rows at it.

    base: units of `times` in a second. clock: what the file calls them. quantum: how far a time may
    be off by rounding, in the same units. Evenly spaced rows are taken as they are, at the usual
    rate that fits, or else the simplest fraction that does; others are resampled to the nearest
    usual rate. Rows that repeat a time are dropped; a single row counts as 60 fps.
    Raises `MotionError` for times that do not advance, step back, jump, or differ by no more than
    their rounding.
    """
    steps = np.diff(times)
    if (steps < 0).any():
        row = int((steps < 0).argmax()) + 2
        raise MotionError(
            f"The {clock} of {path} steps back at its frame {row}: there are several takes in it, "
            "or its rows are out of order. Split it there, or sort it."
        )
    moves = np.concatenate([[True], steps > 0])
    if len(times) > 1 and moves.sum() < 2:
        raise MotionError(f"The {clock}s in {path} do not advance, so its rate is unknown.")
    if len(times) > 1 and np.median(np.diff(times[moves])) > _LONGEST_STEP * base:
        raise MotionError(f"The {clock}s in {path} jump by more than {_LONGEST_STEP:.0f} s.")
    rate, even = _rate(times[moves], path, base, clock, quantum)
    table = table[moves]
    return rate, table if even else _regular(times[moves], table, rate, path, base, clock)


def _rate(
    times: NDArray[np.float64], path: Path, base: int, clock: str, quantum: float
) -> tuple[Fraction, bool]:
    """Rate of rows at `times` (in 1/base s) and whether they are evenly spaced at it."""
    count = len(times)
    if count == 1:
        return Fraction(base), True
    index = np.arange(count)
    centred = index - index.mean()
    step = float(centred @ (times - times.mean()) / (centred @ centred))
    residual = times - times.mean() - step * centred
    slack = quantum / (count - 1)  # over the whole take the step may be off by one thousandth
    if step <= slack:
        raise MotionError(f"The {clock}s in {path} are too close together to tell its rate.")
    if np.abs(residual).max() <= quantum:
        fitting = [r for r in _USUAL_RATES if abs(base / r - step) <= slack]
        if fitting:
            return min(fitting, key=lambda r: abs(base / r - step)), True
        low = Fraction(base) / Fraction(step + slack)
        return _simplest(low, Fraction(base) / Fraction(step - slack)), True
    measured = base / float(np.median(np.diff(times)))
    whole = [r for r in _USUAL_RATES if r.denominator == 1]
    nearest = min(whole, key=lambda r: abs(r - measured))
    if abs(nearest - measured) <= 0.03 * nearest:
        return nearest, False
    return Fraction(max(1, round(measured))), False


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in [low, high], 0 < low <= high."""
    floor = low.numerator // low.denominator
    if floor == low:
        return Fraction(floor)
    if floor + 1 <= high:
        return Fraction(floor + 1)
    return floor + 1 / _simplest(1 / (high - floor), 1 / (low - floor))


def _regular(
    times: NDArray[np.float64],
    table: NDArray[np.float64],
    rate: Fraction,
    path: Path,
    base: int,
    clock: str,
) -> NDArray[np.float64]:
    """Unevenly timed rows put on an even grid at `rate`."""
    step = float(np.median(np.diff(times)))
    count = max(1, round((times[-1] + step) / base * float(rate)))
    if count > 20 * len(times) + 1000:
        raise MotionError(
            f"The {clock}s in {path} jump: {len(times)} rows span {times[-1] / base:.0f} s. "
            "Split the file where they do."
        )
    # A row stands for the middle of its frame, as everywhere in this package.
    even = resample(table, (times + step / 2) / base, frame_times(count, rate))
    return even.astype(np.float64)
