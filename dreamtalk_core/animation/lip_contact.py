"""Lip contact: where in a speech the lips touch each other, at its /p/, /b/ and /m/, or the teeth,
at its /f/ and /v/.

The recogniser reports a bilabial in a peak of one or two rows that comes 43 ms after the middle of
the closure (median over 1304 of EMO-DB, middle half 20 to 64). So a peak tells that there was a
contact; when, is where the predicted opening is low and the usual delay agrees.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import mouth_opening

LEAST_PROBABILITY = 0.05
"""Probability from which a peak counts: it finds 95 % of the bilabials, and 39 a minute that are
none, a third of them /v/."""
BEFORE, AFTER = 0.12, 0.02
"""Seconds around a peak in which the lips touch."""
DELAY = 0.035
"""Seconds from the middle of what is shut to its peak, usually."""
DOUBT = 0.3
"""What a frame (40 ms) off the usual delay counts for, in shares of a wide opening."""
CLOSING, PARTING = (0.036, 0.03), (0.02, 0.03)
"""Before and after that moment: seconds that the lips are shut, and seconds in which they move.

Closures last 63 ms (median), but it is not known to the frame where they are, so the frame before
is nearly shut, too; the one after is not, or the lips would part late."""


def contact_curves(
    motion: Motion, phones: Mapping[str, NDArray[np.floating]]
) -> list[NDArray[np.float32]]:
    """How surely the lips of a motion must be shut, and the lower one at the teeth: each [T].

    phones: what is reported, `bilabial` and `labiodental` among it, each as of `closure_curve`.
    """
    opening = mouth_opening(motion.to_arkit().weights)
    kinds = (phones["bilabial"], phones["labiodental"])
    return [closure_curve(kind, opening, float(motion.fps)) for kind in kinds]


def closure_curve(
    reported: ArrayLike, opening: ArrayLike, fps: float = 25.0
) -> NDArray[np.float32]:
    """How surely the lips must be shut, or at the teeth, [T] in 0..1.

    reported: [2 T + 1] or so, probability that such a phone is reported, at 50 rows a second, row k
    at k / 50 s. opening: [T] of the mouth, any unit, frame i at (i + 0.5) / fps s.
    """
    probability, gap = np.asarray(reported, np.float64), np.asarray(opening, np.float64)
    left, right = np.r_[0, probability[:-1]], np.r_[probability[1:], 0]
    result = np.zeros(len(gap), np.float32)
    before, after = (int(np.ceil(sum(side) * fps)) for side in (CLOSING, PARTING))
    wide = max(float(np.percentile(gap, 95)), 1e-6) if len(gap) else 1.0
    peaks = (probability > LEAST_PROBABILITY) & (probability >= left) & (probability > right)
    for peak in np.flatnonzero(peaks) / 50:
        # Frame i is at (i + 0.5) / fps.
        first = max(0, int(np.ceil((peak - BEFORE) * fps - 0.5)))
        near = gap[first : int((peak + AFTER) * fps + 0.5)]
        if len(near):
            times = (first + np.arange(len(near)) + 0.5) / fps
            doubt = DOUBT * np.abs(times - (peak - DELAY)) * fps
            moment = first + int((near / wide + doubt).argmin())
            frames = np.arange(max(0, moment - before), min(len(gap), moment + after + 1))
            away = (frames - moment) / fps
            share = np.where(away < 0, _ramp(-away, *CLOSING), _ramp(away, *PARTING))
            result[frames] = np.maximum(result[frames], share)
    return result


def _ramp(away: NDArray[np.float64], shut: float, fall: float) -> NDArray[np.float64]:
    """1 until `shut`, then down to 0 within `fall`."""
    return np.clip((shut + fall - away) / fall, 0, 1)
