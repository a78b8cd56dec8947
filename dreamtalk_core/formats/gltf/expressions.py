"""What a mesh's morph targets are called: their own names, and the expressions of a VRM.

Its own names are a mesh's `extras.targetNames`. A VRM also names mixtures of targets (`blink`,
`aa`): version 1 in the extension `VRMC_vrm`; version 0 in `VRM`, with weights in per cent, and a
character who looks along -z.
"""

from __future__ import annotations

from itertools import chain
from math import isfinite
from typing import Any

from dreamtalk_core.formats.gltf.container import Table
from dreamtalk_core.formats.gltf.document import Document, whole

Mix = tuple[tuple[int, float], ...]
"""Morph targets by number, and how much of each."""

_LONGEST_NAME = 100  # letters of a name that are looked at


def channels(document: Document, number: int, primitive: Table) -> dict[str, Mix]:
    """Name -> the targets of a primitive that it moves; number: of its mesh.

    A name that is there twice means what it meant first.
    """
    mesh = document.entry("meshes", number)
    names = mesh.get("extras", {}).get("targetNames")
    names = names or primitive.get("extras", {}).get("targetNames") or []
    count = len(primitive.get("targets", ()))
    found: dict[str, Mix] = {}
    for target, name in enumerate(names[:count]):
        found.setdefault(str(name)[-_LONGEST_NAME:], ((target, 1.0),))
    for name, mix in _expressions(document, number).items():
        if count and any(target >= count for target, _ in mix):
            raise ValueError(f"an expression that moves more than its {count} morph targets")
        if count:
            found.setdefault(name[-_LONGEST_NAME:], mix)
    return found


def looks_back(document: Document) -> bool:
    """Whether the character looks along -z, as those of VRM 0 do."""
    return "VRM" in document.json.get("extensions", {})


def _expressions(document: Document, mesh: int) -> dict[str, Mix]:
    """Expression of a VRM -> what it moves of a mesh; none of another file."""
    extensions = document.json.get("extensions", {})
    named = {**_version_0(extensions, mesh), **_version_1(document, extensions, mesh)}
    return {name: mix for name, mix in named.items() if mix}


def _version_0(extensions: Table, mesh: int) -> dict[str, Mix]:
    groups = extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", [])
    return {
        _name_0(group): tuple(
            (whole(bind["index"], "an index"), _share(bind["weight"]) / 100)
            for bind in group.get("binds") or ()
            if bind["mesh"] == mesh
        )
        for group in groups
    }


def _name_0(group: Table) -> str:
    """The standard's name, whatever the artist's is."""
    preset = str(group.get("presetName", "unknown"))
    return str(group.get("name", "")) if preset in ("", "unknown") else preset


def _version_1(document: Document, extensions: Table, mesh: int) -> dict[str, Mix]:
    named = extensions.get("VRMC_vrm", {}).get("expressions", {})
    both = chain(named.get("custom", {}).items(), named.get("preset", {}).items())
    return {
        str(name): tuple(
            (whole(bind["index"], "an index"), _share(bind["weight"]))
            for bind in expression.get("morphTargetBinds") or ()
            if document.entry("nodes", bind["node"]).get("mesh") == mesh
        )
        for name, expression in both
    }


def _share(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError("a weight that is no number")
    return float(value)
