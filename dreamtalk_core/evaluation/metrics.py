"""The figures that a prediction is judged by: pure functions of numpy arrays.

Weights are [T, 52] in ARKit order (`dreamtalk_core.motion.arkit`), sampled at (i + 0.5) / fps; lip
gap and lip width are [T], in any unit that is the same over the clip (the corpus: mouth widths). A
figure that a clip cannot give (a signal that never moves, too few frames) is NaN; whoever averages
leaves it out and says how many were left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.rig.head import MATERIALS, load_head

Array = NDArray[np.float64]

MOUTH: tuple[int, ...] = tuple(
    i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("jaw", "mouth"))
)
"""The jaw and mouth channels: what speech drives on every face."""

STILL = 1e-6
"""A signal whose standard deviation is below this does not move."""

MOVING = 0.02
"""Standard deviation of the aperture above which a mouth is seen to speak (GRID: about .1)."""

TOUCHING = 0.03
"""Lips whose tracked gap is below this share of the mouth's width touch."""

CUTOFF_HZ = 8.0
"""Speech moves a face more slowly than this; what is faster is jitter (or a blink)."""

SHUT_MM = 1.0
"""Lips of the built-in head that are at most this far apart count as closed."""

BEAT_WIDTH = 0.05
"""Seconds: a head movement this far from an accent of the voice still counts for .6."""


def aperture(weights: ArrayLike) -> Array:
    """Mouth opening [T] of weights [T, 52]: jawOpen minus mouthClose.

    The jaw may open behind closed lips; ARKit then raises both shapes together.
    """
    curves = _curves(weights)
    return curves[:, INDEX["jawOpen"]] - curves[:, INDEX["mouthClose"]]


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson correlation of two signals [T]; NaN if either is still or not known, or T < 3."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"two signals of one length are compared; got {x.shape} and {y.shape}")
    # So written that a signal of NaN (not measured) is no signal, either.
    if len(x) < 3 or not (x.std() >= STILL and y.std() >= STILL):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def lip_gap_correlation(weights: ArrayLike, lip_gap: ArrayLike) -> float:
    """How well the mouth opens: correlation of the aperture with the tracked inner-lip gap [T]."""
    return correlation(aperture(weights), lip_gap)


def narrowing_correlation(weights: ArrayLike, lip_width: ArrayLike) -> float:
    """How well the lips round: correlation of mouthPucker with minus the tracked lip width [T]."""
    return correlation(_curves(weights)[:, INDEX["mouthPucker"]], -np.asarray(lip_width))


def amplitude_ratio(weights: ArrayLike, tracked: ArrayLike, least: float = STILL) -> float:
    """How widely it articulates: standard deviation of the aperture over the tracked one's.

    1 is as lively as the speaker; below .8 mumbles. A still prediction scores 0. NaN if the tracked
    aperture deviates by less than `least`: by default if it is still; .02 (`MOVING`) leaves out
    mouths that hardly open and faces whose jaw was not tracked, where the ratio is one of noises.
    """
    reference = aperture(tracked).std()
    return float(aperture(weights).std() / reference) if reference >= least else float("nan")


