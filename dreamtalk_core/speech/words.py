"""Where the words of a transcript are said: its letters are held against the phones.

Both are rows of signs with boundaries between words. Of all ways to put one beside the other the
cheapest is taken: a letter and a phone cost what they differ in how they would be spoken, letters
of scripts that tell nothing of that cost the same beside any, and so the boundaries decide.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import lru_cache

import numpy as np

from dreamtalk_core.errors import shown
from dreamtalk_core.retarget.cues import Cue
from dreamtalk_core.speech.articulation import FEATURES, articulation
from dreamtalk_core.speech.phones import Phones
from dreamtalk_core.warned import warn

_SILENT, _EXTRA = 0.45, 0.55
"""What a letter that is not heard costs, and a phone that is not written."""
_BOUNDARY = -0.8
"""What it costs where a boundary is written and heard."""
_UNKNOWN = 0.5
_BAND = 150
"""Phones to either side of where a letter would be if all were spoken evenly."""
_WB = ""
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω", "avɣðeziθiklmnkoprsstifxpo"
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшщыэюяіїєґ", "abvgdeʒziklmnoprstufxsʃʃʃɨeuaiieg"
_READ = dict(zip("cqxy" + _GREEK[0] + _CYRILLIC[0], "kkki" + _GREEK[1] + _CYRILLIC[1], strict=True))
"""Letters that are mostly spoken otherwise than IPA has them, if it has them."""


def sound_of(letter: str) -> str:
    """The phone that a letter is mostly spoken as, in IPA; itself where that is not known."""
    plain = unicodedata.normalize("NFD", letter)[0]
    return _READ.get(plain, plain)


def find_words(phones: Phones, transcript: str) -> Phones:
    """The same with the words of a transcript. Those of which nothing is heard are left out, with a
    warning."""
    words = [word for word in (stripped(text) for text in transcript.split()) if word]
    said = phones.phones
    letters = [(letter, i) for i, word in enumerate(words) for letter in (*word.casefold(), _WB)]
    heard: list[tuple[str, int]] = []
    for i, phone in enumerate(said):
        if i and phones.groups[i] != phones.groups[i - 1]:
            heard.append((_WB, i))
        heard.append((phone.name, i))
    spans: dict[int, tuple[int, int]] = {}
    for at, beside in _aligned([sign for sign, _ in letters], [sign for sign, _ in heard]):
        (letter, word), (sound, place) = letters[at], heard[beside]
        if letter and sound:
            first, last = spans.get(word, (place, place))
            spans[word] = min(first, place), max(last, place)
    found = _closed(spans, phones.groups)
    missing = [words[i] for i in range(len(words)) if i not in found]
    if missing:
        warn(
            f"Of the transcript {len(missing)} of {len(words)} words are not heard, such as "
            f"'{shown(missing[0], 40)}'. Check that it is of this recording."
        )
    placed = (
        Cue(said[first].start, said[last].end, words[word])
        for word, (first, last) in sorted(found.items())
    )
    return replace(phones, words=tuple(placed))


def _closed(
    spans: dict[int, tuple[int, int]], groups: tuple[int, ...]
) -> dict[int, tuple[int, int]]:
    """Words with the phones beside theirs that nobody else has, as far as no boundary was heard."""
    result, reached = {}, -1
    order = sorted(spans)
    for number, word in enumerate(order):
        first, last = spans[word]
        if first <= reached:
            first = reached + 1
        while first - 1 > reached and groups[first - 1] == groups[first]:
            first -= 1
        limit = spans[order[number + 1]][0] if number + 1 < len(order) else len(groups)
        while last + 1 < limit and groups[last + 1] == groups[last]:
            last += 1
        if first <= last:
            result[word] = (first, last)
            reached = last
    return result


def stripped(word: str) -> str:
    """A word without the signs before and after it."""
    kept = [i for i, letter in enumerate(word) if letter.isalnum()]
    return word[kept[0] : kept[-1] + 1] if kept else ""


@lru_cache(maxsize=65536)
def _difference(letter: str, phone: str) -> float:
    """What a letter beside a phone costs, 0..1; boundaries are empty."""
    if not letter and not phone:
        return _BOUNDARY
    if not letter or not phone:
        return 2.0
    written, spoken = articulation((sound_of(letter), phone))
    if not written.any():
        return _UNKNOWN
    vowel = FEATURES.index("vowel")
    if (written[vowel] > 0.5) != (spoken[vowel] > 0.5):
        return 1.2
    return float(min(1.0, np.abs(written - spoken).sum() / 4))


def _aligned(letters: list[str], phones: list[str]) -> list[tuple[int, int]]:
    """Pairs of places in either row that are put beside each other, ascending."""
    rows, columns = len(letters), len(phones)
    if not rows or not columns:
        return []
    width = max(_BAND, columns // rows + 1)
    costs: list[list[float]] = []
    ways: list[bytearray] = []  # 0 both, 1 a letter alone, 2 a phone alone
    starts: list[int] = []
    for row in range(rows + 1):
        centre = row * columns // rows
        first, stop = max(0, centre - width), min(columns, centre + width)
        cost, way = list[float](), bytearray()
        above, from_column = (costs[-1], starts[-1]) if row else (list[float](), 0)
        silent = _SILENT if row and letters[row - 1] else 0.1
        for column in range(first, stop + 1):
            place = column - from_column
            options = [np.inf, np.inf, np.inf]
            if row == 0 and column == 0:
                options[0] = 0.0
            if row and 0 < place <= len(above) and column:
                options[0] = above[place - 1] + _difference(letters[row - 1], phones[column - 1])
            if row and 0 <= place < len(above):
                options[1] = above[place] + silent
            if column > first:
                options[2] = cost[-1] + (_EXTRA if phones[column - 1] else 0.1)
            best = options.index(min(options))
            cost.append(options[best])
            way.append(best)
        costs.append(cost)
        ways.append(way)
        starts.append(first)
        if row > 0:
            costs[row - 1] = []  # only the last is needed
    pairs, row, column = [], rows, columns
    while row or column:
        taken = ways[row][column - starts[row]]
        row, column = row - (taken != 2), column - (taken != 1)
        if taken == 0:
            pairs.append((row, column))
    return pairs[::-1]
