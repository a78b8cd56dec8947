"""A Wavefront OBJ as the glTF document that it would be: meshes by object, parts by material,
colours of vertices, and the colours and pictures of its .mtl."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.formats._limits import check_count, check_file, unreadable
from dreamtalk_core.formats.gltf.container import Table
from dreamtalk_core.formats.gltf.writer import Writer
from dreamtalk_core.warned import warn

Corner = tuple[int, int]
"""A vertex, and its place on the picture or -1."""

_MOST_CORNERS, _MOST_VERTICES = 6_000_000, 600_000
_LARGEST = 400_000_000
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg"}
"""How those begin that a glTF document may have."""
_LARGEST_PICTURE = 256_000_000
# The origin of a picture is its lower left corner here, its upper left one in glTF.
_DOWN, _TOP = np.array([1, -1], np.float32), np.array([0, 1], np.float32)
_MAP, _COLOUR = "map_kd", "kd"


def read_obj(file: Path, error: type[DreamTalkError]) -> tuple[Table, memoryview]:
    """The document of an OBJ, and its binary part.

    Polygons become triangles; lines, points and curves are left out. Warns of a .mtl or a picture
    that cannot be read. Raises `error` if the file cannot be read or has no faces, ValueError if
    it is damaged.
    """
    check_file(file, error, "OBJ", _LARGEST)
    places: list[list[float]] = []
    uvs: list[list[float]] = []
    parts: dict[tuple[str, str], list[Corner]] = defaultdict(list)
    name, material, libraries, count = file.stem, "", [], 0
    for words in _lines(file, error):
        kind, values = words[0], words[1:]
        if kind == "v":
            places.append([float(x) for x in values[:6]])
            check_count(len(places), _MOST_VERTICES, file, "vertices", error)
        elif kind == "vt":
            uvs.append([float(x) for x in values[:2]])
        elif kind == "f":
            corners = [_corner(value, len(places), len(uvs)) for value in values]
            for second, third in pairwise(corners[1:]):
                parts[name, material] += corners[0], second, third
            count += 3 * max(len(corners) - 2, 0)
            check_count(count, _MOST_CORNERS, file, "corners of triangles", error)
        elif kind in ("o", "g"):
            name = " ".join(values) or name
        elif kind == "usemtl":
            material = " ".join(values)
        elif kind == "mtllib":
            libraries.append(" ".join(values))
    if not count:
        raise error(f"{file} has no faces. Export the head as a mesh.")
    writer = Writer()
    materials, images = _materials(file, libraries, sorted({own for _, own in parts}), writer)
    document = _document(writer, parts, _table(places, 6), _table(uvs, 2), materials, images)
    return document, memoryview(bytes(writer.data))


def _lines(file: Path, error: type[DreamTalkError]) -> Iterator[list[str]]:
    """The words of each line that has some; one that ends in a backslash goes on in the next."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            before: list[str] = []
            for line in lines:
                words = before + line.partition("#")[0].split()
                goes_on = bool(words) and words[-1] == "\\"
                before = words[:-1] if goes_on else []
                if words and not goes_on:
                    yield words
    except OSError as problem:
        raise unreadable(file, problem, error) from problem


def _corner(text: str, places: int, uvs: int) -> Corner:
    """What `7`, `7/3`, `7//1` or `-1/-1/-1` means."""
    numbers = [int(part) if part else 0 for part in text.split("/")][:2]
    found = [
        number - 1 if number > 0 else known + number if number else -1
        for number, known in zip([*numbers, 0][:2], (places, uvs), strict=True)
    ]
    if not 0 <= found[0] < places or not -1 <= found[1] < uvs:
        raise ValueError(f"a face has the corner {shown(text)}, which there is not")
    return found[0], found[1]


def _table(rows: list[list[float]], width: int) -> NDArray[np.float32]:
    """Rows as an array [N, width]; those that are shorter are filled with 1."""
    result = np.array([row + [1.0] * (width - len(row)) for row in rows], np.float32)
    return result.reshape(-1, width)


