"""Curves in steps: which of a few drawings is shown on each frame, and for how long at least."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def in_steps(shares: ArrayLike, least: int, price: float = 0.0) -> NDArray[np.intp]:
    """[T] which of the drawings is shown on each frame, for how much each is wanted [D, T].

    Each is held for `least` frames or more (all of them, where there are no more than that), and of
    all such ways this one has the most of what is wanted, less `price` for every change.
    """
    wanted = np.asarray(shares, np.float64)
    count, frames = wanted.shape
    least = max(1, min(int(least), frames))
    # Of the frames before each, [D, T + 1].
    total = np.concatenate([np.zeros((count, 1)), np.cumsum(wanted, axis=1)], axis=1)
    best = np.full(frames + 1, -np.inf)
    best[0] = price  # what comes first is no change
    # For each drawing, where a run of it that ends here had best begun, and what that is worth.
    worth, begun = np.full(count, -np.inf), np.zeros(count, int)
    shown, since = np.zeros(frames + 1, int), np.zeros(frames + 1, int)
    for stop in range(least, frames + 1):
        start = stop - least
        fresh = best[start] - price - total[:, start]
        better = fresh > worth
        worth[better] = fresh[better]
        begun[better] = start
        ending = worth + total[:, stop]
        shown[stop] = ending.argmax()
        best[stop], since[stop] = ending[shown[stop]], begun[shown[stop]]
    result = np.zeros(frames, np.intp)
    stop = frames
    while stop:
        result[since[stop] : stop] = shown[stop]
        stop = int(since[stop])
    return result
