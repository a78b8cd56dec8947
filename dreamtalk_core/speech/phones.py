"""The phones that are heard in a speech, one after the other, and the mouths that say them.

The recogniser reports a phone in a peak of a row or two, `DELAY` after its middle, and marks where
words meet. So a phone is sure, its middle nearly so, and its edges are put between two middles,
nearer to the consonant, which is short. Where nobody speaks there is none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.animation.tongue import DELAY
from dreamtalk_core.models.devices import inference
from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.motion.frame_rate import frame_count
from dreamtalk_core.progress import Progress
from dreamtalk_core.retarget.cues import Cue, Track, track
from dreamtalk_core.retarget.visemes import VISEMES
from dreamtalk_core.speech.articulation import FEATURES, articulation
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.phonetics import FRAME_RATE, HOP, PhoneticEncoder
from dreamtalk_core.speech.prosody import measure_loudness

BOUNDARY = "<wb>"
_VOWEL, _CONSONANT = 0.16, 0.10
"""Seconds from its middle to either side that a phone lasts at most; where two meet, they share the
time between their middles in this proportion."""
_SHORTEST = Fraction(1, 50)
_GRID = 100
"""Rows a second in which mouths are chosen: as fine as Rhubarb's files."""
_MODIFIERS = frozenset(("Lm", "Mn", "Sk"))


@dataclass(frozen=True)
class Phones:
    """What is heard in a line.

    phones: IPA, ascending, none of no length, with gaps where nobody speaks. groups: for each the
    number of the word it belongs to, as far as words were heard. duration: seconds, exact.
    words: of a transcript, see `words.find_words`.
    """

    phones: tuple[Cue, ...]
    groups: tuple[int, ...]
    duration: Fraction
    words: tuple[Cue, ...] = ()

    @property
    def tiers(self) -> dict[str, tuple[Cue, ...]]:
        """Name -> cues: phones, and words if they are known."""
        return {"phones": self.phones, **({"words": self.words} if self.words else {})}

    def mouths(self, drawings: str, sound: str = "") -> Track:
        """The mouths that say it, up to its very end. drawings: of `cues.SETS`. sound: as of
        `Track`."""
        count = max(1, round(self.duration * _GRID))
        known = {name: viseme_of(name) for name in {phone.name for phone in self.phones}}
        scores = np.zeros((count, len(VISEMES)))
        scores[:, 0] = 1
        for phone in self.phones:
            part = slice(round(phone.start * _GRID), round(phone.end * _GRID))
            scores[part] = 0
            # Lips that meet are seen where they do not, a tongue behind the teeth hardly.
            column = known[phone.name]
            scores[part, column] = 3 if VISEMES[column] in _CLOSED else 1
        return track(scores, Fraction(_GRID), self.duration, drawings, sound)


_CLOSED = ("viseme_PP", "viseme_FF")


def hear_phones(
    speech: Speech, phonetics: PhoneticEncoder, progress: Progress | None = None
) -> Phones:
    """The phones of a speech, in memory that grows with their number alone."""
    duration = speech.duration
    names, middles, groups = list[str](), list[Fraction](), list[int]()
    with inference():
        for name, middle, group in _reported(speech, phonetics, progress):
            # Two marks of one phone, such as of an aspirated one, or what sounds twice as long.
            if name in _modifying(phonetics) and names:
                names[-1] += name
            elif articulation((name,)).any():
                names.append(name)
                middles.append(Fraction(middle))
                groups.append(group)
    frames = frame_count(duration, MODEL_FPS)
    pauses = find_phrases(measure_loudness(speech.waveform, frames), MODEL_FPS).pause
    cues = _with_edges(names, middles, pauses, duration)
    return Phones(cues, tuple(groups), duration)


def _modifying(phonetics: PhoneticEncoder) -> frozenset[str]:
    """Tokens that say how the one before is spoken."""
    return frozenset(
        token
        for token in phonetics.phones
        if all(unicodedata.category(letter) in _MODIFIERS for letter in token) and token
    )


