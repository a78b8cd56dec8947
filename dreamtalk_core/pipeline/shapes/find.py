"""Where the face of a model is: it is drawn, looked at by the tracker, first whole and from all
sides, then from near, and what is seen is put onto the mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import NoFaceError, shown
from dreamtalk_core.motion.rotation import rotation_matrix, similarity
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.pipeline.shapes.model import Array, Model, View
from dreamtalk_core.progress import Progress
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.head.renderer import Surface as Drawn
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.rig.fitting.carry import FACE_LANDMARKS, face_of
from dreamtalk_core.rig.fitting.surface import Surface, nearest
from dreamtalk_core.rig.fitting.warp import Warp
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import Face, FaceTracker
from dreamtalk_core.warned import collect_warnings, warn

_LOOK, _NEAR_LOOK = 1024, 1024
"""Pixels of the pictures that are looked at."""
_WHOLE = 240.0
"""mm of the built-in head's picture that a whole model fills."""
_FACE = 150.0
"""mm that a face is brought to for the second look."""
_MIDDLE = np.array([0.0, -5.0, 60.0])
"""Where the picture's middle is, mm."""
_FLIP = np.array([-1.0, 1.0, 1.0])
_SAME_PLACE, _SAME_SHARE = 0.004, 0.9
"""Of a face's size, how near to its mirror image a vertex is for as many to be those of a mesh that
is the same on both sides."""
_KEPT = 2
"""Looks at a face, each straighter than the last."""


def _around(points: Array, turn: Array, size: float) -> View:
    """With the middle of points [N, 3] in the picture's middle, and so large, mm."""
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = size / float((high - low)[:2].max())
    return View(turn, scale, _MIDDLE - scale * np.append((low + high)[:2] / 2, high[2]))


def find_landmarks(model: Model, progress: Progress | None = None) -> Array:
    """Where the tracker's landmarks are on a model [478, 3], in the scene's space.

    Raises `NoFaceError` if no face is found in it.
    """
    tracker = FaceTracker.load()
    neutral = np.zeros(len(FACE_NAMES), np.float32)
    best: tuple[float, Array, int] | None = None
    for number, yaw in enumerate((0, 180, 90, -90)):
        if progress is not None:
            progress(number, 8)
        view = _around(model.vertices, rotation_matrix([0.0, yaw, 0.0]), _WHOLE)
        renderer = view.renderer(model, _LOOK)
        faces = tracker.find(renderer.render(neutral))
        for face in faces[:1]:
            others = len(faces) - 1
            turned = float(np.abs(face.head_rotation[:2]).max())
            score = face.score - turned / 90
            if best is None or score > best[0]:
                best = score, _on_mesh(renderer, _places(face), view), others
        if best is not None and best[0] > 0.7:
            break
    if best is None:
        raise NoFaceError(
            f"No face was found in {shown(model.name)}. It takes a head with eyes, "
            "nose and mouth that look like a person's; place the landmarks by hand for another."
        )
    if best[2]:
        warn(
            f"{best[2] + 1} faces were found in {shown(model.name)}. The largest "
            "gets the shapes; export each head as a file of its own for the others."
        )
    return _looked_at_closely(model, tracker, best[1], progress)


def _looked_at_closely(
    model: Model, tracker: FaceTracker, points: Array, progress: Progress | None
) -> Array:
    neutral = np.zeros(len(FACE_NAMES), np.float32)
    for number in range(_KEPT):
        if progress is not None:
            progress(4 + number, 8)
        points = symmetric(points, model.vertices)
        view = _around(points[:FACE_LANDMARKS], View.of(points).turn, _FACE)
        renderer = view.renderer(model, _NEAR_LOOK, bare=True)
        picture = renderer.render(neutral)
        doubts: list[str] = []
        try:
            with collect_warnings(doubts.append):
                portrait = read_portrait(picture, tracker=tracker)
        except NoFaceError as error:
            raise NoFaceError(
                f"What looks like a face in {shown(model.name)} is none that can "
                "be read. It takes a head with eyes, nose and mouth that look like a person's; "
                "place the landmarks by hand for another."
            ) from error
        triangles = _face_triangles(model, view, points)
        points = _on_mesh(renderer, _places(portrait.face), view, triangles)
    return points


def put_on(model: Model, points: Array) -> Array:
    """Landmarks [478, 3] that lie about where they belong, put onto the mesh as it is seen from
    straight before them."""
    for _ in range(_KEPT):
        view = View.of(points)
        renderer = view.renderer(model, _NEAR_LOOK, bare=True)
        places = renderer.project(view.place(points).astype(np.float32))[:, :2].astype(np.float64)
        points = _on_mesh(renderer, places, view)
    return points


def _places(face: Face) -> Array:
    """Where a face's landmarks are on the doubled picture [478, 2]."""
    return 2 * face.landmarks[:, :2].astype(np.float64)


