"""Curves for rigs that have mouth positions of sounds instead of ARKit's shapes.

Every viseme has a pose of the built-in head (`viseme_poses.tsv`). For each frame the mix of them is
looked for, none negative and no more than 1 together, whose lips come nearest to the frame's own: a
least-squares problem over the points of the lips, in millimetres, in which the gap between them
counts most. A feeling counts for the gap alone: a smile is no I.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_SOUND = 0.8
"""Seconds. What the mouth holds for longer is a feeling, and belongs to no sound."""
_OF_FEELING = {
    name
    for name in ARKIT_NAMES
    if name.startswith("mouth") and name != "mouthClose"  # which belongs to the jaw's opening
}
_RIDGE = 0.005
"""Share that is added to the diagonal: it decides between mixes that look alike, smoothly."""
_SWEEPS = 12
_AT_ONCE = 4096
"""Frames that are solved at a time."""


def felt(weights: Floats, fps: float) -> Floats:
    """What of weights [T, 52] the mouth holds for longer than a sound lasts: float32 [T, 52].

    Nothing, where all of it is no longer than that.
    """
    result = np.zeros_like(weights)
    window = int(_SOUND * fps) | 1
    if len(weights) > window:
        mouth = [i for i, name in enumerate(ARKIT_NAMES) if name in _OF_FEELING]
        least = _running(weights[:, mouth], window, np.min)
        result[:, mouth] = _running(least, window, np.max)
    return result


def _running(values: Floats, window: int, of: Callable[..., Floats]) -> Floats:
    """The least or the most [T, C] of the frames around each."""
    edges = np.pad(values, ((window // 2, window // 2), (0, 0)), mode="edge")
    return of(np.lib.stride_tricks.sliding_window_view(edges, window, axis=0), axis=-1)


def solve(weights: Floats, names: Sequence[str], held: Floats | None = None) -> dict[str, Floats]:
    """Viseme -> float32 [T] in 0..1 over the visemes `names`, for weights [T, 52].

    They add up to 1 at most. Silence is what the others leave of it. held: what of the weights is
    a feeling [T, 52], see `felt`: the lips part as far as they do with it, and are where they would
    be without it.
    """
    # Silence takes part in any case: as what is left, it lets the others be less than whole.
    poses = [SILENCE, *(name for name in names if name != SILENCE)]
    result = {name: np.zeros(len(weights), np.float32) for name in names}
    for start in range(0, len(weights), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        whole = weights[part].astype(np.float64)
        spoken = whole if held is None else whole - held[part]
        mix = _mix(whole, spoken, poses)
        for name, values in zip(poses, mix, strict=True):
            if name in result:
                result[name][part] = values
    return result


def _mix(
    whole: NDArray[np.float64], spoken: NDArray[np.float64], names: list[str]
) -> NDArray[np.float64]:
    """[V, T] shares of the visemes that add up to 1, from silence alone.

    whole: weights [T, 52] that tell the gap. spoken: those that tell where the lips are.
    By descent along pairs: what is best moved from one to the other is moved, until it settles.
    """
    poses, (place, gap) = pose_weights(names), _metrics()
    gram = poses @ (place + gap) @ poses.T
    gram += _RIDGE * np.diag(np.diag(gram))
    mix = np.zeros((len(names), len(whole)))
    mix[0] = 1.0
    slope = gram @ mix - poses @ (place @ spoken.T + gap @ whole.T)
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
def _metrics() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[52, 52] such that a @ metric @ b compares two faces: by the place of their lips, and by the
    gap between them."""
    head = load_head()
    columns = head.deltas[:, head.lip_columns].astype(np.float64).mean(axis=3)  # [52, K, 2, 3]
    corners = head.deltas[:, head.lip_corners].astype(np.float64)
    points = [columns, _CORNER_WEIGHT * corners * np.sqrt(len(head.lip_columns) / 2)]
    parts = [part.reshape(len(ARKIT_NAMES), -1) for part in points]
    places = np.concatenate(parts, axis=1)
    gaps = _GAP_WEIGHT * (columns[:, :, 0, 1] - columns[:, :, 1, 1])
    many = places.shape[1] + gaps.shape[1]
    place, gap = places @ places.T / many, gaps @ gaps.T / many
    # The tongue is not of the lips, but it tells a TH.
    tongue = INDEX["tongueOut"]
    place[tongue, tongue] += 1.0
    return place, gap
