"""Finding out what a rig's channels mean from their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget.mapping import Mapping, Row
from dreamtalk_core.retarget.schemes import (
    SCHEMES,
    Groups,
    endings,
    feelings,
    joined,
    plain,
    shapes,
    spellings,
    viseme_poses,
    visemes,
)
from dreamtalk_core.retarget.visemes import VISEMES

_FEWEST_VISEMES = 3
"""Fewer are taken for a coincidence: names such as "A" mean anything."""


@dataclass(frozen=True)
class Conflict:
    """A channel that is left alone, because another one moves the same part of the face."""

    target: str
    source: str
    instead: str


@dataclass(frozen=True)
class Match:
    """What became of a rig's channels.

    mapping: rows for the channels that were recognised. scheme: the one that most of them follow
    (a key of `SCHEMES`), "" if none was. scheme_of: channel -> scheme. unmatched: channels that no
    scheme knows. needless: channels that others do the part of: visemes of a rig whose jaw opens,
    and shapes of sounds where visemes speak. conflicts: see `Conflict`. missing: ARKit shapes that
    nothing of this rig shows (a rig with visemes shows the mouth's).
    """

    mapping: Mapping
    scheme: str
    scheme_of: dict[str, str] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    needless: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    missing: tuple[str, ...] = ()


def match(names: Sequence[str]) -> Match:
    """Recognise a rig's channels, such as shape keys, by their names.

    Upper case, separators, prefixes and the way in which a side is written do not matter. Where
    the same shape is there under the names of two schemes, the scheme that more of the channels
    follow has it, and the others are conflicts. Visemes are used where no channel opens the jaw,
    and with them what such rigs have of feelings.
    """
    names = list(dict.fromkeys(names))
    rows: list[Row] = []
    scheme_of: dict[str, str] = {}
    conflicts: list[Conflict] = []
    taken: dict[str, str] = {}  # source -> the first channel that it moves

    for scheme, known in _by_size(names):
        for source, groups in shapes()[scheme].items():
            found = _pick(groups, known)
            if source in taken:
                conflicts += [
                    Conflict(name, source, taken[source]) for name in found if name not in scheme_of
                ]
                continue
            # A channel that a larger scheme uses means what it means there.
            for name in [channel for channel in found if scheme_of.get(channel, scheme) == scheme]:
                rows.append(Row(source, name))
                scheme_of[name] = scheme
                taken.setdefault(source, name)
        # Copies of a channel: "jawOpen" and "jaw_open" in the same rig.
        conflicts += _doubles(scheme, known, scheme_of, taken)
    for name, pose in _both_sides(names, scheme_of):
        free = [source for source, _ in pose if source not in taken]
        if len(free) < len(pose):
            source = next(source for source, _ in pose if source in taken)
            conflicts.append(Conflict(name, source, taken[source]))
            continue
        rows += [Row(source, name, share) for source, share in pose]
        taken |= {source: name for source, _ in pose}
        scheme_of[name] = "joined"
    mouth = _speaks(names, scheme_of)
    needless: set[str] = set()
    if "jawOpen" in taken:
        needless, mouth = set(mouth), {}
    elif mouth:
        # Both would open and round the lips twice.
        needless = {row.target for row in rows if row.source in _of_sounds()}
        rows = [row for row in rows if row.target not in needless]
        for name in needless:
            del scheme_of[name]
        taken = {row.source: row.target for row in rows}
        felt = _feelings(names, scheme_of, taken)
        rows += [Row(source, name, share) for name, pose in felt for source, share in pose]
        scheme_of |= {name: "joined" for name, _ in felt}
    for name, (source, scheme) in mouth.items():
        rows.append(Row(source, name))
        scheme_of[name] = scheme

    conflicts = list(
        {
            conflict.target: conflict
            for conflict in conflicts
            if conflict.target not in scheme_of and conflict.target not in needless
        }.values()
    )
    settled = scheme_of.keys() | needless | {conflict.target for conflict in conflicts}
    shown = {row.source for row in rows}
    spoken = ("jaw", "mouth", "tongue") if mouth else ()
    counts = {scheme: list(scheme_of.values()).count(scheme) for scheme in scheme_of.values()}
    largest = max(counts, key=counts.__getitem__, default="")
    return Match(
        mapping=Mapping(_in_order(rows), SCHEMES.get(largest, "")),
        scheme=largest,
        scheme_of=scheme_of,
        unmatched=tuple(name for name in names if name not in settled),
        needless=tuple(name for name in names if name in needless),
        conflicts=tuple(conflicts),
        missing=tuple(
            shape for shape in ARKIT_NAMES if shape not in shown and not shape.startswith(spoken)
        ),
    )


def scheme_mapping(scheme: str) -> Mapping:
    """The mapping of a face that has all the channels of a scheme, under their usual names.

    Where a scheme has visemes and few other shapes, they move the mouth.
    Raises `MotionError` for a scheme that is not in `SCHEMES`.
    """
    if scheme not in SCHEMES:
        raise MotionError(f"There is no scheme {scheme!r}. There are: {', '.join(SCHEMES)}.")
    if scheme == "joined":
        rows = [
            Row(source, name, share) for name, pose in _stems().items() for source, share in pose
        ]
        return Mapping(_in_order(rows), SCHEMES[scheme])
    named = shapes().get(scheme, {}) | visemes().get(scheme, {})
    rows = [Row(source, name) for source, groups in named.items() for name in groups[0]]
    return Mapping(_in_order(rows), SCHEMES[scheme])


def _in_order(rows: list[Row]) -> tuple[Row, ...]:
    place = {source: i for i, source in enumerate((*FACE_NAMES, *VISEMES))}
    return tuple(sorted(rows, key=lambda row: place[row.source]))


def _by_size(names: list[str]) -> list[tuple[str, dict[str, list[str]]]]:
    """Schemes of shapes that know any of the names, and what they know (see `_known`).

    The one that knows most comes first. Names exactly as a scheme writes them break a tie between
    schemes that differ in spelling only.
    """
    exact = set(names)
    found = [(scheme, _known(scheme, names)) for scheme in shapes()]

    def size(scheme: tuple[str, dict[str, list[str]]]) -> tuple[int, int]:
        return sum(len(rigs) for rigs in scheme[1].values()), len(scheme[1].keys() & exact)

    return sorted((scheme for scheme in found if scheme[1]), key=size, reverse=True)


@lru_cache(maxsize=1)
def _dictionaries() -> dict[str, dict[str, str]]:
    """Scheme -> spelling -> the channel's name in the scheme's table."""
    result: dict[str, dict[str, str]] = {}
    for kind in (shapes(), visemes()):
        for scheme, named in kind.items():
            spelled = result.setdefault(scheme, {})
            listed = [name for groups in named.values() for group in groups for name in group]
            for name in listed:
                for spelling in sorted(spellings(name)):
                    spelled.setdefault(spelling, name)
            # A name as it stands means itself, whatever variants of others look the same.
            spelled |= {plain(name): name for name in listed}
            # MetaHuman's controls come with and without their group.
            spelled |= {plain(name.removeprefix("CTRL_expressions_")): name for name in listed}
    return result


def _known(scheme: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Channel of a scheme -> the rig's channels that are it, the one most like it first."""
    spelled = _dictionaries()[scheme]
    found: dict[str, list[str]] = {}
    for name in names:
        listed = next((spelled[ending] for ending in endings(name) if ending in spelled), None)
        if listed is not None:
            found.setdefault(listed, []).append(name)
    return {listed: sorted(rigs, key=partial(_likeness, listed)) for listed, rigs in found.items()}


def _likeness(listed: str, name: str) -> tuple[bool, int, int]:
    """Less is more alike: as a scheme writes it, or else with the least around it."""
    return name != listed, len(plain(name)), len(name)


def _pick(groups: Groups, known: dict[str, list[str]]) -> list[str]:
    """The rig's channels of the first group that it has whole, or else of the fullest."""
    found = []
    for group in groups:
        channels = [known[name][0] for name in group if name in known]
        if len(channels) == len(group):
            return channels
        found.append(channels)
    return max(found, key=len)


def _doubles(
    scheme: str, known: dict[str, list[str]], scheme_of: dict[str, str], taken: dict[str, str]
) -> list[Conflict]:
    """Further channels of the same meaning, such as copies of those that are used."""
    return [
        Conflict(name, source, taken[source])
        for source, groups in shapes()[scheme].items()
        if source in taken
        for listed in dict.fromkeys(name for group in groups for name in group)
        for name in known.get(listed, ())
        if name not in scheme_of
    ]


@lru_cache(maxsize=1)
def _stems() -> dict[str, tuple[tuple[str, float], ...]]:
    return {name: pose for name, pose in joined().items() if f"{name}Left" in ARKIT_NAMES}


def _both_sides(
    names: list[str], scheme_of: dict[str, str]
) -> list[tuple[str, tuple[tuple[str, float], ...]]]:
    """Channels that stand for several shapes at once, in the table's order."""
    known = {plain(name): pose for name, pose in joined().items()}
    place = {spelling: i for i, spelling in enumerate(known)}
    found = []
    for name in names:
        if name not in scheme_of:
            ending = next((spelling for spelling in endings(name) if spelling in known), None)
            if ending:
                found.append((place[ending], name, known[ending]))
    return [(name, pose) for _, name, pose in sorted(found, key=lambda entry: entry[0])]


@lru_cache(maxsize=1)
def _of_sounds() -> set[str]:
    """The shapes that visemes are made of, but for smiles: a feeling has those as well."""
    made_of = {shape for pose in viseme_poses().values() for shape, _ in pose}
    return {shape for shape in made_of if not shape.startswith("mouthSmile")} | {"mouthClose"}


def _feelings(
    names: list[str], scheme_of: dict[str, str], taken: dict[str, str]
) -> list[tuple[str, tuple[tuple[str, float], ...]]]:
    """Channels of feelings, whose shapes no other channel shows, in the table's order."""
    result, shown = [], set(taken)
    known = {plain(name): name for name in names if name not in scheme_of}
    for listed, pose in feelings().items():
        name = known.get(plain(listed))
        if name is not None and not shown & {source for source, _ in pose}:
            result.append((name, pose))
            shown |= {source for source, _ in pose}
    return result


def _speaks(names: list[str], scheme_of: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Channel -> (viseme, scheme), by the scheme of visemes that knows most of the names."""
    best: dict[str, tuple[str, str]] = {}
    free = [name for name in names if name not in scheme_of]
    for scheme, named in visemes().items():
        known = _known(scheme, free)
        found = {
            known[groups[0][0]][0]: (viseme, scheme)
            for viseme, groups in named.items()
            if groups[0][0] in known
        }
        if len(found) > len(best):
            best = found
    return best if len(best) >= _FEWEST_VISEMES else {}
