"""Lines that sound like another language than the one their row names.

Nothing is known of any language: a line is held against the other lines of the same batch, by how
its sounds are made. The phonetic encoder was taught a few languages, so it is seldom sure of a
foreign sound, but what it leans towards tells languages apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]

LEAST = 40
"""Lines that a language must have to be known by."""
_SECONDS = 1.0
"""Seconds of speech from which a line tells its language."""
_SHRINK = 0.03
"""Share of each variance that is added to it: lines are few, and figures are 36."""
_TURNS = 4
_CONFUSED = 1 / 3
"""Share of lines that sound like the other language from which two are taken to be alike."""


def foreign_lines(
    grades: Sequence[Mapping[str, Any]], languages: Sequence[str], least: float
) -> list[str]:
    """Which language each line sounds like, if not like its own; else "".

    grades: of the lines, with their `sounds`. languages: what they are said to be, "" where nobody
    says. least: log odds by which another language must be likelier. A language of fewer than
    `LEAST` lines with a second of speech is not known; where fewer than two are, nothing is told,
    nor of two that these lines do not tell apart.
    """
    least = max(least, 0.0)
    told = [""] * len(grades)
    usable = [
        i
        for i, (found, language) in enumerate(zip(grades, languages, strict=True))
        if language
        and found.get("sounds")
        and found["seconds"] * (1 - found["silence"]) >= _SECONDS
    ]
    own = np.array([languages[i] for i in usable])
    names = [str(name) for name in np.unique(own) if (own == name).sum() >= LEAST]
    at = np.flatnonzero(np.isin(own, names))
    if len(names) < 2:
        return told
    sounds = np.array([grades[usable[i]]["sounds"] for i in at])
    label = np.array([names.index(own[i]) for i in at])
    odds = _odds(sounds, label, np.ones(len(at), bool))
    alike = _alike(odds, label)[label]
    for _ in range(_TURNS):  # without those that do not belong there, once they are known
        odds[alike] = 0
        good = odds.max(axis=1) <= 0
        if min(np.bincount(label[good], minlength=len(names))) < LEAST // 2:
            return told
        odds = _odds(sounds, label, good)
    odds[alike] = 0
    for i, line in zip(at, odds, strict=True):
        if line.max() > least:
            told[usable[i]] = names[int(line.argmax())]
    return told


def _odds(sounds: Table, label: npt.NDArray[np.int64], good: npt.NDArray[np.bool_]) -> Table:
    """Log odds [lines, languages] that a line is of a language rather than of its own, each line
    judged by the `good` ones of the others."""
    count = label.max() + 1
    number = np.bincount(label[good], minlength=count)
    total = np.array([sounds[good & (label == one)].sum(axis=0) for one in range(count)])
    means = total / number[:, None]
    around = sounds[good] - means[label[good]]
    spread = around.T @ around / (len(around) - count)
    spread[np.diag_indices(len(spread))] = (1 + _SHRINK) * np.diag(spread) + 1e-9
    scale = np.linalg.cholesky(np.linalg.inv(spread))
    # A line's own part in its language's mean is taken out.
    without = (total[label] - good[:, None] * sounds) / (number[label] - good)[:, None]
    far = np.square((sounds[:, None] - means) @ scale).sum(axis=2)
    own = np.square((sounds - without) @ scale).sum(axis=1)
    odds: Table = (own[:, None] - far) / 2
    odds[np.arange(len(odds)), label] = 0
    return odds


def _alike(odds: Table, label: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """[L, L] which languages cannot be told apart by these lines, such as two names of one."""
    shares = np.array([(odds[label == one] > 0).mean(axis=0) for one in range(odds.shape[1])])
    found: npt.NDArray[np.bool_] = np.maximum(shares, shares.T) > _CONFUSED
    return found
