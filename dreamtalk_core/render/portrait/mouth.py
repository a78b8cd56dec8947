"""The inside of a portrait's mouth: teeth, gums and tongue in the dark behind the lips.

All of it is fitted to the width of this mouth and turns with the head. The upper teeth stay with
the skull; the lower ones and the tongue, which is the built-in head's, follow the jaw as it moves
here. Light falls in between the lips: the narrower the opening and the nearer to a lip, the less.
What the photo itself shows of the inside (an open mouth, a smile) stays while the lips do, fixed to
the skull; as they move it gives way to what is made here, in the colours of its own teeth.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.portrait.mouth_kernels import blend_mouth, look_in, shade_tongue
from dreamtalk_core.render.portrait.rig import FaceRig, window
from dreamtalk_core.render.portrait.skin import look
from dreamtalk_core.render.portrait.teeth import (
    BEYOND,
    LOWER,
    REACH,
    UPPER,
    curve,
    seen,
    sheet,
)
from dreamtalk_core.render.portrait.template import LOWER_LIP, UPPER_LIP
from dreamtalk_core.render.portrait.warp import coverage, inner
from dreamtalk_core.render.raster import Float, fill, vertex_normals
from dreamtalk_core.rig.head import MATERIALS, load_head

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_FINE = 2
"""Samples across a pixel, of the tongue."""

_EDGES = (-3.0, -2.5)
"""mm from the line between the lips up to the edges of the upper and of the lower front teeth."""

_FRONTS = (8.0, 10.0)
"""mm from the lips' inner edges back to them."""

_CHIN, _LIP = 152, 14
"""The landmark that shows where the jaw is, as nothing else moves it, and the lower lip's edge."""

_WITH_LIP = 0.93
"""How far the lower front teeth go down with the jaw, in shares of what the lower lip does."""

_OUT = INDEX["tongueOut"]
_LIFT, _GOES_OUT = 4.5, 0.3
"""mm that a tongue rises from behind the lower teeth to go out, and the weight by which it has."""

_HALF_LIGHT = 3.2
"""mm into a wide opening where the lips take half of the light of a narrow one."""

_STILL = (0.01, 0.07)
"""How far the lips move, in widths of the mouth, until the photo's own inside begins to give way,
and until nothing of it is left."""

_SKIN_LEVEL = np.float32(160.0)
"""Brightness, 0..255, from which on grain is seen in full; in the dark there is less of it."""

_STIR = (0.003, 0.023)
"""How far lips that are shut in the photo move, in widths of the mouth, until what is behind them
begins to be drawn, and until it is drawn as it is."""

_HALF_WAY_IN = 8.0
"""mm that the lips stand forward when half of the light gets to the teeth."""

_LETS_IN = 0.7
"""Light in the middle of an opening that is wide enough to let all of it in."""

_LIT_FROM = np.array([0.0, 0.55, 0.83])
_GLINT = np.array([0.0, 0.8, 0.6])
"""Directions on the head's own axes: to the light, and normals that reflect it to the viewer."""


