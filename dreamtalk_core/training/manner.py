"""Synthetic manners: styles put onto real motion, alike on the style clip and on the target.

Emotional recordings with clean rights hardly exist. What a face does when it is happy or angry is
known, though (the Facial Action Coding System), so the style encoder and the denoiser are taught
with it: a drawn manner is applied to a stretch of real motion that the denoiser must reproduce, and
to another stretch of the same speaker, which is all it is told about the manner.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dreamtalk_core.arkit import ARKIT_NAMES, INDEX

Array = npt.NDArray[np.float32]

# Action units of each emotion as ARKit shapes; a name without a side stands for both.
EMOTIONS: dict[str, dict[str, float]] = {
    "happy": {
        "mouthSmile": 0.45,
        "cheekSquint": 0.35,
        "eyeSquint": 0.25,
        "mouthDimple": 0.1,
        "browInnerUp": 0.08,
    },
    "sad": {
        "browInnerUp": 0.5,
        "mouthFrown": 0.4,
        "browDown": 0.08,
        "mouthShrugLower": 0.25,
        "eyeLookDown": 0.12,
    },
    "angry": {
        "browDown": 0.65,
        "eyeSquint": 0.3,
        "noseSneer": 0.3,
        "mouthPress": 0.2,
        "mouthFrown": 0.15,
        "jawForward": 0.1,
    },
    "fear": {
        "browInnerUp": 0.6,
        "browOuterUp": 0.3,
        "eyeWide": 0.5,
        "mouthStretch": 0.35,
        "browDown": 0.15,
    },
    "disgust": {
        "noseSneer": 0.6,
        "mouthUpperUp": 0.25,
        "browDown": 0.35,
        "eyeSquint": 0.35,
        "mouthFrown": 0.25,
        "cheekSquint": 0.2,
    },
    "surprise": {"browInnerUp": 0.55, "browOuterUp": 0.6, "eyeWide": 0.5, "jawOpen": 0.08},
    "contempt": {
        "mouthSmileLeft": 0.4,
        "mouthDimpleLeft": 0.3,
        "eyeSquint": 0.12,
        "browOuterUpRight": 0.2,
        "mouthPress": 0.1,
    },
}

# These part the lips: what an emotion adds to these waits while the lips are closed.
PARTING = (
    "jawOpen",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
)
ROUNDING = ("mouthPucker", "mouthFunnel")
LIPS = tuple(name for name in ARKIT_NAMES if name.startswith(("mouth", "jaw")))
BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")


@dataclass(frozen=True)
class Manner:
    """One way of speaking."""

    offset: Array = field(default_factory=lambda: np.zeros(len(ARKIT_NAMES), np.float32))
    """[52] added to the curves."""
    articulation: float = 1.0
    """Factor on the lips' movement."""
    expression: float = 1.0
    """Factor on the movement of brows, cheeks and eyes."""
    tilt: float = 0.0
    """-1..1: share of lip and brow movement that one side loses (positive: the right)."""
    beats: float = 0.0
    """Brow lift on accents."""
    head: float = 1.0
    """Factor on head rotation."""


def emotion_offset(name: str) -> Array:
    """[52] offset of an emotion at intensity 1."""
    offset = np.zeros(len(ARKIT_NAMES), np.float32)
    for shape, value in EMOTIONS[name].items():
        for side in ("",) if shape in INDEX else ("Left", "Right"):
            offset[INDEX[shape + side]] = value
    return offset


def draw_manner(rng: np.random.Generator) -> Manner:
    """A random manner; one in four is plain."""
    if rng.random() < 0.25:
        return Manner()
    offset = np.zeros(len(ARKIT_NAMES), np.float32)
    if rng.random() < 0.6:
        offset += rng.uniform(0.2, 1.2) * emotion_offset(rng.choice(list(EMOTIONS)))
    if rng.random() < 0.2:
        offset += rng.uniform(0.1, 0.6) * emotion_offset(rng.choice(list(EMOTIONS)))
    return Manner(
        offset * rng.normal(1, 0.15, len(offset)).clip(0.5, 1.5).astype(np.float32),
        articulation=float(np.exp(rng.uniform(np.log(0.55), np.log(1.6)))),
        expression=float(np.exp(rng.uniform(np.log(0.4), np.log(1.8)))),
        tilt=float(rng.uniform(-0.5, 0.5)) if rng.random() < 0.3 else 0.0,
        beats=float(rng.uniform(0, 0.35)) if rng.random() < 0.4 else 0.0,
        head=float(np.exp(rng.uniform(np.log(0.5), np.log(1.6)))),
    )


def apply_manner(values: Array, manner: Manner) -> Array:
    """Curves and head rotation [T, 55] as they would be in a manner."""
    shapes = len(ARKIT_NAMES)
    curves, head = values[:, :shapes].copy(), values[:, shapes:]
    lips = [INDEX[name] for name in LIPS]
    rest = np.setdiff1d(np.arange(shapes), lips)
    opening = curves[:, INDEX["jawOpen"]] - curves[:, INDEX["mouthClose"]]
    curves[:, lips] *= manner.articulation
    curves[:, rest] *= manner.expression
    for index, name in enumerate(ARKIT_NAMES):
        side = name.endswith("Right") - name.endswith("Left")
        if side and not name.startswith("eye"):
            curves[:, index] *= 1 - max(0.0, side * manner.tilt)
    if manner.beats:
        accents = _smooth(opening)
        accents = (accents - accents.mean()) / max(float(accents.std()), 1e-3)
        for name in BROWS:
            curves[:, INDEX[name]] += manner.beats * accents.clip(0, 2) / 2
    curves += manner.offset * _room(curves, opening)
    return np.concatenate([curves.clip(0, 1), head * manner.head], 1).astype(np.float32)


def _room(curves: Array, opening: Array) -> Array:
    """[T, 52] share of an offset that the sound spoken leaves room for.

    Rounded lips cannot smile in full, and closed lips stay closed.
    """
    room = np.ones_like(curves)
    rounding = curves[:, [INDEX[name] for name in ROUNDING]].max(1)
    room[:, [INDEX[name] for name in LIPS]] = 1 - 0.6 * rounding.clip(0, 1)[:, None]
    room[:, [INDEX[name] for name in PARTING]] = (opening / 0.05).clip(0, 1)[:, None]
    return room


def _smooth(curve: Array) -> Array:
    kernel = np.hanning(13)[1:-1]
    return np.convolve(np.pad(curve, 5, mode="edge"), kernel / kernel.sum(), "valid")
