"""A glTF document with morph targets added to its meshes, all else as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.formats.gltf.container import Table, write_glb
from dreamtalk_core.formats.gltf.document import Document
from dreamtalk_core.formats.gltf.expressions import target_names
from dreamtalk_core.formats.gltf.scene import Primitive, through
from dreamtalk_core.formats.gltf.writer import Writer

Float = NDArray[np.float32]


def write_with_shapes(
    path: Path,
    document: Document,
    parts: Sequence[tuple[Primitive, Float]],
    names: Sequence[str],
) -> None:
    """Write a GLB: a document, and how shapes move its primitives, deltas [len(names), V, 3] each,
    in the scene's space.

    A mesh that no shape moves stays as it is. Of one that has morph targets those of these names
    are replaced, the others kept. Raises `DreamTalkError` if it cannot be written.
    """
    result: Table = copy.deepcopy(document.json)
    writer = Writer(
        bytearray(document.buffer(0) if result.get("buffers") else b""),
        list(result.get("bufferViews", [])),
        list(result.get("accessors", [])),
    )
    for mesh in result["meshes"]:
        own = [_part_of(entry, document, parts) for entry in mesh["primitives"]]
        if any(part is not None and part[1].any() for part in own):
            _add(mesh, own, names, writer)
    tables = writer.tables()
    buffers = tables["buffers"] + result.get("buffers", [])[1:]
    write_glb(path, {**result, **tables, "buffers": buffers}, writer.data)


def _part_of(
    entry: Table, document: Document, parts: Sequence[tuple[Primitive, Float]]
) -> tuple[Primitive, Float] | None:
    """What is known of a primitive: by its attributes, of which each has its own."""
    for part in parts:
        if part[0].entry["attributes"] == entry["attributes"] and part[0].entry.get(
            "indices"
        ) == entry.get("indices"):
            return part
    return None


def _add(
    mesh: Table,
    own: Sequence[tuple[Primitive, Float] | None],
    names: Sequence[str],
    writer: Writer,
) -> None:
    before = len(mesh["primitives"][0].get("targets", ()))
    extras = mesh.get("extras")
    extras = dict(extras) if isinstance(extras, dict) else {}
    known = target_names(mesh, mesh["primitives"][0])[:before]
    known += [f"target_{number}" for number in range(len(known), before)]
    kept = [number for number, name in enumerate(known) if name not in names]
    for entry, part in zip(mesh["primitives"], own, strict=True):
        targets = [entry["targets"][number] for number in kept]
        count = writer.accessors[entry["attributes"]["POSITION"]]["count"]
        still = repeat(np.zeros((count, 3), np.float32), len(names))
        moves = still if part is None else _local(*part)
        entry["targets"] = targets + [{"POSITION": writer.sparse(moved)} for moved in moves]
    weights = [*mesh.get("weights", ()), *[0.0] * before]
    mesh["weights"] = [weights[number] for number in kept] + [0.0] * len(names)
    mesh["extras"] = {**extras, "targetNames": [known[number] for number in kept] + list(names)}


def _local(primitive: Primitive, deltas: Float) -> Iterator[Float]:
    """How each shape moves a primitive, in the mesh's own space."""
    inverse = np.asarray(np.linalg.pinv(primitive.linear), np.float64)
    for moved in deltas:
        turned = through(inverse, moved.astype(np.float64))
        # What is below a thousandth of the largest is not seen, and would be most of the file.
        far = np.abs(turned).max(axis=1, keepdims=True)
        kept = far > 1e-3 * max(far.max(initial=0), 1e-12)
        yield np.where(kept, turned, 0).astype(np.float32)
