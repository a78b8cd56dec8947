"""Jitter and seams: what moves faster than speech does. Weights are [T, 52] in ARKit order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dreamtalk_core.evaluation.lips import MOUTH
from dreamtalk_core.evaluation.signals import STILL, as_curves, power_spectrum

CUTOFF_HZ = 8.0
"""Speech moves a face more slowly than this; what is faster is jitter (or a blink)."""


def high_frequency_ratio(
    weights: ArrayLike,
    tracked: ArrayLike,
    fps: float = 25.0,
    channels: Sequence[int] = MOUTH,
) -> float:
    """Jitter: energy of the curves above 8 Hz, predicted over tracked, summed over `channels`.

    By default the jaw and mouth channels: a blink is fast and rightly so, but neither clip owes the
    other its blinks. NaN under 16 frames or if the tracked curves hold no such energy.
    """
    energies = []
    for curves in (as_curves(weights), as_curves(tracked)):
        if len(curves) < 16:
            return float("nan")
        frequencies, power = power_spectrum(curves[:, list(channels)], fps)
        energies.append(float(power[frequencies > CUTOFF_HZ].sum()))
    return energies[0] / energies[1] if energies[1] >= STILL**2 else float("nan")


def seam_ratio(weights: ArrayLike, boundaries: Sequence[int]) -> float:
    """Seams: the curves' jumps at window boundaries over their ordinary frame-to-frame jumps.

    A boundary b stands for the step from frame b - 1 to frame b; a jump is the root mean square
    over the channels, and the ratio that of their mean squares' roots. About 1 where no seam is to
    be seen. NaN without boundaries inside the clip or if the curves never move elsewhere.
    """
    steps = np.square(np.diff(np.asarray(weights, np.float64), axis=0)).mean(axis=1)
    marks = np.zeros(len(steps), bool)
    marks[[b - 1 for b in boundaries if 0 < b <= len(steps)]] = True
    if not marks.any() or marks.all() or np.sqrt(steps[~marks].mean()) < STILL:
        return float("nan")
    return float(np.sqrt(steps[marks].mean() / steps[~marks].mean()))
