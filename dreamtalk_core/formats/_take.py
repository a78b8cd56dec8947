"""What a foreign file holds, as a motion has it: our names, weights in 0..1, frames at one rate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_CHANNELS, MOST_VALUES, check_count
from dreamtalk_core.formats._timing import steady
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.warned import warn

_MOST_WEIGHT = 2.0  # a calibrated take may pass 1, but not by much
_LARGEST = 1e18  # a clock may count microseconds since 1970
_NO_SHAPES = ("_neutral", "neutral")  # what trackers count among the shapes


def take(
    path: Path,
    names: Sequence[Any],
    values: ArrayLike,
    head: ArrayLike | None = None,
    *,
    fps: Any = None,
    times: ArrayLike | None = None,
    base: int = 1000,
    quantum: float = 1.0,
) -> Content:
    """A motion from what a file says.

    names: C names; those of a scheme that `retarget` knows become ARKit's (and the tongue's), and
    shapes that are not there are 0. Others are left out with a warning; where no jaw is known, all
    names stay as they are. values: [T, C]. head: [T, 3] pitch, yaw, roll in degrees.
    fps: anything `parse_fps` takes; or else times: T of them, in 1/base s, which may be off by
    `quantum`.
    Raises `MotionError` if any of this is not what it should be.
    """
    check_count(len(names), MOST_CHANNELS, path, "channels", MotionError)
    if not all(isinstance(name, str) and name for name in names):
        raise MotionError(f"{path} has a channel whose name is no text. Export it again.")
    table = numbers(values, path, (None, len(names)), "weights")
    check_count(table.size, MOST_VALUES, path, "values", MotionError)
    turns = np.zeros((len(table), 3))
    if head is not None and np.size(head):
        turns = numbers(head, path, (len(table), 3), "head rotation")
    if times is not None:
        clock = numbers(times, path, (len(table),), "times")
        rows = np.concatenate([table, turns], axis=1)
        fps, rows = steady(clock - clock[0], rows, path, base, "time", quantum)
        table, turns = rows[:, : len(names)], rows[:, len(names) :]
    check_weights(table, path)
    own, weights = _named([str(name) for name in names], table, path)
    return Content(own, weights, fps, turns.astype(np.float32))


def numbers(
    values: ArrayLike, path: Path, shape: tuple[int | None, ...], what: str
) -> NDArray[np.float64]:
    """A float64 array of a shape (None: at least one). Raises `MotionError` if it is none."""
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise MotionError(
            f"The {what} in {path} must be numbers, as many in every frame. Export it again."
        ) from error
    fits = array.ndim == len(shape) and all(
        wanted == found or (wanted is None and found)
        for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise MotionError(
            f"The {what} in {path} are {shown(list(array.shape), 40)}, not "
            f"[{', '.join('frames' if n is None else str(n) for n in shape)}]: the file is cut off "
            "or damaged. Export it again."
        )
    if not (np.abs(array) < _LARGEST).all():  # NaN fails this too
        raise MotionError(f"The {what} in {path} are not all finite numbers. Export it again.")
    return array


def check_weights(weights: NDArray[Any], path: Path) -> None:
    """Raises `MotionError` for weights far outside 0..1."""
    if weights.max() > _MOST_WEIGHT:
        raise MotionError(
            f"{path} has weights up to {weights.max():g}; they must be 0 to 1. If they are per "
            "cent, divide them by 100."
        )


def _named(
    names: list[str], table: NDArray[np.float64], path: Path
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names and weights [T, C] in 0..1, ARKit's where they are known."""
    from dreamtalk_core.retarget.matching import match

    bounded: NDArray[np.float32] = np.clip(table, 0.0, 1.0).astype(np.float32)
    column = {name: i for i, name in enumerate(names)}
    if len(column) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise MotionError(f"{path} has the channel {shown(twice, 60)} twice. Rename one of them.")
    found = match([name for name in names if name not in _NO_SHAPES])
    parts: dict[str, list[int]] = {}
    for row in found.mapping.rows:
        if row.source in FACE_NAMES:
            parts.setdefault(row.source, []).append(column[row.target])
    if "jawOpen" not in parts:
        return tuple(names), bounded
    used = {i for columns in parts.values() for i in columns}
    lost = [
        name
        for i, name in enumerate(names)
        if i not in used and name not in _NO_SHAPES and bounded[:, i].any()
    ]
    if lost:
        warn(
            f"{path.name} has {len(lost)} channels that are no ARKit shapes ({_some(lost)}); they "
            "are left out."
        )
    known = FACE_NAMES if any(name not in ARKIT_NAMES for name in parts) else ARKIT_NAMES
    weights = np.zeros((len(bounded), len(known)), np.float32)
    for i, name in enumerate(known):
        if columns := parts.get(name):
            weights[:, i] = bounded[:, columns].mean(axis=1)
    return known, weights


def _some(names: list[str]) -> str:
    listed = ", ".join(shown(name, 40) for name in names[:3])
    return f"{listed}, ..." if len(names) > 3 else listed


def rate_text(fps: Fraction) -> str:
    """An exact rate: "30000/1001"."""
    return f"{fps.numerator}/{fps.denominator}"
