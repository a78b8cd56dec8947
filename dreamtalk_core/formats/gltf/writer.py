"""The binary part of a glTF document, and the tables that point into it, as they are filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.formats.gltf.container import Table
from dreamtalk_core.formats.gltf.document import NUMBERS, WIDTHS

VERTEX_BUFFER, INDEX_BUFFER = 34962, 34963
"""Targets of buffer views."""

_COMPONENTS = {np.dtype(kind): number for number, kind in NUMBERS.items()}
_TYPES = {width: name for name, width in WIDTHS.items()}


@dataclass
class Writer:
    """data: the binary chunk; views and accessors: what the document says of it."""

    data: bytearray = field(default_factory=bytearray)
    views: list[Table] = field(default_factory=list)
    accessors: list[Table] = field(default_factory=list)

    def view(self, content: bytes, target: int | None = None) -> int:
        """Append bytes, 4-byte aligned; the number of the buffer view."""
        self.data += bytes(-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        if target is not None:
            view["target"] = target
        self.data += content
        self.views.append(view)
        return len(self.views) - 1

    def accessor(
        self,
        array: NDArray[Any],
        target: int | None = None,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Append an array [N] or [N, components]; the number of its accessor."""
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        entry = {
            "bufferView": self.view(array.tobytes(), target),
            **_shape(array),
            **(_bounds(array) if bounds else {}),
            **({"normalized": True} if normalized else {}),
        }
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def sparse(self, deltas: NDArray[np.float32]) -> int:
        """Append deltas [N, 3], most of them zero; the number of the accessor."""
        rows = np.flatnonzero(deltas.any(axis=1))
        entry = {**_shape(deltas), **_bounds(deltas)}
        # An accessor without a view is all zeros; a sparse part with no entries is not allowed.
        if len(rows):
            indices = rows.astype("<u2" if len(deltas) < 65536 else "<u4")
            entry["sparse"] = {
                "count": len(rows),
                "indices": {
                    "bufferView": self.view(indices.tobytes()),
                    "componentType": _COMPONENTS[indices.dtype],
                },
                "values": {"bufferView": self.view(deltas[rows].astype("<f4").tobytes())},
            }
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def tables(self) -> Table:
        """What the document says of the binary part."""
        return {
            "buffers": [{"byteLength": len(self.data) + -len(self.data) % 4}],
            "bufferViews": self.views,
            "accessors": self.accessors,
        }


def _shape(array: NDArray[Any]) -> Table:
    return {
        "componentType": _COMPONENTS[array.dtype.newbyteorder("<")],
        "count": len(array),
        "type": _TYPES[array.shape[1] if array.ndim == 2 else 1],
    }


def _bounds(array: NDArray[Any]) -> Table:
    columns = array.reshape(len(array), -1)
    return {"min": columns.min(axis=0).tolist(), "max": columns.max(axis=0).tolist()}
