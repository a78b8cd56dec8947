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

SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
"""What is said, by the part of a line's name that follows the speaker: `03a01Fa`."""
_FEWEST = 10
"""Phones that are labelled at least, where a sentence is labelled whole."""

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


def spoken_text(corpus: Path, line: Line) -> str:
    """What is said of a line's sentence before its sound ends: as large a share of its letters as
    of its labelled phones."""
    text = SENTENCES[line.id[2:5]]
    labels = read_phones(corpus / "emodb" / "phones" / f"{line.id}xx.txt")
    phones = [p for p in labels if p.symbol[0] not in ".,!-" and "asp" not in p.symbol]
    if len(phones) < _FEWEST:
        return text
    left = sum(p.end <= line.speech.duration for p in phones) / len(phones)
    letters = [i for i, letter in enumerate(text) if letter.isalpha()]
    return text[: letters[max(0, round(left * len(letters)) - 1)] + 1]
