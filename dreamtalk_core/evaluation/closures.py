"""Are the lips of the built-in head shut where a /p/, /b/ or /m/ is spoken?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np

from dreamtalk_core.evaluation.signals import bootstrap_interval
from dreamtalk_core.evaluation.vertices import lip_gap_mm, shut_within
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import Speech


@dataclass(frozen=True)
class Phone:
    """A labelled phone, `start` to `end` s."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class Line:
    """A spoken sentence with its phones."""

    id: str
    speaker: str
    emotion: str
    speech: Speech
    phones: tuple[Phone, ...]

    def spans(self, symbols: Iterable[str]) -> list[tuple[float, float]]:
        """Start and end in s of the phones with one of these labels."""
        return [(p.start, p.end) for p in self.phones if p.symbol in set(symbols)]


@dataclass(frozen=True)
class ClosureResult:
    """How often the lips were shut, over all lines."""

    bilabials: tuple[bool, ...]
    """For every /p b m/: shut in one of the frames that show it."""
    vowels: tuple[bool, ...]
    """For every open vowel: shut in its middle. These should be False."""

    @property
    def share(self) -> float:
        """Share of /p b m/ with shut lips, NaN without any."""
        return float(np.mean(self.bilabials)) if self.bilabials else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of `share` over the phones."""
        return bootstrap_interval(np.array(self.bilabials, float))

    @property
    def vowel_share(self) -> float:
        """Share of open vowels at which the lips were shut, NaN without any."""
        return float(np.mean(self.vowels)) if self.vowels else float("nan")


def closures(
    animate: Callable[[Speech], Motion],
    lines: Iterable[Line],
    shut: Collection[str],
    vowels: Collection[str],
) -> ClosureResult:
    """How often the lips of the built-in head are within 1 mm of closed at /p b m/.

    animate: speech -> motion. shut, vowels: labels of closed lips, and of vowels for which no mouth
    is shut: a face that always closes shall not score. Counted is the lowest gap in the frames that
    overlap the phone from the labelled start of the closure to its release, see
    `vertices.shut_within`.
    """
    at_bilabials: list[bool] = []
    at_vowels: list[bool] = []
    for line in lines:
        motion = animate(line.speech).to_arkit()
        gap, fps = lip_gap_mm(motion.weights), float(motion.fps)
        at_bilabials += [shut_within(gap, *span, fps) for span in line.spans(shut)]
        middles = [(start + end) / 2 for start, end in line.spans(vowels)]
        at_vowels += [shut_within(gap, middle, middle, fps) for middle in middles]
    return ClosureResult(tuple(at_bilabials), tuple(at_vowels))
