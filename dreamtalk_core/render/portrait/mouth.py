"""The inside of a portrait's mouth: the built-in head's teeth, gums, tongue and cavity.

They are fitted to the width of this mouth, turn with the head, and the lower half follows the jaw.
Where the photo itself shows the inside (an open mouth, a smile), its own picture stays, fixed to
the skull, and what is made up takes its colours from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.render.colour import to_linear
from dreamtalk_core.render.head.raster import Float, Int, compiled, fill, vertex_normals
from dreamtalk_core.render.portrait.rig import LOWER_LIP, UPPER_LIP, FaceRig, window
from dreamtalk_core.render.portrait.warp import coverage, cubic, inner
from dreamtalk_core.rig.head import MATERIALS, load_head

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_MOUTH, _TEETH, _TONGUE = (MATERIALS.index(name) for name in ("mouth", "teeth", "tongue"))
_FINE = 2
"""Samples across a pixel."""

_LOWER = 3.0
"""mm that the teeth are lower than in the built-in head, whose lips hide them when it speaks."""

_BEHIND = 12.0
"""mm from the front of the lips back to the teeth."""

_BROADER = 0.075
"""How much broader a tooth is than in the built-in head."""

_ALBEDO = {_MOUTH: (0.26, 0.055, 0.05), _TEETH: (0.84, 0.76, 0.62), _TONGUE: (0.46, 0.13, 0.12)}
"""Linear colours in the light of `_SKIN`."""
_SKIN = np.array([0.48, 0.28, 0.20])
"""Linear colour of skin in a good light."""


class Mouth:
    """image: uint8 [H, W, 3]; loop: [80, 2] the lips' inner edges at rest, pixels."""

    def __init__(self, image: Bytes, rig: FaceRig, loop: Array) -> None:
        self._rig = rig
        head = load_head()
        inside = np.isin(head.material, (_MOUTH, _TEETH, _TONGUE))
        used, triangles = np.unique(head.triangles[inside], return_inverse=True)
        self._triangles = triangles.reshape(-1, 3).astype(np.int32)
        self._two_sided = head.material[inside] == _TEETH
        self._vertices = head.vertices[used].astype(float)
        self._weld = np.arange(len(used), dtype=np.int32)
        crowns = self._triangles[self._two_sided]
        for crown in _pieces(crowns, len(used)):
            # Broader by a seventh: the black gaps between the built-in head's teeth look painted.
            middle = self._vertices[crown].mean(0)
            self._vertices[crown, 0] += _BROADER * (self._vertices[crown, 0] - middle[0])
            self._vertices[crown, 2] += _BROADER * (self._vertices[crown, 2] - middle[2])
        jaw = rig.proportions["jaw"]
        mouth = rig.proportions["mouth"]
        factors = np.ones((52, 1, 3))
        for name, index in INDEX.items():
            factors[index] = jaw if name.startswith("jaw") else mouth
        self._deltas = (head.deltas[:, used] * factors).reshape(52, -1).astype(np.float32)
        # Where the lips meet, on the built-in head and here.
        model, own = rig.template.rest, rig.rest
        upper, lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])
        self._anchor = ((model[upper] + model[lower]) / 2).mean(0).astype(float)
        self._place = 0.7 * own[upper].mean(0) + 0.3 * own[lower].mean(0)
        # Of a head that looks down the lips would hide the teeth behind them.
        self._lower = _LOWER + float(np.clip(_BEHIND * np.sin(np.radians(rig.angles[0])), -2, 3))
        self._grow = rig.scale * np.array([mouth[0], (mouth[0] + jaw[1]) / 2, mouth[0]])
        vertex_material = np.zeros(len(used), np.int64)
        vertex_material[self._triangles] = head.material[inside][:, None]
        self._material = vertex_material
        self._light, self._slope = _light(image, rig)
        albedo = np.array([_ALBEDO[int(m)] for m in vertex_material]) * self._light
        self._width = float(np.ptp(loop[:, 0]))
        self._centre = float(loop[:, 0].mean())

        # What the photo shows of the inside.
        margin = max(3, round(0.05 * self._width))
        low, high = window(loop, margin, image)
        self._left, self._top = int(low[0]), int(low[1])
        self._photo = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        self._shown = np.zeros(self._photo.shape[:2], np.float32)
        coverage(loop.astype(np.float32), self._left, self._top, self._shown)
        self._shown = inner(self._shown, max(1, round(0.012 * self._width)))
        if self._shown.max() < 0.9:
            self._shown[:] = 0
        teeth = self._photo[self._shown > 0.9]
        if len(teeth) > 20:
            bright = np.percentile(teeth.mean(1), 70)
            if bright > 110:
                own_teeth = _linear(teeth[teeth.mean(1) >= bright].mean(0))
                albedo[vertex_material == _TEETH] = own_teeth * 1.1
        # The built-in head's gaps between teeth are too dark for a picture this small.
        occlusion = np.where(
            (vertex_material == _TEETH)[:, None], head.colours[used] ** 0.4, head.colours[used]
        )
        self._albedo = (albedo * occlusion).astype(np.float32)
        self._rest_place_depth = (self._place @ rig.turn.T)[2]

    def draw(
        self, out: Bytes, loop: Float, landmarks: Array, weights: Float, rotation: Array
    ) -> None:
        """Into a frame, inside the lips' inner edges [80, 2]."""
        low = np.floor(loop.min(0)).astype(int) - 2
        high = np.ceil(loop.max(0)).astype(int) + 3
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), out.shape[1]), min(int(high[1]), out.shape[0])
        if left >= right or top >= bottom:
            return
        cover = np.empty((bottom - top, right - left), np.float32)
        coverage(loop, left, top, cover)
        cover = inner(cover, max(1, round(0.008 * self._width)))
        if cover.max() <= 0.01:
            return
        own = self._posed(weights)
        space = own @ rotation.T
        points = self._rig.place(own, rotation, np.full(len(own), self._rest_place_depth))
        samples = np.empty_like(points, dtype=np.float32)
        samples[:, 0] = (points[:, 0] - left + 0.5) * _FINE
        samples[:, 1] = (points[:, 1] - top + 0.5) * _FINE
        samples[:, 2] = points[:, 2] + 1e4
        normals = np.empty(own.shape, np.float32)
        vertex_normals(space.astype(np.float32), self._triangles, self._weld, normals)
        colours = self._shaded(own, normals)
        shape = (cover.shape[0] * _FINE, cover.shape[1] * _FINE)
        depth, owner = np.zeros(shape, np.float32), np.full(shape, -1, np.int32)
        fill(samples, self._triangles, self._two_sided, depth, owner)
        synthetic = np.empty((*cover.shape, 3), np.float32)
        _gouraud(owner, self._triangles, samples, colours, self._dark(), synthetic)
        # Frame -> photo for what is fixed to the skull.
        where = self._rig.place(self._place[None], rotation, np.array([self._rest_place_depth]))[
            0, :2
        ]
        rest = self._rig.place(self._place[None], self._rig.turn)[0, :2]
        larger = (self._rig.distance - self._rest_place_depth) / (
            self._rig.distance - (self._place @ rotation.T)[2]
        )
        flip = np.array([[1.0, -1.0], [-1.0, 1.0]])
        back = np.linalg.inv((rotation @ self._rig.turn.T)[:2, :2] * flip * larger)
        _draw_mouth(
            out[top:bottom, left:right],
            left,
            top,
            cover,
            synthetic,
            self._photo,
            self._shown,
            self._left,
            self._top,
            back.astype(np.float32),
            (rest - back @ where).astype(np.float32),
            np.float32(self._width),
            np.float32(self._slope),
            np.float32(where[0]),
        )

    def _posed(self, weights: Float) -> Array:
        active = np.flatnonzero(weights)
        moved = (weights[active] @ self._deltas[active]).reshape(-1, 3)
        result: Array = (
            (self._vertices + moved - self._anchor) * self._grow
            + self._place
            - [0, self._lower * self._rig.scale, 0]
        )
        return result

    def _shaded(self, own: Array, normals: Float) -> Float:
        """Linear colours [V, 3]: light from the front and above, less of it further back."""
        back = (self._place[2] - own[:, 2]) / (self._rig.scale * 10.0)  # cm behind the lips
        reach = np.where(self._material == _TEETH, 3.2, 2.1)
        light = np.exp(-np.maximum(back - 0.5, 0) / reach)
        facing = np.abs(normals[:, 2]) * 0.75 + np.maximum(normals[:, 1], 0) * 0.25 + 0.15
        result: Float = (self._albedo * (light * facing)[:, None]).astype(np.float32)
        return result

    def _dark(self) -> Float:
        """What is seen where there is nothing: the throat."""
        return (np.array([0.02, 0.006, 0.006]) * self._light).astype(np.float32)


