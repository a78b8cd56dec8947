"""The frames of each shot from which a face is taken: one with closed lips, one with teeth."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO, Any, Protocol
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.render.portrait.rig import square, window
from dreamtalk_core.render.portrait.template import MOUTH_LOOP
from dreamtalk_core.render.portrait.warp import coverage

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_ROUND = [INDEX["mouthPucker"], INDEX["mouthFunnel"]]
_MOVED = [
    INDEX[name]
    for name in INDEX
    if name.startswith(("mouthSmile", "mouthPress", "mouthRoll", "mouthShrug"))
]
_CHEEKS = (205, 425)
_BRIGHT, _WHITE = 0.5, 1.12
"""Brightness of teeth in that of the cheeks, at least, and how much less red they are."""
_FEW = 0.001
"""Area of teeth, in squares of the face's size, below which there are none."""
_AROUND = 0.35
"""How much around a face is kept, in its sizes."""


class Seen(Protocol):
    """A face in a picture, see `tracking.tracker.Face`."""

    @property
    def landmarks(self) -> Float: ...

    @property
    def weights(self) -> Float: ...

    @property
    def head_rotation(self) -> Float: ...


@dataclass(eq=False)
class Found:
    """The best frame so far: its number, its picture around the face, and where that begins."""

    score: float = -np.inf
    frame: int = -1
    corner: tuple[int, int] = (0, 0)
    _image: Bytes = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    _file: IO[bytes] | None = None
    _place: int = 0

    def look(self, score: float, frame: int, image: Bytes, landmarks: Array) -> None:
        """Take this frame, if it is better."""
        if score <= self.score:
            return
        size = float(np.ptp(landmarks[:, 1]))
        low, high = window(landmarks[:, :2], _AROUND * size, image)
        self.score, self.frame = score, frame
        self._image = image[low[1] : high[1], low[0] : high[0]].copy()
        self.corner = int(low[0]), int(low[1])

    @property
    def image(self) -> Bytes:
        """uint8 [H, W, 3], from memory or from where it was put away."""
        if self._file is None:
            return self._image
        self._file.seek(self._place)
        data = self._file.read(int(np.prod(self._image.shape)))
        return np.frombuffer(data, np.uint8).reshape(self._image.shape)

    def put_away(self, file: IO[bytes]) -> None:
        """Keep the picture in a file, which holds those of others too, and not in memory."""
        self._place = file.seek(0, SEEK_END)
        file.write(self._image.tobytes())
        # What is left of it is its shape.
        self._image = np.broadcast_to(np.uint8(0), self._image.shape)
        self._file = file


class References:
    """Looks at all frames, one by one, and remembers the best ones of each shot.

    Pictures of shots that are over lie in a temporary file: a film has hundreds of shots.
    """

    def __init__(self) -> None:
        self.rest: dict[int, Found] = {}
        self._teeth: dict[int, Found] = {}
        self._shot: int | None = None
        self._file = TemporaryFile()  # noqa: SIM115 (open for as long as this is there)
        finalize(self, self._file.close)

    def look(self, frame: int, shot: int, image: Bytes, face: Seen, doubtful: bool = False) -> None:
        """doubtful: something may be in front of the mouth; used where there is no other frame."""
        if shot != self._shot:
            self._put_away()
            self._shot = shot
        points = face.landmarks.astype(float)
        turned = float(np.abs(face.head_rotation[:2]).max()) / 60
        width = float(np.linalg.norm(points[61] - points[291]))
        gap = float(np.linalg.norm(points[13] - points[14])) / max(width, 1e-6)
        weights = face.weights
        active = float(weights[_ROUND].sum() + 0.15 * weights[_MOVED].sum())
        active += float(weights[INDEX["jawOpen"]])
        rest = self.rest.setdefault(shot, Found())
        rest.look(-(3 * gap + active + turned + 100 * doubtful), frame, image, points)
        area = teeth_area(image, points)
        if area > _FEW:
            teeth = self._teeth.setdefault(shot, Found())
            teeth.look(area - 0.01 * turned - doubtful, frame, image, points)

    def _put_away(self) -> None:
        """The pictures of the shot that is over. Raises RenderError where there is no room."""
        over = [kept[self._shot] for kept in (self.rest, self._teeth) if self._shot in kept]
        try:
            for found in over:
                found.put_away(self._file)
        except OSError as error:
            raise RenderError(
                f"There is no room for a temporary file ({error.strerror}). Make room, or let the "
                "environment variable TMPDIR name another folder."
            ) from error

    def teeth(self, shot: int) -> Found | None:
        """The frame with most of the teeth, if any has some."""
        return self._teeth.get(shot)


def teeth_area(image: Bytes, landmarks: Array) -> float:
    """How much of the upper teeth is seen, in squares of the face's size, less what is seen of the
    lower ones: those have to move with the jaw, and are no picture that can be fixed to a skull."""
    size = float(np.linalg.norm(landmarks[10, :2] - landmarks[152, :2]))
    loop = landmarks[list(MOUTH_LOOP), :2]
    low, high = window(loop, 0, image)
    cover = np.empty((high[1] - low[1], high[0] - low[0]), np.float32)
    coverage((loop - 0.5).astype(np.float32), int(low[0]), int(low[1]), cover)
    inside = image[low[1] : high[1], low[0] : high[0]]
    span = max(2, round(0.02 * size))
    patches = [square(image, point, span) for point in landmarks[list(_CHEEKS), :2]]
    skin = [patch.mean((0, 1)) for patch in patches if patch.size]
    cheek = np.mean(skin, 0) if skin else np.full(3, 128.0)
    bright = inside.mean(2, dtype=np.float32) > _BRIGHT * cheek.mean()
    teeth = bright & (_paleness(inside) > _WHITE * _paleness(cheek)) & (cover > 0.9)
    middle = max(round(float(loop[:, 1].mean())) - int(low[1]), 0)
    area = float(teeth[:middle].sum()) - float(teeth[middle:].sum())
    return area / max(size, 1.0) ** 2


def _paleness(colours: NDArray[Any]) -> NDArray[Any]:
    """Green and blue over red, of colours [..., 3]."""
    parts = np.asarray(colours, np.float32)
    result: NDArray[Any] = (parts[..., 1] + parts[..., 2]) / np.maximum(2 * parts[..., 0], 1)
    return result
