"""What all figures stand on: correlation, spectrum, lag and intervals of signals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES

Array = NDArray[np.float64]

STILL = 1e-6
"""A signal whose standard deviation is below this does not move."""


def as_curves(weights: ArrayLike) -> Array:
    """Weights [T, 52] in ARKit order as float64, also of those of a motion with a tongue, [T, 68].

    ValueError for any other shape.
    """
    curves = np.asarray(weights, np.float64)
    if curves.ndim != 2 or curves.shape[1] not in (len(ARKIT_NAMES), len(FACE_NAMES)):
        raise ValueError(f"weights are [T, {len(ARKIT_NAMES)}] in ARKit order, got {curves.shape}")
    return curves[:, : len(ARKIT_NAMES)]


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


def peak_lag(correlations: ArrayLike) -> float:
    """Position of the peak of correlations at lags -reach ... reach; NaN if there is none."""
    values = np.asarray(correlations, np.float64)
    if np.isnan(values).all():
        return float("nan")
    return float(np.nanargmax(values) - len(values) // 2)


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
