"""Control pictures: what a generative video model wants to be shown of a face, frame by frame.

| kind        | what is drawn                                                                      |
|-------------|------------------------------------------------------------------------------------|
| `mesh`      | the triangles between the landmarks that face the camera, white on black           |
| `landmarks` | brows, eyes, pupils, lips and outline on black, in the colours that ControlNets    |
|             | for MediaPipe faces were trained on                                                |
| `mouth`     | white from lip to lip, the lips and what is between them, on black                 |
| `depth`     | nearer is lighter, black is background                                             |
| `normals`   | blue is towards the camera, green up, red to the left of the picture (the custom   |
|             | of ControlNets that were trained on ScanNet's colours)                             |

`FaceControls` draws a face given by its 478 landmarks, `PortraitControls` the one of a portrait, at
its place in the picture. `HeadControls` draws the built-in head as `HeadRenderer` shows it: depth
and normals of the whole bust, the others of its face. Scales do not change from frame to frame, so
nothing flickers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.render.control.drawing import draw_flat, sampled, to_bytes
from dreamtalk_core.render.control.topology import topology
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.render.raster import fill, vertex_normals

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]

# Behind the lips, how much darker the depth is: there is no mesh of a portrait's mouth.
_MOUTH_DEPTH = 0.12
# Millimetres of the built-in head, towards the camera, that depth is black and white at.
_FAR, _NEAR = -130.0, 135.0


class FaceControls:
    """Control pictures [height, width] of one face. Its methods may be called from threads.

    rest: landmarks [478, 3] of the face at rest, from which the range of depth is taken: x to the
    right, y down, z away from the camera, all in pixels, from wherever it is counted later as well.
    """

    def __init__(self, height: int, width: int, rest: ArrayLike) -> None:
        self.height, self.width = height, width
        z = np.asarray(rest, np.float32)[:, 2]
        size = float(z.max() - z.min())
        # Room for the head to turn.
        self._near, self._far = float(z.min()) - 0.3 * size, float(z.max()) + 0.3 * size

    def draw(self, kind: str, landmarks: ArrayLike) -> Picture:
        """One picture uint8 [H, W, 3]. Raises `RenderError` for a kind that is not in `KINDS`."""
        return to_bytes(kind, self.measure(kind, landmarks))

    def measure(self, kind: str, landmarks: ArrayLike) -> Float:
        """The same as numbers, float32 [H, W, 3]: see `HeadControls.measure`."""
        points = np.asarray(landmarks, np.float32)
        if kind in ("depth", "normals"):
            return self._surface(kind, points)
        return draw_flat(kind, points[:, :2], self.height, self.width)

    def _surface(self, kind: str, landmarks: Float) -> Float:
        template = load_template()
        vertices = template.refine(landmarks)
        # Samples of half a pixel, y down; nearness positive.
        points: Float = vertices * np.array([2, 2, -1], np.float32)
        points[:, 2] += np.float32(1 - points[:, 2].min())
        owner = np.full((2 * self.height, 2 * self.width), -1, np.int32)
        depth = np.zeros(owner.shape, np.float32)
        one_sided = np.zeros(len(template.triangles), bool)
        fill(points, template.triangles, one_sided, depth, owner)
        upright: Float = vertices * np.array([1, -1, -1], np.float32)
        normals = np.empty_like(upright)
        weld = np.arange(len(upright), dtype=np.int32)
        vertex_normals(upright, template.triangles, weld, normals)
        inside = topology().inside
        if kind == "normals":
            return sampled(owner, template.triangles, points, normals, np.zeros_like(inside))
        near = (self._far - vertices[:, 2:]) / np.float32(self._far - self._near)
        return sampled(owner, template.triangles, points, near, _MOUTH_DEPTH * inside)


class PortraitControls:
    """Control pictures of what a `PortraitRenderer` shows. May be called from threads."""

    def __init__(self, portrait: PortraitRenderer) -> None:
        self._rig = portrait.rig
        self._rest_depth = (self._rig.rest @ self._rig.turn.T)[:, 2]
        height, width = portrait.image.shape[:2]
        none = np.zeros(len(ARKIT_NAMES), np.float32)
        self._face = FaceControls(height, width, self.landmarks(none, (0.0, 0.0, 0.0)))

    def draw(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Picture:
        """One picture uint8 [H, W, 3]; weights and head_rotation as in the portrait's `render`.

        Raises `RenderError` for a kind that is not in `KINDS`.
        """
        return self._face.draw(kind, self.landmarks(weights, head_rotation))

    def measure(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Float:
        """The same as numbers, float32 [H, W, 3]: see `HeadControls.measure`."""
        return self._face.measure(kind, self.landmarks(weights, head_rotation))

    def landmarks(self, weights: ArrayLike, head_rotation: ArrayLike) -> Float:
        """Where the landmarks are: float32 [478, 3], as `FaceControls` takes them."""
        rig = self._rig
        points = rig.place(rig.pose(weights), rig.rotation(head_rotation), self._rest_depth)
        # The portrait's pixels have their centres at whole numbers, and nearer is larger there.
        points = (points + np.array([0.5, 0.5, 0.0])) * np.array([1.0, 1.0, -1.0])
        return points.astype(np.float32)


class HeadControls:
    """Control pictures of what a `HeadRenderer` shows. May be called from threads."""

    def __init__(self, renderer: HeadRenderer) -> None:
        self.renderer = renderer

    def draw(
        self,
        kind: str,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Picture:
        """One picture uint8 [size, size, 3]; weights, head_rotation and view as in `render`.

        Raises `RenderError` for a kind that is not in `KINDS`.
        """
        return to_bytes(kind, self.measure(kind, weights, head_rotation, view))

    def measure(
        self,
        kind: str,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Float:
        """The same as numbers, float32 [size, size, 3], for EXR.

        Depth from 0 (far, and background) to 1 (near); normals with x to the right, y up and z to
        the camera, each -1 to 1, background 0; the others from 0 to 1.
        """
        if kind not in ("depth", "normals"):
            points = self.landmarks(weights, head_rotation, view)
            return draw_flat(kind, points, self.renderer.size, self.renderer.size)
        surface = self.renderer.surface(weights, head_rotation, view)
        triangles = self.renderer.head.triangles
        none = np.zeros(len(triangles), np.float32)
        values = surface.normals
        if kind == "depth":
            values = (surface.world[:, 2:] - np.float32(_FAR)) / np.float32(_NEAR - _FAR)
        return sampled(surface.owner, triangles, surface.points, values, none)

    def landmarks(
        self, weights: ArrayLike, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """Where the 478 landmarks are in the picture: float32 [478, 2], x and y in pixels."""
        template = load_template()
        shapes = np.asarray(weights, np.float32)[: len(ARKIT_NAMES)]
        posed = template.rest + np.tensordot(shapes, template.deltas, 1)
        follows = np.ones(len(posed), np.float32)
        placed = self.renderer.place(posed, follows, head_rotation, view)
        return (self.renderer.project(placed)[:, :2] / 2).astype(np.float32)
