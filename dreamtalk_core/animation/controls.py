"""What animators turn after sampling: strengths of face regions, smoothing, closure, and limits.

`apply_controls` works on any motion with ARKit channels and needs no model. Its lip closure is
measured on the built-in head, in millimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, MIRROR, REGIONS
from dreamtalk_core.motion.curves import smooth
from dreamtalk_core.motion.tongue import TONGUE_NAMES
from dreamtalk_core.parameters import Controls
from dreamtalk_core.rig.head import load_head

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

LIGHTEST_HZ, STRONGEST_HZ = 12.5, 1.5
"""Cut-offs of smoothing just above 0 and at 1, in octaves between."""

CLOSED_MM, PRESSED_MM = -0.6, -1.5
"""How far apart shut lips are: below 0, as they are soft and overlap. In p, b and m they press on
each other (Lofqvist & Gracco 1997), and at 0 the built-in head still shows a slit of teeth beside
the middle. No column of shut lips is above the first; what is below the second is too much."""

# Blinks and gaze shifts are quick by nature: smoothing would leave half-shut eyes and a slow stare.
_QUICK = ("eyeBlink", "eyeLook")
# These name a direction of the whole mouth or jaw, not a side of the face.
_DIRECTIONS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")

# What closes the lips, in order: each step goes only as far as is needed.
_PARTING = (
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthShrugUpper",
)
_BEYOND = 0.15
"""How far mouthClose may exceed jawOpen to make up for shapes that part the lips otherwise."""
# What takes back lips that are pressed into each other.
_PRESSING = (
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthPressLeft",
    "mouthPressRight",
)
_HALVINGS = 14
_FEW = 4096
"""Frames whose lips are brought together at a time, so that memory does not grow with the take."""

_BITE = {"mouthRollLower": 0.75, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3}
"""How far, at least, these go when the lower lip is at the upper teeth."""
_BITTEN = 0.06
"""jawOpen less mouthClose then: the upper lip does not hide where the teeth meet the lower."""


def apply_controls(
    motion: Motion,
    controls: Controls,
    closures: Array | None = None,
    bites: Array | None = None,
) -> Motion:
    """A motion with controls applied: strengths, asymmetry, smoothing, limits, closure, in order.

    closures: [T], 0..1, how surely the lips must be shut in each frame (at p, b and m). Where it is
    1, the lips of the built-in head come together (`CLOSED_MM`), whatever the style and the other
    controls did; where it is 0 nothing changes, and in between the face is in between. Lips that
    `controls.lips` keeps from moving do not close either. bites: the same for the lower lip at the
    upper teeth (at f and v). Channels that are not ARKit's pass
    through. Raises `MotionError` if closures or bites do not have one value
    in 0..1 per frame.
    """
    weights = motion.weights.astype(np.float64)
    column = {name: i for i, name in enumerate(motion.names)}
    weights *= _strengths(motion.names, controls)
    np.clip(weights, 0, 1, out=weights)
    head = motion.head_rotation * np.float32(controls.head)
    if controls.smoothing:
        cutoff = LIGHTEST_HZ * (STRONGEST_HZ / LIGHTEST_HZ) ** controls.smoothing
        slow = [i for i, name in enumerate(motion.names) if not name.startswith(_QUICK)]
        weights[:, slow] = smooth(weights[:, slow], float(motion.fps), cutoff)
        head = smooth(head, float(motion.fps), cutoff)
    if controls.max_opening < 1 and "jawOpen" in column:
        _limit_opening(weights, column, controls.max_opening)
    if bites is not None:
        firmness = _checked(bites, len(motion)) * controls.closure * controls.lips
        opening = min(_BITTEN * min(1.0, controls.jaw), controls.max_opening)
        _bite(weights, column, firmness, opening)
    if closures is not None:
        firmness = _checked(closures, len(motion)) * controls.closure * min(1.0, controls.lips)
        _close(weights, motion.names, firmness)
    curves = np.clip(weights, 0, 1, out=weights).astype(np.float32)
    del weights  # of an hour of speech, 37 MB that the new motion has no use for
    return Motion(motion.names, curves, motion.fps, head)


def _checked(closures: Array, frames: int) -> Float64:
    values = np.asarray(closures, np.float64)
    if values.shape != (frames,) or not ((values >= 0) & (values <= 1)).all():
        raise MotionError(f"Closures need one value from 0 to 1 for each of the {frames} frames.")
    return values


def _strengths(names: tuple[str, ...], controls: Controls) -> Float64:
    """[C] factor on each channel: strength of its region, and what asymmetry leaves its side."""
    strengths = {
        "eyelids": controls.eyes,
        "gaze": controls.eyes,
        "brows": controls.brows,
        "cheeks_nose": controls.cheeks,
        "jaw": controls.jaw,
        "mouth": controls.lips,
        "tongue": controls.lips,
    }
    factor = {name: strengths[region] for region in REGIONS for name in REGIONS[region]}
    factor |= dict.fromkeys(TONGUE_NAMES, strengths["tongue"])
    # It undoes the opening of the jaw, so it goes with the jaw.
    factor["mouthClose"] = controls.jaw
    for name in (*REGIONS["mouth"], *REGIONS["brows"]):
        if MIRROR[INDEX[name]] != INDEX[name] and name not in _DIRECTIONS:
            side = 1 if name.endswith("Right") else -1
            factor[name] *= 1 - max(0.0, side * controls.asymmetry)
    return np.array([factor.get(name, 1.0) for name in names])


def _limit_opening(weights: Float64, column: dict[str, int], limit: float) -> None:
    """Bend jawOpen so that 1 becomes `limit`; mouthClose keeps its share of it. In place."""
    jaw = weights[:, column["jawOpen"]]
    knee = limit / 2
    # Slope 1 at the knee, so there is no corner, and `span` of the way at 1.
    over, span = (jaw - knee) / (1 - knee), (limit - knee) / (1 - knee)
    bent = over * span / np.maximum(span + (1 - span) * over, 1e-9)
    limited = np.where(jaw > knee, knee + (1 - knee) * bent, jaw)
    if "mouthClose" in column:
        weights[:, column["mouthClose"]] *= limited / np.maximum(jaw, 1e-9)
    weights[:, column["jawOpen"]] = limited


# --- closure -------------------------------------------------------------------------------------


def _bite(weights: Float64, column: dict[str, int], firmness: Float64, opening: float) -> None:
    """Bring the lower lip to the upper teeth where firmness [T] asks for it, in place, the mouth
    open by as much as lets the teeth be seen."""
    firmness = firmness.clip(0, 1)

    def towards(name: str, goal: Float64) -> None:
        if name in column:
            curve = weights[:, column[name]]
            weights[:, column[name]] = curve + firmness * (goal - curve)

    for name, least in _BITE.items():
        if name in column:
            towards(name, np.maximum(weights[:, column[name]], least))
    for side in ("Left", "Right"):
        towards(f"mouthLowerDown{side}", np.zeros(len(weights)))
    if "jawOpen" in column and "mouthClose" in column:
        jaw = weights[:, column["jawOpen"]].copy()
        towards("mouthClose", np.maximum(jaw, opening) - opening)
        towards("jawOpen", np.maximum(jaw, opening))


@lru_cache(maxsize=1)
def _lip_heights() -> tuple[Float64, Float64]:
    """Heights in mm of the lips' vertices [3, 2, N] on the built-in head, and what each shape adds
    [52, 3, 2, N]: columns around the middle of the mouth, upper and lower lip."""
    head = load_head()
    rest = head.vertices[head.lip_columns][..., 1].astype(np.float64)
    return rest, head.deltas[:, head.lip_columns, 1].astype(np.float64)


def lip_gaps_mm(weights: Array) -> Float64:
    """[T, 3] how far apart the lips are in columns around their middle for weights [T, 52], in mm.

    Below 0 where they overlap; `Head.lip_gap_mm` is the mean of what is above 0.
    """
    rest, deltas = _lip_heights()
    y = rest + np.tensordot(np.asarray(weights, np.float64), deltas, 1)
    gaps: Float64 = y[:, :, 0].min(-1) - y[:, :, 1].max(-1)
    return gaps


def _close(weights: Float64, names: tuple[str, ...], firmness: Float64) -> None:
    """Bring the lips together where firmness [T] asks for it, in weights [T, C], in place."""
    asked = np.flatnonzero(firmness)
    mine = [i for i, name in enumerate(names) if name in INDEX]
    shapes = [INDEX[names[i]] for i in mine]
    for start in range(0, len(asked), _FEW):
        at = asked[start : start + _FEW]
        face = np.zeros((len(at), len(ARKIT_NAMES)))
        face[:, shapes] = weights[at][:, mine]
        moved = firmness[at, None] * (closed_lips(face) - face)
        weights[at[:, None], mine] += moved[:, shapes]


def closed_lips(weights: Array) -> Float64:
    """Faces [T, 52] with the lips of weights [T, 52] just shut: the nearest way to do it.

    Shapes that part the lips are taken back, then mouthClose rises to jawOpen, then mouthFunnel is
    taken back, then mouthClose goes a little beyond; only then is the jaw raised. Lips pressed into
    each other are relieved the same way: by mouthClose, then by rolls, shrug and press. Every step
    goes as far as is needed and no further, so a smooth motion stays smooth.
    """
    face = np.array(weights, np.float64)
    jaw, close = INDEX["jawOpen"], INDEX["mouthClose"]

    def lowered(names: tuple[str, ...]) -> Float64:
        goal = face.copy()
        goal[:, [INDEX[name] for name in names]] = 0
        return goal

    def close_to(height: Float64) -> Float64:
        goal = face.copy()
        goal[:, close] = np.maximum(face[:, close], height.clip(0, 1))
        return goal

    def apart(gaps: Float64) -> NDArray[np.bool_]:
        return np.asarray(gaps.max(1) > CLOSED_MM)

    def pressed(gaps: Float64) -> NDArray[np.bool_]:
        return np.asarray((gaps.min(1) < PRESSED_MM) & (gaps.max(1) < CLOSED_MM))

    face = _go(face, lowered(("mouthClose",)), pressed)
    face = _go(face, lowered(_PRESSING), pressed)
    face = _go(face, lowered(_PARTING), apart)
    face = _go(face, close_to(face[:, jaw]), apart)
    face = _go(face, lowered(("mouthFunnel",)), apart)
    face = _go(face, close_to(face[:, jaw] + _BEYOND), apart)
    return _go(face, lowered(("jawOpen",)), apart)


def _go(face: Float64, goal: Float64, needed: Callable[[Float64], NDArray[np.bool_]]) -> Float64:
    """From face [T, 52] towards goal [T, 52] for as long as `needed` of the lip gaps holds.

    The gaps are linear in the face but for which vertices are nearest, so halving finds the place.
    """
    start, way = lip_gaps_mm(face), goal - face
    moving = np.flatnonzero(needed(start) & way.any(1))
    if not len(moving):
        return face
    rest, deltas = _lip_heights()
    from_y = rest + np.tensordot(face[moving], deltas, 1)
    way_y = np.tensordot(way[moving], deltas, 1)
    low, high = np.zeros(len(moving)), np.ones(len(moving))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        y = from_y + middle[:, None, None, None] * way_y
        more = needed(y[:, :, 0].min(-1) - y[:, :, 1].max(-1))
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    result = face.copy()
    result[moving] += high[:, None] * way[moving]
    return result