def power_spectrum(signals: ArrayLike, fps: float, window: int = 32) -> tuple[Array, Array]:
    """Welch's power spectrum of signals [T, C]: frequencies [F] in Hz, power [F, C].

    Hann windows of `window` frames (all of a shorter clip), half overlapping, each without its
    mean. Source: P. D. Welch, "The use of fast Fourier transform for the estimation of power
    spectra", 1967.
    """
    curves = np.asarray(signals, np.float64)
    size = min(window, len(curves))
    taper = np.hanning(size + 2)[1:-1, None]
    starts = range(0, len(curves) - size + 1, max(1, size // 2))
    pieces = np.stack([curves[start : start + size] for start in starts])
    pieces = (pieces - pieces.mean(axis=1, keepdims=True)) * taper
    power = np.abs(np.fft.rfft(pieces, axis=1)) ** 2 / np.sum(taper**2)
    frequencies: Array = np.fft.rfftfreq(size, 1.0 / fps).astype(np.float64)
    return frequencies, power.mean(axis=0)


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
    for curves in (_curves(weights), _curves(tracked)):
        if len(curves) < 16:
            return float("nan")
        frequencies, power = power_spectrum(curves[:, list(channels)], fps)
        energies.append(float(power[frequencies > CUTOFF_HZ].sum()))
    return energies[0] / energies[1] if energies[1] >= STILL**2 else float("nan")


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


def peak_lag(correlations: ArrayLike) -> float:
    """Position of the peak of correlations at lags -reach ... reach; NaN if there is none."""
    values = np.asarray(correlations, np.float64)
    if np.isnan(values).all():
        return float("nan")
    return float(np.nanargmax(values) - len(values) // 2)


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


def lip_vertex_error(weights: ArrayLike, tracked: ArrayLike) -> float:
    """Distance in mm between predicted and tracked lips on the built-in head.

    The mean over frames and lip vertices of the Euclidean distance (A. Richard et al., MeshTalk,
    arXiv 2104.08223, take the worst vertex of each frame instead). Orientation: a face that never
    moves scores 1.6 to 2.1.
    """
    return float(_distances(_curves(weights) - _curves(tracked), _lip_basis()).mean())


def upper_face_deviation(weights: ArrayLike, tracked: ArrayLike) -> float:
    """Upper-face dynamics: predicted less tracked, in mm on the built-in head.

    The dynamics of a vertex are the standard deviation over time of its distance from the neutral
    face; their mean over the skin that brows and eyelids move is compared. 0 is as lively as
    the tracked face, below is stiller. Source: FDD of J. Xing et al., CodeTalker, arXiv 2301.02379
    (there tracked less predicted).
    """
    basis, area = _upper_basis()
    moved = [_distances(_curves(curves), basis) for curves in (weights, tracked)]
    predicted, reference = (float(distance.std(axis=0) @ area) for distance in moved)
    return predicted - reference


def take_distance(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """How far two takes [T, 52] of one speech lie apart on the built-in head, in mm.

    Mean distance of the lip vertices, and of the skin that brows and eyelids move. Of two seeds,
    it is the diversity of a model.
    """
    apart = _curves(a) - _curves(b)
    basis, area = _upper_basis()
    upper = _distances(apart, basis) @ area
    return float(_distances(apart, _lip_basis()).mean()), float(upper.mean())


def lip_gap_mm(weights: ArrayLike) -> Array:
    """Opening [T] in mm between the lips of the built-in head; 0 when they touch."""
    return load_head().lip_gap_mm(_curves(weights)).astype(np.float64)


def shut_within(gap_mm: ArrayLike, start: float, end: float, fps: float = 25.0) -> bool:
    """Whether lips [T] (mm apart) are closed in one of the frames that overlap `start` to `end` s.

    Frame i shows [i / fps, (i + 1) / fps). The frames of a closure of /p b m/, which may be shorter
    than a frame, are all that show a part of it.
    """
    gap = np.asarray(gap_mm, np.float64)
    first = min(max(0, int(np.floor(start * fps + 1e-6))), len(gap) - 1)
    last = max(first + 1, int(np.ceil(end * fps - 1e-6)))
    return bool(gap[first:last].min() <= SHUT_MM)


def voice_accents(waveform: ArrayLike, rate: int = 16_000) -> Array:
    """Times in s at which the voice sets in or is stressed: peaks of the rise in loudness.

    waveform: [N]. Loudness is that of 50 ms Hann windows, in dB over a floor 40 dB below the loud
    parts; a peak counts from 6 dB rise in 50 ms, and only the highest within 120 ms.
    """
    power = np.square(np.asarray(waveform, np.float64))
    hop, size = rate // 100, rate // 20
    if len(power) < 4 * size:
        return np.zeros(0)
    taper = np.hanning(size + 2)[1:-1]
    # Sums of the windows by way of blocks: a convolution at 16 kHz would take longer than all else.
    windows = np.lib.stride_tricks.sliding_window_view(power, size)[::hop]
    energy = windows @ (taper / taper.sum())
    floor = max(1e-4 * float(np.percentile(energy, 95)), 1e-12)
    loudness = 10 * np.log10(energy + floor)
    rise = loudness[5:] - loudness[:-5]
    peaks = [
        i
        for i in range(1, len(rise) - 1)
        if rise[i] >= 6 and rise[i] == rise[max(0, i - 12) : i + 13].max()
    ]
    # Window i is centred on i * hop + size / 2, and the rise lies between two of them.
    return np.array([(i + 2.5) / 100 + size / rate / 2 for i in peaks])


def head_beats(head: ArrayLike, fps: float = 25.0) -> Array:
    """Times in s at which the head [T, 3] (degrees) stops or turns back: dips of its speed."""
    rotation = np.asarray(head, np.float64)
    if len(rotation) < 5:
        return np.zeros(0)
    speed = np.linalg.norm(np.diff(rotation, axis=0), axis=1) * fps
    speed = np.convolve(np.pad(speed, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    inner = speed[1:-1]
    dips = np.flatnonzero((inner < speed[:-2]) & (inner <= speed[2:]))
    # Step i leads from frame i to i + 1, so it happens around (i + 1) / fps.
    return (dips + 2) / fps


def beat_alignment(
    head: ArrayLike, waveform: ArrayLike, fps: float = 25.0, rate: int = 16_000
) -> tuple[float, float]:
    """How well the head [T, 3] (degrees) moves to the voice [N]: score 0..1, and gain over chance.

    The score is the mean over the head's beats of exp(-d^2 / 2 s^2), with d the time to the nearest
    accent of the voice and s 50 ms: the beat alignment score of R. Li et al., AI Choreographer,
    arXiv 2101.08779, which SadTalker (arXiv 2211.12194) reports for heads. A head that beats often
    scores high by chance, so the mean score of the same beats moved in time (in a circle) is taken
    off for the gain; that of the tracked heads of 49 people talking is 0 +- .01. (NaN, NaN) for a
    still head or a voice without accents.
    """
    beats, accents = head_beats(head, fps), voice_accents(waveform, rate)
    duration = len(np.asarray(head)) / fps
    if not len(beats) or not len(accents) or np.asarray(head).std() < STILL:
        return float("nan"), float("nan")
    shifts = np.arange(0.0, duration, 0.02)
    moved = (beats[None] + shifts[:, None]) % duration
    apart = np.abs(moved[..., None] - accents).min(axis=-1)
    scores = np.exp(-np.square(apart / BEAT_WIDTH) / 2).mean(axis=1)
    return float(scores[0]), float(scores[0] - scores.mean())


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


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[..., Array] = np.mean,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic over clips: values [N], NaN ones left out.

    statistic: a numpy reduction that takes `axis` (`np.mean`, `np.median`). (NaN, NaN) if no value
    is left. Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """
    sample = np.asarray(values, np.float64)
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(len(sample), size=(draws, len(sample)))
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(statistic(sample[picks], axis=1), [tail, 100.0 - tail])
    return float(low), float(high)


def _curves(weights: ArrayLike) -> Array:
    curves = np.asarray(weights, np.float64)
    if curves.ndim != 2 or curves.shape[1] != len(ARKIT_NAMES):
        raise ValueError(f"weights are [T, {len(ARKIT_NAMES)}] in ARKit order, got {curves.shape}")
    return curves


def _distances(curves: Array, basis: Array) -> Array:
    """[T, V] how far the vertices of a basis [52, 3 V] are moved by curves [T, 52]."""
    moved: Array = np.linalg.norm((curves @ basis).reshape(len(curves), -1, 3), axis=-1)
    return moved


@cache
def _lip_basis() -> Array:
    """[52, 3 L]: how far each shape moves the lip vertices of the built-in head, mm."""
    head = load_head()
    points = np.unique(np.concatenate([head.lip_columns.ravel(), head.lip_corners]))
    return head.deltas[:, points].reshape(len(ARKIT_NAMES), -1).astype(np.float64)


@cache
def _upper_basis() -> tuple[Array, Array]:
    """The same [52, 3 U] for the skin of brows and eyelids, and its vertices' shares of area [U].

    That is what brows or eyelids move by half a millimetre, down to 15 mm below the eyes' centres.
    A plain mean would be one over the lids, where the vertices lie densest.
    """
    head = load_head()
    shapes = [INDEX[name] for region in ("brows", "eyelids") for name in REGIONS[region]]
    moved = np.linalg.norm(head.deltas[shapes], axis=-1).max(axis=0) > 0.5
    skin = head.triangles[head.material == MATERIALS.index("skin")]
    a, b, c = head.vertices[skin].transpose(1, 0, 2)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=-1)
    area = np.bincount(skin.ravel(), np.repeat(areas, 3), len(head.vertices))
    high = head.vertices[:, 1] > head.eye_centres[:, 1].min() - 15
    # Neighbours tell the same: every fourth is enough.
    points = np.flatnonzero(moved & high & (area > 0))[::4]
    basis = head.deltas[:, points].reshape(len(ARKIT_NAMES), -1).astype(np.float64)
    return basis, area[points] / area[points].sum()
