"""Heads of other people: any GLB whose meshes have morph targets with ARKit's names, as a `Head`.

Read with numpy, pictures by PyAV. What is taken: triangles with their base colour, morph targets
(`extras.targetNames`; `eyeBlinkLeft`, `eyeBlink_L`, `Face.eyeBlinkLeft` are the same to us), the
node tree and skins in their rest pose. What is not: animations, cameras, lights, normal maps, and
the resting weights of the file.

The head is then brought to where the built-in one is: looking along z, its eyes and mouth, found
by what eyeBlink and the mouth's shapes move, in the same places. So camera, light and head rotation
need no settings. Eyes of their own mesh turn about their middle unless eyeLook shapes move them. A
skin says what follows the head (the joint named "Head"); without one the neck bends below the chin.
"""

from __future__ import annotations

import base64
import io
import os
import re
import struct
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.formats._limits import check_count, check_file, parse_json, unreadable
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.colour import to_linear, to_srgb
from dreamtalk_core.render.head.renderer import SplitHead
from dreamtalk_core.rig.head import MATERIALS, load_head
from dreamtalk_core.speech.media import READ_OPTIONS
from dreamtalk_core.warned import warn

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Table = dict[str, Any]

LONGEST_TEXTURE = 1024

_NUMBERS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_COMPRESSED = {"EXT_meshopt_compression", "KHR_draco_mesh_compression"}
_FEWEST_SHAPES = 5
_LONGEST_NAME = 200  # letters of a name that are looked at
_MOUTH_SHAPES = ("mouthFunnel", "mouthPucker", "mouthClose", "mouthRollLower", "jawOpen")
# What in a name tells the material, in the order in which they are asked.
_KINDS = (
    ("lash", ("lash",)),
    ("teeth", ("teeth", "tooth")),
    ("tongue", ("tongue",)),
    ("mouth", ("mouthinner", "innermouth", "oral", "gum")),
    ("skin", ("brow", "lid", "shadow", "occlusion", "tear", "glass")),
    ("eye", ("eye", "cornea", "iris", "sclera")),
)
# What has no colour of its own, linear.
_CLAY = {
    "skin": (0.36, 0.27, 0.23),
    "eye": (0.42, 0.4, 0.38),
    "teeth": (0.6, 0.56, 0.5),
    "tongue": (0.35, 0.12, 0.11),
    "mouth": (0.25, 0.08, 0.07),
}
_FARTHEST = 1e6  # mm
LARGEST_SCENE = 800_000_000
"""Bytes of a GLB: a character with all its clothes and pictures has some hundred millions."""
_MOST_ENTRIES = 100_000  # of nodes, accessors and so on: a character has some thousands
# What a scene may come to. Characters have up to 200 000 vertices, ten meshes of a thousand targets
# and sixty pictures of 4096 x 4096.
_MOST = {
    "vertices": 600_000,
    "corners of triangles": 6_000_000,
    "primitives": 2_000,
    "morph targets": 50_000,
    "pixels of pictures": 2_000_000_000,
    "pixels of textures": 100_000_000,
}
# Below the chin of the built-in head, in mm: from here to there the neck stops to follow.
_NECK_TOP, _NECK_END = -70.0, -125.0


def load_glb_head(path: str | os.PathLike[str]) -> SplitHead:
    """The head in a GLB file, ready for `HeadRenderer`.

    Raises `RenderError` if the file cannot be read, is compressed in a way that is not understood,
    or has fewer than five morph targets with ARKit's names.
    """
    file = Path(path)
    try:
        scene = _Scene(file)
        # Numbers out of all bounds are found at the end, in `_head`.
        with np.errstate(all="ignore"):
            parts = [part for node in scene.mesh_nodes() for part in scene.parts(node)]
            return _head(file, parts)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RenderError(
            f"{file} is damaged, or is no valid glTF ({error}). Export it again."
        ) from error


