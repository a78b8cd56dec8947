"""Synthetic styles, put onto real motion, alike on the style clip and on the target.

Emotional recordings with clean rights hardly exist. What a face does when it is happy or angry is
known, though (the Facial Action Coding System), so the style encoder and the denoiser are taught
with it: a drawn style is applied to a stretch of real motion that the denoiser must reproduce, and
to another stretch of the same speaker, which is all that it sees of the style.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening

Array = npt.NDArray[np.float32]

# Action units of each emotion as ARKit shapes, as strong as actors play it; a name without a side
# stands for both.
EMOTIONS: dict[str, dict[str, float]] = {
    "happy": {  # 6 + 12: without the cheeks and lower lids it is a polite smile, not a glad one
        "mouthSmile": 0.7,
        "cheekSquint": 0.8,
        "eyeSquint": 0.45,
        "mouthDimple": 0.15,
        "browInnerUp": 0.1,
        "browOuterUp": 0.1,
    },
    "sad": {  # 1 + 4 + 15 + 17
        "browInnerUp": 0.85,
        "mouthFrown": 0.6,
        "browDown": 0.15,
        "mouthShrugLower": 0.35,
        "eyeSquint": 0.15,
        "eyeLookDown": 0.15,
        "eyeBlink": 0.12,
    },
    "angry": {  # 4 + 5 + 7 + 10 + 23
        "browDown": 1.0,
        "eyeSquint": 0.5,
        "eyeWide": 0.25,
        "noseSneer": 0.5,
        "mouthPress": 0.2,
        "mouthFrown": 0.1,
        "mouthLowerDown": 0.25,
        "mouthUpperUp": 0.25,
        "jawForward": 0.1,
    },
    "fear": {  # 1 + 2 + 4 + 5 + 20
        "browInnerUp": 0.85,
        "browOuterUp": 0.35,
        "eyeWide": 0.8,
        "mouthStretch": 0.6,
        "browDown": 0.2,
    },
    "disgust": {  # 4 + 6 + 7 + 9 + 10 + 15
        "noseSneer": 0.95,
        "mouthUpperUp": 0.4,
        "browDown": 0.5,
        "eyeSquint": 0.5,
        "mouthFrown": 0.4,
        "cheekSquint": 0.4,
    },
    "surprise": {  # 1 + 2 + 5 + 26
        "browInnerUp": 0.8,
        "browOuterUp": 0.85,
        "eyeWide": 0.75,
        "jawOpen": 0.12,
    },
    "contempt": {  # 12 + 14, on one side
        "mouthSmileLeft": 0.55,
        "mouthDimpleLeft": 0.4,
        "eyeSquint": 0.2,
        "eyeBlink": 0.08,
        "browOuterUpRight": 0.35,
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
# Shapes that a face may hold while it speaks, with the deviation that people hold them at.
SHAPE_DEVIATION = {
    "brow": 0.25,
    "eyeSquint": 0.2,
    "eyeWide": 0.15,
    "eyeBlink": 0.12,
    "cheekSquint": 0.15,
    "noseSneer": 0.15,
    "mouthSmile": 0.2,
    "mouthFrown": 0.2,
    "mouthDimple": 0.15,
    "mouthStretch": 0.15,
    "mouthPress": 0.12,
    "mouthShrug": 0.15,
    "mouthRoll": 0.1,
    "mouthUpperUp": 0.1,
    "mouthLowerDown": 0.1,
    "mouthLeft": 0.05,
    "mouthRight": 0.05,
    "jawForward": 0.05,
    "cheekPuff": 0.05,
    "eyeLookDown": 0.1,
}


@dataclass(frozen=True)
class SyntheticStyle:
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
    sway: float = 0.0
    """How far the held face comes and goes: deviation of each shape's offset over its mean."""
    head: float = 1.0
    """Factor on head rotation."""


def face(shapes: Mapping[str, float]) -> Array:
    """[52] offset from shapes by name; a name without a side stands for both."""
    offset = np.zeros(len(ARKIT_NAMES), np.float32)
    for shape, value in shapes.items():
        for side in ("",) if shape in INDEX else ("Left", "Right"):
            offset[INDEX[shape + side]] = value
    return offset