def _face_triangles(model: Model, view: View, points: Array) -> NDArray[np.int32]:
    """Of what is drawn, the triangles of the face alone: not hair and glasses before it."""
    surface = Surface.of(view.place(model.vertices), model.triangles)
    face = face_of(surface, model.kinds[surface.vertex], view.place(points))[surface.weld]
    triangles = model.picture.triangles
    return triangles[face[triangles[:, 0]]]


def _on_mesh(
    renderer: HeadRenderer, places: Array, view: View, triangles: NDArray[np.int32] | None = None
) -> Array:
    """Landmarks [478, 3] where they are seen on the mesh, in the scene's space.

    places: on the doubled picture [478, 2].

    triangles: of those that are drawn the ones that they can be on, or None for all.
    """
    if triangles is not None:
        kinds = np.zeros(len(triangles), np.int8)
        bare = replace(renderer.head, triangles=triangles, material=kinds)
        renderer = HeadRenderer(renderer.size, bare)
    surface = renderer.surface(np.zeros(len(FACE_NAMES), np.float32))
    around = [_seen_around(renderer, surface, place) for place in places]
    rest = load_template().rest.astype(np.float64)
    mm = float(np.ptp(rest[:, 0]) / np.ptp(places[:, 0]))
    deep = np.zeros(len(places))
    for trust in (0.0, 0.7, 0.7):
        # Through an open eye, or beside the chin, one looks past the face: how deep it is there,
        # the others tell.
        points = np.stack(
            [
                world[(mm * far + trust * np.abs(world[:, 2] - z)).argmin()]
                for (far, world), z in zip(around, deep, strict=True)
            ]
        )
        deep = _like(rest, points)[:, 2]
    return view.back(points)


_REACH = 48
"""Samples around a landmark in which the mesh is looked for."""


def _seen_around(renderer: HeadRenderer, drawn: Drawn, place: Array) -> tuple[Array, Array]:
    """What of a mesh is seen around a place on the doubled picture: how far away [S], and where it
    is, [S, 3] mm; if there is nothing, whatever is nearest."""
    low = np.maximum(place.astype(np.int64) - _REACH, 0)
    part = drawn.owner[low[1] : low[1] + 2 * _REACH, low[0] : low[0] + 2 * _REACH]
    rows, columns = np.nonzero(part >= 0)
    if not len(rows):
        low, part = np.zeros(2, np.int64), drawn.owner
        rows, columns = np.nonzero(part >= 0)
    seen = np.column_stack([columns, rows]) + low + 0.5
    far = np.linalg.norm(seen - place, axis=1)
    some = np.argsort(far)[:4000:3]
    corners = renderer.head.triangles[part[rows[some], columns[some]]]
    shares = _shares(drawn.points[corners, :2].astype(np.float64), seen[some].astype(np.float64))
    return far[some], np.einsum("sk,skd->sd", shares, drawn.world[corners])


def _shares(corners: Array, points: Array) -> Array:
    """Shares [N, 3] of the corners [N, 3, 2] of triangles on a picture in points [N, 2]."""
    one, other, to = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points
    to = to - corners[:, 0]
    area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    b = np.clip((to[:, 0] * other[:, 1] - to[:, 1] * other[:, 0]) / area, 0, 1)
    c = np.clip((one[:, 0] * to[:, 1] - one[:, 1] * to[:, 0]) / area, 0, 1 - b)
    return np.stack([1 - b - c, b, c], axis=1)


def _like(rest: Array, points: Array) -> Array:
    """Where landmarks [478, 3] would be if each lay as most others do, on the built-in head's."""
    share = np.ones(len(rest))
    for _ in range(6):
        matrix = similarity(rest, points, share)
        off = points - rest @ matrix[:3, :3].T - matrix[:3, 3]
        far = np.linalg.norm(off, axis=1)
        share = 1 / (1 + (far / max(2 * float(np.median(far)), 1e-6)) ** 2) ** 2
    good = np.flatnonzero(far < max(3 * float(np.median(far)), 1e-6))
    placed = points - off
    smooth: Array = Warp(placed[good], off[good], 1.0)(placed)
    return smooth


def symmetric(points: Array, vertices: Array) -> Array:
    """Landmarks [478, 3] the same on both sides, where the mesh around them is, about x = 0."""
    size = float(np.ptp(points, axis=0).max())
    low, high = points.min(axis=0), points.max(axis=0)
    near = vertices[((vertices > low) & (vertices < high)).all(axis=1)]
    if len(near) < 50:
        return points
    some = near[:: max(1, len(near) // 500)] * _FLIP
    apart = np.linalg.norm(near[nearest(some, near)] - some, axis=1)
    if (apart < _SAME_PLACE * size).mean() < _SAME_SHARE:
        return points
    rest = load_template().rest.astype(np.float64)
    even: Array = (points + points[nearest(rest * _FLIP, rest)] * _FLIP) / 2
    return even
