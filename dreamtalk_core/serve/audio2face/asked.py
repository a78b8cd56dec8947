"""What a client of Audio2Face-3D asks for, in our terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.pipeline.base import NEUTRAL
from dreamtalk_core.style import Style, StyleTrack, mix_styles

Array = npt.NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
"""Samples in a second of a sound."""
EMOTIONS: dict[str, dict[str, float]] = {
    "amazement": {"surprise": 1.0},
    "anger": {"angry": 1.0},
    "cheekiness": {"smug": 1.0},
    "disgust": {"disgust": 1.0},
    "fear": {"fear": 1.0},
    "grief": {"sad": 1.0},
    "joy": {"happy": 1.0},
    "outofbreath": {"tired": 1.0},
    "pain": {"sad": 0.5, "disgust": 0.5},
    "sadness": {"sad": 1.0},
}
"""Of theirs by name: shares of our styles."""
_LOWER, _TONGUE, _MOOD, _PREFERRED = 1.25, 1.3, 0.6, 0.5
"""What they call usual of lowerFaceStrength, tongueStrength, emotion_strength and
preferred_emotion_strength: as it is with us."""
_STRENGTHS: dict[str, tuple[float, tuple[str, ...]]] = {
    "lowerFaceStrength": (_LOWER, ("lips", "jaw", "cheeks")),
    "upperFaceStrength": (1.0, ("brows", "eyes")),
    "tongueStrength": (_TONGUE, ("tongue",)),
}
_STRONGEST = 10.0
_LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
_TRANSITION, _QUICKEST = 0.5, 0.2
"""Seconds from one emotion to the next: usually, and at least: a face does not jump."""
_MOST_EMOTIONS = 3
_MOST_KEYS = 2000


def wire_name(name: str) -> str:
    """What a shape is called on the wire: `JawOpen`."""
    return name[0].upper() + name[1:]


_KNOWN = {name.casefold(): place for place, name in enumerate(FACE_NAMES)}


@dataclass(frozen=True, eq=False)
class Wish:
    """What a header asks for.

    rate: samples in a second. settings: of the tables of `parameters`. names: of the shapes that
    are sent. factors, offsets: [S] of these. strength: of all emotions. most: so many of them at
    once. transition: seconds from one to the next. ignored: what it names that there is not.
    """

    rate: int
    settings: Mapping[str, Any]
    names: tuple[str, ...]
    factors: Array
    offsets: Array
    clamped: bool
    strength: float
    most: int
    transition: float
    ignored: tuple[str, ...]

    def shape(self, weights: Array) -> Array:
        """Weights [T, S] as they are to be sent."""
        made = weights * self.factors + self.offsets
        return made.clip(0, 1) if self.clamped else made


def read_header(header: Any) -> Wish:
    """What a `wire` header asks for. Raises DreamTalkError for what cannot be."""
    mood, shapes = header.mood, header.shapes
    settings, lids, ignored = _face(header.face)
    names = FACE_NAMES if settings.get("tongue", 1.0) else ARKIT_NAMES
    factors, offsets = np.ones(len(names), np.float32), np.zeros(len(names), np.float32)
    for values, into in ((shapes.multipliers, factors), (shapes.offsets, offsets)):
        for name, value in values.items():
            place = _KNOWN.get(name.casefold(), len(names))
            if place < len(names):
                into[place] = _number(name, value, -_STRONGEST, _STRONGEST)
            elif value != (into is factors):
                ignored.append(name)
    for name in _LIDS:
        factors[names.index(name)] *= lids[0]
        offsets[names.index(name)] -= lids[1]
    if mood.HasField("contrast") and mood.contrast != 1:
        ignored.append("emotion_contrast")
    return Wish(
        _rate(header.sound),
        settings,
        names,
        factors,
        offsets,
        shapes.clamped,
        _strength(mood),
        int(_number("max_emotions", mood.most, 1, 10)) if mood.HasField("most") else _MOST_EMOTIONS,
        _transition(header.beginning),
        tuple(dict.fromkeys(ignored)),
    )


def read_emotions(emotions: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Emotions above 0 by their names, and names of which there is none. Raises DreamTalkError for
    impossible strengths."""
    found, ignored = {}, []
    for name, value in emotions.items():
        if name.casefold() not in EMOTIONS:
            ignored.append(name)
        elif _number(name, value, 0, 1):
            found[name.casefold()] = value
    return found, ignored