def _pieces(triangles: Int, count: int) -> list[NDArray[np.int64]]:
    """The vertices of each connected piece of a mesh."""
    label = np.arange(count)
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, triangles.ravel(), label[triangles].min(1).repeat(3))
        if (lowest == label).all():
            break
        label = lowest
    used = np.unique(triangles)
    return [used[label[used] == piece] for piece in np.unique(label[used])]


def _linear(srgb: Array | Bytes) -> Array:
    return to_linear(np.asarray(srgb, float) / 255)


def _light(image: Bytes, rig: FaceRig) -> tuple[Array, float]:
    """The light on this face [3], against that on `_SKIN`, and how much more there is on the right
    of the picture than in the middle."""
    points = rig.place(rig.rest, rig.turn)[:, :2]
    span = max(2, round(0.03 * rig.size))

    def skin(landmarks: tuple[int, ...]) -> Array:
        found = []
        for x, y in points[list(landmarks)]:
            rows = slice(max(int(y) - span, 0), max(int(y) + span, 1))
            columns = slice(max(int(x) - span, 0), max(int(x) + span, 1))
            patch = image[rows, columns].reshape(-1, 3)
            if len(patch):
                found.append(np.median(_linear(patch), 0))
        result: Array = np.mean(found, 0) if found else _SKIN
        return result

    left, right = skin((205, 207, 50)), skin((425, 427, 280))
    mean = (left + right) / 2
    brightness = mean.mean() / _SKIN.mean()
    # Skin is of many colours and the light of few: half of the cast at most is the light's.
    cast = (mean / _SKIN) / brightness
    slope = (right - left).mean() / (right + left).mean()
    return np.clip(brightness, 0.25, 1.35) * np.clip(cast, 0.5, 2.0) ** 0.35, float(
        np.clip(slope, -0.4, 0.4)
    )


