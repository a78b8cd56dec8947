"""The mouth of a prediction against the tracked lips: opening, rounding, lag, closures.

Weights are [T, 52] in ARKit order (`dreamtalk_core.motion.arkit`), sampled at (i + 0.5) / fps; lip
gap and lip width are [T], in any unit that is the same over the clip (the corpus: mouth widths). A
figure that a clip cannot give (a signal that never moves, too few frames) is NaN; whoever averages
leaves it out and says how many were left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dreamtalk_core.evaluation.signals import STILL, Array, as_curves, correlation, peak_lag
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening

MOUTH: tuple[int, ...] = tuple(
    i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("jaw", "mouth"))
)
"""The jaw and mouth channels: what speech drives on every face."""

MOVING = 0.02
"""Standard deviation of the aperture above which a mouth is seen to speak (GRID: about .1)."""

TOUCHING = 0.03
"""Lips whose tracked gap is below this share of the mouth's width touch."""


def aperture(weights: ArrayLike) -> Array:
    """Mouth opening [T] of weights [T, 52]: jawOpen minus mouthClose.

    The jaw may open behind closed lips; ARKit then raises both shapes together.
    """
    return mouth_opening(as_curves(weights))


def lip_gap_correlation(weights: ArrayLike, lip_gap: ArrayLike) -> float:
    """How well the mouth opens: correlation of the aperture with the tracked inner-lip gap [T]."""
    return correlation(aperture(weights), lip_gap)


def narrowing_correlation(weights: ArrayLike, lip_width: ArrayLike) -> float:
    """How well the lips round: correlation of mouthPucker with minus the tracked lip width [T]."""
    return correlation(as_curves(weights)[:, INDEX["mouthPucker"]], -np.asarray(lip_width))


def amplitude_ratio(weights: ArrayLike, tracked: ArrayLike, least: float = STILL) -> float:
    """How widely it articulates: standard deviation of the aperture over the tracked one's.

    1 is as lively as the speaker; below .8 mumbles. A still prediction scores 0. NaN if the tracked
    aperture deviates by less than `least`: by default if it is still; .02 (`MOVING`) leaves out
    mouths that hardly open and faces whose jaw was not tracked, where the ratio is one of noises.
    """
    reference = aperture(tracked).std()
    return float(aperture(weights).std() / reference) if reference >= least else float("nan")


def lag_correlations(weights: ArrayLike, lip_gap: ArrayLike, reach: int = 10) -> Array:
    """Correlation of the aperture with the lip gap at lags -reach ... reach frames: [2 reach + 1].

    At lag k, frame i + k of the prediction is held against frame i of the tracked gap: the peak of
    a late prediction lies at a positive lag. All lags are taken over the same number of frames.
    NaN where the clip is too short (fewer than 3 frames are left) or still.
    """
    opening, gap = aperture(weights), np.asarray(lip_gap, np.float64)
    inner = gap[reach : len(gap) - reach]
    if len(inner) < 3:
        return np.full(2 * reach + 1, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(opening, len(inner))
    return np.array([correlation(window, inner) for window in windows])


def best_lag(weights: ArrayLike, lip_gap: ArrayLike, reach: int = 10) -> float:
    """The lag, in frames, at which the aperture follows the lip gap best; positive: it is late."""
    return peak_lag(lag_correlations(weights, lip_gap, reach))


def lip_parting_delay(
    opening: ArrayLike,
    burst: float,
    fps: float = 25.0,
    *,
    near: float = 0.08,
    rise: float = 0.12,
    level: float = 0.1,
) -> float:
    """Seconds from a lip burst (of /b/ or /p/, at time `burst`) to the lips' parting.

    opening: [T], an aperture or a lip gap. The closure is the lowest point within `near` s of the
    burst; the lips part where the curve has first climbed a tenth (`level`) of the way from there
    to its highest point until `rise` s after the burst. Frames are joined by straight lines, which
    cut the corner of a real closure by some 10 ms. NaN where the curve does not open there by at
    least a tenth of what it does over the clip (between its 5th and 95th percentile), or where the
    clip does not hold the whole search range.
    """
    curve = np.asarray(opening, np.float64)
    times = (np.arange(len(curve)) + 0.5) / fps
    grid = np.arange(burst - near, burst + rise, 0.001)
    if len(curve) < 3 or grid[0] < times[0] or grid[-1] > times[-1]:
        return float("nan")
    values = np.interp(grid, times, curve)
    closure = int(values[: round(2 * near / 0.001)].argmin())
    height = values[closure:].max() - values[closure]
    lowest, highest = np.percentile(curve, [5, 95])
    if height < max(0.1 * (highest - lowest), STILL):
        return float("nan")
    parted = np.flatnonzero(values[closure:] >= values[closure] + level * height)[0]
    return float(grid[closure + parted] - burst)


def tracked_closures(lip_gap: ArrayLike, fps: float = 25.0) -> list[tuple[int, int]]:
    """Lip closures within speech: [first, last) frame runs where the tracked lips touch.

    lip_gap in mouth widths; touching lips are under .03 apart. Only runs of at most 0.32 s count,
    and only if within 0.2 s on either side the gap is wider by a quarter of its range over the clip
    (5th to 95th percentile): an /m/, /b/ or /p/, not a pause.
    """
    gap = np.asarray(lip_gap, np.float64)
    longest, reach = round(0.32 * fps), round(0.2 * fps)
    lowest, highest = np.percentile(gap, [5, 95])
    wide = gap > TOUCHING + 0.25 * (highest - lowest)
    edges = np.flatnonzero(np.diff(np.r_[0, (gap < TOUCHING).astype(int), 0]))
    return [
        (int(first), int(last))
        for first, last in edges.reshape(-1, 2)
        if last - first <= longest
        and wide[max(0, first - reach) : first].any()
        and wide[last : last + reach].any()
    ]


def closure_recall(weights: ArrayLike, lip_gap: ArrayLike, fps: float = 25.0) -> float:
    """Share (0..1) of the tracked closures at which the predicted mouth closes, too.

    It closes if within a frame of the tracked closure its aperture comes down to the lowest fifth
    of its own range over the clip (5th to 95th percentile), and from there opens again by at least
    a tenth of that range on both sides within 0.2 s. NaN without closures in the clip; a still
    prediction scores 0. Orientation: the tracked weights themselves reach 1.0 on GRID and .79 on
    people in ordinary conditions, the same curves shifted at random .25 and .41.
    """
    opening = aperture(weights)
    runs = tracked_closures(lip_gap, fps)
    if not runs:
        return float("nan")
    lowest, highest = np.percentile(opening, [5, 95])
    span, reach = highest - lowest, round(0.2 * fps)
    if span < STILL:
        return 0.0

    def closes(first: int, last: int) -> bool:
        start, stop = max(0, first - 1), last + 1
        low = start + int(opening[start:stop].argmin())
        before, after = opening[max(0, start - reach) : low + 1], opening[low : stop + reach]
        dip = min(before.max(), after.max()) - opening[low]
        return bool(opening[low] <= lowest + 0.2 * span and dip >= 0.1 * span)

    return float(np.mean([closes(first, last) for first, last in runs]))
