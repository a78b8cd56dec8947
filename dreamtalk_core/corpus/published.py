"""Corpora that anybody can fetch: what their files' names say, and what may be done with them.

| key            | what                                       | licence         | published at   |
|----------------|--------------------------------------------|-----------------|----------------|
| crema-d        | 91 actors, 12 sentences, 6 emotions, video | ODbL-1.0        | GitHub         |
| grid           | 34 speakers, 1000 commands each, video     | CC-BY-4.0       | Zenodo 3625687 |
| ravdess        | 24 actors, 2 sentences, 8 emotions, video  | CC-BY-NC-SA-4.0 | Zenodo 1188976 |
| emozionalmente | 431 Italians, 18 sentences, 7 emotions     | CC-BY-4.0       | Zenodo 6569824 |
| subesco        | 20 Bangla actors, 10 sentences, 7 emotions | CC-BY-4.0       | Zenodo 4526477 |

CREMA-D: github.com/CheyneyComputerScience/CREMA-D.
RAVDESS may not be used commercially (NC), nor may weights that it made. Each asks for a mention; a
manifest keeps the licence with every clip.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dreamtalk_core.errors import CorpusError


@dataclass(frozen=True)
class Facts:
    """What a file of a published corpus is."""

    speaker: str
    emotion: str
    """One of `synthetic_styles.NAMED`."""
    sentence: str


@dataclass(frozen=True)
class Published:
    """A corpus, and how its files are called."""

    name: str
    licence: str
    language: str
    file: str
    """Of the end of a path with / in it: groups speaker and, if there are any, emotion and
    sentence."""
    emotions: Mapping[str, str] = field(default_factory=dict)
    """Its word for an emotion -> ours; files of others are left out."""
    table: str = ""
    """A CSV beside the folder of the sounds that says what the names do not."""


_EIGHT = {"01": "neutral", "03": "happy", "04": "sad", "05": "angry"}
_EIGHT |= {"06": "fear", "07": "disgust", "08": "surprise"}  # 02 is calm, which none of ours is

PUBLISHED = {
    "crema-d": Published(
        "CREMA-D", "ODbL-1.0", "en-US",
        r"(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_[A-Z]{2}",
        {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral",
         "SAD": "sad"},
    ),
    "grid": Published(
        "GRID", "CC-BY-4.0", "en-GB",
        r"(?:^|/)(?P<speaker>s\d{1,2})/(?:.*/)?(?P<sentence>[blps][bgrw][abiw][a-vx-z][1-9z][anps])",
    ),
    "ravdess": Published(
        "RAVDESS", "CC-BY-NC-SA-4.0", "en-CA",
        # speech (01), not song, with sound: full video (01) or sound alone (03)
        r"0[13]-01-(?P<emotion>\d\d)-\d\d-(?P<sentence>\d\d)-\d\d-(?P<speaker>\d\d)",
        _EIGHT,
    ),
    "emozionalmente": Published(
        "Emozionalmente", "CC-BY-4.0", "it",
        r"(?P<sentence>\d+)",
        {"anger": "angry", "disgust": "disgust", "fear": "fear", "joy": "happy",
         "neutrality": "neutral", "sadness": "sad", "surprise": "surprise"},
        "metadata/samples.csv",
    ),
    "subesco": Published(
        "SUBESCO", "CC-BY-4.0", "bn",
        r"(?P<speaker>[FM]_\d\d)_[A-Z]+_S_(?P<sentence>\d+)_(?P<emotion>[A-Z]+)_\d+",
        {"ANGRY": "angry", "DISGUST": "disgust", "FEAR": "fear", "HAPPY": "happy",
         "NEUTRAL": "neutral", "SAD": "sad", "SURPRISE": "surprise"},
    ),
}  # fmt: skip


def facts_of(
    path: Path, folder: Path, corpus: Published, rows: Mapping[str, Facts]
) -> Facts | None:
    """What a file in the folder of a corpus is; None for one that the corpus does not name, or of
    an emotion that we have no word for. rows: of its `table`, see `read_table`."""
    if corpus.table:
        return rows.get(path.name)
    inside = path.resolve().relative_to(folder.resolve().parent).with_suffix("").as_posix()
    match = re.search(f"{corpus.file}$", inside)
    if match is None:
        return None
    groups = match.groupdict()
    emotion = corpus.emotions.get(groups["emotion"]) if "emotion" in groups else "neutral"
    if emotion is None:
        return None
    return Facts(f"{corpus.name}_{groups['speaker']}", emotion, groups["sentence"])


def read_table(folder: Path, corpus: Published) -> dict[str, Facts]:
    """File name -> facts, from the CSV that comes with a corpus, in its folder or above it.

    Raises CorpusError if there is none, or it lacks a column.
    """
    if not corpus.table:
        return {}
    path = next((p for up in (folder, folder.parent) if (p := up / corpus.table).is_file()), None)
    if path is None:
        raise CorpusError(
            f"{folder} has no {corpus.table}. Give the folder that {corpus.name} was unpacked to."
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            row["file_name"]: Facts(
                f"{corpus.name}_{row['actor']}",
                corpus.emotions[row["emotion_expressed"]],
                row.get("sentence") or "",
            )
            for row in rows
            if row["emotion_expressed"] in corpus.emotions
        }
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise CorpusError(
            f"{path} cannot be read ({error}). Unpack {corpus.name} again."
        ) from error