@compiled()
def _gouraud(
    owner: Int, triangles: Int, samples: Float, colours: Float, dark: Float, out: Float
) -> None:
    """Mean linear colours into out [h, w, 3] from the triangles seen, [2h, 2w]."""
    fine = owner.shape[0] // out.shape[0]
    share = np.float32(1.0) / np.float32(fine * fine)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            r = g = b = np.float32(0.0)
            for j in range(fine):
                for i in range(fine):
                    f = owner[y * fine + j, x * fine + i]
                    if f < 0:
                        r += dark[0]
                        g += dark[1]
                        b += dark[2]
                        continue
                    p, q, s = triangles[f, 0], triangles[f, 1], triangles[f, 2]
                    px, py = samples[p, 0], samples[p, 1]
                    qx, qy = samples[q, 0] - px, samples[q, 1] - py
                    sx, sy = samples[s, 0] - px, samples[s, 1] - py
                    dx = np.float32(x * fine + i) + np.float32(0.5) - px
                    dy = np.float32(y * fine + j) + np.float32(0.5) - py
                    scale = np.float32(1.0) / (qx * sy - qy * sx)
                    wq = (dx * sy - dy * sx) * scale
                    ws = (qx * dy - qy * dx) * scale
                    wp = np.float32(1.0) - wq - ws
                    r += wp * colours[p, 0] + wq * colours[q, 0] + ws * colours[s, 0]
                    g += wp * colours[p, 1] + wq * colours[q, 1] + ws * colours[s, 1]
                    b += wp * colours[p, 2] + wq * colours[q, 2] + ws * colours[s, 2]
            out[y, x, 0] = r * share
            out[y, x, 1] = g * share
            out[y, x, 2] = b * share


@compiled()
def _draw_mouth(
    out: Bytes,
    left: int,
    top: int,
    cover: Float,
    synthetic: Float,
    photo: Bytes,
    shown: Float,
    photo_left: int,
    photo_top: int,
    back: Float,
    origin: Float,
    width: np.float32,
    slope: np.float32,
    middle: np.float32,
) -> None:
    """Blend the inside into out [h, w, 3], whose first pixel is (left, top) of the frame."""
    one, zero = np.float32(1.0), np.float32(0.0)
    colour = np.empty(3, np.float32)
    height = out.shape[0]
    for x in range(out.shape[1]):
        first, last = -1, -1
        for y in range(height):
            if cover[y, x] > np.float32(0.02):
                if first < 0:
                    first = y
                last = y
        if first < 0:
            continue
        gap = np.float32(last - first + 1) / width
        # Little light falls through a narrow opening.
        narrow = np.float32(0.55) + np.float32(0.45) * min(gap / np.float32(0.2), one)
        side = one + slope * (np.float32(x + left) - middle) / (np.float32(0.5) * width)
        for y in range(first, last + 1):
            alpha = cover[y, x]
            if alpha <= zero:
                continue
            below = np.float32(y - first) / width
            above = np.float32(last - y) / width
            shade = np.float32(0.42) + np.float32(0.58) * min(below / np.float32(0.11), one)
            shade *= np.float32(0.72) + np.float32(0.28) * min(above / np.float32(0.06), one)
            shade *= narrow * side
            px, py = np.float32(x + left), np.float32(y + top)
            u = back[0, 0] * px + back[0, 1] * py + origin[0] - photo_left
            v = back[1, 0] * px + back[1, 1] * py + origin[1] - photo_top
            own = zero
            if zero <= u < shown.shape[1] - 1 and zero <= v < shown.shape[0] - 1:
                iu, iv = int(u), int(v)
                tu, tv = u - np.float32(iu), v - np.float32(iv)
                own = (shown[iv, iu] * (one - tu) + shown[iv, iu + 1] * tu) * (one - tv)
                own += (shown[iv + 1, iu] * (one - tu) + shown[iv + 1, iu + 1] * tu) * tv
            if own > zero:
                cubic(photo, u, v, colour)
            for c in range(3):
                light = max(synthetic[y, x, c] * shade, zero)
                if light <= np.float32(0.0031308):
                    value = light * np.float32(12.92)
                else:
                    value = np.float32(1.055) * min(light, one) ** np.float32(1 / 2.4) - np.float32(
                        0.055
                    )
                value *= np.float32(255.0)
                if own > zero:
                    value += own * (min(max(colour[c], zero), np.float32(255.0)) - value)
                old = np.float32(out[y, x, c])
                out[y, x, c] = np.uint8(old + alpha * (value - old) + np.float32(0.5))