class Moods:
    """The emotions of a clip: they come while it is said, each with its time.

    load: gives our style of a name.
    """

    def __init__(self, wish: Wish, load: Callable[[str], Style], beginning: Any = None) -> None:
        self._wish, self._load = wish, load
        self._keys: list[tuple[float, dict[str, float]]] = []
        self.changed = True
        self.ignored: list[str] = []
        if beginning:
            self.add(0.0, beginning)
            # Whatever comes at 0 is gone over to.
            self._keys = [(-1.0, self._keys[0][1])]

    def add(self, time: float, emotions: Mapping[str, float]) -> None:
        """From `time` seconds on. Raises DreamTalkError."""
        if not 0 <= time < math.inf:
            raise DreamTalkError(f"time_code is {time:g}. Give seconds from 0 up.")
        found, ignored = read_emotions(emotions)
        self.ignored += ignored
        before = [feeling for at, feeling in self._keys if at <= time]
        if before and before[-1] == found and self._keys[-1][0] <= time:
            return  # said again with every piece
        kept = [key for key in self._keys if key[0] != time]
        if len(kept) >= _MOST_KEYS:
            raise DreamTalkError(
                f"More than {_MOST_KEYS} emotions wait for their time. Send fewer."
            )
        self._keys = sorted([*kept, (time, found)], key=lambda key: key[0])
        self.changed = True

    def forget(self, time: float) -> None:
        """Nobody asks any longer for what was before `time`."""
        old = sum(at + self._wish.transition <= time for at, _ in self._keys)
        self._keys = self._keys[max(old - 2, 0) :]

    def style(self) -> Style | StyleTrack:
        """The style over time, as far as it is known."""
        self.changed = False
        if not self._keys:
            return self._load(NEUTRAL)
        (start, first), *later = self._keys
        styles = self._style(first)
        points = [(max(start, 0.0), styles)]
        ends = [*(time for time, _ in later), math.inf][1:]
        for (time, feeling), end in zip(later, ends, strict=False):
            if time > points[-1][0]:
                points.append((time, points[-1][1]))
            styles = self._style(feeling)
            points.append((min(time + self._wish.transition, end), styles))
        return StyleTrack(tuple(points)) if len(points) > 1 else points[0][1]

    def _style(self, emotions: Mapping[str, float]) -> Style:
        strongest = sorted(emotions.items(), key=lambda item: -item[1])[: self._wish.most]
        shares: dict[str, float] = {}
        for name, value in strongest:
            for style, share in EMOTIONS[name].items():
                shares[style] = shares.get(style, 0.0) + value * share
        shares[NEUTRAL] = max(0.0, 1 - sum(shares.values()))
        mixed = mix_styles([(self._load(name), share) for name, share in shares.items() if share])
        return replace(mixed, intensity=mixed.intensity * self._wish.strength)


def _face(face: Any) -> tuple[dict[str, float], tuple[float, float], list[str]]:
    """Settings, factor and opening of the lids, and what there is not."""
    settings: dict[str, float] = {}
    factor, opening, ignored = 1.0, 0.0, list(face.whole)
    for name, value in face.numbers.items():
        if name in _STRENGTHS:
            usual, ours = _STRENGTHS[name]
            strength = round(_number(name, value, 0, _STRONGEST) / usual, 4)
            settings.update(dict.fromkeys(ours, strength))
        elif name == "blinkStrength":
            factor = _number(name, value, 0, _STRONGEST)
        elif name == "eyelidOpenOffset":
            opening = _number(name, value, -1, 1)
        elif value != name.endswith("Strength"):  # what changes nothing is no loss
            ignored.append(name)
    return settings, (factor, opening), ignored


def _rate(sound: Any) -> int:
    """Samples in a second. Raises DreamTalkError for sound that cannot be read."""
    if (sound.format, sound.channels, sound.bits) != (0, 1, 16):
        raise DreamTalkError(
            f"The sound has {sound.channels} channels of {sound.bits} bits, format "
            f"{sound.format}. Send PCM (0) with 1 channel of 16 bits."
        )
    return int(_number("samples_per_second", sound.rate, LOWEST_RATE, HIGHEST_RATE))


def _strength(mood: Any) -> float:
    strength = (
        _number("emotion_strength", mood.strength, 0, 1) if mood.HasField("strength") else _MOOD
    )
    strength = round(strength / _MOOD, 4)
    if mood.preferred and mood.HasField("preferred_strength"):
        share = _number("preferred_emotion_strength", mood.preferred_strength, 0, 1)
        strength *= min(1.0, share / _PREFERRED)
    return strength


def _transition(beginning: Any) -> float:
    if not beginning.HasField("transition"):
        return _TRANSITION
    return max(_QUICKEST, _number("live_transition_time", beginning.transition, 0, 60))


def _number(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise DreamTalkError(f"{shown(name)} is {value:g}. Give a number from {low:g} to {high:g}.")
    return value


def told(ignored: Sequence[str]) -> str:
    """What is said of what there is not, in one sentence; nothing of nothing."""
    names = ", ".join(dict.fromkeys(ignored))
    return f" There is no {shown(names, 400)} here." if ignored else ""
