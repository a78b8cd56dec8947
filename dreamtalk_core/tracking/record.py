"""`FaceRecord`: all landmarks of a face through a video, for whoever draws on its frames.

`track` tells what a face does; here is where it is. Landmarks lie in a temporary file, so memory
does not grow with the length of the video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.speech.spool import let_go, spooled
from dreamtalk_core.tracking.covered import TONES, covered, tones
from dreamtalk_core.tracking.track import denoise
from dreamtalk_core.tracking.tracker import Face, FaceTracker, is_cut, thumbnail
from dreamtalk_core.tracking.video import Image

Array = NDArray[np.float64]
Float = NDArray[np.float32]

LEAP = 0.5
"""A face that moves by this share of its size from one frame to the next is somewhere else, or
somebody else: there was a cut."""

_POINTS, _SHAPES = 478, len(ARKIT_NAMES)
_PARTS = np.cumsum([1, 1, 1, _SHAPES, 3, 16, TONES])
_WIDTH = int(_PARTS[-1]) + 3 * _POINTS
_CHUNK, _MARGIN = 256, 8
"""Frames that are made steady at once, and those beside them that are looked at."""

Look = Callable[[int, int, Image, Face], None]
"""Called with the number of a frame, that of its shot, the picture, and the face in it."""


@dataclass(frozen=True, eq=False)
class FaceRecord:
    """A face in frames 0..T-1 of a part of a video.

    shots: int32 [T], the number of the shot (what lies between two cuts) that a frame belongs to,
        -1 where no face is seen.
    cuts: bool [T], where a picture shows something else than the one before.
    covered: bool [T], where something is in front of the lower face, see `tracking.covered`.
    weights: float32 [T, 52] as the network gives them.
    head_rotation: [T, 3] in degrees. size: float32 [T], pixels from the forehead to the chin.
    rows: all of it, as it lies in the file.
    """

    shots: NDArray[np.int32]
    cuts: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    weights: Float
    head_rotation: Float
    size: Float
    fps: float
    rows: Float

    def __len__(self) -> int:
        return len(self.shots)

    def steady_at(self, frame: int) -> Array:
        """Landmarks [478, 3] of a frame in which the face is seen, see `steady`."""
        same = self.shots != self.shots[frame]
        low = max(frame - _CHUNK // 2, 0)
        first = low + int(np.append(np.flatnonzero(same[low:frame]) + 1, 0).max())
        others = np.flatnonzero(same[frame : frame + _CHUNK // 2])
        last = frame + (int(others[0]) if len(others) else _CHUNK // 2)
        return self._steadied(first, min(last, len(self)))[frame - first]

    def matrix(self, frame: int) -> Array:
        """[4, 4] of a frame in which the face is seen, see `Face`."""
        row: Array = self.rows[frame, _PARTS[4] : _PARTS[5]].reshape(4, 4).astype(np.float64)
        return row

    def steady(self) -> Iterator[Array | None]:
        """For each frame the landmarks [478, 3] without jitter, or None where no face is seen."""
        edges = np.flatnonzero(np.diff(self.shots)) + 1
        for first, last in zip([0, *edges], [*edges, len(self)], strict=True):
            if self.shots[first] < 0:
                yield from [None] * int(last - first)
                continue
            for start in range(int(first), int(last), _CHUNK):
                stop = min(start + _CHUNK, int(last))
                low, high = max(start - _MARGIN, int(first)), min(stop + _MARGIN, int(last))
                yield from self._steadied(low, high)[start - low : stop - low]
                let_go(self.rows)

    def _steadied(self, start: int, stop: int) -> Array:
        points = self.rows[start:stop, _PARTS[-1] :].astype(np.float64)
        points = points.reshape(-1, _POINTS, 3)
        # A face that moves as a whole is none that jitters.
        middle = points.mean(1, keepdims=True)
        own = denoise((points - middle).reshape(len(points), -1), self.fps)
        return own.reshape(points.shape) + middle


def record_face(
    images: Iterable[Image],
    fps: float,
    tracker: FaceTracker,
    choice: str | int = "largest",
    look: Look = lambda *_: None,
) -> FaceRecord:
    """Follow a face, see `FaceTracker.follow`; `look` sees each frame in which it is.

    Raises `TrackingError`, and `SpeechError` where the folder for temporary files is full.
    """
    values = spooled(_rows(images, tracker, choice, look)).reshape(-1, _WIDTH)
    small = np.empty((len(values), int(_PARTS[4])), np.float32)
    size = np.zeros(len(values), np.float32)
    for start in range(0, len(values), _CHUNK):
        rows = values[start : start + _CHUNK]
        small[start : start + _CHUNK] = rows[:, : _PARTS[4]]
        points = rows[:, _PARTS[-1] :].reshape(-1, _POINTS, 3)
        size[start : start + _CHUNK] = np.linalg.norm(points[:, 10] - points[:, 152], axis=1)
        let_go(values)
    seen, shot, cut, weights, turns = np.split(small, _PARTS[:4], axis=1)
    shots = np.where(seen[:, 0] > 0, shot[:, 0], -1).astype(np.int32)
    hidden = covered(values[:, _PARTS[5] : _PARTS[6]], shots, fps)
    return FaceRecord(shots, cut[:, 0] > 0, hidden, weights.copy(), turns.copy(), size, fps, values)


def _rows(
    images: Iterable[Image], tracker: FaceTracker, choice: str | int, look: Look
) -> Iterator[Float]:
    """A row for each frame: seen, shot, cut, weights, rotation, matrix, tones, landmarks."""
    shot, last, seen = 0, None, False
    latest: list[Image] = []

    def watched() -> Iterator[Image]:
        for image in images:
            latest[:] = [image]
            yield image

    after: NDArray[np.int16] | None = None
    for number, face in enumerate(tracker.follow(watched(), choice)):
        image = latest[0]
        before, after = after, thumbnail(image)
        cut, row = before is not None and is_cut(before, after), np.zeros(_WIDTH, np.float32)
        row[2] = cut
        if face is not None:
            leapt = last is not None and _apart(last, face) > LEAP
            shot += bool(cut or leapt)
            row[:3] = 1, shot, cut or (leapt and seen)
            row[_PARTS[2] : _PARTS[3]] = face.weights
            row[_PARTS[3] : _PARTS[4]] = face.head_rotation
            row[_PARTS[4] : _PARTS[5]] = face.matrix.ravel()
            row[_PARTS[5] : _PARTS[6]] = tones(image, face.landmarks)
            row[_PARTS[6] :] = face.landmarks.ravel()
            look(number, shot, image, face)
        elif cut:
            shot += 1
        last, seen = face or last, face is not None
        yield row


def _apart(one: Face, other: Face) -> float:
    """How far a face has moved or grown, in sizes."""
    boxes = [
        np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, face.size])
        for face, box in ((one, one.box), (other, other.box))
    ]
    return float(np.abs(boxes[1] - boxes[0]).max() / other.size)
