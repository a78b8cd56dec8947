"""Landmarks that have names, for whoever corrects them by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dreamtalk_core.errors import TrackingError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.motion.rotation import similarity
from dreamtalk_core.pipeline.shapes.model import Array
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.rig.fitting.warp import Warp

LANDMARKS: Mapping[str, int] = {
    "brow_inner_right": 107,
    "brow_middle_right": 105,
    "brow_outer_right": 70,
    "brow_inner_left": 336,
    "brow_middle_left": 334,
    "brow_outer_left": 300,
    "eye_outer_right": 33,
    "eye_inner_right": 133,
    "eye_upper_right": 159,
    "eye_lower_right": 145,
    "eye_outer_left": 263,
    "eye_inner_left": 362,
    "eye_upper_left": 386,
    "eye_lower_left": 374,
    "nose_bridge": 6,
    "nose_tip": 1,
    "nose_base": 2,
    "nostril_right": 98,
    "nostril_left": 327,
    "mouth_right": 61,
    "mouth_left": 291,
    "lip_upper_top": 0,
    "lip_upper_right": 39,
    "lip_upper_left": 269,
    "lip_line": 13,
    "lip_lower_bottom": 17,
    "lip_lower_right": 181,
    "lip_lower_left": 405,
    "chin": 152,
    "jaw_right": 172,
    "jaw_left": 397,
    "cheek_right": 50,
    "cheek_left": 280,
    "forehead": 10,
}
"""What can be corrected by hand: a name, of the character's own side, and the tracker's number."""

NEEDED = (
    "eye_outer_right",
    "eye_inner_right",
    "eye_inner_left",
    "eye_outer_left",
    "nose_tip",
    "mouth_right",
    "mouth_left",
    "chin",
)
"""Those that are enough to say where a face is that is not found."""

_WITH = {13: (14,), 152: (175,)}
"""Landmarks that lie where another does."""


def named(points: Array) -> dict[str, Array]:
    """Those of landmarks [478, 3] that have a name."""
    return {name: points[number] for name, number in LANDMARKS.items()}


def corrected(points: Array | None, by_hand: Mapping[str, Sequence[float]]) -> Array:
    """Landmarks [478, 3] so that those with a name lie where they were put; others go along.

    points: as they were found, or None: then those of `NEEDED` have to be given, and the others
    lie as the built-in head's do.

    Raises `TrackingError` for an unknown name, for what is no place, and for too few.
    """
    unknown = [name for name in by_hand if name not in LANDMARKS]
    if unknown:
        raise TrackingError(
            f"There is no landmark '{shown(unknown[0])}'. They are {', '.join(LANDMARKS)}."
        )
    fitted = points is None
    if points is None:
        lacking = [name for name in NEEDED if name not in by_hand]
        if lacking:
            raise TrackingError(
                f"Where a face is that is not found, {len(NEEDED)} landmarks say. Missing: "
                f"{', '.join(lacking)}."
            )
        points = load_template().rest.astype(np.float64)
    if not by_hand:
        return points
    numbers = [LANDMARKS[name] for name in by_hand]
    try:
        goal = np.array([[float(x) for x in place] for place in by_hand.values()])
        if goal.shape != (len(numbers), 3) or not np.isfinite(goal).all():
            raise ValueError
    except (TypeError, ValueError) as error:
        raise TrackingError("A landmark is three numbers: x, y and z.") from error
    if fitted or len(numbers) == len(LANDMARKS):
        rough = similarity(points[numbers], goal, np.ones(len(numbers)))
        points = points @ rough[:3, :3].T + rough[:3, 3]
    size = float(np.ptp(points, axis=0).max()) / 150
    numbers += [other for number in numbers for other in _WITH.get(number, ())]
    moved = points.copy()
    for name, place in zip(by_hand, goal, strict=True):
        number = LANDMARKS[name]
        moved[[number, *_WITH.get(number, ())]] += place - points[number]
    # Each that was not touched stays where it is, if it has a name and was found.
    fixed = sorted({*numbers} if fitted else {*LANDMARKS.values(), *numbers})
    warp = Warp(points[fixed] / size, (moved - points)[fixed] / size, 1e-6)
    result: Array = warp(points / size) * size
    return result


def read_landmarks(path: str | os.PathLike[str]) -> dict[str, Sequence[float]]:
    """Landmarks by their names from a JSON file. Raises `TrackingError`."""
    found = read_json(Path(path), TrackingError, "landmark")
    if not isinstance(found, dict):
        raise TrackingError(f'{shown(path)} has no landmarks, as {{"chin": [0, 1.5, 0.1], ...}}.')
    return found


def save_landmarks(path: str | os.PathLike[str], landmarks: Mapping[str, Array]) -> None:
    """Landmarks by their names as a JSON file, to be corrected."""
    places = {name: [round(float(x), 6) for x in place] for name, place in landmarks.items()}
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(json.dumps(places, indent=1), encoding="utf-8")