NAMED: dict[str, SyntheticStyle] = {
    "neutral": SyntheticStyle(),
    "happy": SyntheticStyle(face(EMOTIONS["happy"]), articulation=1.1, expression=1.2, head=1.2),
    "sad": SyntheticStyle(face(EMOTIONS["sad"]), articulation=0.8, expression=0.7, head=0.6),
    "angry": SyntheticStyle(face(EMOTIONS["angry"]), articulation=1.2, beats=0.05, head=1.4),
    "fear": SyntheticStyle(face(EMOTIONS["fear"]), expression=1.2),
    "disgust": SyntheticStyle(face(EMOTIONS["disgust"])),
    "surprise": SyntheticStyle(
        face(EMOTIONS["surprise"]), articulation=1.1, expression=1.3, beats=0.1
    ),
    "contempt": SyntheticStyle(face(EMOTIONS["contempt"]), articulation=0.9, expression=0.8),
    "bored": SyntheticStyle(
        face({"eyeBlink": 0.2, "eyeSquint": 0.1, "browDown": 0.1, "mouthFrown": 0.2,
              "mouthShrugLower": 0.25}),
        articulation=0.75, expression=0.5, head=0.6,
    ),
    "newsreader": SyntheticStyle(
        face({"browInnerUp": 0.12, "browOuterUp": 0.08, "eyeWide": 0.08, "mouthSmile": 0.1}),
        articulation=1.15, beats=0.25, head=1.2
    ),
    "shout": SyntheticStyle(
        face({"browDown": 0.6, "noseSneer": 0.4, "eyeWide": 0.3, "cheekSquint": 0.3,
              "mouthStretch": 0.15, "mouthLowerDown": 0.15, "mouthUpperUp": 0.12, "jawOpen": 0.08}),
        articulation=1.6, expression=1.4, beats=0.1, head=1.5,
    ),
    "smug": SyntheticStyle(
        face({"mouthSmileLeft": 0.45, "mouthSmileRight": 0.15, "mouthDimpleLeft": 0.2,
              "eyeSquint": 0.3, "eyeBlink": 0.08, "cheekSquint": 0.2, "browOuterUpRight": 0.4,
              "browInnerUp": 0.1}),
        articulation=0.9, expression=0.9, head=0.9,
    ),
    "tired": SyntheticStyle(
        face({"eyeBlink": 0.26, "browInnerUp": 0.25, "mouthFrown": 0.25, "mouthShrugLower": 0.1}),
        articulation=0.65, expression=0.5, head=0.5,
    ),
    "whisper": SyntheticStyle(
        face({"browInnerUp": 0.3, "browOuterUp": 0.15, "eyeWide": 0.25}),
        articulation=0.75, expression=0.9, head=0.7,
    ),
}  # fmt: skip
"""The styles that ship with a model: eight emotions, and ways to deliver a line."""


def draw_style(rng: np.random.Generator) -> SyntheticStyle:
    """A random style; one in six is plain."""
    if rng.random() < 1 / 6:
        return SyntheticStyle()
    offset = np.zeros(len(ARKIT_NAMES), np.float32)
    if rng.random() < 0.5:
        offset += rng.uniform(0.2, 1.2) * NAMED[rng.choice(list(NAMED))].offset
    if rng.random() < 0.15:
        offset += rng.uniform(0.1, 0.6) * NAMED[rng.choice(list(NAMED))].offset
    offset *= rng.normal(1, 0.15, len(offset)).clip(0.5, 1.5)
    if rng.random() < 0.5:
        offset += draw_face(rng)
    return SyntheticStyle(
        offset.clip(0, 1).astype(np.float32),
        articulation=float(np.exp(rng.uniform(np.log(0.55), np.log(1.7)))),
        expression=float(np.exp(rng.uniform(np.log(0.4), np.log(1.8)))),
        tilt=float(rng.uniform(-0.5, 0.5)) if rng.random() < 0.3 else 0.0,
        beats=float(rng.uniform(0, 0.35)) if rng.random() < 0.4 else 0.0,
        sway=float(rng.uniform(0, 1.0)) if rng.random() < 0.7 else 0.0,
        head=float(np.exp(rng.uniform(np.log(0.5), np.log(1.6)))),
    )