def _between(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of two numbers, 1 from the second on."""
    return float(smoothstep((value - ends[0]) / (ends[1] - ends[0])))


class Mouth:
    """image: uint8 [H, W, 3]; loop: [80, 2] the lips' inner edges at rest, pixels."""

    def __init__(self, image: Bytes, rig: FaceRig, loop: Array) -> None:
        self._rig = rig
        self._look = look(image, rig)
        landmarks = rig.rest
        upper, lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])
        self._place = 0.7 * landmarks[upper].mean(0) + 0.3 * landmarks[lower].mean(0)
        self._rest_depth = float((self._place @ rig.turn.T)[2])
        self._mm = rig.scale * float(rig.proportions["mouth"][0])
        """Pixels."""
        opened = rig.deltas[INDEX["jawOpen"]]
        self._incisors = np.array([1.0, *_WITH_LIP * opened[_LIP, 1:] / opened[_CHIN, 1:]])
        """How far the lower front teeth go with the chin."""
        self._width = float(np.ptp(loop[:, 0]))
        # Of a head that looks down the lips would hide the teeth behind them.
        down = float(np.clip(10 * np.sin(np.radians(rig.angles[0])), -2, 3))
        self._arches = []
        for arch, edge, front, way in zip((UPPER, LOWER), _EDGES, _FRONTS, (1, -1), strict=True):
            points, along = curve(arch)
            local = np.zeros((len(points), 3))
            local[:, [0, 2]] = points * self._mm
            local += self._place + np.array([0, edge - down, -front]) * self._mm
            self._arches.append((local, along, way))
        self._per_mm = float(np.clip(1.4 * self._mm, 1.5, 10))
        self._sheets = np.stack(
            [sheet(a, self._per_mm, self._look.teeth, self._look.gums) for a in (UPPER, LOWER)]
        )
        colours = (self._look.tongue, self._look.seam, self._look.deep, self._look.teeth)
        self._colours = np.stack(colours).astype(np.float32)
        self._tongue_of_head(down)
        self._own(image, loop)

    def _tongue_of_head(self, down: float) -> None:
        head = load_head()
        inside = head.material == MATERIALS.index("tongue")
        used, triangles = np.unique(head.triangles[inside], return_inverse=True)
        self._triangles = triangles.reshape(-1, 3).astype(np.int32)
        self._two_sided = np.zeros(len(self._triangles), bool)
        self._vertices = head.vertices[used].astype(float)
        self._weld = np.arange(len(used), dtype=np.int32)
        rig = self._rig
        jaw, mouth = rig.proportions["jaw"], rig.proportions["mouth"]
        factors = np.array([jaw if name.startswith("jaw") else mouth for name in FACE_NAMES])
        deltas = head.face_deltas[:, used]
        self._deltas = (deltas * factors[:, None]).reshape(len(deltas), -1).astype(np.float32)
        rest = rig.template.rest
        self._anchor = rest[[*UPPER_LIP[-1], *LOWER_LIP[-1]]].mean(0).astype(float)
        self._lower = np.array([0, (1.5 + down) * rig.scale, 0])
        self._grow = rig.scale * np.array([mouth[0], (mouth[0] + jaw[1]) / 2, mouth[0]])
        opened = deltas[INDEX["jawOpen"], :, 1]
        self._drop = -float(opened.min() * jaw[1] * self._grow[1])
        self._tongue_rest = self._posed(rig.rest, np.zeros(len(FACE_NAMES), np.float32))

    def _own(self, image: Bytes, loop: Array) -> None:
        """What the photo shows of the inside."""
        self._rest = loop
        margin = max(3, round(0.05 * self._width))
        low, high = window(loop, margin, image)
        self._left, self._top = int(low[0]), int(low[1])
        self._photo = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        cover = np.zeros(self._photo.shape[:2], np.float32)
        coverage(loop.astype(np.float32), self._left, self._top, cover)
        self._shown = inner(cover, max(1, round(0.012 * self._width)))
        if self._shown.max() < 0.5:
            self._shown[:] = 0
        # Between closed lips there may be some room, for the landmarks, and no light falls in.
        self._shut = 0.0 if self._rig.parted else min(float(self._light(cover)[0].max()), 0.4)

    def draw(
        self,
        out: Bytes,
        loop: Float,
        landmarks: Array,
        weights: Float,
        rotation: Array,
        keep: bool = False,
    ) -> None:
        """Into a frame, inside the lips' inner edges [80, 2].

        keep: what the photo shows of the inside is seen however far the lips have moved.
        """
        soft = self._look.blur
        margin = 3 + int(np.ceil(2 * soft))
        first = np.floor(loop.min(0)).astype(int) - margin
        last = np.ceil(loop.max(0)).astype(int) + margin + 1
        left, top = max(int(first[0]), 0), max(int(first[1]), 0)
        right, bottom = min(int(last[0]), out.shape[1]), min(int(last[1]), out.shape[0])
        if left >= right or top >= bottom:
            return
        cover = np.empty((bottom - top, right - left), np.float32)
        coverage(loop, left, top, cover)
        if cover.max() <= 0.01:
            return
        light, edge = self._light(cover)
        lips = landmarks[[13, 14], 2] - self._rig.rest[[13, 14], 2]
        let_in = _between(float(light.max()), (self._shut, _LETS_IN))
        forward = max(float(lips.max()) / self._mm, 0.0)
        let_in /= 1 + forward / _HALF_WAY_IN
        # As soft as the picture, and over the lips' edges: behind them is the photo's closed mouth.
        cover = np.minimum(2 * cv2.GaussianBlur(cover, (0, 0), soft), 1)
        slope = self._look.slope / (0.5 * self._width)
        where, back = self._to_photo(rotation)
        # Lips that are forward keep light off the lower teeth most.
        low = 0.55 / (1 + 0.12 * forward)
        numbers = [self._mm, 1.5 + 0.25 * forward, slope, where[0], 1 / 18.0**2, low, let_in]
        inside = np.zeros((*cover.shape, 3), np.float32)
        jaw = self._jaw(landmarks)
        views = [
            self._arch(local, jaw if way < 0 else 0 * jaw, along, way, rotation)
            for local, along, way in self._arches
        ]
        look_in(
            left,
            top,
            cover,
            light,
            edge,
            self._tongue(cover.shape, left, top, landmarks, weights, rotation),
            np.stack([axes for axes, _ in views]),
            np.stack([table for _, table in views]),
            self._sheets,
            np.float32(self._per_mm),
            np.array([REACH, BEYOND], np.float32),
            self._colours,
            np.array(numbers, np.float32),
            inside,
        )
        inside = cv2.GaussianBlur(inside, (0, 0), soft)
        rest = self._rig.place(self._place[None], self._rig.turn)[0, :2]
        moved = np.abs((loop - where) @ back.T + rest - self._rest).max() / self._width
        own = 1.0 if keep else 1 - _between(float(moved), _STILL)
        if not self._shown.any():  # lips that are shut and stay so are the photo's
            cover *= np.float32(_between(float(moved), _STIR))
        blend_mouth(
            out[top:bottom, left:right],
            left,
            top,
            cover,
            inside,
            self._look.grain,
            _SKIN_LEVEL,
            self._photo,
            self._shown * np.float32(own),
            self._left,
            self._top,
            back.astype(np.float32),
            (rest - back @ where).astype(np.float32),
        )

    def _light(self, cover: Float) -> tuple[Float, Float]:
        """How much light falls on what is behind each pixel of an opening [h, w], 0..1, and how
        near to a lip it is: 1 there, 0 inside."""
        wide = max(1, round(_HALF_LIGHT * self._mm))
        side = (2 * wide + 1, 2 * wide + 1)
        light = cover
        for _ in range(2):
            light = cv2.blur(light, side, borderType=cv2.BORDER_CONSTANT)
        # It comes from above: the upper lip's shadow is the longer one.
        down = max(1, round(self._mm))
        light = np.pad(light, ((down, 0), (0, 0)))[: len(light)]
        near = max(1, round(1.2 * self._mm))
        edge = cv2.blur(cover, (2 * near + 1, 2 * near + 1), borderType=cv2.BORDER_CONSTANT)
        return np.clip(1.9 * light, 0, 1), np.clip(2 - 2 * edge, 0, 1)

    def _jaw(self, landmarks: Array) -> Array:
        """How far the lower front teeth have moved [3], on the head's own axes."""
        result: Array = (landmarks[_CHIN] - self._rig.rest[_CHIN]) * self._incisors
        return result

    def _arch(
        self, local: Array, moved: Array, along: Array, way: int, rotation: Array
    ) -> tuple[Float, Float]:
        """How it is looked up in this frame (`teeth.seen`); moved: by the jaw [3]."""
        rig = self._rig
        points = rig.place(local + moved, rotation, local @ rig.turn[2], local @ rotation[2])
        up = way * self._mm * np.array([rotation[0, 1], -rotation[1, 1]])
        return seen(points, along, up)

    def _to_photo(self, rotation: Array) -> tuple[Array, Array]:
        """Where the mouth's place is in the frame [2], and [2, 2] from the frame to the photo."""
        depth = self._rest_depth
        where = self._rig.place(self._place[None], rotation, np.array([depth]))[0, :2]
        larger = (self._rig.distance - depth) / (self._rig.distance - (self._place @ rotation.T)[2])
        flip = np.array([[1.0, -1.0], [-1.0, 1.0]])
        return where, np.linalg.inv((rotation @ self._rig.turn.T)[:2, :2] * flip * larger)

    def _tongue(
        self,
        shape: tuple[int, ...],
        left: int,
        top: int,
        landmarks: Array,
        weights: Float,
        rotation: Array,
    ) -> Float:
        """Light, highlight, coverage and nearness of each pixel [h, w, 4]."""
        vertices = self._posed(landmarks, weights)
        space = vertices @ rotation.T
        rig = self._rig
        rest = self._tongue_rest
        points = rig.place(vertices, rotation, rest @ rig.turn[2], rest @ rotation[2])
        samples = np.empty_like(points, dtype=np.float32)
        samples[:, 0] = (points[:, 0] - left + 0.5) * _FINE
        samples[:, 1] = (points[:, 1] - top + 0.5) * _FINE
        samples[:, 2] = points[:, 2] + 1e4
        normals = np.empty(vertices.shape, np.float32)
        vertex_normals(space.astype(np.float32), self._triangles, self._weld, normals)
        back = (self._place[2] - vertices[:, 2]) / self._mm
        middle = (vertices[:, 0] - self._place[0]) / self._mm
        shades = np.empty((len(vertices), 3), np.float32)
        facing = np.clip(normals @ _LIT_FROM, 0, 1)
        shades[:, 0] = (0.5 + 0.4 * facing) * np.exp(-np.clip(back - 14, 0, None) / 16)
        shades[:, 0] *= 1 - 0.25 * np.exp(-((middle / 2.5) ** 2)) - 0.6 * (middle / 19) ** 4
        shades[:, 1] = np.clip(normals @ _GLINT, 0, 1)
        fine = (shape[0] * _FINE, shape[1] * _FINE)
        depth, owner = np.zeros(fine, np.float32), np.full(fine, -1, np.int32)
        fill(samples, self._triangles, self._two_sided, depth, owner)
        out = np.zeros((*shape[:2], 4), np.float32)
        shade_tongue(owner, depth, self._triangles, samples, shades, out)
        out[..., 3] -= 1e4
        return out

    def _posed(self, landmarks: Array, weights: Float) -> Array:
        weights = weights.copy()
        # It stays where it is behind the lower teeth.
        drop = max(-float(self._jaw(landmarks)[1]), 0.0)
        # Except that it goes out between the edges of the teeth.
        out = float(smoothstep(float(weights[_OUT]) / _GOES_OUT))
        drop -= out * min(drop, _LIFT * self._mm)
        weights[INDEX["jawOpen"]] = drop / self._drop
        active = np.flatnonzero(weights)
        moved = (weights[active] @ self._deltas[active]).reshape(-1, 3)
        result: Array = (self._vertices + moved - self._anchor) * self._grow + self._place
        return result - self._lower
