"""Shapes for heads that have none: where the face is, what its shapes are, and a GLB with them.

The model is drawn as it is and looked at by the tracker, first from all sides and whole, then from
near. What it sees is put onto the mesh, and `rig.fitting` does the rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, NoFaceError, TrackingError, shown
from dreamtalk_core.files import atomic_write, check_not_read
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.formats.gltf.morphs import write_with_shapes
from dreamtalk_core.formats.gltf.scene import Primitive, Scene
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import rotation_matrix, similarity
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.progress import Progress
from dreamtalk_core.render.head.materials import Surfaces, make_atlas, opaque
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.head.split_head import SplitHead
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.rig.fitting.carry import FACE_LANDMARKS, Wearer, carried, face_of
from dreamtalk_core.rig.fitting.surface import Surface
from dreamtalk_core.rig.fitting.warp import Warp
from dreamtalk_core.rig.head import MATERIALS
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import Face, FaceTracker
from dreamtalk_core.warned import collect_warnings

Array = NDArray[np.float64]
Float = NDArray[np.float32]

LANDMARKS: Mapping[str, int] = {
    "brow_inner_right": 107,
    "brow_middle_right": 105,
    "brow_outer_right": 70,
    "brow_inner_left": 336,
    "brow_middle_left": 334,
    "brow_outer_left": 300,
    "eye_outer_right": 33,
    "eye_inner_right": 133,
    "eye_upper_right": 159,
    "eye_lower_right": 145,
    "eye_outer_left": 263,
    "eye_inner_left": 362,
    "eye_upper_left": 386,
    "eye_lower_left": 374,
    "nose_bridge": 6,
    "nose_tip": 1,
    "nose_base": 2,
    "nostril_right": 98,
    "nostril_left": 327,
    "mouth_right": 61,
    "mouth_left": 291,
    "lip_upper_top": 0,
    "lip_upper_right": 39,
    "lip_upper_left": 269,
    "lip_line": 13,
    "lip_lower_bottom": 17,
    "lip_lower_right": 181,
    "lip_lower_left": 405,
    "chin": 152,
    "jaw_right": 172,
    "jaw_left": 397,
    "cheek_right": 50,
    "cheek_left": 280,
    "forehead": 10,
}
"""What can be corrected by hand: a name, of the character's own side, and the tracker's number."""

_WITH = {13: (14,), 152: (175,)}
"""Landmarks that lie where another does."""

_LOOK, _NEAR_LOOK = 1024, 1024
"""Pixels of the pictures that are looked at."""
_WHOLE = 240.0
"""mm of the built-in head's picture that a whole model fills."""
_FACE = 150.0
"""mm that a face is brought to for the second look."""
_MIDDLE = np.array([0.0, -5.0, 60.0])
"""Where the picture's middle is, mm."""
_FACED = 20.0
"""Degrees from which on a face that is found is seen from the side."""
_KEPT = 3
"""Looks at a face, each straighter than the last."""


@dataclass(frozen=True, eq=False)
class Model:
    """All triangles of a GLB file that are seen.

    scene: it. primitives: with the first of their vertices among all, `starts`. picture: what is
    drawn, in the scene's units; of it `weld` and `material` are of no use. kinds: [V].
    """

    scene: Scene
    primitives: list[Primitive]
    starts: list[int]
    picture: SplitHead
    kinds: NDArray[np.int64]

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
class Fitted:
    """What was made.

    landmarks: by their names, [3] each, in the file's own space. deltas: [68, V, 3] in the scene's
    space and units, in `FACE_NAMES` order.
    """

    model: Model
    landmarks: dict[str, Array]
    deltas: Float


def read_model(path: str | os.PathLike[str]) -> Model:
    """Raises `DreamTalkError` for a file that is none, is compressed, or has no triangles."""
    file = Path(path)
    try:
        scene = Scene(file, DreamTalkError)
        primitives = [one for one in scene.primitives() if len(one.triangles)]
        if not primitives:
            raise DreamTalkError(f"{file} has no mesh. Export the head as a mesh, as .glb.")
        return _model(scene, primitives)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DreamTalkError(
            f"{file} is damaged, or is no valid glTF ({error}). Export it again."
        ) from error


def _model(scene: Scene, primitives: list[Primitive]) -> Model:
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
    return Model(scene, primitives, starts, picture, np.repeat(kinds, counts))


# --- where the face is ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _View:
    """A model as it stands before the camera: turn [3, 3], scale, offset [3], from the scene's
    space to mm."""

    turn: Array
    scale: float
    offset: Array

    def place(self, points: Array) -> Array:
        placed: Array = self.scale * points @ self.turn.T + self.offset
        return placed

    def back(self, points: Array) -> Array:
        found: Array = (points - self.offset) @ self.turn / self.scale
        return found

    def renderer(self, model: Model, size: int) -> HeadRenderer:
        placed = self.place(model.vertices).astype(np.float32)
        weld = Surface.of(placed.astype(np.float64), model.triangles).weld
        _, first = np.unique(weld, return_index=True)
        head = replace(model.picture, vertices=placed, weld=first[weld].astype(np.int32))
        return HeadRenderer(size, head)


