"""A model as it is in its file: all that has triangles, and how it is drawn."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats.gltf.document import Document
from dreamtalk_core.formats.gltf.obj import read_obj
from dreamtalk_core.formats.gltf.scene import Primitive, Scene
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import similarity
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.head.materials import Surfaces, make_atlas, opaque
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.head.split_head import SplitHead
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.retarget.schemes import plain
from dreamtalk_core.rig.fitting.carry import FACE_LANDMARKS
from dreamtalk_core.rig.fitting.surface import Surface
from dreamtalk_core.rig.head import MATERIALS

Array = NDArray[np.float64]

_COVERS = ("hair", "glass", "hat", "cap", "helmet", "mask", "veil", "scarf")


@dataclass(frozen=True, eq=False)
class Model:
    """All triangles of a GLB file that are seen.

    scene: it. primitives: with the first of their vertices among all, `starts`. picture: what is
    drawn, in the scene's units; of it `weld` and `material` are of no use. kinds: [V].
    covers: [V], what may hide a face, going by its name. name: what it is called in messages.
    """

    scene: Scene
    primitives: list[Primitive]
    starts: list[int]
    picture: SplitHead
    kinds: NDArray[np.int64]
    covers: NDArray[np.bool_]
    name: str

    @property
    def vertices(self) -> Array:
        return np.concatenate([primitive.positions for primitive in self.primitives])

    @property
    def triangles(self) -> NDArray[np.int64]:
        """All, also those that are see-through."""
        return np.concatenate(
            [
                primitive.triangles + start
                for primitive, start in zip(self.primitives, self.starts, strict=True)
            ]
        )


@dataclass(frozen=True, eq=False)
class View:
    """A model as it stands before the camera: turn [3, 3], scale, offset [3], from the scene's
    space to mm."""

    turn: Array
    scale: float
    offset: Array

    @classmethod
    def of(cls, landmarks: Array) -> View:
        """By which a face's landmarks [468 or more, 3] lie as the built-in head's do."""
        skin, share = slice(0, FACE_LANDMARKS), np.ones(FACE_LANDMARKS)
        rest = load_template().rest.astype(np.float64)
        matrix = similarity(landmarks[skin], rest[skin], share)
        scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
        return cls(matrix[:3, :3] / scale, scale, matrix[:3, 3])

    def place(self, points: Array) -> Array:
        placed: Array = self.scale * points @ self.turn.T + self.offset
        return placed

    def back(self, points: Array) -> Array:
        found: Array = (points - self.offset) @ self.turn / self.scale
        return found

    def renderer(self, model: Model, size: int, bare: bool = False) -> HeadRenderer:
        """What draws a model in a picture of so many pixels; bare: without hair and glasses."""
        placed = self.place(model.vertices).astype(np.float32)
        weld = Surface.of(placed.astype(np.float64), model.triangles).weld
        _, first = np.unique(weld, return_index=True)
        triangles = model.picture.triangles
        if bare:
            triangles = triangles[~model.covers[triangles[:, 0]]]
        head = replace(
            model.picture,
            vertices=placed,
            weld=first[weld].astype(np.int32),
            triangles=triangles,
            material=np.zeros(len(triangles), np.int8),
        )
        return HeadRenderer(size, head)


def read_model(path: str | os.PathLike[str], name: str = "") -> Model:
    """Of a GLB or an OBJ, called by its file's name if it has no other.

    Raises `DreamTalkError` for a file that is none, is compressed, or has no triangles.
    """
    file = Path(path)
    is_obj = file.suffix.lower() == ".obj"
    try:
        content = read_obj(file, DreamTalkError) if is_obj else None
        scene = Scene(Document(file, DreamTalkError, content))
        primitives = [one for one in scene.primitives() if len(one.triangles)]
        if not primitives:
            raise DreamTalkError(f"{file} has no mesh. Export the head as a mesh, as .glb.")
        return _model(scene, primitives, name or str(file))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DreamTalkError(
            f"{file} is damaged, or is no valid {'OBJ' if is_obj else 'glTF'} ({error}). "
            "Export it again."
        ) from error


def _model(scene: Scene, primitives: list[Primitive], name: str) -> Model:
    surfaces = Surfaces(scene.document)
    looks = [surfaces.of(primitive) for primitive in primitives]
    counts = [len(primitive.positions) for primitive in primitives]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).tolist()
    seen = [
        opaque(primitive.triangles, uv, texture) + start
        for primitive, (_, uv, _, texture), start in zip(primitives, looks, starts, strict=True)
    ]
    vertices = np.concatenate([primitive.positions for primitive in primitives])
    if not np.isfinite(vertices).all() or np.ptp(vertices, axis=0).max() <= 0:
        raise ValueError("positions that are no numbers, or all one")
    atlas, uv = make_atlas([(uv, texture) for _, uv, _, texture in looks])
    kinds = [MATERIALS.index(kind) for kind, *_ in looks]
    shown_triangles = np.concatenate(seen).astype(np.int32)
    none = np.zeros((len(FACE_NAMES), len(vertices), 3), np.float32)
    shapes, tongue = np.split(none, [len(ARKIT_NAMES)])
    picture = SplitHead(
        vertices=vertices.astype(np.float32),
        triangles=shown_triangles,
        material=np.zeros(len(shown_triangles), np.int8),
        deltas=shapes,
        tongue_deltas=tongue,
        uv=np.ascontiguousarray(uv, np.float32),
        atlas=atlas,
        colours=np.concatenate([tint for _, _, tint, _ in looks]).astype(np.float32),
        neck=np.ones(len(vertices), np.float32),
        eye_centres=np.zeros((2, 3), np.float32),
        eyes=np.zeros((2, 2), np.int32),
        lip_columns=np.zeros((1, 2, 1), np.int32),
        lip_corners=np.zeros(2, np.int32),
        weld=np.arange(len(vertices), dtype=np.int32),
        visemes=(),
        viseme_deltas=none[:0],
    )
    covers = [any(word in plain("".join(one.names)) for word in _COVERS) for one in primitives]
    kind_of, covering = np.repeat(kinds, counts), np.repeat(covers, counts)
    return Model(scene, primitives, starts, picture, kind_of, covering, name)
