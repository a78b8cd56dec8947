"""`track_faces`: the curves of a face in a video, clean and without holes.

The tracker looks at one frame at a time; here the whole take is at hand. So jitter is taken out
without delay, a face that is lost for a moment is bridged from both sides, and one that is away for
longer comes to rest. What was seen and what was not is told beside the curves.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.errors import NoFaceError, TrackingError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.media import Moving
from dreamtalk_core.tracking.derive import derive, measure, measure_lips
from dreamtalk_core.tracking.doubts import Doubts
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import Face, FaceTracker
from dreamtalk_core.tracking.video import Image, Images, open_images
from dreamtalk_core.warned import warn

Array = NDArray[np.float64]

MAX_GAP = 0.4
"""Seconds for which a face may be lost and the curves still go straight on."""

EASE = 0.3
"""Seconds in which a face that stays away comes to rest, and leaves it before it is back."""

_AHEAD = 4  # pictures that are decoded before they are looked at
_REACH = 0.05  # seconds: width of the smoothing over time
_JITTER = 3.0  # width of the smoothing over values, in deviations of the jitter
# What passes for jitter at most, in weights and in degrees: the median of a curve that is always on
# the move, as the jaw in speech, is movement.
_MOST_JITTER = np.array([0.01] * len(ARKIT_NAMES) + [0.3] * 3)
# A face that moves by this share of its size, or grows by it, from one frame to the next is
# somewhere else, or somebody else: there was a cut.
_LEAP = 0.5

_SHAPES = len(ARKIT_NAMES)
# Where the parts of a row end, see `row_of`.
_COLUMNS = [1, 4, 7, 9, 9 + _SHAPES]


@dataclass(frozen=True, eq=False)
class Tracked:
    """A tracked face.

    motion: the 52 ARKit shapes at the frame rate of the video, uncalibrated, with the rotation of
        the head relative to the camera.
    confidence: float32 [T] in 0..1, how sure the tracker is of the face; 0 where it saw none.
    lost: (start, end) in seconds of the stretches without a face that are longer than `MAX_GAP`.
    source: the file, or "the pictures".
    lips: float32 [T, 2], height and width of the inner lips in units of the median width.
    """

    motion: Motion
    confidence: NDArray[np.float32]
    lost: tuple[tuple[float, float], ...]
    source: str
    lips: NDArray[np.float32]


def track_faces(
    video: str | os.PathLike[str] | Moving,
    *,
    choice: str | int = "largest",
    fps: Fraction | None = None,
    smoothing: float = 1.0,
    tracker: FaceTracker | None = None,
    device: str | torch.device = "auto",
    progress: Progress | None = None,
) -> Tracked:
    """Follow one face through a video, an animation, a photo, or a folder of pictures.

    video: its file, or pictures in time. choice: of several faces, see `FaceTracker.follow`. fps:
    the rate of a folder, 25 unless given. smoothing: 0 none, 1 what the jitter of the tracker
    needs. tracker: one that is loaded; else one is loaded, to `device`. progress is called after
    every frame with (done, total); the total is an estimate until the end.

    Shapes that the network does not know are derived from its landmarks, see `derive`. What had to
    be guessed is told with Python's warnings, see `Doubts`.

    Raises `TrackingError` if the file cannot be read or no face is found in any picture of it.
    """
    if not 0 <= smoothing < np.inf:
        raise TrackingError(f"smoothing is {smoothing}; give a number from 0 up, usually 1.")
    images: Moving
    if isinstance(video, (str, os.PathLike)):
        images, source = open_images(video, fps), str(video)
    else:
        images, source = video, "the pictures"
    tracker = tracker or FaceTracker.load(device)
    doubts = Doubts(float(images.fps))
    if isinstance(images, Images) and images.count == 1 and images.files == (Path(source),):
        # A video hardly ever begins with an animal; a photo may be of one.
        rows: list[Array | None] = [
            row_of(read_portrait(source, choice=choice, tracker=tracker).face)
        ]
        if progress is not None:
            progress(1, 1)
    else:
        rows = _follow(images, tracker, choice, doubts, progress)
    if not any(row is not None for row in rows):
        raise NoFaceError(
            f"There is no face in {source}, looking at {len(rows)} pictures. It must be upright, "
            "seen from the front or half from the side, and not too small or dark."
        )
    result = tracked(rows, images.fps, source, smoothing)
    for text in doubts.warnings(result.lost):
        warn(text)
    return result


def tracked(
    rows: list[Array | None], fps: Fraction, source: str, smoothing: float = 1.0
) -> Tracked:
    """A tracked face from what was seen of it in each frame, at least once: see `row_of`."""
    rate = float(fps)
    seen = np.array([row is not None for row in rows])
    found = np.array([row for row in rows if row is not None])
    score, places, measures, lips, weights, head = np.split(found, _COLUMNS, axis=1)
    curves = np.concatenate([derive(weights, head, measures), head], axis=1)
    if smoothing > 0:
        for stretch in _stretches(np.flatnonzero(seen), places):
            curves[stretch] = denoise(curves[stretch], rate, smoothing, _MOST_JITTER)
    whole, confidence = np.zeros((len(seen), curves.shape[1])), np.zeros(len(seen), np.float32)
    whole[seen], confidence[seen] = curves, score[:, 0]
    rest, gaps = resting_face(curves[:, :_SHAPES]), _gaps(seen)
    for gap in gaps:
        bridge(whole, gap, rate, rest)
    lost = tuple((gap.start / rate, gap.stop / rate) for gap in gaps if _is_long(gap, rate))
    expression, turn = np.split(whole.astype(np.float32), [_SHAPES], axis=1)
    motion = Motion(ARKIT_NAMES, expression, fps, turn)
    times = np.arange(len(seen))
    lips = np.column_stack([np.interp(times, times[seen], column) for column in lips.T])
    lips /= max(float(np.median(lips[:, 1])), 1e-9)
    return Tracked(motion, confidence, lost, source, lips.astype(np.float32))


def _follow(
    images: Moving,
    tracker: FaceTracker,
    choice: str | int,
    doubts: Doubts,
    progress: Progress | None,
) -> list[Array | None]:
    """For each picture the row of the face, or None where it is not seen; `doubts` looks on."""
    rows: list[Array | None] = []
    latest: list[Image] = []
    pictures = _ahead(images)

    def watched() -> Iterator[Image]:
        for image in pictures:
            latest[:] = [image]
            yield image

    with closing(pictures):  # also when cancelled: the video may be a temporary file
        for face in tracker.follow(watched(), choice):
            rows.append(None if face is None else row_of(face))
            if face is not None and latest:
                doubts.look(len(rows) - 1, latest[0], face)
            if progress is not None:
                progress(len(rows), max(len(rows), images.count or 0))
    return rows


def _ahead(images: Moving) -> Generator[Image, None, None]:
    """The same pictures, decoded ahead in a second thread."""
    source = iter(images)
    pool = ThreadPoolExecutor(1, thread_name_prefix="decode")
    try:
        waiting = deque(pool.submit(next, source, None) for _ in range(_AHEAD))
        while (image := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, source, None))
            yield image
    finally:
        pool.shutdown(cancel_futures=True)
        source.close()


def row_of(face: Face) -> Array:
    """What is kept of a face: score, place (x, y, size), measures, lips, weights, head rotation."""
    left, top, right, bottom = face.box
    place = [(left + right) / 2, (top + bottom) / 2, face.size]
    return np.concatenate(
        [
            *([face.score], place, measure(face), measure_lips(face)),
            *(face.weights, face.head_rotation),
        ],
        dtype=np.float64,
    )


def denoise(
    values: Array, fps: float, strength: float = 1.0, most: float | Array = np.inf
) -> Array:
    """Curves [T, C] without jitter, not delayed, and with their quick moves as they were.

    Each value is the mean of those within a few hundredths of a second that differ from it by no
    more than jitter does: a blink or a closure is not averaged with what is before and after it
    (a bilateral filter; C. Tomasi and R. Manduchi, "Bilateral filtering for gray and color images",
    1998). The jitter of each curve is told from the curve itself, and is at most `most`.
    """
    count = len(values)
    if count < 3:
        return values
    # In a curve that bends slowly, second differences are jitter times the root of 1 + 4 + 1; the
    # median does not see the few moments that bend quickly.
    jitter = np.median(np.abs(np.diff(values, 2, axis=0)), axis=0) * 1.4826 / np.sqrt(6)
    width = np.maximum(_JITTER * strength * np.minimum(jitter, most), 1e-9)
    reach = min(max(1, round(2.5 * _REACH * fps)), count - 1)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="reflect")
    total, share = np.zeros_like(values), np.zeros_like(values)
    for offset in range(-reach, reach + 1):
        other = padded[reach + offset : reach + offset + count]
        near = np.exp(-0.5 * (offset / (_REACH * fps)) ** 2 - 0.5 * ((other - values) / width) ** 2)
        total += near * other
        share += near
    mean: Array = total / share
    return mean


def bridge(curves: Array, gap: slice, fps: float, rest: NDArray[np.floating]) -> None:
    """Fill a gap of curves [T, C], not all of them, in place: softly from one side to the other.

    In a long one the first columns come to `rest` meanwhile; the others, how the head is turned,
    have no rest. At the ends of the take there is one side only.
    """
    before, after = max(gap.start - 1, 0), min(gap.stop, len(curves) - 1)
    sides = curves[[before if gap.start else after, after if gap.stop < len(curves) else before]]
    steps = np.arange(1, gap.stop - gap.start + 1)
    curves[gap] = sides[0] + (sides[1] - sides[0]) * smoothstep(steps / (len(steps) + 1))[:, None]
    if _is_long(gap, fps):
        since = steps if gap.start else np.full(len(steps), np.inf)
        until = steps[::-1] if gap.stop < len(curves) else np.full(len(steps), np.inf)
        away = smoothstep(np.minimum(since, until) / fps / EASE)[:, None]
        face = curves[gap, : len(rest)]
        face += (rest - face) * away


def _is_long(gap: slice, fps: float) -> bool:
    return bool((gap.stop - gap.start) / fps > MAX_GAP)


def _gaps(seen: NDArray[np.bool_]) -> list[slice]:
    """The stretches of frames without a face."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]])))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _stretches(frames: NDArray[np.intp], places: Array) -> list[NDArray[np.intp]]:
    """The sightings of a face, by number, in stretches without a gap or a cut.

    frames: of each sighting, [N]. places: middle and size [N, 3] in pixels.
    """
    moved = np.abs(np.diff(places, axis=0)).max(axis=1, initial=0) / places[1:, 2]
    breaks = np.flatnonzero((np.diff(frames) > 1) | (moved > _LEAP)) + 1
    return np.split(np.arange(len(frames)), breaks)
