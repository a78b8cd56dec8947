"""What a mesh's morph targets are called: their own names, and the expressions of a VRM.

Its own names are a mesh's `extras.targetNames`. A VRM also names mixtures of targets (`blink`,
`aa`): version 1 in the extension `VRMC_vrm`; version 0 in `VRM`, with weights in per cent, and a
character who looks along -z.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from math import isfinite
from typing import Any

from dreamtalk_core.errors import shown
from dreamtalk_core.formats.gltf.container import Table
from dreamtalk_core.formats.gltf.document import Document, whole
from dreamtalk_core.warned import warn

Mix = tuple[tuple[int, float], ...]
"""Morph targets by number, and how much of each."""
Bind = tuple[int, int, float]
"""Mesh, morph target, how much of it."""

_NO_MESH = -1
_LONGEST_NAME = 100  # letters of a name that are looked at


def target_names(mesh: Table, primitive: Table) -> list[str]:
    """Names of the morph targets of a mesh's primitive, as far as they are given: glTF leaves open
    where, and what else may stand there."""
    for extras in (mesh.get("extras"), primitive.get("extras")):
        names = extras.get("targetNames") if isinstance(extras, dict) else None
        if isinstance(names, list) and names:
            return list(map(str, names))
    return []


def channels(
    document: Document, number: int, primitive: Table, expressions: Mapping[str, Mix]
) -> dict[str, Mix]:
    """Name -> the targets of a primitive that it moves; number: of its mesh.

    expressions: of that mesh. A name that is there twice means what it meant first. Warns of
    expressions that move targets which are not there, and leaves them out.
    """
    names = target_names(document.entry("meshes", number), primitive)
    count = len(primitive.get("targets", ()))
    found: dict[str, Mix] = {}
    for target, name in enumerate(names[:count]):
        found.setdefault(name[-_LONGEST_NAME:], ((target, 1.0),))
    if not count:
        return found
    for name, mix in expressions.items():
        if any(target >= count for target, _ in mix):
            warn(
                f"The expression {shown(name)} moves more than the {count} morph targets that "
                f"there are in {document.file}, and is left out. Export the file again."
            )
            continue
        document.spend("morph targets", len(mix))
        found.setdefault(name[-_LONGEST_NAME:], mix)
    return found


def looks_back(document: Document) -> bool:
    """Whether the character looks along -z, as those of VRM 0 do."""
    return "VRM" in document.json.get("extensions", {})


def expressions(document: Document) -> dict[int, dict[str, Mix]]:
    """Mesh -> expression of a VRM -> what it moves of the mesh; empty for another file."""
    found: dict[int, dict[str, Mix]] = {}
    extensions = document.json.get("extensions", {})
    for name, binds in chain(_version_0(extensions), _version_1(document, extensions)):
        document.spend("morph targets", len(binds))
        mixes: dict[int, list[tuple[int, float]]] = {}
        for mesh, target, share in binds:
            mixes.setdefault(mesh, []).append((target, share))
        for mesh, mix in mixes.items():
            found.setdefault(mesh, {})[name] = tuple(mix)
    return found


def _version_0(extensions: Table) -> Iterator[tuple[str, list[Bind]]]:
    groups = extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", [])
    for group in groups:
        yield (
            _name_0(group),
            [
                (
                    whole(bind["mesh"], "a mesh"),
                    whole(bind["index"], "an index"),
                    _share(bind["weight"]) / 100,
                )
                for bind in group.get("binds") or ()
            ],
        )


def _name_0(group: Table) -> str:
    """The standard's name, whatever the artist's is."""
    preset = str(group.get("presetName", "unknown"))
    return str(group.get("name", "")) if preset in ("", "unknown") else preset


def _version_1(document: Document, extensions: Table) -> Iterator[tuple[str, list[Bind]]]:
    named = extensions.get("VRMC_vrm", {}).get("expressions", {})
    for name, expression in chain(named.get("custom", {}).items(), named.get("preset", {}).items()):
        binds = [
            (
                document.entry("nodes", bind["node"]).get("mesh", _NO_MESH),
                whole(bind["index"], "an index"),
                _share(bind["weight"]),
            )
            for bind in expression.get("morphTargetBinds") or ()
        ]
        yield str(name), binds


def _share(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError("a weight that is no number")
    return float(value)
