"""`PortraitRenderer`: one photo talks.

One frame: pose the face's mesh (`rig`), turn it with the head, draw it as a map of where
each pixel comes from in the photo, and sample the photo there. Around the face a ring of vertices
carries the movement on, to hair and ears fully, to neck and shoulders softly; the background stays
behind them (`layers`). Then the openings: behind the lips the inside of a mouth (`mouth`), behind
the lids the eyeballs (`eyes`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.render.portrait.eyes import Eye
from dreamtalk_core.render.portrait.layers import split
from dreamtalk_core.render.portrait.mouth import Mouth
from dreamtalk_core.render.portrait.rig import FaceRig
from dreamtalk_core.render.portrait.surroundings import held_back, movable, ring_around
from dreamtalk_core.render.portrait.turns import eased, warn_of_eased
from dreamtalk_core.render.portrait.warp import EMPTY, fill_map, sample, sample_layers, soften

Float = NDArray[np.float32]
Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@dataclass(eq=False)
class _Scratch:
    """Buffers of one thread."""

    depth: Float
    come: Float


class PortraitRenderer:
    """Moves the face in a photo. `render` may be called from several threads.

    image: uint8 [H, W, 3]. landmarks: [478, 3], matrix: [4, 4] and rest_weights: [52], the face in
    it as the tracker sees it (`dreamtalk_core.tracking.tracker.Face`). share: of points (x, y)
    [N, 2] in the picture, by how much what surrounds the face there moves along, 0..1 [N]: less
    where it belongs to another face. Raises `RenderError` if the arrays have other shapes.
    """

    def __init__(
        self,
        image: Bytes,
        landmarks: ArrayLike,
        matrix: ArrayLike,
        rest_weights: ArrayLike,
        share: Callable[[Array], Array] | None = None,
    ) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise RenderError(
                f"A portrait must be uint8 [H, W, 3], not {image.dtype} {list(image.shape)}."
            )
        for name, array, shape in (
            ("landmarks", landmarks, (478, 3)),
            ("matrix", matrix, (4, 4)),
            ("rest_weights", rest_weights, (52,)),
        ):
            if np.shape(array) != shape or not np.isfinite(np.asarray(array, float)).all():
                raise RenderError(
                    f"The {name} of a face must be finite and {list(shape)}, not "
                    f"{list(np.shape(array))}."
                )
        self.image = np.ascontiguousarray(image)
        # Landmarks put the corner of the picture at 0, here the first pixel's centre is there.
        points = np.asarray(landmarks, float) - [0.5, 0.5, 0.0]
        self.rig = FaceRig(points, matrix, rest_weights)
        template = self.rig.template
        rest = template.refine(held_back(self.rig).astype(np.float32)).astype(float)
        self._layers = split(self.image, self.rig)
        ring = ring_around(self.rig, rest[template.boundary], self._layers is not None)
        self._ring = ring
        self._rest = np.concatenate([rest, ring.rest])
        self._face = len(rest)
        index = np.concatenate([template.boundary, len(rest) + np.arange(len(ring.rest))])
        facing = template.triangles
        outside = index[ring.triangles]
        self._rest_depth = (self._rest @ self.rig.turn.T)[:, 2]
        source = self.rig.place(self._rest, self.rig.turn, self._rest_depth)
        self._source = source[:, :2].astype(np.float32)
        outside = _facing_forward(outside, source)
        around = source[len(rest) :, :2]
        chin = float(source[template.boundary, 1].max())
        moves = ring.head * movable(around, chin, image.shape[0] - 1, self.rig.size)
        if share is not None:
            moves = moves * share(around)
        self._head = np.concatenate([np.ones(len(rest)), moves])
        self._lift = np.concatenate([self._over(rest), self._under(around)])
        self._triangles = np.concatenate([facing, outside]).astype(np.int32)
        self._eyes = [Eye(self.image, self.rig, side, points) for side in range(2)]
        self._mouth = Mouth(self.image, self.rig, source[template.mouth_loop, :2])
        self._local = threading.local()

    @property
    def triangles(self) -> NDArray[np.int32]:
        """Of the face, int32 [F, 3], counter-clockwise as seen; for `vertices`."""
        return self.rig.template.triangles

    @property
    def person(self) -> Float | None:
        """The share of the person in each pixel of the picture, float32 [H, W], 0..1; None where
        no person is made out."""
        return None if self._layers is None else self._layers.share

    def eased(self, head_rotation: ArrayLike) -> Array:
        """How far the head is turned [..., 3], degrees, that is told to be turned so far."""
        return eased(head_rotation, self.rig.angles[1])

    def warn_of_eased(self, motion: Motion) -> None:
        """Warn of turns in a motion that are not drawn to the end."""
        warn_of_eased(motion, self.rig.angles[1])

    def vertices(self, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)) -> Float:
        """The face's mesh in the picture float32 [V, 3]: x, y in pixels, nearer is larger."""
        points, _, _ = self._posed(weights, self.rig.rotation(self.eased(head_rotation)))
        return points[: self._face].astype(np.float32)

    def render(
        self, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> NDArray[np.uint8]:
        """One frame uint8 [H, W, 3].

        weights [52] in `ARKIT_NAMES` order, or [68] in that of `FACE_NAMES`, and head_rotation
        (pitch, yaw, roll) in degrees are relative to the portrait: zeros give the photo as it is.
        """
        w = np.nan_to_num(np.asarray(weights, np.float32))
        rotation = self.rig.rotation(self.eased(head_rotation))
        points, landmarks, moved = self._posed(w, rotation)
        out = self.image.copy()
        if not moved.any():
            return out
        scratch = self._scratch()
        # A triangle with one moved corner reaches as far as its other two.
        touched = np.zeros(len(points), bool)
        touched[self._triangles[moved[self._triangles].any(1)]] = True
        low = np.floor(points[touched, :2].min(0)).astype(int)
        high = np.ceil(points[touched, :2].max(0)).astype(int) + 1
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, [out.shape[1], out.shape[0]])
        if left >= right or top >= bottom:
            return out
        scratch.depth[top:bottom, left:right] = EMPTY
        fill_map(
            points.astype(np.float32),
            self._source,
            ~moved,
            self._triangles,
            scratch.depth[:bottom, :right],
            scratch.come[:bottom, :right],
        )
        window = (slice(top, bottom), slice(left, right))
        self._sample(scratch.depth[window], scratch.come[window], left, top, out[window])
        jump = max(3.0, 0.02 * self.rig.size)
        soften(scratch.depth[window], scratch.come[window], np.float32(jump), out[window])
        template = self.rig.template
        for eye, loop in zip(self._eyes, template.eye_loops, strict=True):
            eye.draw(out, points[loop, :2].astype(np.float32), w, rotation)
        self._mouth.draw(
            out, points[template.mouth_loop, :2].astype(np.float32), landmarks, w, rotation
        )
        return out

    def _posed(self, weights: ArrayLike, rotation: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """All vertices in the picture [V, 3], the landmarks on the head's own axes, and which
        vertices have moved."""
        landmarks = self.rig.pose(weights)
        fine = self.rig.template.refine((landmarks - self.rig.rest).astype(np.float32))
        ring = self._ring
        vertices = self._rest.copy()
        vertices[: self._face] += fine
        vertices[self._face :] += ring.follow[:, None] * fine[self.rig.template.boundary][ring.edge]
        turned_depth = self._rest @ rotation[2]
        points = self.rig.place(vertices, rotation, self._rest_depth, turned_depth)
        source = self._source
        points[self._face :, :2] = source[self._face :] + self._head[self._face :, None] * (
            points[self._face :, :2] - source[self._face :]
        )
        points[:, 2] += self._lift
        moved = np.abs(points[:, :2] - source).max(1) > 2e-3
        return points, landmarks, moved

    def _sample(self, depth: Float, come: Float, left: int, top: int, out: Bytes) -> None:
        layers = self._layers
        if layers is None:
            sample(self.image, depth, come, left, top, out)
            return
        person, behind = layers.person[..., None], layers.background
        sample_layers(layers.image, person, behind, layers.margin, depth, come, left, top, out)

    def _over(self, rest: Array) -> Array:
        """What to add to the nearness of the face's vertices [V], so that upper lids and lips are
        drawn over lower ones where they overlap."""
        template = self.rig.template
        lift = np.zeros(len(rest))
        for loop in (*template.eye_loops, template.mouth_loop):
            edge = rest[loop]
            upper = edge[: len(loop) // 2 + 1]
            across = np.ptp(edge[:, 0])
            order = np.argsort(upper[:, 0])
            line = np.interp(rest[:, 0], upper[order, 0], upper[order, 1])
            near = (np.abs(rest[:, 0] - edge[:, 0].mean()) < 0.5 * across) & (
                np.abs(rest[:, 1] - line) < 0.5 * across
            )
            lift[near & (rest[:, 1] >= line - 1e-3 * across)] = 0.03 * self.rig.size
        return lift

    def _under(self, around: Array) -> Array:
        """What to add to the nearness of places (x, y) [N, 2] around the face, so that background
        is drawn over nothing of the person."""
        if self._layers is None:
            return np.zeros(len(around))
        person, margin = self._layers.person, self._layers.margin
        columns, rows = np.rint(around).astype(int).T + margin
        height, width = person.shape
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        under = np.full(len(around), -2 * self.rig.size)
        under[inside] *= person[rows[inside], columns[inside]] == 0
        return under

    def _scratch(self) -> _Scratch:
        scratch: _Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            shape = self.image.shape[:2]
            scratch = _Scratch(np.empty(shape, np.float32), np.empty((*shape, 2), np.float32))
            self._local.scratch = scratch
        return scratch


def _facing_forward(triangles: NDArray[np.int64], points: Array) -> NDArray[np.int64]:
    """Triangles turned round as a whole if most are seen from behind (y points down)."""
    a, b, c = (points[triangles[:, k], :2] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return triangles if (area < 0).mean() > 0.5 else triangles[:, ::-1]
