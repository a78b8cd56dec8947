"""The inside of a portrait's mouth: the built-in head's teeth, gums, tongue and cavity.

They are fitted to the width of this mouth, turn with the head, and the lower half follows the jaw.
Where the photo itself shows the inside (an open mouth, a smile), its own picture stays, fixed to
the skull, and what is made up takes its colours from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.portrait.mouth_kernels import blend_mouth, gouraud
from dreamtalk_core.render.portrait.rig import FaceRig, window
from dreamtalk_core.render.portrait.skin import light_on, linear
from dreamtalk_core.render.portrait.template import LOWER_LIP, UPPER_LIP
from dreamtalk_core.render.portrait.warp import coverage, inner
from dreamtalk_core.render.raster import Float, Int, fill, vertex_normals
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

_UNDERSIDE = 0.45
"""Least light on the tongue, before what lies further back gets darker."""

_ALBEDO = {_MOUTH: (0.26, 0.055, 0.05), _TEETH: (0.84, 0.76, 0.62), _TONGUE: (0.46, 0.13, 0.12)}
"""Linear colours in the light of `skin.SKIN`."""


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
        factors = np.array([jaw if name.startswith("jaw") else mouth for name in FACE_NAMES])
        deltas = head.face_deltas[:, used]
        self._deltas = (deltas * factors[:, None]).reshape(len(deltas), -1).astype(np.float32)
        # Where the lips meet, on the built-in head and here.
        model, landmarks = rig.template.rest, rig.rest
        upper, lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])
        self._anchor = ((model[upper] + model[lower]) / 2).mean(0).astype(float)
        self._place = 0.7 * landmarks[upper].mean(0) + 0.3 * landmarks[lower].mean(0)
        # Of a head that looks down the lips would hide the teeth behind them.
        self._lower = _LOWER + float(np.clip(_BEHIND * np.sin(np.radians(rig.angles[0])), -2, 3))
        self._grow = rig.scale * np.array([mouth[0], (mouth[0] + jaw[1]) / 2, mouth[0]])
        vertex_material = np.zeros(len(used), np.int64)
        vertex_material[self._triangles] = head.material[inside][:, None]
        self._material = vertex_material
        self._light, self._slope = light_on(image, rig)
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
                teeth_colour = linear(teeth[teeth.mean(1) >= bright].mean(0))
                albedo[vertex_material == _TEETH] = teeth_colour * 1.1
        # The built-in head's gaps between teeth are too dark for a picture this small.
        occlusion = head.colours[used].copy()
        occlusion[vertex_material == _TEETH] **= 0.4
        # A tongue whose tip is up shows an underside that is dark at rest.
        occlusion[vertex_material == _TONGUE] = np.maximum(
            occlusion[vertex_material == _TONGUE], _UNDERSIDE
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
        vertices = self._posed(weights)
        space = vertices @ rotation.T
        turned = self._posed(np.zeros_like(weights)) @ rotation[2]
        at_rest = np.full(len(vertices), self._rest_place_depth)
        points = self._rig.place(vertices, rotation, at_rest, turned)
        samples = np.empty_like(points, dtype=np.float32)
        samples[:, 0] = (points[:, 0] - left + 0.5) * _FINE
        samples[:, 1] = (points[:, 1] - top + 0.5) * _FINE
        samples[:, 2] = points[:, 2] + 1e4
        normals = np.empty(vertices.shape, np.float32)
        vertex_normals(space.astype(np.float32), self._triangles, self._weld, normals)
        colours = self._shaded(vertices, normals)
        shape = (cover.shape[0] * _FINE, cover.shape[1] * _FINE)
        depth, owner = np.zeros(shape, np.float32), np.full(shape, -1, np.int32)
        fill(samples, self._triangles, self._two_sided, depth, owner)
        synthetic = np.empty((*cover.shape, 3), np.float32)
        gouraud(owner, self._triangles, samples, colours, self._dark(), synthetic)
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
        blend_mouth(
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

    def _shaded(self, vertices: Array, normals: Float) -> Float:
        """Linear colours [V, 3]: light from the front and above, less of it further back."""
        back = (self._place[2] - vertices[:, 2]) / (self._rig.scale * 10.0)  # cm behind the lips
        reach = np.select([self._material == _TEETH, self._material == _TONGUE], [3.2, 2.8], 2.1)
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