def _reported(
    speech: Speech, phonetics: PhoneticEncoder, progress: Progress | None
) -> Iterator[tuple[str, float, int]]:
    """Tokens, the seconds of their middles, and the number of their word."""
    blank = len(phonetics.phones) - 1
    total, done, group, before = -(-len(speech.waveform) // HOP), 0, 0, blank
    run: list[tuple[int, float]] = []  # rows of the token that goes on, and its probabilities
    for rows in phonetics.report(speech.waveform):
        values = rows.float().cpu().numpy()
        for row, (token, sure) in enumerate(zip(values.argmax(1), values.max(1), strict=True)):
            if token != before and run:
                yield phonetics.phones[before], _middle(run), group
                run = []
            if token != before and phonetics.phones[token] == BOUNDARY:
                group += 1
            if token != blank and phonetics.phones[token] != BOUNDARY:
                run.append((done + row, float(sure)))
            before = int(token)
        done += len(values)
        if progress is not None:
            progress(done, total)
    if run:
        yield phonetics.phones[before], _middle(run), group


def _middle(run: list[tuple[int, float]]) -> float:
    rows, sure = np.array(run).T
    return max(0.0, float((rows * sure).sum() / sure.sum()) / FRAME_RATE - DELAY)


def _with_edges(
    names: list[str],
    middles: list[Fraction],
    pauses: npt.NDArray[np.bool_],
    duration: Fraction,
) -> tuple[Cue, ...]:
    """Phones with their beginnings and ends. pauses: [T] at 25 frames per second."""
    if not names:
        return ()
    vowel = articulation(tuple(names))[:, FEATURES.index("vowel")] > 0.5
    reach = [Fraction(_VOWEL if own else _CONSONANT) for own in vowel]
    cues: list[Cue] = []
    for i, (name, middle) in enumerate(zip(names, middles, strict=True)):
        start = cues[-1].end if cues else Fraction(0)
        start = max(start, middle - reach[i])
        stop = min(duration, middle + reach[i])
        if i + 1 < len(names):
            between = middles[i + 1] - middle
            stop = min(stop, middle + between * reach[i] / (reach[i] + reach[i + 1]))
        first, last = int(start * MODEL_FPS), int(stop * MODEL_FPS)
        at = int(middle * MODEL_FPS)
        # Into a pause a phone goes no further than it must.
        for frame in range(at + 1, min(last, len(pauses) - 1) + 1):
            if pauses[frame]:
                stop = min(stop, Fraction(frame, MODEL_FPS))
                break
        for frame in range(min(at, len(pauses)) - 1, first - 1, -1):
            if pauses[frame]:
                start = max(start, Fraction(frame + 1, MODEL_FPS))
                break
        start = min(start, duration - _SHORTEST)
        stop = max(stop, start + _SHORTEST)
        if stop <= duration:
            cues.append(Cue(start, stop, name))
    return tuple(cues)


def viseme_of(phone: str) -> int:
    """The column in `VISEMES` of the mouth that says a phone, by its articulation."""
    # Of a diphthong, or a vowel with its glide, the first vowel is seen most.
    vowels = [letter for letter in unicodedata.normalize("NFD", phone) if _is_vowel(letter)]
    if vowels:
        return VISEMES.index(f"viseme_{_vowel(_articulation(vowels[0]))}")
    on = _articulation(phone)
    kinds = {
        "PP": on["bilabial"],
        "FF": on["labiodental"],
        "TH": on["dental"],
        "SS": on["alveolar"] * on["fricative"],
        "DD": on["alveolar"] * on["stop"],
        "nn": on["alveolar"] * (on["nasal"] + on["approximant"]),
        "RR": on["postalveolar"] * on["approximant"],
        "CH": on["postalveolar"] * (on["fricative"] + on["stop"]),
        "U": on["dorsal"] * on["round"],
        "I": on["dorsal"] * on["spread"],
        "kk": 0.3 * (on["dorsal"] + on["guttural"]),
    }
    return VISEMES.index(f"viseme_{max(kinds, key=lambda name: kinds[name])}")


def _articulation(phone: str) -> dict[str, float]:
    return dict(zip(FEATURES, articulation((phone,))[0].tolist(), strict=True))


def _is_vowel(letter: str) -> bool:
    return _articulation(letter)["vowel"] > 0


def _vowel(on: dict[str, float]) -> str:
    if on["round"] > 0.35:
        return "U" if on["open"] < 0.35 else "O"
    if on["open"] > 0.66:
        return "aa"
    return "I" if on["open"] < 0.35 else "E"
