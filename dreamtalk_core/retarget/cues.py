"""Mouths one after the other, for those who swap drawings: a track of cues instead of curves.

For every frame it is known how well each mouth fits; of all ways to cut the time into cues that
are held for `HOLD` or longer, that one is taken which fits best, less a price for every change (see
`in_steps`).
`mouths.tsv` says which mouth of a set of drawings stands for which viseme.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.retarget.schemes import table
from dreamtalk_core.retarget.steps import in_steps
from dreamtalk_core.retarget.visemes import SILENCE, VISEMES

Scores = NDArray[np.float64]

SETS: dict[str, dict[str, str]] = {
    "visemes": {name: name.removeprefix("viseme_") for name in VISEMES},
    **{
        column: {row["viseme"]: row[column] for row in table("mouths.tsv")}
        for column in ("rhubarb", "preston_blair")
    },
}
"""Set of drawings -> viseme -> mouth: Oculus' fifteen, the letters of Rhubarb (A to H, X), and
Preston Blair's ten, as Moho and Papagayo name them."""

HOLD = 0.07
"""Seconds that a mouth is held at least: less than two drawings on film is seen as a flicker."""
_CHANGE = 0.02
"""Seconds of a perfect fit that a change costs."""
_CLOSURE = 0.25
"""Seconds. Lips that are shut for less are so because of a sound, and not at rest."""


class Cue(NamedTuple):
    """A mouth, a phone or a word, and the seconds from which and to which it lasts."""

    start: Fraction
    end: Fraction
    name: str


@dataclass(frozen=True)
class Track:
    """Cues without gaps from 0 to the end of a line. sound: name of the line's file, if known."""

    cues: tuple[Cue, ...]
    sound: str = ""

    @property
    def duration(self) -> Fraction:
        """Seconds: where the last cue ends."""
        return self.cues[-1].end


def track(
    scores: Scores,
    rate: Fraction,
    duration: Fraction,
    drawings: str,
    sound: str = "",
) -> Track:
    """The mouths that fit best.

    scores: how well each of `VISEMES` fits [T, 15], row i from i / rate to (i + 1) / rate s.
    duration: where the last cue ends, in seconds. drawings: of `SETS`. sound: see `Track`.
    """
    names, known = list(dict.fromkeys(SETS[drawings].values())), SETS[drawings]
    fits = np.zeros((len(scores), len(names)))
    for column, viseme in enumerate(VISEMES):
        fits[:, names.index(known[viseme])] += scores[:, column]
    least = max(1, ceil(HOLD * rate))
    runs = _runs(in_steps(fits.T, least, _CHANGE * float(rate)))
    rest, shut = names.index(known[SILENCE]), names.index(known["viseme_PP"])
    runs = [
        (first, stop, shut)
        if mouth == rest and first > 0 and stop < len(fits) and stop - first < _CLOSURE * rate
        else (first, stop, mouth)
        for first, stop, mouth in runs
    ]
    starts = [Fraction(first) / rate for first, _, _ in runs]
    ends = [*starts[1:], duration]
    cues = zip(starts, ends, (names[mouth] for _, _, mouth in runs), strict=True)
    return Track(tuple(Cue(*cue) for cue in cues), sound)


def frames(cues: tuple[Cue, ...], fps: int) -> tuple[list[tuple[int, str]], int]:
    """The first frame of each cue, from 0 up, and its name; and how many frames there are.

    A cue that has no frame is left out, and equal ones that meet are one.
    """
    end, result = max(1, round(cues[-1].end * fps)), list[tuple[int, str]]()
    for cue in cues:
        first = round(cue.start * fps)
        if result and result[-1][0] == first:
            result.pop()
        if first < end and (not result or result[-1][1] != cue.name):
            result.append((first, cue.name))
    return result, end


def _runs(path: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """(first, stop, value) of the stretches of equal values."""
    edges = np.flatnonzero(np.diff(path)) + 1
    starts = [0, *edges.tolist()]
    return [
        (first, stop, int(path[first]))
        for first, stop in zip(starts, [*starts[1:], len(path)], strict=True)
    ]
