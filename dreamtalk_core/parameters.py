"""What a user can set, each described once: default, range, name and help.

Options of the command line, inputs of nodes, properties in Blender and messages of the worker are
made from these tables, and whatever is out of range is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.motion.frame_rate import MODEL_FPS, parse_fps

UNLIMITED = math.inf
STANDARD_FPS = Fraction(MODEL_FPS)
MOST_STEPS = 1000
"""Denoising steps that there are, with which the networks were trained."""


@dataclass(frozen=True)
class Parameter:
    """One setting.

    kind: float, int, Fraction (a frame rate), str, or Path. default: None where the model has one
    of its own. low, high: of numbers, inclusive. least, most: where sliders begin and end: `low`
    and `high`, where these are of any use. choices: the texts that it may be, if not any.
    label: one to three words. help: a line without a full stop at its end.
    """

    name: str
    kind: type[Any]
    default: Any
    low: float
    high: float
    least: float
    most: float
    choices: tuple[str, ...]
    label: str
    help: str

    @property
    def numeric(self) -> bool:
        """Whether it is a number."""
        return issubclass(self.kind, (float, int, Fraction))

    def check(self, value: Any) -> None:
        """Raises DreamTalkError for a value that it cannot have, or none."""
        if value is None and self.default is None:
            return
        if not self.numeric:
            if self.choices and value not in self.choices:
                raise DreamTalkError(
                    f"{self.name} is {shown(str(value))}. Give {' or '.join(self.choices)}."
                )
            return
        finite = self.low <= value <= self.high and value != math.inf
        if finite and (self.kind is not int or value == int(value)):
            return
        usual = "" if self.default is None else f", usually {float(self.default):g}"
        most = f"to {self.high:g}" if self.high < UNLIMITED else f"up{usual}"
        number = "whole number" if self.kind is int else "number"
        raise DreamTalkError(f"{self.name} is {value}. Give a {number} from {self.low:g} {most}.")


class Settings:
    """Base of the tables: a frozen dataclass all of whose fields are made by `setting`."""

    def __post_init__(self) -> None:
        for parameter in parameters(type(self)):
            parameter.check(getattr(self, parameter.name))


def parameters(table: type[Settings]) -> Iterator[Parameter]:
    """The settings of a table, in order."""
    parts: tuple[Field[Any], ...] = fields(table)  # type: ignore[arg-type]
    for part in parts:
        yield Parameter(part.name, **part.metadata)


def setting(
    default: Any,
    label: str,
    help: str,
    low: float = 0.0,
    high: float = UNLIMITED,
    *,
    least: float | None = None,
    most: float = 3.0,
    kind: type[Any] = float,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field of a table, see `Parameter`."""
    about = {"kind": kind, "default": default, "low": low, "high": high, "choices": choices}
    about |= {"least": low if least is None else least, "most": min(most, high)}
    return field(default=default, metadata={**about, "label": label, "help": help})


