"""What a user can set, each described once: default, range, name and help.

Options of the command line, inputs of nodes, properties in Blender and messages of the worker are
made from these tables, and whatever is out of range is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

from dreamtalk_core.errors import DreamTalkError

UNLIMITED = math.inf


@dataclass(frozen=True)
class Parameter:
    """One setting.

    default, low, high: numbers, the last two inclusive. most: where sliders end, `high` unless it
    has none. label: one to three words. help: a line without a full stop.
    """

    name: str
    default: float
    low: float
    high: float
    most: float
    label: str
    help: str

    def check(self, value: float) -> None:
        """Raises DreamTalkError for a value out of range, or none."""
        if self.low <= value <= self.high and math.isfinite(value):
            return
        most = f"to {self.high:g}" if self.high < UNLIMITED else f"up, usually {self.default:g}"
        raise DreamTalkError(f"{self.name} is {value}. Give a number from {self.low:g} {most}.")


class Settings:
    """Base of the tables: a frozen dataclass all of whose fields are made by `_setting`."""

    def __post_init__(self) -> None:
        for parameter in parameters(type(self)):
            parameter.check(getattr(self, parameter.name))


def parameters(table: type[Settings]) -> Iterator[Parameter]:
    """The settings of a table, in order."""
    parts: tuple[Field[Any], ...] = fields(table)  # type: ignore[arg-type]
    for part in parts:
        yield Parameter(part.name, **part.metadata)


def _setting(
    default: float,
    label: str,
    help: str,
    low: float = 0.0,
    high: float = UNLIMITED,
    most: float = 3.0,
) -> Any:
    about = {"default": default, "low": low, "high": high, "most": min(most, high)}
    return field(default=default, metadata={**about, "label": label, "help": help})


@dataclass(frozen=True)
class Behaviour(Settings):
    """What speech does not dictate, in strengths: 0 is off, 1 natural, more is more.

    blinks: how often the eyes blink, as a factor on about 17 a minute; every blink shuts them.
    gaze: size of the gaze shifts, and how well the eyes stay on the viewer when the head turns.
    gestures: size of the head movement that follows speech (nods, turns, posture) and of the brow
        flashes that come with strong accents.
    idle: size of what moves even in silence: sway, breathing, a little brow, lid and mouth corner.

    Raises `DreamTalkError` for a strength that is not a number from 0 up.
    """

    blinks: float = _setting(
        1.0, "Blinks", "How often the eyes blink: 0 never, 1 about 17 times a minute"
    )
    gaze: float = _setting(1.0, "Gaze", "Size of the gaze shifts: 0 stares, 1 is natural")
    gestures: float = _setting(
        1.0, "Gestures", "Size of nods, turns and brow flashes that follow the voice"
    )
    idle: float = _setting(
        1.0, "Idle", "Size of sway, breathing and the like, which go on in silence"
    )


@dataclass(frozen=True)
class Controls(Settings):
    """What animators turn after sampling; as they stand they change nothing.

    lips, jaw, brows, eyes, cheeks, head: strengths from 0 up, factors on the curves of a region
        (`eyes` are lids and gaze, `cheeks` also the nose, `lips` also the tongue, `head` rotation).
    closure: 0..1, how firmly the lips meet, or the lower lip the teeth, where it is asked for.
    smoothing: 0 none to 1 strong: what is faster than 12.5 Hz (just above 0) .. 1.5 Hz (1) goes, by
        a symmetric filter: nothing is delayed. Blinks and gaze stay quick.
    max_opening: 0..1, the widest jawOpen. What is below half of it stays, the rest bends to fit.
    asymmetry: -1..1, share of lip and brow movement that one side loses: positive the character's
        right, negative the left.

    Raises `DreamTalkError` for a value out of range.
    """

    lips: float = _setting(1.0, "Lips", "Strength of the lips: 1 as sampled, less if they overact")
    jaw: float = _setting(1.0, "Jaw", "Strength of the jaw: 1 as sampled")
    brows: float = _setting(1.0, "Brows", "Strength of the brows: 1 as sampled")
    eyes: float = _setting(1.0, "Eyes", "Strength of lids and gaze: 1 as sampled")
    cheeks: float = _setting(1.0, "Cheeks", "Strength of cheeks and nose: 1 as sampled")
    head: float = _setting(1.0, "Head", "Strength of the turns of the head: 0 holds it still")
    closure: float = _setting(
        1.0, "Lip Closure", "How firmly the lips meet at p, b and m, and bite at f and v", high=1.0
    )
    smoothing: float = _setting(
        0.0, "Smoothing", "Takes out what is quick: 0 nothing, 1 all but slow moves", high=1.0
    )
    max_opening: float = _setting(
        1.0, "Widest Opening", "The widest that the jaw may open", high=1.0
    )
    asymmetry: float = _setting(
        0.0,
        "Asymmetry",
        "Above 0 the character's right side moves less, below 0 the left",
        low=-1.0,
        high=1.0,
    )
