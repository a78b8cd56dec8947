"""Motions as keys: curves whose keys have times of their own, as animation programs keep them.

Frame i is the key at i / fps, as everywhere in animation programs; what is constant for a while has
keys at both ends only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_CHANNELS, MOST_VALUES, check_count
from dreamtalk_core.formats._take import numbers, take
from dreamtalk_core.motion.frame_rate import parse_fps
from dreamtalk_core.motion.rotation import quaternion_matrix, rotation_angles, without_flips

Keys = tuple[ArrayLike, ArrayLike]
"""Times [K] in seconds, and values [K] or [K, ...]."""


def kept(values: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the keys of a curve [T] or [T, C] without which a straight line would differ: all
    but those that equal both neighbours. The first and the last are always there."""
    rows = values.reshape(len(values), -1)
    same = (rows[1:] == rows[:-1]).all(axis=1)
    needless = np.zeros(len(rows), bool)
    needless[1:-1] = same[1:] & same[:-1]
    return np.flatnonzero(~needless)


def from_keys(
    path: Path,
    curves: Mapping[str, Keys],
    fps: Any,
    head: Keys | None = None,
    provenance: Any = None,
) -> Content:
    """A motion from keys, straight between them. fps: of the file. head: quaternions [K, 4].

    Raises `MotionError` for keys that are none, or not in order.
    """
    rate = float(parse_fps(fps))
    check_count(len(curves), MOST_CHANNELS, path, "channels", MotionError)
    if not curves:
        raise MotionError(f"{path} has no curve of a face. Export it again, with shapes.")
    checked = {name: _checked(path, keys, (None,)) for name, keys in curves.items()}
    turned = None if head is None else _checked(path, head, (None, 4))
    last = max(float(times[-1]) for times, _ in [*checked.values(), *([turned] if turned else [])])
    count = round(last * rate) + 1
    check_count(count * (len(checked) + 3), MOST_VALUES, path, "values", MotionError)
    grid = np.arange(count) / rate
    table = np.stack([np.interp(grid, *keys) for keys in checked.values()], axis=1)
    angles = None if turned is None else _angles(grid, *turned)
    found = take(path, list(checked), table, angles, fps=fps)
    return found._replace(provenance=provenance)


def _checked(
    path: Path, keys: Keys, shape: tuple[int | None, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times = numbers(keys[0], path, (None,), "times of keys")
    values = numbers(keys[1], path, (len(times), *shape[1:]), "values of keys")
    if (np.diff(times) <= 0).any() or times[0] < 0:
        raise MotionError(f"The keys in {path} are not in order of time. Export it again.")
    return times, values


def _angles(
    grid: NDArray[np.float64], times: NDArray[np.float64], turns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pitch, yaw and roll [T, 3] in degrees."""
    parts = without_flips(turns).T
    between = np.stack([np.interp(grid, times, part) for part in parts], axis=1)
    length = np.linalg.norm(between, axis=1, keepdims=True)
    return rotation_angles(quaternion_matrix(between / np.maximum(length, 1e-9)))
