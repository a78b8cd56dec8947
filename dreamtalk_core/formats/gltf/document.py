"""What a foreign glTF document holds. Every index, count and length in it may be wrong.

`Document` looks all of them up, and counts what is made of them: the same entry can be referred to
again and again. What is damaged is a ValueError, LookupError or TypeError here; the reader of a
kind of file words it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.formats._limits import check_count
from dreamtalk_core.formats.gltf.container import Table, read_glb

Array = NDArray[np.float64]

NUMBERS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
"""Component type -> numpy's name of it."""
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
"""Type of an accessor -> numbers of one value."""

MOST_ENTRIES = 100_000
"""Of nodes, accessors and so on: a character has some thousands."""

# What a scene may come to. Characters have up to 200 000 vertices, ten meshes of a thousand targets
# (much the same names in each) and sixty pictures of 4096 x 4096.
_MOST = {
    "vertices": 600_000,
    "corners of triangles": 6_000_000,
    "primitives": 2_000,
    "morph targets": 50_000,
    "names of morph targets": 12_000,
    "pixels of pictures": 2_000_000_000,
    "pixels of textures": 100_000_000,
}
_COMPRESSED = {
    "EXT_meshopt_compression",
    "KHR_draco_mesh_compression",
    "KHR_meshopt_compression",
}


class Document:
    """A GLB file and how to get at what is in it.

    file: its path. error: what is raised for a file that cannot be used, or holds too much.
    content: what is in it, where it is a file of another kind that has been read.
    """

    def __init__(
        self,
        file: Path,
        error: type[DreamTalkError],
        content: tuple[Table, memoryview] | None = None,
    ) -> None:
        self.file, self.error = file, error
        self.json, self.binary = read_glb(file, error) if content is None else content
        self._spent = dict.fromkeys(_MOST, 0)
        self._buffers: dict[int, memoryview] = {}
        needed = set(self.json.get("extensionsRequired", ()))
        if needed & _COMPRESSED:
            raise error(
                f"{file} is compressed ({', '.join(sorted(needed & _COMPRESSED))}), which is not "
                "understood here. Open it in Blender and export it as .glb without compression."
            )

    def table(self, name: str) -> list[Any]:
        """One of the arrays of the document."""
        found = self.json.get(name, [])
        if not isinstance(found, list):
            raise ValueError(f"its {name} are no list")
        self.check(len(found), name)
        return found

    def entry(self, name: str, number: Any) -> Table:
        """What an index that is in the file means. Every one of them is looked up here."""
        entries = self.table(name)
        place = whole(number, f"an index of {name}")
        if place >= len(entries) or not isinstance(entries[place], dict):
            raise ValueError(f"there is no {place} among its {len(entries)} {name}")
        return dict(entries[place])

    def check(self, count: int, what: str) -> None:
        """Raises the file's error for more entries than it can need."""
        check_count(count, MOST_ENTRIES, self.file, what, self.error)

    def spend(self, what: str, count: int) -> None:
        """Of what may be referred to again and again, everything that is made counts."""
        self._spent[what] += count
        check_count(self._spent[what], _MOST[what], self.file, what, self.error)

    def accessor(self, number: Any, form: str, count: int | None = None) -> Array:
        """Finite values [N, components], integers of a normalised kind as -1..1 or 0..1.

        form: the type it has to be of; several, between spaces. count: the N it has to have.
        """
        entry = self.entry("accessors", number)
        kind, length = np.dtype(NUMBERS[entry["componentType"]]), whole(entry["count"], "a count")
        if entry["type"] not in form.split() or count not in (None, length):
            raise ValueError(f"{length} of {entry['type']} where {count or ''} {form} belong")
        width = WIDTHS[entry["type"]]
        check_count(length, _MOST["corners of triangles"], self.file, "values", self.error)
        if "bufferView" in entry:
            values = self._values(entry, kind, length, width)
        else:
            values = np.zeros((length, width), kind)
        if "sparse" in entry:
            sparse, changes = entry["sparse"], whole(entry["sparse"]["count"], "a count")
            of = np.dtype(NUMBERS[sparse["indices"]["componentType"]])
            if changes > length or of.kind != "u":
                raise ValueError("more values are replaced than there are")
            rows = self._values(sparse["indices"], of, changes, 1).ravel()
            values = values.copy()
            values[rows] = self._values(sparse["values"], kind, changes, width)
        if entry.get("normalized") and kind.kind != "f":
            return np.maximum(values / np.iinfo(kind).max, -1.0)
        if not np.isfinite(values).all():
            raise ValueError("values that are no numbers")
        return values.astype(np.float64)

    def image(self, number: Any) -> memoryview:
        """The bytes of a picture, encoded."""
        image = self.entry("images", number)
        if "bufferView" in image:
            return self._view(self.entry("bufferViews", image["bufferView"]))
        return memoryview(base64.b64decode(image.get("uri", "").partition(",")[2]))

    def _values(self, entry: Table, kind: np.dtype[Any], count: int, width: int) -> NDArray[Any]:
        view = self.entry("bufferViews", entry["bufferView"])
        content, size = self._view(view), kind.itemsize * width
        start = whole(entry.get("byteOffset", 0), "an offset")
        step = whole(view.get("byteStride", size), "a stride")
        if count and (step < size or start + step * (count - 1) + size > len(content)):
            raise ValueError(f"{count} values where there is no room for them")
        return np.ndarray(
            (count, width), kind, content, start if count else 0, (step, kind.itemsize)
        )

    def _view(self, view: Table) -> memoryview:
        content = self.buffer(whole(view["buffer"], "an index of buffers"))
        start = whole(view.get("byteOffset", 0), "an offset")
        end = start + whole(view["byteLength"], "a length")
        if end > len(content):
            raise ValueError(f"bytes {start} to {end} of {len(content)}")
        return content[start:end]

    def buffer(self, number: int) -> memoryview:
        """The bytes of a buffer: those of the file, or those that stand in the document."""
        if number not in self._buffers:
            uri = self.entry("buffers", number).get("uri")
            self._buffers[number] = self.binary if uri is None else self._inline(uri)
        return self._buffers[number]

    def _inline(self, uri: str) -> memoryview:
        head, _, data = uri.partition(",")
        if not head.startswith("data:"):
            raise self.error(f"{self.file} needs the file {shown(head)}. Export it as one .glb.")
        return memoryview(base64.b64decode(data))


def whole(value: Any, what: str) -> int:
    """A number from the file that counts, or says which. True is none, and neither is 1.0."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{shown(value, 40)} is no {what.partition(' ')[2]}")
    return value


def numbers(values: Any, count: int) -> Array:
    """So many numbers from the file."""
    result = np.array(values, np.float64)
    if result.shape != (count,):
        raise ValueError(f"{shown(values, 40)} are not {count} numbers")
    return result