def _around(points: Array, turn: Array, size: float) -> _View:
    """With the middle of points [N, 3] in the picture's middle, and so large, mm."""
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = size / float((high - low)[:2].max())
    return _View(turn, scale, _MIDDLE - scale * np.append((low + high)[:2] / 2, high[2]))


def find_landmarks(model: Model, progress: Progress | None = None) -> Array:
    """Where the tracker's landmarks are on a model [478, 3], in the scene's space.

    Raises `NoFaceError` if no face is found in it.
    """
    tracker = FaceTracker.load()
    neutral = np.zeros(len(FACE_NAMES), np.float32)
    best: tuple[float, Array] | None = None
    for number, yaw in enumerate((0, 180, 90, -90)):
        if progress is not None:
            progress(number, 8)
        view = _around(model.vertices, rotation_matrix([0.0, yaw, 0.0]), _WHOLE)
        renderer = view.renderer(model, _LOOK)
        faces = tracker.find(renderer.render(neutral))
        for face in faces[:1]:
            turned = float(np.abs(face.head_rotation[:2]).max())
            score = face.score - turned / 90
            if best is None or score > best[0]:
                points, _ = _on_mesh(renderer, face, view)
                best = score, _straight(points)
        if best is not None and best[0] > 0.7:
            break
    if best is None:
        raise NoFaceError(
            f"No face was found in {shown(model.scene.document.file)}. It takes a head with eyes, "
            "nose and mouth that look like a person's; give the landmarks by hand for another."
        )
    return _looked_at_closely(model, tracker, best[1], progress)


def _looked_at_closely(
    model: Model, tracker: FaceTracker, points: Array, progress: Progress | None
) -> Array:
    neutral = np.zeros(len(FACE_NAMES), np.float32)
    for number in range(_KEPT):
        if progress is not None:
            progress(4 + number, 8)
        turn = _axes(points)
        view = _around(points[:FACE_LANDMARKS], turn, _FACE)
        renderer = view.renderer(model, _NEAR_LOOK)
        picture = renderer.render(neutral)
        doubts: list[str] = []
        try:
            with collect_warnings(doubts.append):
                portrait = read_portrait(picture, tracker=tracker)
        except NoFaceError as error:
            raise NoFaceError(
                f"What looks like a face in {shown(model.scene.document.file)} is none that can "
                "be read. It takes a head with eyes, nose and mouth that look like a person's; "
                "give the landmarks by hand for another."
            ) from error
        points, _ = _on_mesh(renderer, portrait.face, view, _face_triangles(model, view, points))
    return points


def _face_triangles(model: Model, view: _View, points: Array) -> NDArray[np.int32]:
    """Of what is drawn, the triangles of the face alone: not hair and glasses before it."""
    surface = Surface.of(view.place(model.vertices), model.triangles)
    kinds = np.zeros(len(surface.points), np.int64)
    kinds[surface.weld] = model.kinds
    face = face_of(surface, kinds, view.place(points))[surface.weld]
    triangles = model.picture.triangles
    return triangles[face[triangles[:, 0]]]


def _on_mesh(
    renderer: HeadRenderer, face: Face, view: _View, triangles: NDArray[np.int32] | None = None
) -> tuple[Array, float]:
    """Landmarks [478, 3] where they are seen on the mesh, in the scene's space, and how many of
    them had to go further than a few pixels."""
    if triangles is not None:
        renderer = HeadRenderer(
            renderer.size,
            replace(
                renderer.head, triangles=triangles, material=np.zeros(len(triangles), np.int8)
            ),
        )
    surface = renderer.surface(np.zeros(len(FACE_NAMES), np.float32))
    rows, columns = np.nonzero(surface.owner >= 0)
    result = np.zeros((len(face.landmarks), 3))
    astray = 0
    for i, (x, y) in enumerate(2 * face.landmarks[:, :2].astype(np.float64)):
        near = np.flatnonzero((np.abs(columns - x) < 80) & (np.abs(rows - y) < 80))
        near = near if len(near) else np.arange(len(rows))
        far = np.hypot(columns[near] + 0.5 - x, rows[near] + 0.5 - y)
        k = near[int(far.argmin())]
        astray += bool(far.min() > 12)
        corners = renderer.head.triangles[surface.owner[rows[k], columns[k]]]
        p = surface.points[corners, :2].astype(np.float64)
        system = np.column_stack([p[1] - p[0], p[2] - p[0]])
        seen = np.array([columns[k] + 0.5, rows[k] + 0.5])
        b, c = np.clip(np.linalg.lstsq(system, seen - p[0], rcond=None)[0], 0, 1)
        shares = np.array([max(1 - b - c, 0), b, c])
        result[i] = shares / shares.sum() @ surface.world[corners]
    return view.back(result), astray / len(result)


def _straight(points: Array) -> Array:
    return points


def _axes(points: Array) -> Array:
    """The turn [3, 3] that has a face's landmarks look along z."""
    across = points[263] - points[33]
    across = across / np.linalg.norm(across)
    up = points[[33, 263]].mean(axis=0) - points[[61, 291]].mean(axis=0)
    up = up - across * float(up @ across)
    up = up / np.linalg.norm(up)
    return np.stack([across, up, np.cross(across, up)])