def _document(
    writer: Writer,
    parts: dict[tuple[str, str], list[Corner]],
    places: NDArray[np.float32],
    uvs: NDArray[np.float32],
    materials: list[Table],
    images: list[Table],
) -> Table:
    coloured = bool((places[:, 3:] != 1).any())
    numbers = {entry["name"]: number for number, entry in enumerate(materials)}
    meshes: dict[str, list[Table]] = defaultdict(list)
    for (name, material), corners in parts.items():
        used, indices = np.unique(np.array(corners, np.int64), axis=0, return_inverse=True)
        own = places[used[:, 0]]
        attributes = {"POSITION": writer.accessor(own[:, :3], bounds=True)}
        if (used[:, 1] >= 0).all():
            attributes["TEXCOORD_0"] = writer.accessor(uvs[used[:, 1]] * _DOWN + _TOP)
        if coloured:
            # What scanners write is sRGB, what glTF has is linear.
            attributes["COLOR_0"] = writer.accessor(np.clip(own[:, 3:], 0, 1) ** np.float32(2.2))
        part = {
            "attributes": attributes,
            "indices": writer.accessor(indices.ravel().astype(np.uint32)),
            "material": numbers[material],
        }
        meshes[name].append(part)
    pictures = {"images": images, "textures": [{"source": n} for n in range(len(images))]}
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"name": name, "mesh": number} for number, name in enumerate(meshes)],
        "meshes": [{"name": name, "primitives": own} for name, own in meshes.items()],
        "materials": materials,
        **(pictures if images else {}),
        **writer.tables(),
    }


def _materials(
    file: Path, libraries: list[str], names: list[str], writer: Writer
) -> tuple[list[Table], list[Table]]:
    """Those of the .mtl that are used, and their pictures."""
    known: dict[str, dict[str, list[str]]] = {}
    for library in libraries:
        path = file.with_name(Path(library.replace("\\", "/")).name)
        try:
            lines = list(_lines(path, DreamTalkError))
        except DreamTalkError as problem:
            warn(f"{shown(file)} has no colours: {problem}")
            continue
        own: dict[str, list[str]] = {}
        for words in lines:
            if words[0] == "newmtl":
                own = known.setdefault(" ".join(words[1:]), {})
            own[words[0].lower()] = words[1:]
    materials: list[Table] = []
    images: list[Table] = []
    for name in names:
        values = known.get(name, {})
        base: Table = {"metallicFactor": 0.0}
        if _COLOUR in values:
            base["baseColorFactor"] = [*(float(x) ** 2.2 for x in values[_COLOUR][:3]), 1.0]
        picture = _picture(file, values[_MAP]) if values.get(_MAP) else None
        if picture is not None:
            base["baseColorFactor"] = [1.0] * 4
            base["baseColorTexture"] = {"index": len(images)}
            kind = next(own for start, own in _PICTURES.items() if picture.startswith(start))
            images.append({"mimeType": kind, "bufferView": writer.view(picture)})
        materials.append({"name": name, "pbrMetallicRoughness": base})
    return materials, images


def _picture(file: Path, words: list[str]) -> bytes | None:
    """The picture that a .mtl names, beside the OBJ or in a folder below; it may have blanks, and
    options before it."""
    folder = file.parent.resolve()
    for first in range(len(words)):
        path = folder / " ".join(words[first:]).replace("\\", "/")
        for found in (path, folder / path.name):
            if found.is_file() and found.resolve().is_relative_to(folder):
                check_file(found, DreamTalkError, "picture", _LARGEST_PICTURE)
                content = found.read_bytes()
                if content.startswith(tuple(_PICTURES)):
                    return content
                warn(f"{shown(found)} is neither PNG nor JPEG, so its colours are not seen.")
                return None
    warn(f"{shown(file)} names a picture that is not beside it: {shown(words[-1])}.")
    return None
