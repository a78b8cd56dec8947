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
import binascii
import io
import json
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

from dreamtalk_core.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.errors import RenderError
from dreamtalk_core.render.head import SplitHead
from dreamtalk_core.rig.head import MATERIALS, load_head

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
Table = dict[str, Any]

LONGEST_TEXTURE = 1024

_NUMBERS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_COMPRESSED = {"EXT_meshopt_compression", "KHR_draco_mesh_compression"}
_FEWEST_SHAPES = 5
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
        raise RenderError(f"{file} is damaged, or is no valid glTF ({error}).") from error


@dataclass(eq=False)
class _Part:
    """Triangles of one material; positions [V, 3] and deltas {shape: [V, 3]} in the scene's space.

    follows: [V] how much the head's rotation moves them, or None without a skin.
    """

    kind: str
    positions: Array
    triangles: NDArray[np.int64]
    deltas: dict[int, Array]
    uv: Array
    tint: Array
    texture: Picture
    follows: Array | None


class _Scene:
    """A GLB file and how to get at what is in it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.json, self.binary = _chunks(file)
        needed = set(self.json.get("extensionsRequired", ()))
        if needed & _COMPRESSED:
            raise RenderError(
                f"{file} is compressed ({', '.join(sorted(needed & _COMPRESSED))}), which is not "
                "understood here. Open it in Blender and export it as .glb without compression."
            )
        self.above: dict[int, int] = {}
        self.world = self._world_matrices()

    def table(self, name: str) -> list[Table]:
        """One of the arrays of the document."""
        found = self.json.get(name, [])
        return list(found)

    def mesh_nodes(self) -> list[int]:
        """Nodes with a mesh, in the scene."""
        return [
            i for i, node in enumerate(self.table("nodes")) if "mesh" in node and i in self.world
        ]

    def parts(self, number: int) -> list[_Part]:
        """What a node with a mesh shows."""
        node = self.table("nodes")[number]
        mesh = self.table("meshes")[node["mesh"]]
        result = []
        for primitive in mesh["primitives"]:
            if primitive.get("mode", 4) != 4 or "POSITION" not in primitive["attributes"]:
                continue
            shapes = _shapes(mesh, primitive)
            positions = self.accessor(primitive["attributes"]["POSITION"])
            deltas = {
                shape: self.accessor(primitive["targets"][target]["POSITION"])
                for shape, target in shapes.items()
                if "POSITION" in primitive["targets"][target]
            }
            linear, offset, follows = self._placing(number, node, primitive["attributes"])
            if "indices" in primitive:
                indices = self.accessor(primitive["indices"]).astype(np.int64).ravel()
            else:
                indices = np.arange(len(positions))
            above = self.table("nodes")[self.above[number]] if number in self.above else {}
            names = [node.get("name", ""), mesh.get("name", "")]
            if not any(names):
                names.append(above.get("name", ""))
            if indices.size and not 0 <= indices.min() <= indices.max() < len(positions):
                raise ValueError("a triangle of vertices that are not there")
            part = _Part(
                "skin",
                _each(linear, positions) + offset,
                indices[: len(indices) // 3 * 3].reshape(-1, 3),
                {shape: _each(linear, delta) for shape, delta in deltas.items()},
                *self._surface(primitive, len(positions), names),
                follows,
            )
            part.kind = _kind(names)
            if np.linalg.det(linear.reshape(-1, 3, 3)[0]) < 0:
                part.triangles = part.triangles[:, ::-1]
            result.append(part)
        return result

    def accessor(self, number: int) -> Array:
        """Values [N, components], integers of a normalised kind as -1..1 or 0..1."""
        entry = self.table("accessors")[number]
        width, count = _WIDTHS[entry["type"]], entry["count"]
        kind = np.dtype(_NUMBERS[entry["componentType"]])
        values = np.zeros((count, width), kind)
        if "bufferView" in entry:
            values = self._values(entry, kind, count, width)
        if "sparse" in entry:
            sparse = entry["sparse"]
            of = np.dtype(_NUMBERS[sparse["indices"]["componentType"]])
            rows = self._values(sparse["indices"], of, sparse["count"], 1).ravel()
            values = values.copy()
            values[rows] = self._values(sparse["values"], kind, sparse["count"], width)
        if entry.get("normalized"):
            return np.maximum(values / np.iinfo(kind).max, -1.0)
        return values.astype(np.float64)

    def _values(self, entry: Table, kind: np.dtype[Any], count: int, width: int) -> NDArray[Any]:
        view = self.table("bufferViews")[entry["bufferView"]]
        content = self._view(view)
        step = view.get("byteStride", kind.itemsize * width)
        return np.ndarray(
            (count, width), kind, content, entry.get("byteOffset", 0), (step, kind.itemsize)
        )

    def _view(self, view: Table) -> bytes:
        buffer = self.table("buffers")[view["buffer"]]
        content = self.binary
        if "uri" in buffer:
            head, _, data = buffer["uri"].partition(",")
            if not head.startswith("data:"):
                raise RenderError(f"{self.file} needs the file {head}. Export it as one .glb.")
            content = base64.b64decode(data)
        start = view.get("byteOffset", 0)
        return content[start : start + view["byteLength"]]

    def _world_matrices(self) -> dict[int, Array]:
        """Of the nodes in the scene: [4, 4] from their own space to the scene's."""
        nodes, scenes = self.table("nodes"), self.table("scenes")
        roots = scenes[self.json.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
        world: dict[int, Array] = {}
        waiting = [(root, np.eye(4)) for root in roots]
        while waiting:
            number, above = waiting.pop()
            if number in world:
                continue
            world[number] = above @ _local_matrix(nodes[number])
            for child in nodes[number].get("children", ()):
                self.above[child] = number
                waiting.append((child, world[number]))
        return world

    def _placing(
        self, number: int, node: Table, attributes: Table
    ) -> tuple[Array, Array, Array | None]:
        """Linear part [3, 3] or [V, 3, 3], offset [3] or [V, 3], and what follows the head [V]."""
        if "skin" not in node or "JOINTS_0" not in attributes:
            matrix = self.world[number]
            return matrix[:3, :3], matrix[:3, 3], None
        skin = self.table("skins")[node["skin"]]
        joints = skin["joints"]
        inverse = np.tile(np.eye(4), (len(joints), 1, 1))
        if "inverseBindMatrices" in skin:
            stored = self.accessor(skin["inverseBindMatrices"])
            inverse = stored.reshape(-1, 4, 4).transpose(0, 2, 1)
        placed = np.stack(
            [self.world.get(joint, np.eye(4)) @ inverse[i] for i, joint in enumerate(joints)]
        )
        chosen = self.accessor(attributes["JOINTS_0"]).astype(np.int64)
        shares = self.accessor(attributes["WEIGHTS_0"])
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
        blended = np.einsum("vj,vjab->vab", shares, placed[chosen])
        of_head = self._joints_of_head(joints)
        follows = None if of_head is None else (shares * of_head[chosen]).sum(axis=1)
        return blended[:, :3, :3], blended[:, :3, 3], follows

    def _joints_of_head(self, joints: list[int]) -> Array | None:
        """1 for joints that follow the head, else 0 [J]; None if none of them is the head."""
        nodes = self.table("nodes")
        names = {joint: nodes[joint].get("name", "").lower() for joint in joints}
        heads = [joint for joint, name in names.items() if "head" in name and "end" not in name]
        if not heads:
            return None
        below = [min(heads, key=lambda joint: len(names[joint]))]
        for joint in below:
            below += nodes[joint].get("children", ())
        return np.isin(joints, below).astype(np.float64)

    def _surface(
        self, primitive: Table, count: int, names: list[str]
    ) -> tuple[Array, Array, Picture]:
        """Texture coordinates [V, 2], vertex colours [V, 3], and the texture [H, W, 4].

        The name of the material is added to names.
        """
        materials = self.table("materials")
        material = materials[primitive["material"]] if "material" in primitive else {}
        names.append(material.get("name", ""))
        base = material.get("pbrMetallicRoughness", {})
        factor = np.array(base.get("baseColorFactor", [1, 1, 1, 1]), np.float64)
        chosen = base.get("baseColorTexture", {})
        picture = self._texture(chosen["index"]) if "index" in chosen else None
        if picture is None:
            # No colour, or none that can be read: like clay rather than white.
            clay = "index" in chosen or (factor == 1).all()
            colour = _CLAY.get(_kind(names), _CLAY["skin"]) if clay else (1.0, 1.0, 1.0)
            picture = np.broadcast_to(_to_srgb(np.array([*colour, 1.0])), (2, 2, 4))
        if (factor != 1).any():
            linear = _to_linear(picture)
            picture = _to_srgb(linear * factor)
        if material.get("alphaMode", "OPAQUE") == "OPAQUE":
            picture = picture.copy()
            picture[..., 3] = 255
        attributes = primitive["attributes"]
        move = chosen.get("extensions", {}).get("KHR_texture_transform", {})
        slot = f"TEXCOORD_{move.get('texCoord', chosen.get('texCoord', 0))}"
        uv = self.accessor(attributes[slot]) if slot in attributes else np.zeros((count, 2))
        uv = uv * move.get("scale", [1, 1]) + move.get("offset", [0, 0])
        tint = np.ones((count, 3))
        if "COLOR_0" in attributes:
            tint = self.accessor(attributes["COLOR_0"])[:, :3]
        return uv, tint, picture

    def _texture(self, number: int) -> Picture | None:
        """A picture uint8 [H, W, 4]; None for a kind that cannot be read."""
        source = self.table("textures")[number].get("source")
        if source is None:
            return None
        image = self.table("images")[source]
        if "bufferView" in image:
            data = self._view(self.table("bufferViews")[image["bufferView"]])
        else:
            data = base64.b64decode(image.get("uri", "").partition(",")[2])
        try:
            with av.open(io.BytesIO(data), "r") as container:
                frame = next(container.decode(video=0))
                shrink = ceil(max(frame.width, frame.height) / LONGEST_TEXTURE)
                picture: Picture = frame.to_ndarray(
                    format="rgba",
                    width=max(2, frame.width // shrink),
                    height=max(2, frame.height // shrink),
                    interpolation="AREA",
                ).astype(np.uint8)
                return picture
        except (av.error.FFmpegError, OSError, ValueError, StopIteration):
            return None


def _chunks(file: Path) -> tuple[Table, bytes]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise RenderError(f"Cannot read {file}: {error.strerror or error}.") from error
    try:
        magic, version, _ = struct.unpack_from("<4sII", data)
        if magic != b"glTF" or version != 2:
            raise RenderError(f"{file} is not a GLB (binary glTF 2.0) file.")
        size = struct.unpack_from("<I", data, 12)[0]
        document = json.loads(data[20 : 20 + size])
        binary = data[20 + size + 8 :]
        if not isinstance(document, dict):
            raise ValueError("its document is no object")
        return document, binary
    except (struct.error, ValueError, UnicodeDecodeError, binascii.Error) as error:
        raise RenderError(f"{file} is damaged, or is no GLB (binary glTF 2.0) file.") from error


def _local_matrix(node: Table) -> Array:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.array(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _each(linear: Array, vectors: Array) -> Array:
    """Vectors [V, 3] through one matrix or one for each."""
    if linear.ndim == 2:
        return vectors @ linear.T
    result: Array = np.einsum("vab,vb->va", linear, vectors)
    return result


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


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
    turn, scale, offset = _alignment(file, positions, deltas)
    positions = scale * positions @ turn.T + offset
    deltas = (np.float32(scale) * deltas @ turn.T.astype(np.float32)).astype(np.float32)
    # Beside it the face is nothing, or something is no number.
    if not np.abs(positions).max() < _FARTHEST or not np.abs(deltas).max() < _FARTHEST:
        raise ValueError("positions far beyond the face")

    kind = np.concatenate([np.full(len(p.positions), MATERIALS.index(p.kind)) for p in parts])
    atlas, uv = _atlas(parts)
    triangles = [_opaque(part) + start for part, start in zip(parts, starts[:-1], strict=True)]
    material = np.concatenate(
        [np.full(len(t), MATERIALS.index(p.kind)) for t, p in zip(triangles, parts, strict=True)]
    )
    bend = np.clip((positions[:, 1] - _NECK_END) / (_NECK_TOP - _NECK_END), 0, 1)
    neck = bend * bend * (3 - 2 * bend)
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
    result = SplitHead(
        vertices=np.ascontiguousarray(positions[order], np.float32),
        triangles=np.ascontiguousarray(place[np.concatenate(triangles)], np.int32),
        material=material.astype(np.int8),
        deltas=np.ascontiguousarray(deltas[:, order]),
        uv=np.ascontiguousarray(uv[order], np.float32),
        atlas=atlas,
        colours=np.concatenate([part.tint for part in parts])[order].astype(np.float32),
        neck=neck[order].astype(np.float32),
        eye_centres=centres.astype(np.float32),
        eyes=eyes,
        lip_columns=np.zeros((1, 2, 1), np.int32),
        lip_corners=np.zeros(2, np.int32),
        weld=_weld(positions[order], deltas[:, order], kind[order]),
    )
    for value in vars(result).values():
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
    x[..., :3] = np.where(
        x[..., :3] <= 0.04045, x[..., :3] / 12.92, ((x[..., :3] + 0.055) / 1.055) ** 2.4
    )
    return x


def _to_srgb(linear: Array) -> Picture:
    x = np.clip(linear, 0, 1)
    x[..., :3] = np.where(
        x[..., :3] <= 0.0031308, 12.92 * x[..., :3], 1.055 * x[..., :3] ** (1 / 2.4) - 0.055
    )
    return np.round(255 * x).astype(np.uint8)