@dataclass(frozen=True)
class Sampling(Settings):
    """How the model draws a motion.

    guidance_scale: 0 is neutral, 1 the style as it is, more exaggerates it (lip sync suffers above
        2).
    seed: 0 or more; the same seed gives the same motion.
    fps: of the motion, exact; anything that `parse_fps` takes, kept as a `Fraction`.
    steps: of denoising, 1 to 1000; None: as many as the model is made for.

    Raises `DreamTalkError` for a value out of range, `MotionError` for an impossible fps.
    """

    guidance_scale: float = setting(
        1.0, "Intensity", "Strength of the style: 0 neutral, 1 as it is, up to 2 exaggerated"
    )
    seed: int = setting(
        0,
        "Seed",
        "Another seed is another take. The same seed is the same take",
        kind=int,
        most=0xFFFFFFFFFFFFFFFF,
    )
    fps: Fraction = setting(  # noqa: RUF009 (a field, as the others)
        STANDARD_FPS,
        "Frame Rate",
        "Frames per second. 23.976, 29.97 and 59.94 are taken for the exact rates of film and "
        "television",
        1 / 1024,
        1000.0,
        least=1.0,
        most=240.0,
        kind=Fraction,
    )
    steps: int | None = setting(
        None,
        "Steps",
        "Denoising steps, if not those that the model is made for. More is slower and hardly "
        "better",
        1,
        MOST_STEPS,
        most=100,
        kind=int,
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", parse_fps(self.fps))
        super().__post_init__()


@dataclass(frozen=True)
class Behaviour(Settings):
    """What no network draws, in strengths: 0 is off, 1 natural, more is more.

    blinks: how often the eyes blink, as a factor on about 17 a minute; every blink shuts them.
    gaze: size of the gaze shifts, and how well the eyes stay on the viewer when the head turns.
    gestures: size of the head movement that follows speech (nods, turns, posture) and of the brow
        flashes that come with strong accents; how far breaths, laughs and sighs that are heard
        show, and how firmly the mouth waits for a breath in a pause.
    idle: size of what moves even in silence: sway, breathing, a little brow, lid and mouth corner.
    tongue: how far the tongue goes to where the sounds are made, and the cheeks at p and b; 0
        leaves out its channels, see `motion.tongue`.

    Raises `DreamTalkError` for a strength that is not a number from 0 up.
    """

    blinks: float = setting(
        1.0, "Blinks", "How often the eyes blink: 0 never, 1 about 17 times a minute"
    )
    gaze: float = setting(1.0, "Gaze", "Size of the gaze shifts: 0 stares, 1 is natural")
    gestures: float = setting(
        1.0,
        "Gestures",
        "Size of nods, turns and brow flashes that follow the voice, and of breaths, laughs and "
        "sighs",
    )
    idle: float = setting(
        1.0, "Idle", "Size of sway, breathing and the like, which go on in silence"
    )
    tongue: float = setting(
        1.0, "Tongue", "Movement of the tongue, and of the cheeks at p and b, as it is heard"
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

    lips: float = setting(1.0, "Lips", "Strength of the lips: 1 as sampled, less if they overact")
    jaw: float = setting(1.0, "Jaw", "Strength of the jaw: 1 as sampled")
    brows: float = setting(1.0, "Brows", "Strength of the brows: 1 as sampled")
    eyes: float = setting(1.0, "Eyes", "Strength of lids and gaze: 1 as sampled")
    cheeks: float = setting(1.0, "Cheeks", "Strength of cheeks and nose: 1 as sampled")
    head: float = setting(1.0, "Head", "Strength of the turns of the head: 0 holds it still")
    closure: float = setting(
        1.0, "Lip Closure", "How firmly the lips meet at p, b and m, and bite at f and v", high=1.0
    )
    smoothing: float = setting(
        0.0, "Smoothing", "Takes out what is quick: 0 nothing, 1 all but slow moves", high=1.0
    )
    max_opening: float = setting(
        1.0, "Widest Opening", "The widest that the jaw may open", high=1.0
    )
    asymmetry: float = setting(
        0.0,
        "Asymmetry",
        "Above 0 the character's right side moves less, below 0 the left",
        low=-1.0,
        high=1.0,
    )


@dataclass(frozen=True)
class Listener(Settings):
    """How a face listens to others while it is silent itself.

    listening: size of nods, brow flashes and turns to the speaker; 0 is off.
    toward: degrees from the viewer to the speaker, positive to the listener's left.

    Raises `DreamTalkError` for a value out of range.
    """

    listening: float = setting(
        1.0, "Listening", "Size of nods, brow flashes and turns to whoever speaks: 0 is off"
    )
    toward: float = setting(
        0.0,
        "Toward",
        "Where the speaker is who is listened to: degrees to the listener's left, below 0 to the "
        "right; 0 is where the viewer is",
        low=-90.0,
        high=90.0,
        most=90.0,
    )


MOUTH_SETTINGS = (
    *("guidance_scale", "seed", "steps", "tongue", "lips", "jaw", "cheeks", "closure"),
    *("smoothing", "max_opening", "asymmetry"),
)
"""The settings of the tables that say something of a mouth which is put into a video."""


def tables() -> tuple[type[Settings], ...]:
    """All tables of what shapes a motion; no two of their settings have the same name."""
    return (Sampling, Behaviour, Controls, Listener)


def changed(settings: Mapping[str, Any], *chosen: Settings) -> tuple[Any, ...]:
    """Tables with some of their settings given by name, in whichever table they are.

    Raises DreamTalkError for a name that is in none of them, and what the tables raise.
    """
    known = [parameter.name for table in chosen for parameter in parameters(type(table))]
    for name in settings:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise DreamTalkError(f"There is no setting '{shown(name)}'. {hint}")
    return tuple(
        replace(table, **{name: settings[name] for name in names & settings.keys()})  # type: ignore[type-var]
        for table in chosen
        for names in [{parameter.name for parameter in parameters(type(table))}]
    )
