"""Heads of other people: any GLB or VRM whose meshes have morph targets that `retarget` knows.

What is taken: triangles with their base colour, morph targets by their names or a VRM's
expressions, the node tree and skins in their rest pose. What is not: animations, cameras, lights,
normal maps, and the resting weights of the file.

The head is then brought to where the built-in one is: looking along z, its eyes and mouth in the
same places. So camera, light and head rotation need no settings. Eyes of their own mesh turn about
their middle unless eyeLook shapes move them. A skin says what follows the head (the joint named
"Head"); without one the neck bends below the chin.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.formats.gltf.document import Array, Document
from dreamtalk_core.formats.gltf.expressions import looks_back
from dreamtalk_core.formats.gltf.scene import Primitive, Scene
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.head.alignment import MOUTH_SHAPES, Movements, alignment, centre_of_eye
from dreamtalk_core.render.head.materials import Picture, Surfaces, make_atlas, opaque
from dreamtalk_core.render.head.split_head import SplitHead
from dreamtalk_core.retarget import Mapping, match
from dreamtalk_core.retarget.visemes import VISEMES
from dreamtalk_core.rig.head import MATERIALS

Float = NDArray[np.float32]

_FEWEST_CHANNELS = 5
_FARTHEST = 1e6  # mm
# Below the chin of the built-in head, in mm: from here to there the neck stops to follow.
_NECK_TOP, _NECK_END = -70.0, -125.0


def load_glb_head(path: str | os.PathLike[str]) -> SplitHead:
    """The head in a GLB file, ready for `HeadRenderer`.

    Raises `RenderError` if the file cannot be read, is compressed in a way that is not understood,
    or has fewer than five morph targets whose names are known.
    """
    file = Path(path)
    try:
        # Numbers out of all bounds are found at the end, in `_head`.
        with np.errstate(all="ignore"):
            scene = Scene(Document(file, RenderError))
            return _head(file, _parts(scene), looks_back(scene.document))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RenderError(
            f"{file} is damaged, or is no valid glTF ({error}). Export it again."
        ) from error


@dataclass(eq=False)
class _Part:
    """Triangles of one material, in the scene's space; see `Primitive`.

    moves: float32 [V, 3] by what moves it, an ARKit shape or a viseme.
    """

    kind: str
    positions: Array
    triangles: NDArray[np.int64]
    moves: dict[str, Float]
    uv: Array
    tint: Array
    texture: Picture
    follows: Array | None
    channels: set[str] = field(default_factory=set)


def _parts(scene: Scene) -> list[_Part]:
    surfaces = Surfaces(scene.document)
    mappings: dict[tuple[str, ...], Mapping] = {}
    parts = []
    for primitive in scene.primitives():
        names = tuple(primitive.channels)
        if names not in mappings:
            scene.document.spend("names of morph targets", len(names))
            mappings[names] = match(names).mapping
        kind, uv, tint, texture = surfaces.of(primitive)
        moves, channels = _moves(primitive, mappings[names])
        parts.append(
            _Part(
                kind,
                primitive.positions,
                primitive.triangles,
                moves,
                uv,
                tint,
                texture,
                primitive.follows,
                channels,
            )
        )
    return parts


def _moves(primitive: Primitive, mapping: Mapping) -> tuple[dict[str, Float], set[str]]:
    """What each source of a mapping moves, and the channels by which it does."""
    moves: dict[str, Float] = {}
    channels = set()
    for row in mapping.rows:
        moved = primitive.moves(row.target)
        if moved is None:
            continue
        channels.add(row.target)
        moved = moved if row.scale == 1 else np.float32(row.scale) * moved
        moves[row.source] = moves[row.source] + moved if row.source in moves else moved
    return moves, channels


def _head(file: Path, parts: list[_Part], back: bool) -> SplitHead:
    _check_channels(file, parts)
    kind = np.concatenate([np.full(len(p.positions), MATERIALS.index(p.kind)) for p in parts])
    is_eye = kind == MATERIALS.index("eye")
    positions = np.concatenate([part.positions for part in parts])
    visemes = tuple(name for name in VISEMES if any(name in part.moves for part in parts))
    faces, spoken = _gathered(parts, FACE_NAMES), _gathered(parts, visemes)
    deltas, tongue = np.split(faces, [len(ARKIT_NAMES)])
    for part in parts:
        part.moves.clear()  # they are most of what a large head takes
    placed = alignment(Movements(positions, deltas, spoken, is_eye, back))
    if placed is None:
        raise RenderError(
            f"{file} lacks shapes that tell where its face is: eyeBlinkLeft, eyeBlinkRight (or "
            f"eyes of their own), and one of {', '.join(MOUTH_SHAPES)}, or visemes."
        )
    turn, scale, offset = placed
    positions = scale * positions @ turn.T + offset
    for moved in (*faces, *spoken):
        if moved.any():
            moved[:] = moved @ (scale * turn.T).astype(np.float32)
    # Beside it the face is nothing, or something is no number.
    for values in (positions, faces, spoken):
        if not np.abs(values).max(initial=0) < _FARTHEST:
            raise ValueError("positions far beyond the face")
    return _assembled(parts, positions, kind, (deltas, tongue), (visemes, spoken))


def _check_channels(file: Path, parts: list[_Part]) -> None:
    known = len({name for part in parts for name in part.channels})
    if known < _FEWEST_CHANNELS:
        raise RenderError(
            f"{file} has {known} morph targets with ARKit's names (eyeBlinkLeft, jawOpen, ...) or "
            "another rig's, too few to show a motion. Export the model with its shape keys and "
            "their names."
        )


def _gathered(parts: list[_Part], names: tuple[str, ...]) -> Float:
    """How each of the names moves the vertices of all parts: [N, V, 3]."""
    starts = _starts(parts)
    result = np.zeros((len(names), starts[-1], 3), np.float32)
    for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True):
        for row, name in enumerate(names):
            if name in part.moves:
                result[row, start:end] = part.moves[name]
    return result


def _starts(parts: list[_Part]) -> NDArray[np.int64]:
    """Where the vertices of each part begin, and the end of all."""
    return np.cumsum([0, *(len(part.positions) for part in parts)])


def _assembled(
    parts: list[_Part],
    positions: Array,
    kind: NDArray[np.int64],
    moves: tuple[Float, Float],
    spoken: tuple[tuple[str, ...], Float],
) -> SplitHead:
    """The head of its aligned parts: the eyeballs at the end, each in one piece."""
    starts = _starts(parts)
    triangles = [
        opaque(part.triangles, part.uv, part.texture) + start
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
    material = np.concatenate(
        [np.full(len(t), MATERIALS.index(p.kind)) for t, p in zip(triangles, parts, strict=True)]
    )
    is_eye = kind == MATERIALS.index("eye")
    left, right = is_eye & (positions[:, 0] > 0), is_eye & (positions[:, 0] <= 0)
    order = np.concatenate([np.flatnonzero(mask) for mask in (~is_eye, left, right)])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    centres = np.stack([centre_of_eye(positions[mask], i) for i, mask in enumerate((left, right))])
    atlas, uv = make_atlas([(part.uv, part.texture) for part in parts])
    neck, tint = _neck(parts, positions), np.concatenate([part.tint for part in parts])
    eyes = _eye_ranges(left, right, moves[0])
    deltas, tongue = (np.ascontiguousarray(part[:, order]) for part in moves)
    visemes, viseme_deltas = spoken[0], np.ascontiguousarray(spoken[1][:, order])
    moved = np.concatenate([deltas, tongue, viseme_deltas])
    result = SplitHead(
        vertices=np.ascontiguousarray(positions[order], np.float32),
        triangles=np.ascontiguousarray(place[np.concatenate(triangles)], np.int32),
        material=material.astype(np.int8),
        deltas=deltas,
        tongue_deltas=tongue,
        uv=np.ascontiguousarray(uv[order], np.float32),
        atlas=atlas,
        colours=tint[order].astype(np.float32),
        neck=neck[order].astype(np.float32),
        eye_centres=centres.astype(np.float32),
        eyes=eyes,
        lip_columns=np.zeros((1, 2, 1), np.int32),
        lip_corners=np.zeros(2, np.int32),
        weld=_weld(positions[order], moved, kind[order]),
        visemes=visemes,
        viseme_deltas=viseme_deltas,
    )
    for value in vars(result).values():
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ValueError("numbers out of all bounds")
            value.flags.writeable = False
    return result


def _neck(parts: list[_Part], positions: Array) -> Array:
    """How much each vertex [V] follows the head's rotation."""
    neck = smoothstep((positions[:, 1] - _NECK_END) / (_NECK_TOP - _NECK_END))
    starts = _starts(parts)
    for part, start, end in zip(parts, starts[:-1], starts[1:], strict=True):
        if part.follows is not None:
            neck[start:end] = part.follows
    return neck


def _eye_ranges(
    left: NDArray[np.bool_], right: NDArray[np.bool_], deltas: Float
) -> NDArray[np.int32]:
    """Which vertices are each eyeball [2, 2], at the end of all; none if eyeLook moves them."""
    looks = [index for name, index in INDEX.items() if name.startswith("eyeLook")]
    is_eye = left | right
    if is_eye.any() and np.abs(deltas[looks][:, is_eye]).max() > 0.1:
        return np.zeros((2, 2), np.int32)
    middle = len(left) - int(right.sum())
    return np.array([[middle - int(left.sum()), middle], [middle, len(left)]], np.int32)


def _weld(positions: Array, deltas: Float, kind: NDArray[np.int64]) -> NDArray[np.int32]:
    """For each vertex, one that is in the same place in every shape: split for its texture only."""
    # Shapes are told apart by a few mixtures of them.
    mixed = np.random.default_rng(0).normal(size=(2, len(deltas))).astype(np.float32)
    moved = np.tensordot(mixed, deltas, 1).transpose(1, 0, 2).reshape(len(positions), -1)
    key = np.round(np.column_stack([positions / 0.02, moved / 0.05, 1000 * kind])).astype(np.int64)
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return first[group.ravel()].astype(np.int32)