def draw_face(rng: np.random.Generator) -> Array:
    """[52] a face that somebody might hold: real people's emotions follow no table."""
    offset = np.zeros(len(ARKIT_NAMES), np.float32)
    strength = rng.uniform(0.5, 1.5)
    for prefix, deviation in SHAPE_DEVIATION.items():
        columns = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(prefix)]
        for shape in {ARKIT_NAMES[i].removesuffix("Left").removesuffix("Right") for i in columns}:
            if rng.random() < 0.4:
                continue
            value = strength * abs(rng.normal(0, deviation))
            for i in columns:
                if ARKIT_NAMES[i].startswith(shape):
                    offset[i] = value * rng.uniform(0.7, 1.3)
    return offset


def apply_style(
    values: Array, style: SyntheticStyle, rng: np.random.Generator | None = None
) -> Array:
    """Curves and head rotation [T, 55] as they would be in a style.

    rng: draws when the held face comes and goes, for style clips; without, it is held: speech
    does not tell when, so a target that sways would only be noise.
    """
    shapes = len(ARKIT_NAMES)
    curves, head = values[:, :shapes].copy(), values[:, shapes:]
    lips = [INDEX[name] for name in LIPS]
    rest = np.setdiff1d(np.arange(shapes), lips)
    opening = mouth_opening(curves)
    curves[:, lips] *= style.articulation
    curves[:, rest] *= style.expression
    for index, name in enumerate(ARKIT_NAMES):
        side = name.endswith("Right") - name.endswith("Left")
        if side and not name.startswith("eye"):
            curves[:, index] *= 1 - max(0.0, side * style.tilt)
    if style.beats:
        accents = _smooth(opening)
        accents = (accents - accents.mean()) / max(float(accents.std()), 1e-3)
        for name in BROWS:
            curves[:, INDEX[name]] += style.beats * accents.clip(0, 2) / 2
    offset = style.offset * np.ones((len(curves), 1), np.float32)
    if rng is not None and style.sway:
        offset *= _waves(len(curves), style.sway, rng)
    curves += offset * _room(curves, opening)
    return np.concatenate([curves.clip(0, 1), head * style.head], 1).astype(np.float32)


def _room(curves: Array, opening: Array) -> Array:
    """[T, 52] share of an offset that the sound spoken leaves room for.

    Rounded lips cannot smile in full, and closed lips stay closed.
    """
    room = np.ones_like(curves)
    rounding = curves[:, [INDEX[name] for name in ROUNDING]].max(1)
    room[:, [INDEX[name] for name in LIPS]] = 1 - 0.6 * rounding.clip(0, 1)[:, None]
    room[:, [INDEX[name] for name in PARTING]] = (opening / 0.05).clip(0, 1)[:, None]
    return room


def _waves(frames: int, deviation: float, rng: np.random.Generator) -> Array:
    """[T, 52] factors, 1 on average, in which a held face comes and goes, both sides together.

    Nobody holds an emotion still while speaking: in the takes of acted emotions that we have seen,
    a smile's deviation is half of its mean or more, that of raised brows a third. Style clips
    that only ever held their face would teach that a smile which comes and goes is none.
    """
    shapes = {name.removesuffix("Left").removesuffix("Right") for name in ARKIT_NAMES}
    column = {shape: i for i, shape in enumerate(sorted(shapes))}
    around = int(rng.integers(4, 20))
    kernel = np.hanning(2 * around + 3)[1:-1]
    kernel /= np.linalg.norm(kernel)
    noise = rng.standard_normal((frames + 2 * around, len(column)))
    waves = np.stack([np.convolve(row, kernel, "valid") for row in noise.T], 1)
    # Log-normal: rather above its mean by much for a moment than below zero.
    sigma = np.sqrt(np.log1p(deviation**2))
    factors = np.exp(sigma * waves - sigma**2 / 2)
    sides = [column[name.removesuffix("Left").removesuffix("Right")] for name in ARKIT_NAMES]
    return factors[:, sides].astype(np.float32)


def _smooth(curve: Array) -> Array:
    kernel = np.hanning(13)[1:-1]
    return np.convolve(np.pad(curve, 5, mode="edge"), kernel / kernel.sum(), "valid")
