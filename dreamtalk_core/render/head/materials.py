"""What the surface of a glTF primitive is: its material, its colours, its texture in an atlas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import ceil
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import shown
from dreamtalk_core.formats.gltf.container import Table
from dreamtalk_core.formats.gltf.document import Array, Document, numbers
from dreamtalk_core.formats.gltf.scene import Primitive
from dreamtalk_core.render.colour import to_linear, to_srgb
from dreamtalk_core.retarget.schemes import plain
from dreamtalk_core.speech.media import READ_OPTIONS
from dreamtalk_core.warned import warn

Picture = NDArray[np.uint8]

LONGEST_TEXTURE = 1024
_LONGEST_NAME = 200  # letters of a name that are looked at

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


def kind_of(names: Sequence[str]) -> str:
    """The material: a name of `MATERIALS`. The mesh's own name counts before its material's."""
    for name in names:
        words = plain(name[-_LONGEST_NAME:])
        for kind, keywords in _KINDS:
            if any(word in words for word in keywords):
                return kind
    return "skin"


class Surfaces:
    """The surfaces of a document's primitives; each picture is read once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._textures: dict[int, Picture | None] = {}
        self._pictures: dict[int | None, Picture | None] = {}

    def of(self, primitive: Primitive) -> tuple[str, Array, Array, Picture]:
        """The material, texture coordinates [V, 2], vertex colours [V, 3], texture [H, W, 4]."""
        entry, count = primitive.entry, len(primitive.positions)
        number = entry.get("material")
        material = self._document.entry("materials", number) if "material" in entry else {}
        kind = kind_of([*primitive.names, material.get("name", "")])
        base = material.get("pbrMetallicRoughness", {})
        chosen = base.get("baseColorTexture", {})
        picture = self._picture_of(number, material, base, chosen)
        if picture is None:
            # No colour, or none that can be read: like clay rather than white.
            clay = "index" in chosen or base.get("baseColorFactor", [1] * 4) == [1] * 4
            colour = _CLAY.get(kind, _CLAY["skin"]) if clay else (1.0, 1.0, 1.0)
            picture = np.broadcast_to(_to_srgb(np.array([*colour, 1.0])), (2, 2, 4))
            picture = _tinted(picture, material, base)
        move = chosen.get("extensions", {}).get("KHR_texture_transform", {})
        uv = primitive.attribute(
            f"TEXCOORD_{move.get('texCoord', chosen.get('texCoord', 0))}", "VEC2"
        )
        uv = np.zeros((count, 2)) if uv is None else uv
        uv = uv * numbers(move.get("scale", [1, 1]), 2) + numbers(move.get("offset", [0, 0]), 2)
        tint = primitive.attribute("COLOR_0", "VEC3 VEC4")
        return kind, uv, np.ones((count, 3)) if tint is None else tint[:, :3], picture

    def _picture_of(
        self, number: int | None, material: Table, base: Table, chosen: Table
    ) -> Picture | None:
        """The texture of a material as it shows; None if it has none that can be read."""
        if number not in self._pictures:
            picture = self._texture(chosen["index"]) if "index" in chosen else None
            if picture is not None:
                self._document.spend("pixels of textures", picture.size // 4)
                picture = _tinted(picture, material, base)
            elif "index" in chosen:
                warn(
                    f"The texture of the material {shown(material.get('name', number))} cannot be "
                    "read, so it looks like clay. Save its picture in the GLB as png or jpg."
                )
            self._pictures[number] = picture
        return self._pictures[number]

    def _texture(self, number: Any) -> Picture | None:
        """A picture uint8 [H, W, 4]; None for a kind that cannot be read."""
        source = self._document.entry("textures", number).get("source")
        if source is None:
            return None
        if source not in self._textures:
            self._textures[source] = self._decoded(self._document.image(source))
        return self._textures[source]

    def _decoded(self, data: memoryview) -> Picture | None:
        try:
            with av.open(io.BytesIO(data), "r", options=READ_OPTIONS) as container:
                frame = next(container.decode(video=0))
                self._document.spend("pixels of pictures", frame.width * frame.height)
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


def opaque(triangles: NDArray[np.int64], uv: Array, texture: Picture) -> NDArray[np.int64]:
    """Triangles without those on which the texture is see-through (lashes, cards of hair)."""
    alpha = texture[..., 3]
    if alpha.min() == 255:
        return triangles
    corners = uv[triangles]
    points = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1) % 1
    rows = (points[..., 1] * alpha.shape[0]).astype(np.int64)
    columns = (points[..., 0] * alpha.shape[1]).astype(np.int64)
    return triangles[alpha[rows, columns].mean(axis=1) > 100]


def make_atlas(surfaces: Sequence[tuple[Array, Picture]]) -> tuple[Picture, Array]:
    """All textures above one another [H, W, 3], and the coordinates [V, 2] in them, 0..1.

    surfaces: texture coordinates and the texture of each primitive.
    """
    different: dict[bytes, tuple[int, Picture]] = {}
    tops = []
    height = 0
    for _, texture in surfaces:
        key = texture.tobytes()
        if key not in different:
            different[key] = (height, texture)
            height += len(texture)
        tops.append(different[key][0])
    width = max(texture.shape[1] for _, texture in different.values())
    atlas = np.zeros((height, width, 3), np.uint8)
    for top, texture in different.values():
        atlas[top : top + len(texture), : texture.shape[1]] = texture[..., :3]
    places = []
    for (points, texture), top in zip(surfaces, tops, strict=True):
        size = np.array(texture.shape[1::-1])
        uv = points - np.floor(points.min(axis=0))
        # Repeated within the part: vertices on a seam are then wrong, the rest is right.
        uv = np.where(uv.max(axis=0) > 1.001, uv % 1, uv)
        # Half a pixel from the edge, or the neighbour shows.
        inside = np.clip(uv * size, 0.5, size - 0.5)
        places.append((inside + np.array([0, top])) / [width, height])
    return atlas, np.concatenate(places)


def _tinted(picture: Picture, material: Table, base: Table) -> Picture:
    """A picture times the colour of a material, and opaque if that is."""
    factor = numbers(base.get("baseColorFactor", [1, 1, 1, 1]), 4)
    if (factor != 1).any():
        picture = _to_srgb(_to_linear(picture) * factor)
    if material.get("alphaMode", "OPAQUE") == "OPAQUE":
        picture = picture.copy()
        picture[..., 3] = 255
    return picture


def _to_linear(picture: Picture) -> Array:
    """[H, W, 4], alpha as it is; 0..1."""
    x = picture / 255
    x[..., :3] = to_linear(x[..., :3])
    return x


def _to_srgb(linear: Array) -> Picture:
    x = np.clip(linear, 0, 1)
    x[..., :3] = to_srgb(x[..., :3])
    return np.round(255 * x).astype(np.uint8)