@dataclass(eq=False)
class _Part:
    """Triangles of one material; positions [V, 3] and deltas {shape: [V, 3]} in the scene's space.

    follows: [V] how much the head's rotation moves them, or None without a skin.
    """

    kind: str
    positions: Array
    triangles: NDArray[np.int64]
    deltas: dict[int, NDArray[np.float32]]
    uv: Array
    tint: Array
    texture: Picture
    follows: Array | None


class _Scene:
    """A GLB file and how to get at what is in it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.json, self.binary = _chunks(file)
        self.spent = dict.fromkeys(_MOST, 0)
        self.buffers: dict[int, memoryview] = {}
        self.textures: dict[int, Picture | None] = {}
        self.pictures: dict[int | None, Picture | None] = {}
        self.skins: dict[int, tuple[Array, Array | None]] = {}
        needed = set(self.json.get("extensionsRequired", ()))
        if needed & _COMPRESSED:
            raise RenderError(
                f"{file} is compressed ({', '.join(sorted(needed & _COMPRESSED))}), which is not "
                "understood here. Open it in Blender and export it as .glb without compression."
            )
        self.above: dict[int, int] = {}
        self.world = self._world_matrices()

    def table(self, name: str) -> list[Any]:
        """One of the arrays of the document."""
        found = self.json.get(name, [])
        if not isinstance(found, list):
            raise ValueError(f"its {name} are no list")
        check_count(len(found), _MOST_ENTRIES, self.file, name, RenderError)
        return found

    def entry(self, name: str, number: Any) -> Table:
        """What an index that is in the file means. Every one of them is looked up here."""
        entries = self.table(name)
        place = _whole(number, f"an index of {name}")
        if place >= len(entries) or not isinstance(entries[place], dict):
            raise ValueError(f"there is no {place} among its {len(entries)} {name}")
        return dict(entries[place])

    def spend(self, what: str, count: int) -> None:
        """Of what may be referred to again and again, everything that is made counts."""
        self.spent[what] += count
        check_count(self.spent[what], _MOST[what], self.file, what, RenderError)

    def mesh_nodes(self) -> list[int]:
        """Nodes with a mesh, in the scene."""
        return sorted(i for i in self.world if "mesh" in self.entry("nodes", i))

    def parts(self, number: int) -> list[_Part]:
        """What a node with a mesh shows."""
        node = self.entry("nodes", number)
        mesh = self.entry("meshes", node["mesh"])
        self.spend("primitives", len(mesh["primitives"]))
        return [
            self._part(number, node, mesh, primitive)
            for primitive in mesh["primitives"]
            if primitive.get("mode", 4) == 4 and "POSITION" in primitive["attributes"]
        ]

    def _part(self, number: int, node: Table, mesh: Table, primitive: Table) -> _Part:
        self.spend("morph targets", len(primitive.get("targets", ())))
        shapes = _shapes(mesh, primitive)
        positions = self.accessor(primitive["attributes"]["POSITION"], "VEC3")
        count = len(positions)
        self.spend("vertices", count)
        linear, offset, follows = self._placing(number, node, primitive["attributes"], count)
        deltas = {
            shape: _each(
                linear, self.accessor(primitive["targets"][target]["POSITION"], "VEC3", count)
            ).astype(np.float32)
            for shape, target in shapes.items()
            if "POSITION" in primitive["targets"][target]
        }
        indices = np.arange(count)
        if "indices" in primitive:
            indices = self.accessor(primitive["indices"], "SCALAR").astype(np.int64).ravel()
        self.spend("corners of triangles", len(indices))
        if indices.size and not 0 <= indices.min() <= indices.max() < count:
            raise ValueError("a triangle of vertices that are not there")
        triangles = indices[: len(indices) // 3 * 3].reshape(-1, 3)
        if np.linalg.det(linear.reshape(-1, 3, 3)[0]) < 0:
            triangles = triangles[:, ::-1]
        names = [node.get("name", ""), mesh.get("name", "")]
        if not any(names) and number in self.above:
            names.append(self.entry("nodes", self.above[number]).get("name", ""))
        uv, tint, texture = self._surface(primitive, count, names)
        positions = _each(linear, positions) + offset
        return _Part(_kind(names), positions, triangles, deltas, uv, tint, texture, follows)

    def accessor(self, number: Any, form: str, count: int | None = None) -> Array:
        """Finite values [N, components], integers of a normalised kind as -1..1 or 0..1.

        form: the type it has to be of; several, between spaces. count: the N it has to have.
        """
        entry = self.entry("accessors", number)
        kind, length = np.dtype(_NUMBERS[entry["componentType"]]), _whole(entry["count"], "a count")
        if entry["type"] not in form.split() or count not in (None, length):
            raise ValueError(f"{length} of {entry['type']} where {count or ''} {form} belong")
        width = _WIDTHS[entry["type"]]
        check_count(length, _MOST["corners of triangles"], self.file, "values", RenderError)
        if "bufferView" in entry:
            values = self._values(entry, kind, length, width)
        else:
            values = np.zeros((length, width), kind)
        if "sparse" in entry:
            sparse, changes = entry["sparse"], _whole(entry["sparse"]["count"], "a count")
            of = np.dtype(_NUMBERS[sparse["indices"]["componentType"]])
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

    def _values(self, entry: Table, kind: np.dtype[Any], count: int, width: int) -> NDArray[Any]:
        view = self.entry("bufferViews", entry["bufferView"])
        content, size = self._view(view), kind.itemsize * width
        start = _whole(entry.get("byteOffset", 0), "an offset")
        step = _whole(view.get("byteStride", size), "a stride")
        if count and (step < size or start + step * (count - 1) + size > len(content)):
            raise ValueError(f"{count} values where there is no room for them")
        return np.ndarray(
            (count, width), kind, content, start if count else 0, (step, kind.itemsize)
        )

    def _view(self, view: Table) -> memoryview:
        content = self._buffer(_whole(view["buffer"], "an index of buffers"))
        start = _whole(view.get("byteOffset", 0), "an offset")
        end = start + _whole(view["byteLength"], "a length")
        if end > len(content):
            raise ValueError(f"bytes {start} to {end} of {len(content)}")
        return content[start:end]

    def _buffer(self, number: int) -> memoryview:
        if number not in self.buffers:
            uri = self.entry("buffers", number).get("uri")
            self.buffers[number] = self.binary if uri is None else self._inline(uri)
        return self.buffers[number]

    def _inline(self, uri: str) -> memoryview:
        head, _, data = uri.partition(",")
        if not head.startswith("data:"):
            raise RenderError(f"{self.file} needs the file {shown(head)}. Export it as one .glb.")
        return memoryview(base64.b64decode(data))

    def _world_matrices(self) -> dict[int, Array]:
        """Of the nodes in the scene: [4, 4] from their own space to the scene's."""
        roots = range(len(self.table("nodes")))
        if self.table("scenes"):
            roots = self.entry("scenes", self.json.get("scene", 0)).get("nodes", [])
        world: dict[int, Array] = {}
        waiting = [(root, np.eye(4)) for root in dict.fromkeys(roots)]
        found = {root for root, _ in waiting}
        while waiting:
            number, above = waiting.pop()
            node = self.entry("nodes", number)
            world[number] = above @ _local_matrix(node)
            # Met before: a node of two others, or one that is below itself.
            for child in node.get("children", ()):
                if _whole(child, "a child") not in found:
                    found.add(child)
                    self.above[child] = number
                    waiting.append((child, world[number]))
        return world

    def _placing(
        self, number: int, node: Table, attributes: Table, count: int
    ) -> tuple[Array, Array, Array | None]:
        """Linear part [3, 3] or [V, 3, 3], offset [3] or [V, 3], and what follows the head [V]."""
        if "skin" not in node or "JOINTS_0" not in attributes:
            matrix = self.world[number]
            return matrix[:3, :3], matrix[:3, 3], None
        placed, of_head = self._skin(node["skin"])
        chosen = self.accessor(attributes["JOINTS_0"], "VEC4", count).astype(np.int64)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(placed):
            raise ValueError("a joint that is not there")
        shares = self.accessor(attributes["WEIGHTS_0"], "VEC4", count)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
        blended = np.einsum("vj,vjab->vab", shares, placed[chosen])
        follows = None if of_head is None else (shares * of_head[chosen]).sum(axis=1)
        return blended[:, :3, :3], blended[:, :3, 3], follows

    def _skin(self, number: Any) -> tuple[Array, Array | None]:
        """Of its joints: [J, 4, 4] from where the skin is bound to the scene, and whether they
        follow the head."""
        skin = self.entry("skins", number)
        if number not in self.skins:
            joints = [_whole(joint, "a joint") for joint in skin["joints"]]
            check_count(len(joints), _MOST_ENTRIES, self.file, "joints", RenderError)
            placed = np.stack([self.world.get(joint, np.eye(4)) for joint in joints])
            if "inverseBindMatrices" in skin:
                stored = self.accessor(skin["inverseBindMatrices"], "MAT4", len(joints))
                placed = placed @ stored.reshape(-1, 4, 4).transpose(0, 2, 1)
            self.skins[number] = placed, self._joints_of_head(joints)
        return self.skins[number]

    def _joints_of_head(self, joints: list[int]) -> Array | None:
        """1 for joints that follow the head, else 0 [J]; None if none of them is the head."""
        names = {joint: self.entry("nodes", joint).get("name", "").lower() for joint in joints}
        heads = [joint for joint, name in names.items() if "head" in name and "end" not in name]
        if not heads:
            return None
        # In order, and each once: a joint may be below itself.
        below = dict.fromkeys([min(heads, key=lambda joint: len(names[joint]))])
        waiting = list(below)
        while waiting:
            for child in self.entry("nodes", waiting.pop()).get("children", ()):
                if child not in below:
                    below[child] = None
                    waiting.append(child)
        return np.isin(joints, list(below)).astype(np.float64)

    def _surface(
        self, primitive: Table, count: int, names: list[str]
    ) -> tuple[Array, Array, Picture]:
        """Texture coordinates [V, 2], vertex colours [V, 3], and the texture [H, W, 4].

        The name of the material is added to names.
        """
        number = primitive.get("material")
        material = self.entry("materials", number) if "material" in primitive else {}
        names.append(material.get("name", ""))
        base = material.get("pbrMetallicRoughness", {})
        chosen = base.get("baseColorTexture", {})
        if number not in self.pictures:
            self.pictures[number] = self._coloured(material, base, chosen)
            if self.pictures[number] is None and "index" in chosen:
                warn(
                    f"The texture of the material {shown(material.get('name', number))} cannot be "
                    "read, so it looks like clay. Save its picture in the GLB as png or jpg."
                )
        picture = self.pictures[number]
        if picture is None:
            # No colour, or none that can be read: like clay rather than white.
            clay = "index" in chosen or base.get("baseColorFactor", [1] * 4) == [1] * 4
            colour = _CLAY.get(_kind(names), _CLAY["skin"]) if clay else (1.0, 1.0, 1.0)
            picture = np.broadcast_to(_to_srgb(np.array([*colour, 1.0])), (2, 2, 4))
            picture = self._tinted(picture, material, base)
        attributes = primitive["attributes"]
        move = chosen.get("extensions", {}).get("KHR_texture_transform", {})
        slot = f"TEXCOORD_{move.get('texCoord', chosen.get('texCoord', 0))}"
        uv = np.zeros((count, 2))
        if slot in attributes:
            uv = self.accessor(attributes[slot], "VEC2", count)
        uv = uv * _numbers(move.get("scale", [1, 1]), 2) + _numbers(move.get("offset", [0, 0]), 2)
        tint = np.ones((count, 3))
        if "COLOR_0" in attributes:
            tint = self.accessor(attributes["COLOR_0"], "VEC3 VEC4", count)[:, :3]
        return uv, tint, picture

    def _coloured(self, material: Table, base: Table, chosen: Table) -> Picture | None:
        """The texture of a material as it shows; None if it has none that can be read."""
        picture = self._texture(chosen["index"]) if "index" in chosen else None
        if picture is None:
            return None
        self.spend("pixels of textures", picture.size // 4)
        return self._tinted(picture, material, base)

    @staticmethod
    def _tinted(picture: Picture, material: Table, base: Table) -> Picture:
        """A picture times the colour of a material, and opaque if that is."""
        factor = _numbers(base.get("baseColorFactor", [1, 1, 1, 1]), 4)
        if (factor != 1).any():
            picture = _to_srgb(_to_linear(picture) * factor)
        if material.get("alphaMode", "OPAQUE") == "OPAQUE":
            picture = picture.copy()
            picture[..., 3] = 255
        return picture

    def _texture(self, number: Any) -> Picture | None:
        """A picture uint8 [H, W, 4]; None for a kind that cannot be read."""
        source = self.entry("textures", number).get("source")
        if source is None:
            return None
        image = self.entry("images", source)
        if source not in self.textures:
            if "bufferView" in image:
                data = self._view(self.entry("bufferViews", image["bufferView"]))
            else:
                data = memoryview(base64.b64decode(image.get("uri", "").partition(",")[2]))
            self.textures[source] = self._picture(data)
        return self.textures[source]

    def _picture(self, data: memoryview) -> Picture | None:
        try:
            with av.open(io.BytesIO(data), "r", options=READ_OPTIONS) as container:
                frame = next(container.decode(video=0))
                self.spend("pixels of pictures", frame.width * frame.height)
                shrink = ceil(max(frame.width, frame.height) / LONGEST_TEXTURE)
                picture: Picture = frame.to_ndarray(
                    format="rgba",
                    width=max(2, frame.width // shrink),
                    height=max(2, frame.height // shrink),
                    interpolation="AREA",
                ).astype(np.uint8)
                return picture
        except (av.error.FFmpegError, OSError, ValueError, LookupError, StopIteration):
            return None


def _whole(value: Any, what: str) -> int:
    """A number from the file that counts, or says which. True is none, and neither is 1.0."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{shown(value, 40)} is no {what.partition(' ')[2]}")
    return value


def _numbers(values: Any, count: int) -> Array:
    result = np.array(values, np.float64)
    if result.shape != (count,):
        raise ValueError(f"{shown(values, 40)} are not {count} numbers")
    return result


def _chunks(file: Path) -> tuple[Table, memoryview]:
    """The document of a GLB, and its binary part."""
    check_file(file, RenderError, "GLB", LARGEST_SCENE)
    try:
        data = memoryview(file.read_bytes())
    except OSError as error:
        raise unreadable(file, error, RenderError) from error
    if bytes(data[:8]) != b"glTF\2\0\0\0" or len(data) < 20:
        raise RenderError(f"{file} is not a GLB (binary glTF 2.0) file. Export the model as .glb.")
    (length,) = struct.unpack_from("<I", data, 8)
    parts: list[memoryview] = []
    place = 12
    end = min(length, len(data))
    for mark in (b"JSON", b"BIN\0"):
        if parts and place + 8 > end:
            break
        size, kind = struct.unpack_from("<I4s", data, place)
        if kind != mark or place + 8 + size > end:
            raise ValueError(f"a chunk of {size} bytes that is cut off, or none")
        parts.append(data[place + 8 : place + 8 + size])
        place += 8 + size
    if length > len(data):
        raise ValueError(f"{len(data)} of {length} bytes: it is cut off")
    document = parse_json(parts[0].tobytes(), str(file), RenderError)
    if not isinstance(document, dict):
        raise ValueError("its document is no object")
    return document, parts[1] if len(parts) > 1 else memoryview(b"")


def _local_matrix(node: Table) -> Array:
    if "matrix" in node:
        return _numbers(node["matrix"], 16).reshape(4, 4).T
    x, y, z, w = _numbers(node.get("rotation", (0.0, 0.0, 0.0, 1.0)), 4)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * _numbers(node.get("scale", (1.0, 1.0, 1.0)), 3)
    matrix[:3, 3] = _numbers(node.get("translation", (0.0, 0.0, 0.0)), 3)
    return matrix


def _each(linear: Array, vectors: Array) -> Array:
    """Vectors [V, 3] through one matrix or one for each."""
    if linear.ndim == 2:
        return vectors @ linear.T
    result: Array = np.einsum("vab,vb->va", linear, vectors)
    return result


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[-_LONGEST_NAME:].rpartition(".")[2].lower())


_SPELLINGS = {name.lower(): index for name, index in INDEX.items()}
_SPELLINGS |= {
    re.sub("(left|right)$", lambda side: side[0][0], name): index
    for name, index in _SPELLINGS.items()
    if name not in ("jawleft", "jawright", "mouthleft", "mouthright")
}


def arkit_index(name: str) -> int | None:
    """The ARKit shape that a morph target's name means, or None."""
    plain = _plain(name)
    if plain in _SPELLINGS:
        return _SPELLINGS[plain]
    # A prefix, as in "Head_eyeBlinkLeft"; of two that fit, the longer one.
    ends = [spelling for spelling in _SPELLINGS if len(spelling) > 6 and plain.endswith(spelling)]
    return _SPELLINGS[max(ends, key=len)] if ends else None


def _shapes(mesh: Table, primitive: Table) -> dict[int, int]:
    """ARKit shape -> number of the morph target."""
    names = mesh.get("extras", {}).get("targetNames")
    names = names or primitive.get("extras", {}).get("targetNames") or []
    count = len(primitive.get("targets", ()))
    found: dict[int, int] = {}
    for target, name in enumerate(names[:count]):
        shape = arkit_index(str(name))
        if shape is not None:
            found.setdefault(shape, target)
    return found


def _kind(names: list[str]) -> str:
    """The material: a name of `MATERIALS`. The mesh's own name counts before its material's."""
    for name in names:
        plain = _plain(name)
        for kind, words in _KINDS:
            if any(word in plain for word in words):
                return kind
    return "skin"


def _head(file: Path, parts: list[_Part]) -> SplitHead:
    shapes = sorted({shape for part in parts for shape in part.deltas})
    if len(shapes) < _FEWEST_SHAPES:
        raise RenderError(
            f"{file} has {len(shapes)} morph targets with ARKit's names (eyeBlinkLeft, jawOpen, "
            "...), too few to show a motion. Export the model with its shape keys and their names."
        )
    positions = np.concatenate([part.positions for part in parts])
    deltas = np.zeros((len(ARKIT_NAMES), *positions.shape), np.float32)
    starts = np.cumsum([0, *(len(part.positions) for part in parts)])
    for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True):
        for shape, moves in part.deltas.items():
            deltas[shape, start:end] = moves
        part.deltas.clear()  # they are most of what a large head takes
    turn, scale, offset = _alignment(file, positions, deltas)
    positions = scale * positions @ turn.T + offset
    for shape in shapes:
        deltas[shape] = deltas[shape] @ (scale * turn.T).astype(np.float32)
    # Beside it the face is nothing, or something is no number.
    if not np.abs(positions).max() < _FARTHEST or not np.abs(deltas).max() < _FARTHEST:
        raise ValueError("positions far beyond the face")

    kind = np.concatenate([np.full(len(p.positions), MATERIALS.index(p.kind)) for p in parts])
    atlas, uv = _atlas(parts)
    triangles = [_opaque(part) + start for part, start in zip(parts, starts[:-1], strict=True)]
    material = np.concatenate(
        [np.full(len(t), MATERIALS.index(p.kind)) for t, p in zip(triangles, parts, strict=True)]
    )
    neck = smoothstep((positions[:, 1] - _NECK_END) / (_NECK_TOP - _NECK_END))
    for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True):
        if part.follows is not None:
            neck[start:end] = part.follows
    # The eyeballs at the end, each in one piece.
    is_eye = kind == MATERIALS.index("eye")
    left, right = is_eye & (positions[:, 0] > 0), is_eye & (positions[:, 0] <= 0)
    order = np.concatenate([np.flatnonzero(mask) for mask in (~is_eye, left, right)])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    middle = len(order) - int(right.sum())
    eyes = np.array([[middle - int(left.sum()), middle], [middle, len(order)]], np.int32)
    centres = np.stack([_centre(positions[mask], i) for i, mask in enumerate((left, right))])
    looks = [index for name, index in INDEX.items() if name.startswith("eyeLook")]
    if is_eye.any() and np.abs(deltas[looks][:, is_eye]).max() > 0.1:
        eyes[:] = 0
    deltas = np.ascontiguousarray(deltas[:, order])
    result = SplitHead(
        vertices=np.ascontiguousarray(positions[order], np.float32),
        triangles=np.ascontiguousarray(place[np.concatenate(triangles)], np.int32),
        material=material.astype(np.int8),
        deltas=deltas,
        uv=np.ascontiguousarray(uv[order], np.float32),
        atlas=atlas,
        colours=np.concatenate([part.tint for part in parts])[order].astype(np.float32),
        neck=neck[order].astype(np.float32),
        eye_centres=centres.astype(np.float32),
        eyes=eyes,
        lip_columns=np.zeros((1, 2, 1), np.int32),
        lip_corners=np.zeros(2, np.int32),
        weld=_weld(positions[order], deltas, kind[order]),
    )
    for value in vars(result).values():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError("numbers out of all bounds")
        value.flags.writeable = False
    return result


def _alignment(
    file: Path, positions: Array, deltas: NDArray[np.float32]
) -> tuple[Array, float, Array]:
    """Rotation [3, 3], scale and offset that bring the face to where the built-in head's is."""
    own, model = _anchors(positions, deltas), _anchors(load_head().vertices, load_head().deltas)
    if np.isnan(own).any():
        raise RenderError(
            f"{file} lacks shapes that tell where its face is: eyeBlinkLeft, eyeBlinkRight, and "
            f"one of {', '.join(_MOUTH_SHAPES)}."
        )
    frames = []
    for left, right, mouth in (own, model):
        across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
        up = (left + right) / 2 - mouth
        up = up - across * float(up @ across)
        up = up / max(float(np.linalg.norm(up)), 1e-9)
        frames.append(np.stack([across, up, np.cross(across, up)]))
    spread = [float(np.sqrt(((a - a.mean(axis=0)) ** 2).sum())) for a in (own, model)]
    scale = spread[1] / max(spread[0], 1e-9)
    turn: Array = frames[1].T @ frames[0]
    return turn, scale, model.mean(axis=0) - scale * turn @ own.mean(axis=0)


def _anchors(positions: NDArray[Any], deltas: NDArray[np.float32]) -> Array:
    """Left eye, right eye, mouth [3, 3]: the middle of what their shapes move; NaN if nothing."""
    result = np.full((3, 3), np.nan)
    groups = (("eyeBlinkLeft",), ("eyeBlinkRight",), _MOUTH_SHAPES[:4])
    for row, names in enumerate(groups):
        moved = sum(np.linalg.norm(deltas[INDEX[name]], axis=1) for name in names)
        weight = np.asarray(moved, np.float64)
        if row == 2 and weight.max() == 0:
            weight = np.linalg.norm(deltas[INDEX["jawOpen"]], axis=1).astype(np.float64)
        # Only what moves most: some shapes pull at the whole cheek.
        weight = np.where(weight > 0.5 * weight.max(), weight, 0)
        if weight.any():
            result[row] = weight @ positions / weight.sum()
    return result


def _centre(ball: Array, side: int) -> Array:
    """The middle of an eyeball [3]: of the sphere through its vertices."""
    if len(ball) < 8:
        return load_head().eye_centres[side].astype(np.float64)
    low, high = ball.min(axis=0), ball.max(axis=0)
    system = np.column_stack([2 * ball, np.ones(len(ball))])
    centre = np.linalg.lstsq(system, (ball**2).sum(axis=1), rcond=None)[0][:3]
    # A flat eye is on a sphere as large as one likes.
    room = high - low
    inside = ((centre > low - room) & (centre < high + 0.2 * room)).all()
    return centre if inside else (low + high) / 2


def _weld(
    positions: Array, deltas: NDArray[np.float32], kind: NDArray[np.int64]
) -> NDArray[np.int32]:
    """For each vertex, one that is in the same place in every shape: split for its texture only."""
    # Shapes are told apart by a few mixtures of them.
    mixed = np.random.default_rng(0).normal(size=(2, len(deltas))).astype(np.float32)
    moved = np.tensordot(mixed, deltas, 1).transpose(1, 0, 2).reshape(len(positions), -1)
    key = np.round(np.column_stack([positions / 0.02, moved / 0.05, 1000 * kind])).astype(np.int64)
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return first[group.ravel()].astype(np.int32)


def _opaque(part: _Part) -> NDArray[np.int64]:
    """The triangles, without those on which the texture is see-through (lashes, cards of hair)."""
    alpha = part.texture[..., 3]
    if alpha.min() == 255:
        return part.triangles
    corners = part.uv[part.triangles]
    points = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1) % 1
    rows = (points[..., 1] * alpha.shape[0]).astype(np.int64)
    columns = (points[..., 0] * alpha.shape[1]).astype(np.int64)
    return part.triangles[alpha[rows, columns].mean(axis=1) > 100]


