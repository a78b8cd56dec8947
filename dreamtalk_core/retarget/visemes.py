"""Curves for rigs that have mouth positions of sounds instead of ARKit's shapes.

Every viseme has a pose of the built-in head (`viseme_poses.tsv`). For each frame the mix of them is
looked for, none negative and no more than 1 together, whose lips come nearest to the frame's own: a
least-squares problem over the points of the lips, in millimetres, in which the gap between them
counts most.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.retarget.schemes import table, viseme_poses
from dreamtalk_core.rig.head import load_head

Floats = NDArray[np.float32]

VISEMES: tuple[str, ...] = tuple(row["viseme"] for row in table("visemes.tsv"))
"""The fifteen visemes of Oculus: viseme_sil, viseme_PP, ... viseme_U."""
SILENCE = "viseme_sil"

_GAP_WEIGHT = 3.0
"""How much an error of the gap counts beside one of the lips' place."""
_CORNER_WEIGHT = 0.5
"""The same of the corners. A smile belongs to the feeling more than to the sound, and a wide one
must not keep the lips from meeting."""
_RIDGE = 0.005
"""Share that is added to the diagonal: it decides between mixes that look alike, smoothly."""
_SWEEPS = 12
_AT_ONCE = 4096
"""Frames that are solved at a time."""


def solve(weights: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """Viseme -> float32 [T] in 0..1 over the visemes `names`, for weights [T, 52].

    They add up to 1 at most. Silence is what the others leave of it.
    """
    # Silence takes part in any case: as what is left, it lets the others be less than whole.
    poses = [SILENCE, *(name for name in names if name != SILENCE)]
    result = {name: np.zeros(len(weights), np.float32) for name in names}
    for start in range(0, len(weights), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        mix = _mix(weights[part].astype(np.float64), poses)
        for name, values in zip(poses, mix, strict=True):
            if name in result:
                result[name][part] = values
    return result


def _mix(weights: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    """[V, T] shares of the visemes that add up to 1, from silence alone.

    By descent along pairs: what is best moved from one to the other is moved, until it settles.
    """
    poses, metric = pose_weights(names), _metric()
    gram = poses @ metric @ poses.T
    gram += _RIDGE * np.diag(np.diag(gram))
    mix = np.zeros((len(names), len(weights)))
    mix[0] = 1.0
    slope = gram @ mix - poses @ metric @ weights.T
    for _ in range(_SWEEPS):
        for i in range(len(names)):
            for j in range(i):
                way = gram[i] - gram[j]
                moved = (slope[j] - slope[i]) / max(way[i] - way[j], 1e-12)
                moved = np.clip(moved, -mix[i], mix[j])
                mix[i] += moved
                mix[j] -= moved
                slope += way[:, None] * moved
    return mix.clip(0.0, 1.0)


def pose_weights(names: Sequence[str]) -> NDArray[np.float64]:
    """ARKit weights float64 [V, 52] of visemes; silence is at rest."""
    result = np.zeros((len(names), len(ARKIT_NAMES)))
    for row, name in zip(result, names, strict=True):
        for shape, weight in viseme_poses().get(name, ()):
            row[INDEX[shape]] = weight
    return result


@lru_cache(maxsize=1)
def _metric() -> NDArray[np.float64]:
    """[52, 52] such that a @ metric @ b compares two faces by their lips."""
    head = load_head()
    columns = head.deltas[:, head.lip_columns].astype(np.float64).mean(axis=3)  # [52, K, 2, 3]
    corners = head.deltas[:, head.lip_corners].astype(np.float64)
    gaps = _GAP_WEIGHT * (columns[:, :, 0, 1] - columns[:, :, 1, 1])
    points = [columns, _CORNER_WEIGHT * corners * np.sqrt(len(head.lip_columns) / 2), gaps]
    features = np.concatenate([part.reshape(len(ARKIT_NAMES), -1) for part in points], axis=1)
    result: NDArray[np.float64] = features @ features.T / features.shape[1]
    # The tongue is not of the lips, but it tells a TH.
    tongue = INDEX["tongueOut"]
    result[tongue, tongue] += 1.0
    return result
