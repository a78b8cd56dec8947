"""What rigs call the face shapes: tables of names, and names made comparable.

The tables beside this file are tab-separated, UTF-8. `schemes.tsv`: a row for each ARKit shape and
for each of the tongue, a column for each scheme; a cell holds the channels that make the shape, "|"
between groups of which a rig has one. `visemes.tsv`: the same for mouth positions of sounds.
`joined.tsv`: channels that stand for several shapes at once, as "shape*share". `feelings.tsv`: the
same for those of whole feelings, which rigs of visemes have; the finer ones come first.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

SCHEMES: dict[str, str] = {
    "arkit": "ARKit, Ready Player Me, MPFB face units",
    "livelink": "Live Link Face",
    "facecap": "Face Cap",
    "cc3": "Character Creator 3",
    "cc4": "Character Creator 4 Extended",
    "cc5": "Character Creator 5 HD",
    "reallusion": "Reallusion, numbered A01 to A51",
    "metahuman": "MetaHuman controls",
    "vrcft": "VRCFaceTracking Unified Expressions",
    "openxr": "Meta OpenXR",
    "mpfb": "MPFB expression stack",
    "vrm1": "VRM 1",
    "vroid": "VRoid Studio",
    "mmd": "MMD",
    "readyplayerme": "Visemes, Ready Player Me and MPFB",
    "oculus": "Visemes, Oculus",
    "vrchat": "Visemes, VRChat",
    "vrm0": "VRM 0",
    "azure": "Visemes, Microsoft",
    "joined": "Both sides in one",
}
"""Scheme -> what to call it."""

Groups = tuple[tuple[str, ...], ...]
"""Groups of channels, of which a rig has one; the first that it has whole counts."""

_FOLDER = Path(__file__).parent
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_COPY = re.compile(r"\.\d{3,}$")
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


def table(file: str) -> list[dict[str, str]]:
    """The rows of a table of this folder, by its first row."""
    lines = (_FOLDER / file).read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    rows = (line.split("\t") for line in lines[1:])
    return [dict(zip(header, [*row, *[""] * len(header)], strict=False)) for row in rows]


@lru_cache(maxsize=1)
def shapes() -> dict[str, dict[str, Groups]]:
    """Scheme -> ARKit shape -> groups of channels that make it."""
    return _by_column(table("schemes.tsv"), "arkit") | {
        "arkit": {row["arkit"]: ((row["arkit"],),) for row in table("schemes.tsv")}
    }


@lru_cache(maxsize=1)
def visemes() -> dict[str, dict[str, Groups]]:
    """Scheme -> viseme -> groups of channels (here always one of one channel)."""
    return _by_column(table("visemes.tsv"), "viseme")


@lru_cache(maxsize=1)
def joined() -> dict[str, tuple[tuple[str, float], ...]]:
    """Channel -> the shapes it stands for, with their shares."""
    return {row["target"]: parse_pose(row["pose"]) for row in table("joined.tsv")}


@lru_cache(maxsize=1)
def feelings() -> dict[str, tuple[tuple[str, float], ...]]:
    """Channel of a feeling -> the shapes that it is shown for, with their shares."""
    return {row["target"]: parse_pose(row["pose"]) for row in table("feelings.tsv")}


@lru_cache(maxsize=1)
def viseme_poses() -> dict[str, tuple[tuple[str, float], ...]]:
    """Viseme -> the ARKit shapes of the mouth that speaks it; silence is at rest."""
    return {row["viseme"]: parse_pose(row["pose"]) for row in table("viseme_poses.tsv")}


def parse_pose(text: str) -> tuple[tuple[str, float], ...]:
    """Pairs from "name*weight name*weight"."""
    pairs = (item.split("*") for item in text.split())
    return tuple((name, float(weight)) for name, weight in pairs)


def _by_column(rows: list[dict[str, str]], key: str) -> dict[str, dict[str, Groups]]:
    columns = [name for name in rows[0] if name != key]
    return {
        column: {
            row[key]: tuple(tuple(group.split()) for group in row[column].split("|"))
            for row in rows
            if row[column]
        }
        for column in columns
    }


@lru_cache(maxsize=8192)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: "Eye_Blink_L", "eyeBlinkL" -> eye, blink, l.

    What stands before the last colon or dot is left out (a mesh, a name space), and so is the
    number that Blender gives a copy.
    """
    plain = unicodedata.normalize("NFKC", _COPY.sub("", name)).rpartition(":")[2]
    _, dot, tail = plain.rpartition(".")
    # "eyeBlink.L" has its side there, not its name.
    if dot and tail.lower() not in _SIDES:
        plain = tail
    return tuple(word.lower() for word in _WORDS.findall(plain.replace("_", " ")))


def plain(name: str) -> str:
    """A name without its separators, in lower case."""
    return "".join(words(name))


def spellings(name: str) -> set[str]:
    """`plain` of a name and of its left/right variants: eyeBlinkL, Left_Eye_Blink..."""
    parts = words(name)
    sides = [i for i, word in enumerate(parts) if word in _SIDES]
    short = [word[0] if i in sides else word for i, word in enumerate(parts)]
    long = [_SIDES.get(word, word) for word in parts]
    found = {"".join(parts), "".join(short), "".join(long)}
    if len(sides) == 1:
        for variant in (short, long):
            side = variant[sides[0]]
            rest = [word for i, word in enumerate(variant) if i != sides[0]]
            found |= {side + "".join(rest), "".join(rest) + side}
    return found


def endings(name: str) -> list[str]:
    """`plain` of a name and of what is left when its first words are taken away, longest first.

    So "Head_eyeBlinkLeft" is found, too. What is left must be long enough to mean something.
    """
    parts = words(name)
    whole = "".join(parts)
    rest = ("".join(parts[i:]) for i in range(1, len(parts)))
    return [whole, *(ending for ending in rest if len(ending) > 6)]
