"""Are the lips of the built-in head shut where a /p/, /b/ or /m/ is spoken?

Labelled speech: EMO-DB (F. Burkhardt et al., "A database of German emotional speech", 2005), acted
by ten people in seven emotions, with hand-made phone labels. A corpus folder holds it as

    CORPUS/emodb/labels.tsv          columns id, speaker, sentence, emotion
    CORPUS/emodb/ID.flac
    CORPUS/emodb/phones/IDxx.txt     labels of xlabel

A label's time is where the phone STARTS: over all releases (`!p`, `!t`, `!k`), the energy rises
within a millisecond of the label's time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation.metrics import bootstrap_interval, lip_gap_mm, shut_within
from dreamtalk_core.motion import Motion
from dreamtalk_core.speech.audio import Speech

LIPS_SHUT = ("p", "_p", "b", "_b", "m", "mm")
"""Labels of closed lips. `!p` is the release, `B` a /b/ that does not close."""

OPEN_VOWELS = ("a", "a6", "aI", "aU", "E", "V")
"""Labels of vowels for which no mouth is shut: a face that always closes shall not score."""

LABEL = re.compile(r"\s*(\d+\.?\d*)\s+-?\d+ ([^\s;]*)")
"""Time, colour, phone; the phone is empty where only a remark (`+lar`) starts or ends."""


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


def read_phones(path: Path) -> tuple[Phone, ...]:
    """The phones of an xlabel file; the last label ends the speech and is no phone.

    Raises CorpusError when the file cannot be read.
    """
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error}).") from error
    matches = map(LABEL.match, text.rpartition("\n#")[2].splitlines())
    labels = [(float(found[1]), found[2]) for found in matches if found and found[2]]
    return tuple(
        Phone(symbol, start, end) for (start, symbol), (end, _) in pairwise(labels) if start < end
    )


def read_emodb(corpus: Path, every: int = 1) -> list[Line]:
    """Every n-th labelled line of `CORPUS/emodb`, over all speakers and emotions.

    Phones that go on after the end of the sound are left out. Raises CorpusError without EMO-DB.
    """
    folder = corpus / "emodb"
    try:
        with (folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except OSError as error:
        raise CorpusError(f"{folder} cannot be read ({error}). It should hold EMO-DB.") from error
    lines = []
    for row in rows[::every]:
        labels = folder / "phones" / f"{row['id']}xx.txt"
        if labels.exists():
            speech = Speech.load(folder / f"{row['id']}.flac")
            heard = tuple(p for p in read_phones(labels) if p.end <= speech.duration)
            lines.append(Line(row["id"], row["speaker"], row["emotion"], speech, heard))
    if not lines:
        raise CorpusError(f"{folder} holds no labelled lines.")
    return lines


def closures(animate: Callable[[Speech], Motion], lines: Iterable[Line]) -> ClosureResult:
    """How often the lips of the built-in head are within 1 mm of closed at /p b m/.

    animate: speech -> motion. Counted is the lowest gap in the frames that overlap the phone from
    the labelled start of the closure to its release, see `metrics.shut_within`.
    """
    bilabials: list[bool] = []
    vowels: list[bool] = []
    for line in lines:
        motion = animate(line.speech).to_arkit()
        gap, fps = lip_gap_mm(motion.weights), float(motion.fps)
        bilabials += [shut_within(gap, *span, fps) for span in line.spans(LIPS_SHUT)]
        middles = [(start + end) / 2 for start, end in line.spans(OPEN_VOWELS)]
        vowels += [shut_within(gap, middle, middle, fps) for middle in middles]
    return ClosureResult(tuple(bilabials), tuple(vowels))
