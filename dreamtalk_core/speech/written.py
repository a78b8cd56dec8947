"""A transcript as a hint: what is written corrects what is heard where the ear was unsure.

The letters are aligned with all that the recogniser thinks possible, not only with what it reports:
the likeliest way through the letters, row by row, each of them a while, or left out, with nothing
or an unwritten phone between them (Viterbi over the CTC states of A. Graves et al., 2006). Where a
letter lies and no phone is sure, the rows get the letter's articulation. Whatever is sure stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dreamtalk_core.errors import shown
from dreamtalk_core.models.devices import inference
from dreamtalk_core.speech.articulation import FEATURES, articulation
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.phonetics import PhoneticEncoder
from dreamtalk_core.speech.words import sound_of, stripped
from dreamtalk_core.warned import warn

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]

SURE = 0.8
"""Probability from which a phone that is reported is not doubted."""
_HEARD = 0.4
"""Probability from which lips are heard to close without any help."""
_ALIKE = 2.0
"""How fast a phone ceases to pass for a letter, as they are spoken less alike."""
_BLANK = 0.05
"""What the share of the blank counts for: the recogniser reports in peaks, and says blank between
them, and of all that is unclear."""
_UNWRITTEN = 0.1
"""What a phone counts for where no letter is."""
_LEAST = 1e-4
_LEFT_OUT, _LASTS = -8.0, -1.0
"""Log-probability that a letter is not spoken, and that it lasts another row."""
_NEVER = -1e9
_WIDTH = 256
"""Letters that are considered at once: 8 s of speech to either side of the likeliest."""
_REACH = 2
"""Rows (40 ms) to either side in which a written phone is believed."""
_AROUND = 4
"""Rows to either side of a letter of the lips in which they may be heard."""
_BETTER = 0.1
"""Log-probability for every letter by which a transcript must be likelier than if read backwards.
Of 2 s of speech, right transcripts have .05 to .7 and others -.1 to .15."""
_CLEAR = -2.5
"""Mean log-probability of the letters of a word that is heard."""
_LIPS = "pbmfv"
"""Phones that letters stand for in any language, and that lips show."""
_MAYBE = frozenset(_LIPS + "w")
_CONTACT = [FEATURES.index("bilabial"), FEATURES.index("labiodental")]


@dataclass(frozen=True, eq=False)
class Hint:
    """What is written and was not surely heard.

    rows: [M] of feature rows, ascending. wanted: [M, len(FEATURES)] the articulation there.
    apart: [T] of the rows in which lips do not touch, though it may seem so.
    """

    rows: Whole
    wanted: Floats
    apart: npt.NDArray[np.bool_]

    def correct(self, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
        """Feature rows [t, F] in order, see `PhoneticEncoder.features`, as they are written."""
        count, done = len(FEATURES), 0
        for heard in pieces:
            piece = heard.clone()
            believed, reported = piece[:, -1 - 2 * count : -1].split(count, 1)
            apart = np.flatnonzero(self.apart[done : done + len(piece)])
            reported[torch.from_numpy(apart)[:, None], torch.tensor(_CONTACT)] = 0
            first, last = np.searchsorted(self.rows, (done - _REACH, done + len(piece) + _REACH))
            wanted = 2 * torch.from_numpy(self.wanted[first:last]).to(piece)
            for own, row in zip(wanted, self.rows[first:last] - done, strict=True):
                believed[max(0, row - _REACH) : max(0, row + _REACH + 1)] = own
                if 0 <= row < len(piece):
                    reported[row] = torch.maximum(reported[row], own)
            yield piece
            done += len(heard)


def read_hint(
    speech: Speech,
    phonetics: PhoneticEncoder,
    transcript: str,
    between: Callable[[], object] = lambda: None,
) -> Hint | None:
    """What a transcript tells of a speech beyond what is surely heard.

    None, with a warning, where it is of something else, or its letters tell nothing of how they
    are spoken. Words that nothing is heard of are left out, with a warning. between: called now and
    then; what it raises ends the work. Memory grows by 130 MB for every hour of speech.
    """
    spelled = [(word, tuple(_sounds(word))) for word in map(stripped, transcript.split())]
    spelled = [(word, letters) for word, letters in spelled if letters]
    if not spelled:
        warn(
            "The transcript has no letters that tell how they are spoken, and changes nothing. "
            "Write it in Latin, Greek or Cyrillic letters."
        )
        return None
    words = [word for word, _ in spelled]
    sounds = [sound for _, letters in spelled for sound in letters]
    owners = np.repeat(np.arange(len(words)), [len(letters) for _, letters in spelled])
    heard = _hear(speech, phonetics, tuple(sorted(set(sounds))), between)
    columns = np.array([heard.sounds.index(sound) for sound in sounds])
    way, score = _align(heard.chances, heard.blank, columns)
    _, backwards = _align(heard.chances, heard.blank, columns[::-1])
    if score - backwards < _BETTER * len(columns):
        warn(
            f"What is heard is not what the transcript says ('{shown(words[0], 40)} ...'), or too "
            "unclear to tell, so it changes nothing. Check that it is of this recording."
        )
        return None
    places = _places(way, heard.chances, columns)
    found = np.where(places < 0, np.log(_LEAST), heard.chances[places, columns])
    clear = np.bincount(owners, found) >= _CLEAR * np.bincount(owners)
    places[~clear[owners]] = -1
    if not clear.all():
        missing = words[int(clear.argmin())]
        warn(
            f"Of the transcript {np.sum(~clear)} of {len(words)} words are not heard, such as "
            f"'{shown(missing, 40)}'. Check that it is of this recording."
        )
    return _hint(places, sounds, heard)


def _sounds(word: str) -> Iterator[str]:
    """What the letters of a word are mostly spoken as, without those of which that is not known,
    and once for two that are the same."""
    folded = word.casefold().replace("ph", "f")
    known = (sound for sound in map(sound_of, folded) if articulation((sound,)).any())
    return (sound for sound, _ in groupby(known))


@dataclass(frozen=True, eq=False)
class _Heard:
    """What is heard in T rows.

    sounds: [U] that were asked for. chances: [T, U] log-probability of each, blank: [T] of none.
    surest: [T] probability of the likeliest phone. contact: [T, 2] of lips that touch each other,
    and the teeth.
    """

    sounds: tuple[str, ...]
    chances: Floats
    blank: Floats
    surest: Floats
    contact: Floats


def _hear(
    speech: Speech,
    phonetics: PhoneticEncoder,
    sounds: tuple[str, ...],
    between: Callable[[], object],
) -> _Heard:
    table = phonetics.articulation.cpu().numpy()
    alike = _alike(table, articulation(sounds))
    parts: list[tuple[Floats, ...]] = []
    with inference():
        for rows in phonetics.report(speech.waveform):
            between()
            values = rows.float().cpu().numpy()
            phones = values[:, :-1] * table.any(1)
            none = _BLANK * values[:, -1] + (values[:, :-1] - phones).sum(1)
            chances = np.log(phones @ alike + _LEAST)
            blank = np.log(none + _UNWRITTEN * phones.sum(1) + _LEAST)
            parts.append((chances, blank, phones.max(1), phones @ table[:, _CONTACT]))
    return _Heard(sounds, *(np.concatenate(part) for part in zip(*parts, strict=True)))


def _alike(phones: Floats, sounds: Floats) -> Floats:
    """[phones, U] how well a phone passes for a sound, 0..1, by articulation."""
    vowel = FEATURES.index("vowel")
    apart = np.minimum(1, np.abs(phones[:, None] - sounds).sum(2) / 4)
    other = (phones[:, None, vowel] > 0.5) != (sounds[:, vowel] > 0.5)
    return np.exp(-_ALIKE * np.where(other, 1.2, apart)).astype(np.float32)


def _align(chances: Floats, blank: Floats, columns: Whole) -> tuple[Whole, float]:
    """[T] the letter of each row on the likeliest way through S letters, -1 for none; and its
    log-probability.

    chances: [T, U], blank: [T] log-probabilities; columns: [S] of each letter in chances. States
    are numbers of letters that are behind: in the last of them, or past it.
    """
    rows, width = len(blank), min(len(columns) + 1, _WIDTH)
    came = np.zeros((rows, width), np.int16)  # letters further than before, and whether out of one
    rested = np.zeros((rows, width), bool)  # whether the rest after a letter comes out of it
    lows = np.zeros(rows, np.int64)
    past, within = np.full(width, _NEVER), np.full(width, _NEVER)
    past[0], low = 0.0, 0
    order, skips = np.arange(width), _LEFT_OUT * np.arange(width)
    for row in range(rows):
        ahead = low + int(np.maximum(past, within).argmax()) - width // 2
        if (shift := min(ahead, len(columns) + 1 - width) - low) > 0:
            fill = np.full(shift, _NEVER)
            past, within = np.r_[past[shift:], fill], np.r_[within[shift:], fill]
            low += shift
        lows[row] = low
        reached, out = np.maximum(past, within), within > past
        free = reached - skips
        best = np.maximum.accumulate(free)
        source = np.maximum.accumulate(np.where(free >= best, order, 0))
        enter = np.full(width, _NEVER)
        enter[1:] = best[:-1] + skips[:-1]
        stays = within + _LASTS >= enter
        came[row] = np.where(stays, 1, 0)
        came[row, 1:] = np.where(stays[1:], 1, 2 * (order[1:] - source[:-1]) + out[source[:-1]])
        rested[row] = out
        letters = columns[np.maximum(low + order - 1, 0)]
        within = np.maximum(enter, within + _LASTS) + chances[row, letters]
        past = reached + blank[row]
    final = np.maximum(past, within) + _LEFT_OUT * (len(columns) - low - order)
    state = low + int(final.argmax())
    sounding = bool(within[state - low] > past[state - low])
    way = np.full(rows, -1)
    for row in range(rows - 1, -1, -1):
        place = state - lows[row]
        if sounding:
            way[row] = state - 1
            code = int(came[row, place])
            state, sounding = state - code // 2, bool(code % 2)
        else:
            sounding = bool(rested[row, place])
    return way, float(final.max())


def _places(way: Whole, chances: Floats, columns: Whole) -> Whole:
    """[S] the row in which each letter is likeliest, -1 for those that are left out."""
    places = np.full(len(columns), -1)
    best = np.full(len(columns), -np.inf)
    for row in np.flatnonzero(way >= 0):
        letter = way[row]
        if chances[row, columns[letter]] > best[letter]:
            places[letter], best[letter] = row, chances[row, columns[letter]]
    return places


def _hint(places: Whole, sounds: list[str], heard: _Heard) -> Hint:
    """What letters at their places tell that is not heard there."""
    rows: list[int] = []
    wanted: list[Floats] = []
    apart, lips = np.zeros((2, len(heard.blank)), bool)
    for letter in np.flatnonzero(places >= 0):
        row, sound = int(places[letter]), sounds[letter]
        around = slice(max(0, row - _AROUND), row + _AROUND + 1)
        (lips if sound in _MAYBE else apart)[around] = True
        if sound not in _LIPS:
            continue
        near = slice(max(0, row - 1), row + 2)
        own = articulation((sound,))[0]
        touches = heard.contact[near][:, own[_CONTACT] > 0].max()
        if heard.surest[near].max() < SURE and touches < _HEARD:
            rows.append(row)
            wanted.append(own)
    apart &= ~lips & (heard.contact < _HEARD).all(1)
    found = np.array(wanted, np.float32).reshape(-1, len(FEATURES))
    return Hint(np.array(rows, np.int64), found, apart)
