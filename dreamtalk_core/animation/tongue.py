"""Tongue and cheeks from sound: no tracker sees them, but the phones tell.

Every phone that the recogniser reports asks the tongue for a shape and rules it for a while, most
at its own moment, and as much as it must: /t/ needs the tip and leaves the body to the vowels
around it, /p/ needs neither. Where several rule, the shape is their mean, by how much they do:
dominance functions, Cohen & Massaro, "Modeling coarticulation in synthetic visual speech", 1993.
In silence nothing rules, and the tongue rests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import INDEX, mouth_opening
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.tongue import FACE_NAMES, TONGUE_NAMES
from dreamtalk_core.retarget.schemes import parse_pose

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]

ROWS = 50
"""Rows of phones per second; row k is at k / 50 s."""
DELAY = 0.035
"""Seconds from the middle of a sound to where it is reported: in EMO-DB .025 to .044 (medians over
vowels, /t d s l/), .011 at /n/."""
REST = 0.03
"""How much the tongue at rest rules."""
FARTHEST = 0.16
"""Seconds before and after its moment in which a sound rules at all."""
PARTED = 0.1
"""Opening of the mouth, jawOpen less mouthClose, that leaves the tongue room to come out."""
_FEW = 4096
"""Frames that are worked out at a time, so that memory does not grow with the take."""

SHAPES = ("tongueOut", *TONGUE_NAMES, "cheekPuff")
_TIP = np.isin(SHAPES, ("tongueOut", "tongueTipUp", "tongueTipDown", "tongueRollUp"))


@dataclass(frozen=True)
class Gesture:
    """What a kind of sound asks for.

    tip, body: how much it rules tip and body of the tongue, 0..1; the cheeks obey all alike.
    reach: seconds to either side in which its rule falls to a third. shapes: weights, of those of
    `SHAPES` that are not 0.
    """

    tip: float
    body: float
    reach: float
    shapes: Mapping[str, float] = field(default_factory=dict)


def _gesture(tip: float, body: float, pose: str = "", reach: float = 0.03) -> Gesture:
    return Gesture(tip, body, reach, dict(parse_pose(pose)))


def _vowel(pose: str) -> Gesture:
    return _gesture(0.5, 0.35, pose, 0.05)


GESTURES: dict[str, Gesture] = {
    "th": _gesture(1, 0.8, "tongueOut*.45 tongueTipUp*.2 tongueStretch*.5 tongueWide*.3"),
    "t d n": _gesture(1, 0.5, "tongueTipUp*.9 tongueUp*.3 tongueStretch*.2"),
    "s z": _gesture(1, 0.8, "tongueTipUp*.7 tongueUp*.45 tongueNarrow*.2"),
    "l": _gesture(1, 0.6, "tongueTipUp*1 tongueNarrow*.5 tongueStretch*.3"),
    "sh": _gesture(1, 1, "tongueTipUp*.4 tongueUp*.65 tongueIn*.2 tongueWide*.2"),
    "r": _gesture(1, 1, "tongueRollUp*.6 tongueUp*.35 tongueIn*.5 tongueNarrow*.3"),
    "k g": _gesture(0.3, 1, "tongueUp*.85 tongueIn*.55 tongueTipDown*.3"),
    "j": _gesture(0.4, 0.8, "tongueUp*.75 tongueStretch*.3 tongueTipDown*.3"),
    "w": _gesture(0.3, 0.6, "tongueUp*.5 tongueIn*.6"),
    "h": _gesture(0.1, 0.2, "tongueIn*.4"),
    "p b": _gesture(0.03, 0.03, "cheekPuff*.3"),
    "m f v": _gesture(0.03, 0.03),
    "i e": _vowel("tongueUp*.65 tongueStretch*.3 tongueWide*.3 tongueTipDown*.25"),
    "u o": _vowel("tongueUp*.35 tongueIn*.6"),
    "a": _vowel("tongueDown*.6 tongueTipDown*.2"),
}


_RULES = np.array([np.where(_TIP, g.tip, g.body) for g in GESTURES.values()])
"""[15, 18] how much each gesture rules each of `SHAPES`."""
_RULES[:, SHAPES.index("cheekPuff")] = 1
_GOALS = np.array([[g.shapes.get(shape, 0.0) for shape in SHAPES] for g in GESTURES.values()])
"""[15, 18] the weights that each asks for."""


def put_tongue(motion: Motion, phones: Mapping[str, Array], strength: float = 1.0) -> Motion:
    """The motion over `FACE_NAMES`: with a tongue, and with pressure in the cheeks at /p/ and /b/.

    phones: see `tongue_curves`. strength: 1 natural, 0 at rest. The tongue comes out only between
    lips that are parted. Where the motion has a tongue out or cheeks puffed already, the larger
    weight stays.
    """
    curves = tongue_curves(phones, len(motion), float(motion.fps)) * np.float32(strength)
    face = motion.to_arkit().weights
    weights = np.concatenate([face, curves[:, 1:-1]], axis=1)
    room = smoothstep(mouth_opening(face) / PARTED)
    for name, curve in (("tongueOut", room * curves[:, 0]), ("cheekPuff", curves[:, -1])):
        weights[:, INDEX[name]] = np.maximum(weights[:, INDEX[name]], curve)
    return Motion(FACE_NAMES, weights.clip(0, 1), motion.fps, motion.head_rotation)


def tongue_curves(
    phones: Mapping[str, Array], frames: int, fps: float = 25.0
) -> NDArray[np.float32]:
    """`SHAPES` over time [T, 18] in 0..1, frame i at (i + 0.5) / fps s.

    phones: feature of `speech.articulation` -> [R] in 0..1, how surely a phone that has it is
    being reported, 50 rows a second, row k at k / 50 s.
    """
    result = np.empty((frames, len(SHAPES)), np.float32)
    rows, farthest = len(next(iter(phones.values()))), int(FARTHEST * ROWS)
    for start in range(0, frames, _FEW):
        times = (np.arange(start, min(start + _FEW, frames)) + 0.5) / fps
        # A frame lies between two rows.
        places = np.clip((times + DELAY) * ROWS, 0, rows - 1)
        before = np.minimum(places.astype(np.int64), max(rows - 2, 0))
        after, share = np.minimum(before + 1, rows - 1), (places - before)[:, None]
        first = max(0, before[0] - farthest)
        part = slice(first, after[-1] + 1 + farthest)
        shapes = _shapes(_sounds({k: v[part].astype(np.float64) for k, v in phones.items()}))
        faded = (1 - share) * shapes[before - first] + share * shapes[after - first]
        result[start : start + len(times)] = faded
    return result


def _shapes(sounds: Mapping[str, Float64]) -> Float64:
    """`SHAPES` [R, 18] from how surely a sound of each of `GESTURES` is reported, each [R]."""
    farthest = int(FARTHEST * ROWS)
    away = np.arange(-farthest, farthest + 1) / ROWS
    shares = np.stack(
        [
            np.convolve(sounds[name], np.exp(-((away / gesture.reach) ** 2)))
            for name, gesture in GESTURES.items()
        ]
    )[:, farthest:-farthest].T
    return np.asarray(shares @ (_RULES * _GOALS) / (REST + shares @ _RULES))


def _sounds(on: Mapping[str, Float64]) -> dict[str, Float64]:
    """How surely a sound of each of `GESTURES` is reported, each [R].

    What is known are shares of features, so "alveolar and nasal" is their product: exact for a sure
    phone, and near it for the few alike that the recogniser hesitates between.
    """
    consonant = on["stop"] + on["nasal"] + on["fricative"] + on["approximant"]
    some = np.maximum(consonant, 1e-6)

    def at(place: str, *manners: str) -> Float64:
        return np.asarray(on[place] * sum(on[manner] for manner in manners) / some)

    vowel = np.maximum(on["vowel"], 1e-6)
    front, close = on["front"] / vowel, on["vowel"] - on["open"]
    glide, rounded = at("dorsal", "approximant"), np.clip(on["round"] / some, 0, 1)
    burst = at("bilabial", "stop")
    return {
        "th": on["dental"],
        "t d n": at("alveolar", "stop", "nasal"),
        "s z": at("alveolar", "fricative"),
        "l": at("alveolar", "approximant"),
        "sh": at("postalveolar", "stop", "nasal", "fricative"),
        "r": at("postalveolar", "approximant"),
        "k g": at("dorsal", "stop", "nasal", "fricative"),
        "j": glide * (1 - rounded),
        "w": glide * rounded,
        "h": on["guttural"],
        "p b": burst,
        "m f v": on["bilabial"] + on["labiodental"] - burst,
        "i e": close * front,
        "u o": close * (1 - front),
        "a": on["open"],
    }
