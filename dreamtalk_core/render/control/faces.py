"""Control pictures: what a generative video model wants to be shown of a face, frame by frame.

| kind         | what is drawn                                                                     |
|--------------|-----------------------------------------------------------------------------------|
| `mesh`       | the triangles between the landmarks that face the camera, white on black          |
| `landmarks`  | brows, eyes, pupils, lips and outline on black, in the colours that ControlNets   |
|              | for MediaPipe faces were trained on                                               |
| `mouth`      | white from lip to lip, the lips and what is between them, on black                |
| `depth`      | nearer is lighter, black is background                                            |
| `normals`    | blue is towards the camera, green up, red to the left of the picture (the custom  |
|              | of ControlNets that were trained on ScanNet's colours)                            |
| `dots`       | OpenPose's 70 points of a face, white on black, as DWPose draws them              |
| `expression` | of these brows, eyes, mouth and pupils alone, as SCAIL draws them                 |
| `pose`       | the joints of head and shoulders in OpenPose's colours, and the dots              |
| `body`       | the joints alone, as Wan-Animate draws them                                       |
| `edges`      | white lines such as an edge detector finds                                        |
| `person`     | the whole person in one colour, as SCAIL-2 tells people apart                     |
| `face`       | the face itself, cropped and stretched by Wan-Animate's rule: see `crop`          |
| `composite`  | the frame, and grey or another control where the mask is: what VACE wants         |

Here are the first ten: `PortraitControls` draws the face of a portrait, at its place in the
picture, `HeadControls` the built-in head as `HeadRenderer` shows it. The other three are made in
`pictures`. Scales do not change from frame to frame, so nothing flickers.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.render.control.drawing import (
    SURFACE,
    check_kind,
    covered_by,
    draw_edges,
    draw_flat,
    sampled,
    to_bytes,
)
from dreamtalk_core.render.control.points import BODY_POINTS, body_of, look
from dreamtalk_core.render.control.relief import Relief
from dreamtalk_core.render.control.topology import topology
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import IRISES, load_template
from dreamtalk_core.rig.head import load_head

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]

# Millimetres of the built-in head, towards the camera, that depth is black and white at.
_FAR, _NEAR = -130.0, 135.0

# Of an iris, its middle and edge, from the middle of its eyeball, mm.
_IRIS = np.array([[0, 0, 15], [6, 0, 14], [0, 6, 14], [-6, 0, 14], [0, -6, 14]], float)

PARTS = ("mouth", "face", "person")
"""What a mask may cover."""


class PortraitControls:
    """Control pictures of what a `PortraitRenderer` shows. May be called from threads."""

    def __init__(self, portrait: PortraitRenderer) -> None:
        self._portrait = portrait
        self._rig = rig = portrait.rig
        self.height, self.width = portrait.image.shape[:2]
        self._rest_depth = (rig.rest @ rig.turn.T)[:, 2]
        self._body = BODY_POINTS.astype(float) * rig.scale
        self._lock = threading.Lock()
        self._relief: Relief | None = None

    @property
    def relief(self) -> Relief:
        """The whole person as a surface; made when it is first asked for, in about a second."""
        with self._lock:
            if self._relief is None:
                self._relief = Relief(self._portrait)
            return self._relief

    def draw(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Picture:
        """One picture uint8 [H, W, 3]; weights as in the portrait's `render`, head_rotation as it
        is drawn there, see `PortraitRenderer.eased`.

        Raises `RenderError` for a kind that is not in `KINDS`, or is not drawn here.
        """
        return to_bytes(kind, self.measure(kind, weights, head_rotation))

    def measure(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Float:
        """The same as numbers, float32 [H, W, 3]: see `HeadControls.measure`."""
        check_kind(kind)
        points = self.landmarks(weights, head_rotation)
        if kind in SURFACE:
            return self.relief.measure(kind, points, head_rotation)
        if kind == "edges":
            depth, cover = (
                self.relief.measure(one, points, head_rotation)[..., 0]
                for one in ("depth", "cover")
            )
            return draw_edges(depth, cover, points[:, :2])
        body = self.body(points, head_rotation)
        return draw_flat(kind, points[:, :2], self.height, self.width, body)

    def mask(
        self, part: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Float:
        """How much of each pixel one of `PARTS` covers: float32 [H, W]."""
        points = self.landmarks(weights, head_rotation)
        if part == "person":
            return self.relief.measure("cover", points, head_rotation)[..., 0]
        triangles = topology().lips
        if part == "face":
            points, triangles = self._rig.template.refine(points), self._rig.template.triangles
        return covered_by(triangles, points, self.height, self.width)

    def landmarks(self, weights: ArrayLike, head_rotation: ArrayLike) -> Float:
        """Where the landmarks are, float32 [478, 3]: x to the right, y down, z away from the
        camera, all in pixels."""
        rig = self._rig
        posed = look(rig.pose(weights), rig.rest, np.asarray(weights, np.float32))
        points = rig.place(posed, rig.rotation(head_rotation), self._rest_depth)
        # The portrait's pixels have their centres at whole numbers, and nearer is larger there.
        points = (points + np.array([0.5, 0.5, 0.0])) * np.array([1.0, 1.0, -1.0])
        return points.astype(np.float32)

    def body(self, landmarks: Float, head_rotation: ArrayLike) -> Float:
        """The points of the body [18, 3], see `body_of`; shoulders are a guess from the head."""
        rig, local = self._rig, self._body
        depth = (local @ rig.turn.T)[:, 2]
        ears = rig.place(local[:2], rig.rotation(head_rotation), depth[:2])
        # A person who looks down or leans the head to one side has level shoulders.
        shoulders = local[2:, :2] * np.array([1, -1]) + np.array([rig.pivot[0], -rig.pivot[1]])
        return body_of(landmarks, ears[:, :2] + 0.5, shoulders + 0.5, self.height, self.width)

    def angles(self, head_rotation: ArrayLike) -> NDArray[np.float64]:
        """Pitch, yaw and roll of the head in the picture, in degrees."""
        turned: NDArray[np.float64] = self._rig.angles + np.asarray(head_rotation, float)
        return turned


class HeadControls:
    """Control pictures of what a `HeadRenderer` shows. May be called from threads."""

    def __init__(self, renderer: HeadRenderer) -> None:
        self.renderer = renderer
        self._rest = load_template().rest.astype(float)
        # As drawn, not as tracked: on the surface of the eyeballs.
        for first, centre in zip(IRISES, load_head().eye_centres[::-1], strict=True):
            self._rest[first : first + 5] = centre + _IRIS

    def draw(
        self,
        kind: str,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Picture:
        """One picture uint8 [size, size, 3]; weights, head_rotation and view as in `render`.

        Raises `RenderError` for a kind that is not in `KINDS`, or is not drawn here.
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
        check_kind(kind)
        size = self.renderer.size
        if kind in SURFACE:
            return self._surface(kind, weights, head_rotation, view)
        points = self.landmarks(weights, head_rotation, view)
        if kind == "edges":
            depth = self._surface("depth", weights, head_rotation, view)[..., 0]
            cover = self.mask("person", weights, head_rotation, view)
            return draw_edges(depth, cover, points[:, :2])
        body = self.body(points, head_rotation, view)
        return draw_flat(kind, points[:, :2], size, size, body)

    def _surface(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        surface = self.renderer.surface(weights, head_rotation, view)
        triangles = self.renderer.head.triangles
        none = np.zeros(len(triangles), np.float32)
        values = surface.normals
        if kind == "depth":
            values = (surface.world[:, 2:] - np.float32(_FAR)) / np.float32(_NEAR - _FAR)
        return sampled(surface.owner, triangles, surface.points, values, none)

    def mask(
        self,
        part: str,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Float:
        """How much of each pixel one of `PARTS` covers, float32 [size, size]; the face is the
        whole bust here, too."""
        size = self.renderer.size
        if part == "mouth":
            points = self.landmarks(weights, head_rotation, view)
            return covered_by(topology().lips, points, size, size)
        owner = self.renderer.surface(weights, head_rotation, view).owner
        cover: Float = (owner >= 0).reshape(size, 2, size, 2).mean(axis=(1, 3), dtype=np.float32)
        return cover

    def landmarks(
        self, weights: ArrayLike, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """Where the 478 landmarks are, float32 [478, 3]: x to the right, y down, z away from the
        camera, in pixels."""
        template = load_template()
        shapes = np.asarray(weights, np.float32)[: len(ARKIT_NAMES)]
        rest = self._rest
        posed = look(rest + np.tensordot(shapes, template.deltas, 1), rest, shapes)
        follows = np.ones(len(posed), np.float32)
        placed = self.renderer.place(posed.astype(np.float32), follows, head_rotation, view)
        flat = self.renderer.project(placed)[:, :2] / 2
        # As many pixels for a millimetre as across the face.
        scale = np.ptp(flat, axis=0).max() / max(float(np.ptp(placed[:, :2], axis=0).max()), 1e-6)
        return np.column_stack([flat, -scale * placed[:, 2]]).astype(np.float32)

    def body(self, landmarks: Float, head_rotation: ArrayLike, view: tuple[float, float]) -> Float:
        """The points of the body [18, 3], see `body_of`."""
        neck = np.array([1, 1, 0, 0], np.float32)
        placed = self.renderer.place(BODY_POINTS, neck, head_rotation, view)
        flat = self.renderer.project(placed)[:, :2] / 2
        return body_of(landmarks, flat[:2], flat[2:], self.renderer.size, self.renderer.size)
