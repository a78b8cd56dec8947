"""Where in a speech the lips must meet, at its /p/, /b/ and /m/, or the teeth, at its /f/ and /v/.

The recogniser reports a bilabial in a spike of one or two rows that comes 43 ms after the middle of
the closure (median over 1304 of EMO-DB, middle half 20 to 64). So a spike tells that the lips met;
when, is where the predicted opening is low and the usual delay agrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

HEARD = 0.05
"""Probability from which a spike counts: it finds 95 % of the bilabials, and 39 a minute that are
none, a third of them /v/."""
BEFORE, AFTER = 0.12, 0.02
"""Seconds around a spike in which the lips meet."""
DELAY = 0.035
"""Seconds from the middle of what is shut to its spike, usually."""
DOUBT = 0.3
"""What a frame (40 ms) off the usual delay counts for, in shares of a wide opening."""
CLOSING, PARTING = (0.036, 0.03), (0.02, 0.03)
"""Before and after that moment: seconds that the lips are shut, and seconds in which they move.

Closures last 63 ms (median), but it is not known to the frame where they are, so the frame before
is nearly shut, too; the one after is not, or the lips would part late."""


def closure_curve(
    reported: ArrayLike, opening: ArrayLike, fps: float = 25.0
) -> NDArray[np.float32]:
    """How surely the lips must be shut, or at the teeth, [T] in 0..1.

    reported: [2 T + 1] or so, probability that such a phone is reported, at 50 rows a second, row k
    at k / 50 s. opening: [T] of the mouth, any unit, frame i at (i + 0.5) / fps s.
    """
    heard, gap = np.asarray(reported, np.float64), np.asarray(opening, np.float64)
    left, right = np.r_[0, heard[:-1]], np.r_[heard[1:], 0]
    result = np.zeros(len(gap), np.float32)
    before, after = (int(np.ceil(sum(side) * fps)) for side in (CLOSING, PARTING))
    wide = max(float(np.percentile(gap, 95)), 1e-6) if len(gap) else 1.0
    for spike in np.flatnonzero((heard > HEARD) & (heard >= left) & (heard > right)) / 50:
        # Frame i is at (i + 0.5) / fps.
        first = max(0, int(np.ceil((spike - BEFORE) * fps - 0.5)))
        near = gap[first : int((spike + AFTER) * fps + 0.5)]
        if len(near):
            times = (first + np.arange(len(near)) + 0.5) / fps
            doubt = DOUBT * np.abs(times - (spike - DELAY)) * fps
            moment = first + int((near / wide + doubt).argmin())
            frames = np.arange(max(0, moment - before), min(len(gap), moment + after + 1))
            away = (frames - moment) / fps
            share = np.where(away < 0, _ramp(-away, *CLOSING), _ramp(away, *PARTING))
            result[frames] = np.maximum(result[frames], share)
    return result


def _ramp(away: NDArray[np.float64], shut: float, fall: float) -> NDArray[np.float64]:
    """1 until `shut`, then down to 0 within `fall`."""
    return np.clip((shut + fall - away) / fall, 0, 1)
