"""Pure functions on sampled curves: resample, smooth, reduce keys.

Curves are arrays [T, C], one row per sample time; times are in seconds and strictly increasing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Going down by less than this is treated as the same rate (30 to 29.97, a phone's 59.9 to 60).
_NEAR_RATE = 1.05
# Half-width of the low-pass kernel in units of the target period.
_LOBES = 3
_CHUNK = 4096


def resample(
    values: ArrayLike,
    source_times: NDArray[np.float64],
    target_times: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Curves [T, C] at `source_times` [T] -> float32 [U, C] at `target_times` [U].

    Linear between samples, the edge values held outside them. When the target rate is clearly
    lower than the source rate, what it cannot carry is taken out first: every target value is a
    windowed-sinc average (Hann, cut-off at half the target rate, unit sum) over the neighbouring
    source samples, so nothing folds back as jitter and nothing shifts in time. Equal times return
    equal values, bit for bit.
    """
    array = np.asarray(values, dtype=np.float32)
    if len(source_times) == len(target_times) and np.array_equal(source_times, target_times):
        return array.copy()
    source_step, target_step = _step(source_times), _step(target_times)
    if source_step and target_step > source_step * _NEAR_RATE:
        return _low_passed(array, source_times, target_times, source_step, target_step)
    return _linear(array, source_times, target_times)


def _step(times: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _linear(
    values: NDArray[np.float32],
    source_times: NDArray[np.float64],
    target_times: NDArray[np.float64],
) -> NDArray[np.float32]:
    if len(source_times) == 1:
        return np.repeat(values, len(target_times), axis=0)
    result = np.empty((len(target_times), values.shape[1]), np.float32)
    for start in range(0, len(target_times), _CHUNK):
        times = target_times[start : start + _CHUNK]
        left = np.searchsorted(source_times, times, side="right") - 1
        left = np.clip(left, 0, len(source_times) - 2)
        span = source_times[left + 1] - source_times[left]
        part = np.clip((times - source_times[left]) / span, 0.0, 1.0)[:, None]
        # This form is exact at both ends and where neighbours are equal.
        a, b = values[left].astype(np.float64), values[left + 1].astype(np.float64)
        result[start : start + _CHUNK] = a + (b - a) * part
    return result


def _low_passed(
    values: NDArray[np.float32],
    source_times: NDArray[np.float64],
    target_times: NDArray[np.float64],
    source_step: float,
    target_step: float,
) -> NDArray[np.float32]:
    # The kernel is evaluated at the true distances, on a regular grid at the source rate: rows of
    # irregular sources are put onto that grid first. Before and after, the edge rows are repeated.
    first, last = float(source_times[0]), float(source_times[-1])
    count = round((last - first) / source_step) + 1
    source_step = (last - first) / (count - 1)
    grid = (first + np.arange(count) * source_step).astype(np.float64)
    regular = count == len(values) and np.abs(grid - source_times).max() < source_step / 100
    rows = values if regular else _linear(values, source_times, grid)
    reach = int(np.ceil(_LOBES * target_step / source_step))
    offsets = np.arange(-reach, reach + 1)
    result = np.empty((len(target_times), values.shape[1]), np.float32)
    for start in range(0, len(target_times), _CHUNK):
        times = np.clip(target_times[start : start + _CHUNK], first, last)
        centre = np.round((times - first) / source_step).astype(np.int64)
        index = centre[:, None] + offsets
        distance = (first + index * source_step - times[:, None]) / target_step
        window = np.where(np.abs(distance) < _LOBES, np.cos(np.pi * distance / (2 * _LOBES)), 0.0)
        kernel = np.sinc(distance) * window**2
        kernel /= kernel.sum(axis=1, keepdims=True)
        picked = rows[np.clip(index, 0, count - 1)]
        result[start : start + _CHUNK] = np.einsum("uk,ukc->uc", kernel, picked)
    return result


def smooth(values: ArrayLike, fps: float, cutoff_hz: float) -> NDArray[np.float32]:
    """Curves [T, C] at `fps` -> float32 [T, C] with what is faster than `cutoff_hz` taken out.

    A symmetric Gaussian (half power at the cut-off), so nothing is delayed and nothing overshoots:
    values in 0..1 stay in 0..1. The edges are continued by reflection. A cut-off at or above
    fps / 2 returns the values unchanged.
    """
    array = np.asarray(values, dtype=np.float32)
    if len(array) < 2 or cutoff_hz >= fps / 2:
        return array.copy()
    # Gaussian response exp(-(2 pi f sigma)^2 / 2) equals 1/sqrt(2) at the cut-off.
    sigma = np.sqrt(np.log(2.0)) / (2.0 * np.pi * cutoff_hz) * fps
    reach = max(1, int(np.ceil(4 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(array.astype(np.float64), ((reach, reach), (0, 0)), mode="reflect")
    result = np.empty_like(array)
    for column in range(array.shape[1]):
        result[:, column] = np.convolve(padded[:, column], kernel, mode="valid")
    return result


def reduce_keys(times: ArrayLike, values: ArrayLike, tolerance: float) -> NDArray[np.int64]:
    """Indices of the keys to keep so that linear interpolation stays within `tolerance`.

    times: [T] strictly increasing; values: [T], or [T, C] for channels that share their keys.
    The first and the last key are always kept; a constant curve keeps these two. The error at
    every dropped key is at most `tolerance` in every channel (up to float rounding), and between
    keys both curves are straight, so it holds everywhere.
    """
    x = np.asarray(times, dtype=np.float64)
    y = np.asarray(values, dtype=np.float64)
    y = y[:, None] if y.ndim == 1 else y
    count = len(x)
    if count <= 2:
        return np.arange(count)
    is_key = np.zeros(count, dtype=bool)
    is_key[[0, -1]] = True
    # Douglas-Peucker with an explicit stack: recursion would overflow on long takes.
    spans = [(0, count - 1)]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        part = ((x[start + 1 : end] - x[start]) / (x[end] - x[start]))[:, None]
        line = y[start] + (y[end] - y[start]) * part
        error = np.abs(y[start + 1 : end] - line).max(axis=1)
        worst = int(error.argmax())
        if error[worst] > tolerance:
            middle = start + 1 + worst
            is_key[middle] = True
            spans += [(start, middle), (middle, end)]
    return np.flatnonzero(is_key)


def smoothstep(share: ArrayLike) -> NDArray[np.float64]:
    """0..1 -> 0..1, level at both ends; what is outside is held."""
    x = np.clip(share, 0, 1)
    result: NDArray[np.float64] = x * x * (3 - 2 * x)
    return result