def _atlas(parts: list[_Part]) -> tuple[Picture, Array]:
    """All textures above one another [H, W, 3], and the coordinates [V, 2] in them, 0..1."""
    different: dict[bytes, tuple[int, Picture]] = {}
    rows = []
    height = 0
    for part in parts:
        key = part.texture.tobytes()
        if key not in different:
            different[key] = (height, part.texture)
            height += len(part.texture)
        rows.append(different[key][0])
    width = max(texture.shape[1] for _, texture in different.values())
    atlas = np.zeros((height, width, 3), np.uint8)
    for top, texture in different.values():
        atlas[top : top + len(texture), : texture.shape[1]] = texture[..., :3]
    places = []
    for part, top in zip(parts, rows, strict=True):
        size = np.array(part.texture.shape[1::-1])
        uv = part.uv - np.floor(part.uv.min(axis=0))
        # Repeated within the part: vertices on a seam are then wrong, the rest is right.
        uv = np.where(uv.max(axis=0) > 1.001, uv % 1, uv)
        # Half a pixel from the edge, or the neighbour shows.
        inside = np.clip(uv * size, 0.5, size - 0.5)
        places.append((inside + np.array([0, top])) / [width, height])
    return atlas, np.concatenate(places)


def _to_linear(picture: Picture) -> Array:
    """[H, W, 4], alpha as it is; 0..1."""
    x = picture / 255
    x[..., :3] = to_linear(x[..., :3])
    return x


def _to_srgb(linear: Array) -> Picture:
    x = np.clip(linear, 0, 1)
    x[..., :3] = to_srgb(x[..., :3])
    return np.round(255 * x).astype(np.uint8)