# --- by hand -------------------------------------------------------------------------------------


def named(points: Array) -> dict[str, Array]:
    """Those of landmarks [478, 3] that have a name."""
    return {name: points[number] for name, number in LANDMARKS.items()}


def corrected(points: Array | None, by_hand: Mapping[str, Sequence[float]]) -> Array:
    """Landmarks [478, 3] so that those with a name lie where they were put; others go along.

    points: as they were found, or None: then all named ones have to be given.

    Raises `TrackingError` for an unknown name, for what is no place, and for too few.
    """
    unknown = [name for name in by_hand if name not in LANDMARKS]
    if unknown:
        raise TrackingError(
            f"There is no landmark '{shown(unknown[0])}'. They are {', '.join(LANDMARKS)}."
        )
    if points is None:
        lacking = [name for name in LANDMARKS if name not in by_hand]
        if lacking:
            raise TrackingError(
                "Without a face that is found all landmarks are needed. Missing: "
                f"{', '.join(lacking)}."
            )
        points = load_template().rest.astype(np.float64)
    if not by_hand:
        return points
    numbers = [LANDMARKS[name] for name in by_hand]
    try:
        goal = np.array([[float(x) for x in place] for place in by_hand.values()])
        if goal.shape != (len(numbers), 3) or not np.isfinite(goal).all():
            raise ValueError
    except (TypeError, ValueError) as error:
        raise TrackingError("A landmark is three numbers: x, y and z.") from error
    if len(numbers) == len(LANDMARKS):
        rough = similarity(points[numbers], goal, np.ones(len(numbers)))
        points = points @ rough[:3, :3].T + rough[:3, 3]
    size = float(np.ptp(points, axis=0).max()) / 150
    numbers += [other for number in numbers for other in _WITH.get(number, ())]
    moved = points.copy()
    for name, place in zip(by_hand, goal, strict=True):
        number = LANDMARKS[name]
        moved[[number, *_WITH.get(number, ())]] += place - points[number]
    # Each that was not touched stays where it is, if it has a name.
    fixed = sorted({*LANDMARKS.values(), *numbers})
    warp = Warp(points[fixed] / size, (moved - points)[fixed] / size, 1e-6)
    result: Array = warp(points / size) * size
    return result


def read_landmarks(path: str | os.PathLike[str]) -> dict[str, Sequence[float]]:
    """Landmarks by their names from a JSON file. Raises `TrackingError`."""
    found = read_json(Path(path), TrackingError, "landmark")
    if not isinstance(found, dict):
        raise TrackingError(f'{shown(path)} has no landmarks, as {{"chin": [0, 1.5, 0.1], ...}}.')
    return found


def save_landmarks(path: str | os.PathLike[str], landmarks: Mapping[str, Array]) -> None:
    """Landmarks by their names as a JSON file, to be corrected."""
    places = {name: [round(float(x), 6) for x in place] for name, place in landmarks.items()}
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(json.dumps(places, indent=1), encoding="utf-8")


# --- the shapes ----------------------------------------------------------------------------------


def make_shapes(
    path: str | os.PathLike[str],
    landmarks: Mapping[str, Sequence[float]] | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """The 68 shapes for the head in a GLB file.

    landmarks: some that are corrected by hand, by the names of `LANDMARKS`, in the file's space; if
    all are given, no face need be found in it.

    Raises `DreamTalkError` for a file that cannot be read, `NoFaceError` if no face is found.
    """
    model = read_model(path)
    by_hand = landmarks or {}
    found = None if len(by_hand) >= len(LANDMARKS) else find_landmarks(model, progress)
    points = corrected(found, by_hand)
    points = _symmetric(model, points) if not by_hand else points
    rest = load_template().rest.astype(np.float64)
    skin = slice(0, FACE_LANDMARKS)
    matrix = similarity(points[skin], rest[skin], np.ones(FACE_LANDMARKS))
    scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
    view = _View(matrix[:3, :3] / scale, scale, matrix[:3, 3])
    if progress is not None:
        progress(7, 8)
    wearer = Wearer(view.place(model.vertices), model.triangles, view.place(points), model.kinds)
    moved = carried(wearer, rest)
    deltas = (moved @ view.turn / scale).astype(np.float32)
    if progress is not None:
        progress(8, 8)
    return Fitted(model, named(points), deltas)


def _symmetric(model: Model, points: Array) -> Array:
    """Landmarks the same on both sides, where the mesh is."""
    return points


def save_shapes(fitted: Fitted, output: str | os.PathLike[str]) -> None:
    """Write the model with its shapes, all else as it was. Raises `DreamTalkError`."""
    check_not_read([Path(output)], [fitted.model.scene.document.file])
    parts: list[tuple[Primitive, Any]] = []
    for primitive, start in zip(fitted.model.primitives, fitted.model.starts, strict=True):
        parts.append((primitive, fitted.deltas[:, start : start + len(primitive.positions)]))
    write_with_shapes(Path(output), fitted.model.scene.document, parts, FACE_NAMES)
