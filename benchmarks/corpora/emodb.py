"""EMO-DB: German sentences with hand-made phone labels.

F. Burkhardt et al., "A database of German emotional speech", 2005, acted by ten people in seven
emotions. A corpus folder holds it as

    CORPUS/emodb/labels.tsv          columns id, speaker, sentence, emotion
    CORPUS/emodb/ID.flac
    CORPUS/emodb/phones/IDxx.txt     labels of xlabel

A label's time is where the phone STARTS: over all releases (`!p`, `!t`, `!k`), the energy rises
within a millisecond of the label's time.
"""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from pathlib import Path

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation.closures import Line, Phone
from dreamtalk_core.speech.audio import Speech

LIPS_SHUT = ("p", "_p", "b", "_b", "m", "mm")
"""Labels of closed lips. `!p` is the release, `B` a /b/ that does not close."""

OPEN_VOWELS = ("a", "a6", "aI", "aU", "E", "V")
"""Labels of vowels for which no mouth is shut: a face that always closes shall not score."""

LABEL = re.compile(r"\s*(\d+\.?\d*)\s+-?\d+ ([^\s;]*)")
"""Time, colour, phone; the phone is empty where only a remark (`+lar`) starts or ends."""


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
            phones = tuple(p for p in read_phones(labels) if p.end <= speech.duration)
            lines.append(Line(row["id"], row["speaker"], row["emotion"], speech, phones))
    if not lines:
        raise CorpusError(f"{folder} holds no labelled lines.")
    return lines
