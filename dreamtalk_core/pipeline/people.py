"""Several people who are together: each speaks on a track of their own and hears the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from dreamtalk_core.animation.noise import own_seed
from dreamtalk_core.errors import SpeechError
from dreamtalk_core.motion import Motion
from dreamtalk_core.pipeline.base import NEUTRAL, AnyStyle, Other, Pipeline
from dreamtalk_core.pipeline.performance import Performance
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.spool import in_pieces, spooled

_TURN = 14.0
"""Degrees that somebody turns for each size of a face between them and whom they look at."""
_MOST = (12.0, 38.0)
"""Degrees (pitch, yaw) that they turn at most: a picture shows people beside one another, who would
turn away from it if they were to face each other."""


@dataclass(frozen=True, eq=False)
class Person:
    """One of several.

    speech: what they say, from the moment at which all begin; None: they listen. style: in any form
    that `load_style` takes; None: the one that is usual for the model, neutral for a listener.
    portrait: their resting face, for `auto`. settings: of `sample_motion`, by name. box: left, top,
    right and bottom of their face in the picture; None: not known. motion: theirs, if it is there
    already. transcript: what they say, as of `sample_motion`.
    """

    speech: Speech | None = None
    style: AnyStyle | None = None
    portrait: Performance | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    motion: Motion | None = None
    transcript: str = ""


def sample_people(
    talk: Pipeline, people: Sequence[Person], progress: Progress | None = None
) -> list[Motion]:
    """The motions of people who are together, all as long as the longest speech.

    Each listens to the others while silent, and turns to them where boxes are known. Each draws
    from a seed of their own, made from that in the settings and their number, so that two who say
    the same do not move together; the first keeps it.
    Raises what `load_style` and `sample_motion` do, and SpeechError where nobody speaks.
    """
    if not any(person.speech for person in people):
        raise SpeechError("Nobody speaks. Give the speech of one of them.")
    longest = max(len(person.speech.waveform) for person in people if person.speech)
    heard = [person.speech and talk.analyse(person.speech) for person in people]
    motions: list[Motion] = []
    for number, person in enumerate(people):
        if person.motion is not None:
            motions.append(person.motion)
            continue
        others = [
            Other(speech, _direction(person, people[i]))
            for i, speech in enumerate(heard)
            if speech is not None and i != number
        ]
        features = heard[number]
        usual = talk.default_style if features is not None else NEUTRAL
        style = talk.load_style(
            usual if person.style is None else person.style,
            next((one.speech for one in others), None) if features is None else features,
            person.portrait,
        )
        speech = _lasting(person.speech, longest)
        seed = own_seed(person.settings.get("seed", 0), number)
        motions.append(
            talk.sample_motion(
                features if speech is person.speech and features is not None else speech,
                style,
                others=others,
                transcript=person.transcript,
                progress=_share(progress, number, len(people)),
                **{**person.settings, "seed": seed},
            )
        )
    return motions


def _lasting(speech: Speech | None, samples: int) -> Speech:
    """A speech with silence behind it, so many samples long; silence where there is none."""
    if speech is None:
        return Speech(np.zeros(samples, np.float32), "silence")
    if len(speech.waveform) == samples:
        return speech
    silence = np.zeros(samples - len(speech.waveform), np.float32)
    parts = (in_pieces(part, SAMPLE_RATE) for part in (speech.waveform, silence))
    return Speech(spooled(chain.from_iterable(parts)), speech.source)


def _direction(person: Person, other: Person) -> tuple[float, float] | None:
    """Where somebody has to look to see another one: (pitch, yaw) in degrees."""
    if person.box is None or other.box is None:
        return None
    corners = np.array([person.box, other.box]).reshape(2, 2, 2)
    away = np.diff(corners.mean(1), axis=0)[0]
    right, down = away / np.ptp(corners, axis=1).max(-1).mean()
    # Who looks to the right of the picture looks to their own left.
    pitch, yaw = (
        most * math.tanh(_TURN * way / most) for way, most in zip((down, right), _MOST, strict=True)
    )
    return pitch, yaw


def _share(progress: Progress | None, number: int, count: int) -> Progress | None:
    """The progress of one of several jobs of the same size."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, count * total)
