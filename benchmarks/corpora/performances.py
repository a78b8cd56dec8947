"""Real performances: people who act emotions, as tracked.

Two corpora, of people that no shipped model is trained on: `CORPUS/style_clips/
PERSON_VIEW_EMOTION_LEVEL_TAKE.npz` (arkit [T, 52] at 25 fps), two people of MEAD (K. Wang et al.,
2020) in seven emotions and neutral; and six Javanese actors in five emotions and neutral, a few
takes of each, which are the clips `jv_*` of the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.formats._limits import read_arrays
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

NEUTRAL = "neutral"


@dataclass(frozen=True, eq=False)
class Performance:
    """A clip of somebody in an emotion."""

    person: str
    emotion: str
    motion: Motion
    """Over the 52 ARKit shapes, less the person's resting face."""


def read_performances(corpus: Path) -> list[Performance]:
    """The clips of `CORPUS/style_clips`. Raises CorpusError if they or neutral ones are missing."""
    folder = corpus / "style_clips"
    raw = []
    for path in sorted(folder.glob("*.npz")):
        person, _, emotion, *_ = path.stem.split("_")
        raw.append((person, emotion, path))
    wanted = f"{folder} should hold PERSON_VIEW_EMOTION_*.npz, neutral among them."
    return _less_rest(raw, wanted)


def read_javanese(corpus: Path) -> list[Performance]:
    """The clips `jv_*` of a corpus. Raises CorpusError if they, or neutral ones, are missing."""
    manifest = corpus / "manifest.tsv"
    raw = [
        (row["speaker"], row["emotion"], corpus / "clips" / f"{row['id']}.npz")
        for row in read_rows(manifest)
        if row["id"].startswith("jv_")
    ]
    return _less_rest(raw, f"{manifest} should list clips jv_*, neutral ones among them.")


def _less_rest(raw: list[tuple[str, str, Path]], wanted: str) -> list[Performance]:
    """Performances from person, emotion and file of each.

    The resting face is taken from the person's neutral clips, not from the clip itself: what an
    angry face never lets go of is its anger.
    """
    curves = [(who, emotion, read_arrays(path, CorpusError)["arkit"]) for who, emotion, path in raw]
    people = {who for who, _, _ in curves}
    if not people or people != {who for who, emotion, _ in curves if emotion == NEUTRAL}:
        raise CorpusError(wanted)
    rest = {
        person: _motion(
            np.concatenate([a for who, e, a in curves if (who, e) == (person, NEUTRAL)])
        )
        for person in people
    }
    return [Performance(who, e, calibrate(_motion(array), rest[who])) for who, e, array in curves]


def _motion(weights: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Motion:
    return Motion(ARKIT_NAMES, weights, Fraction(25))
