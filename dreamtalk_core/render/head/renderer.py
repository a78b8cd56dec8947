"""`HeadRenderer`: the built-in head as a picture, drawn on the CPU.

One frame: pose the mesh, turn the head (the neck bends, the chest stays), draw a shadow map from
the key light, draw the visible triangles at twice the resolution, then shade. A pixel whose four
samples show one smooth piece of surface is shaded once, a pixel on an outline four times. The
camera and its lights stay; to look from elsewhere, the whole bust is turned.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.render.colour import to_linear, to_srgb
from dreamtalk_core.render.head.shading import (
    CAMERA_Y,
    CAMERA_Z,
    LASH,
    SKIN,
    TEETH,
    TONE_MAX,
    TONE_STEPS,
    Light,
    Mesh,
    shade,
)
from dreamtalk_core.render.head.split_head import SplitHead
from dreamtalk_core.render.head.texture import choose_levels, texture_levels
from dreamtalk_core.render.raster import fill, vertex_normals
from dreamtalk_core.rig.head import Head, gaze_rotation, load_head, turned

Float = NDArray[np.float32]
Int = NDArray[np.int32]

Background = Literal["studio"] | tuple[int, int, int] | None
"""Behind the head: the calm gradient, a colour (sRGB, 0..255), or nothing, for a picture with
transparency."""

# Camera: a portrait lens on the z axis, aimed a little above the turning point.
_DISTANCE = CAMERA_Z
_AIM_Y = CAMERA_Y
_FOCUS_Z = 60.0
_SPAN = 268.0  # mm of the plane z = _FOCUS_Z that the picture's height shows

# What the camera goes round.
_PIVOT = np.array([0.0, _AIM_Y, 0.0], np.float32)

# Where the lids are, mm, on a head whose eyes have none.
_LID_HEIGHT = 6.0

_SHADOW_SIZE = 176
# How far above the surface its own shadow is looked up, mm: no shadow of a facet on itself.
_SHADOW_LIFT = 3.0
_SHADOW_SPAN = 340.0


def _unit(*v: float) -> Float:
    a = np.array(v, np.float32)
    return a / np.float32(np.linalg.norm(a))


# Directions to the lights, and their colours (linear).
_KEY = _unit(0.52, 0.55, 0.80)
_FILL = _unit(-0.80, 0.10, 0.60)
_RIM = _unit(-0.75, 0.35, -0.62)
_KEY_COLOUR = np.array([2.05, 1.88, 1.68], np.float32)
_FILL_COLOUR = np.array([0.22, 0.27, 0.36], np.float32)
_RIM_COLOUR = np.array([2.6, 2.9, 3.5], np.float32)
_SKY = np.array([0.30, 0.33, 0.38], np.float32)
_GROUND = np.array([0.20, 0.165, 0.15], np.float32)


def _looking(view: tuple[float, float]) -> Float:
    """How the bust is turned [3, 3] to be seen from above and from its left, in degrees."""
    up, round_left = view
    tilted = rotation_matrix([up, 0.0, 0.0])
    return (tilted @ rotation_matrix([0.0, -round_left, 0.0])).astype(np.float32)


@lru_cache(maxsize=1)
def _tone_curve() -> Float:
    """Linear light 0..TONE_MAX in TONE_STEPS steps -> sRGB 0..255 with a soft shoulder."""
    x = np.linspace(0, TONE_MAX, TONE_STEPS)
    # Straight up to 0.55, then bent towards 1 without a kink.
    knee = 0.55
    bent = knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee)))
    y = np.where(x < knee, x, bent)
    return (np.clip(to_srgb(y), 0, 1) * 255).astype(np.float32)


def _to_linear(srgb: NDArray[np.uint8]) -> Float:
    return np.ascontiguousarray(to_linear(srgb.astype(np.float32) / 255), np.float32)


def _backdrop(size: int) -> Float:
    """A calm gradient [size, size, 3] in sRGB 0..255: lighter behind the head, dithered."""
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    glow = np.exp(-(((x - 0.5) / 0.42) ** 2 + ((y - 0.46) / 0.50) ** 2))
    edge, middle = np.array([30.0, 34.0, 41.0]), np.array([92.0, 100.0, 112.0])
    picture = edge + (middle - edge) * glow[..., None]
    # Dither, or the gradient shows steps once it is encoded.
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (size, size, 1))
    return np.ascontiguousarray(picture + noise, np.float32)


@dataclass
class _Scratch:
    """Buffers of one thread."""

    depth: Float
    owner: Int
    shadow: Float
    shadow_owner: Int
    normals: Float
    sums: Float
    blur: Float
    posed: Float


@dataclass(frozen=True, eq=False)
class Surface:
    """What of the head is seen where, on samples of half a pixel; valid until the next picture.

    points: float32 [V, 3], vertices in samples, x to the right, y down, and a nearness.
    world: float32 [V, 3], mm; the camera looks along -z. normals: float32 [V, 3], of length 1.
    owner: int32 [2 * size, 2 * size], the triangle that is seen, or -1.
    """

    points: Float
    world: Float
    normals: Float
    owner: Int


class HeadRenderer:
    """Draws the head. `render` may be called from threads.

    size: picture width and height in pixels, even, 64 to 4096. background: see `Background`.
    zoom: how much larger than usual, 0.25 to 8. Raises `RenderError` for others.
    """

    def __init__(
        self,
        size: int = 512,
        head: Head | None = None,
        background: Background = "studio",
        zoom: float = 1.0,
    ) -> None:
        if size % 2 or not 64 <= size <= 4096:
            raise RenderError(f"The picture size must be even and 64 to 4096, not {size}.")
        if not 0.25 <= zoom <= 8:
            raise RenderError(f"The zoom must be 0.25 to 8, not {zoom:g}.")
        self.size = size
        self.zoom = zoom
        self.channels = 4 if background is None else 3
        self.head = head or load_head()
        unwelded = np.arange(len(self.head.vertices), dtype=np.int32)
        self._weld = self.head.weld if isinstance(self.head, SplitHead) else unwelded
        self._atlas, self._levels = texture_levels(_to_linear(self.head.atlas))
        if background == "studio":
            self._picture = _backdrop(size)
        else:
            self._picture = np.full((size, size, 3), background or 0, np.float32)
        material = self.head.material
        # Lashes are blades and crowns are shells: both are seen from behind as well.
        self._two_sided = (material == LASH) | (material == TEETH)
        if isinstance(self.head, SplitHead):
            # The heads of others are often hollow: to be seen from inside, rather than through.
            self._two_sided[:] = True
        self._casters = np.ascontiguousarray(self.head.triangles[(material == SKIN)])
        self._cast_sides = np.ones(len(self._casters), bool)
        self._lights = np.stack(
            [_KEY, _FILL, _RIM, _KEY_COLOUR, _FILL_COLOUR, _RIM_COLOUR, _SKY, _GROUND]
        )
        side = np.cross(_KEY, np.array([0, 1, 0], np.float32))
        side /= np.linalg.norm(side)
        self._to_light = np.stack([side, np.cross(_KEY, side), _KEY]).astype(np.float32)
        self._lids = _lid_vertices(self.head)
        self._local = threading.local()

    def render(
        self,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> NDArray[np.uint8]:
        """One picture uint8 [size, size, 3], or with straight alpha [size, size, 4].

        weights: [52], `ARKIT_NAMES` order, or [68], `FACE_NAMES`, or a row of the head's `solved`.
        head_rotation: (pitch, yaw, roll) in degrees. view: degrees that the camera goes up, and
        round to the character's left.
        """
        head = self.head
        scratch = self._scratch()
        surface = self.surface(weights, head_rotation, view)
        points, world = surface.points, surface.world
        scratch.shadow[:] = 0
        casters = self._project_to_light(world)
        fill(casters, self._casters, self._cast_sides, scratch.shadow, scratch.shadow_owner)
        lifted = world + np.float32(_SHADOW_LIFT) * scratch.normals
        shadow_points = self._project_to_light(lifted)
        out = np.empty((self.size, self.size, self.channels), np.uint8)
        choose_levels(points, head.triangles, head.uv, self._levels, scratch.sums, scratch.blur)
        eyes = self._eye_frames(np.asarray(weights, np.float32), head_rotation, view)
        mesh = Mesh(
            head.triangles,
            head.material,
            points,
            world,
            scratch.normals,
            head.uv,
            scratch.blur,
            head.colours,
            eyes,
            self._mouth_frame(head_rotation, view),
        )
        light = Light(
            self._atlas, self._levels, scratch.shadow, shadow_points, self._lights, _tone_curve()
        )
        shade(scratch.owner, mesh, light, self._picture, out)
        return out

    def surface(
        self,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Surface:
        """What `render` will shade."""
        scratch = self._scratch()
        scratch.posed = self.head.pose(weights)
        world = self.place(scratch.posed, self.head.neck, head_rotation, view)
        points = self.project(world)
        vertex_normals(world, self.head.triangles, self._weld, scratch.normals)
        scratch.depth[:] = 0
        scratch.owner[:] = -1
        fill(points, self.head.triangles, self._two_sided, scratch.depth, scratch.owner)
        return Surface(points, world, scratch.normals, scratch.owner)

    def place(
        self, posed: Float, neck: Float, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """Points on the head [N, 3] in front of the camera; neck [N]: how much each turns along."""
        world = turned(posed, neck, head_rotation)
        if not any(view):
            return world
        round_it = (world - _PIVOT) @ _looking(view).T + _PIVOT
        return round_it.astype(np.float32)

    def _scratch(self) -> _Scratch:
        scratch: _Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            samples = (2 * self.size, 2 * self.size)
            shadow = (_SHADOW_SIZE, _SHADOW_SIZE)
            scratch = _Scratch(
                np.empty(samples, np.float32),
                np.empty(samples, np.int32),
                np.empty(shadow, np.float32),
                np.empty(shadow, np.int32),
                np.empty(self.head.vertices.shape, np.float32),
                np.empty((len(self.head.vertices), 2), np.float32),
                np.empty(len(self.head.vertices), np.float32),
                self.head.vertices,
            )
            self._local.scratch = scratch
        return scratch

    def project(self, world: Float) -> Float:
        """Samples and nearness [V, 3] on the doubled picture."""
        distance = np.float32(_DISTANCE) - world[:, 2]
        span = 2 * self.size * self.zoom / _SPAN
        scale = np.float32(span * (_DISTANCE - _FOCUS_Z)) / distance
        points = np.empty_like(world)
        points[:, 0] = self.size + world[:, 0] * scale
        points[:, 1] = self.size - (world[:, 1] - np.float32(_AIM_Y)) * scale
        points[:, 2] = np.float32(_DISTANCE) / distance
        return points

    def _project_to_light(self, world: Float) -> Float:
        """Shadow map pixels and height towards the light in mm (positive) [V, 3]."""
        points: Float = world @ self._to_light.T
        scale = np.float32(_SHADOW_SIZE / _SHADOW_SPAN)
        points[:, 0] = points[:, 0] * scale + np.float32(_SHADOW_SIZE / 2)
        points[:, 1] = points[:, 1] * scale + np.float32(_SHADOW_SIZE / 2)
        points[:, 2] += 500
        return points

    def _eye_frames(
        self, weights: Float, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """What shading an eye needs [2, 14]: centre, gaze, the head's up and left, and the heights
        of the upper and lower lid above the centre (mm)."""
        frames = np.empty((2, 14), np.float32)
        posed = self._scratch().posed
        whole = np.ones(2, np.float32)
        centres = self.place(self.head.eye_centres, whole, head_rotation, view)
        turn = _looking(view) @ rotation_matrix(head_rotation).astype(np.float32)
        for i, side in enumerate(("Left", "Right")):
            centre = self.head.eye_centres[i]
            gaze = gaze_rotation(weights, side)[:, 2].astype(np.float32)
            frames[i, 0:3] = centres[i]
            frames[i, 3:6] = turn @ gaze
            frames[i, 6:9] = turn[:, 1]
            frames[i, 9:12] = turn[:, 0]
            upper, lower = self._lids[i]
            frames[i, 12] = posed[upper, 1].mean() - centre[1] if len(upper) else _LID_HEIGHT
            frames[i, 13] = posed[lower, 1].mean() - centre[1] if len(lower) else -_LID_HEIGHT
        return frames

    def _mouth_frame(self, head_rotation: ArrayLike, view: tuple[float, float]) -> Float:
        """What shading the inside of the mouth needs [7]: see `Mesh`."""
        frame = np.zeros(7, np.float32)
        if isinstance(self.head, SplitHead):
            return frame  # where its lips are is not known
        lips = self._scratch().posed[self.head.lip_columns]
        upper, lower = lips[:, 0], lips[:, 1]
        gap = np.maximum(upper[..., 1].min(axis=1) - lower[..., 1].max(axis=1), 0).mean()
        middle = upper.mean(axis=(0, 1), keepdims=True)[0]
        frame[:3] = self.place(middle, np.ones(1, np.float32), head_rotation, view)[0]
        turn = _looking(view) @ rotation_matrix(head_rotation).astype(np.float32)
        frame[3:6] = turn[:, 2]
        # A wide mouth lets light in further.
        frame[6] = 0.028 / (1 + gap / 30)
        return frame


def _lid_vertices(head: Head) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each eye, skin vertices on the edge of the upper and of the lower lid, mid-eye."""
    skin = np.unique(head.triangles[head.material == SKIN])
    result = []
    for centre in head.eye_centres:
        offset = head.vertices[skin] - centre
        radius = np.linalg.norm(offset, axis=1)
        middle = np.abs(offset[:, 0]) < 4
        near = middle & (offset[:, 2] > 8)
        near &= radius < radius[middle].min(initial=np.inf) + 1.6
        upper, lower = near & (offset[:, 1] > 0), near & (offset[:, 1] < 0)
        result.append((skin[upper], skin[lower]))
    return result
