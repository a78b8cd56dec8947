"""What is doubtful about a face that was followed through a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.tracking.crop import Image, Region, crop
from dreamtalk_core.tracking.tracker import OUTSIDE, Face, outside, thumbnail

SMALL = 72
"""Pixels below which the network guesses more than it sees. Made smaller from 190, a face of 96
still blinks as before (r = .8), one of 64 does not (.5), and at 24 no curve is what it was."""
TURNED = 45.0
"""Degrees of yaw or pitch from which on half of a face is hidden."""
DARK = 16.0
"""Mean brightness of a face, of 255, below which there is not much to see."""
OFTEN = 0.2
"""Share of the frames from which on something is worth a word."""
OTHER_LOOK = 0.15
"""1 - correlation of the looks of a face in two frames in a row. In 16 clips of two actors it is at
most .135; where clips of the two are joined, at least .155."""
OTHER_PICTURE = 10.0
"""Mean difference of two pictures in a row, of 255, at the least, for a cut. In those clips it is
at most 6.5, where they are joined, at least 22."""

_SIDE = 24


class Doubts:
    """Looks at the sightings of a face, one by one, and tells what may be wrong."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._sizes: list[float] = []
        self._sides: list[tuple[bool, bool, bool]] = []
        self._cuts: list[float] = []
        self._last: tuple[NDArray[np.float32], NDArray[np.int16]] | None = None

    def look(self, frame: int, image: Image, face: Face) -> None:
        """Take note of the face in a picture, which is that of a frame."""
        look, small = _look(image, face), thumbnail(image)
        self._sizes.append(face.size)
        turned = bool(np.abs(face.head_rotation[:2]).max() > TURNED)
        dark = bool(look.mean() < DARK)
        self._sides.append((turned, outside(face, image.shape[:2]) > OUTSIDE, dark))
        if self._last is not None and _is_other(self._last, (look, small)):
            self._cuts.append(frame / self._fps)
        self._last = look, small

    def warnings(self, lost: Sequence[tuple[float, float]]) -> Iterator[str]:
        """Whole sentences. lost: (start, end) in seconds, where the face was away for long."""
        if self._cuts:
            yield (
                f"There is a cut to another face, or another view of it, at {_times(self._cuts)}: "
                "one resting face is taken off all of it. Cut the video there, and give one part."
            )
        if lost:
            away = ", ".join(f"{start:.2f} to {end:.2f}" for start, end in lost[:5])
            more = f" and {len(lost) - 5} times more" if len(lost) > 5 else ""
            yield f"There is no face from {away} s{more}: the curves there are a guess."
        size = float(np.median(self._sizes)) if self._sizes else SMALL
        if size < SMALL:
            yield (
                f"The face is only {size:.0f} pixels large, and most of it is a guess. Give a "
                f"video in which it has {SMALL} or more, best {2 * SMALL}."
            )
        turned, cut_off, dark = np.array(self._sides or [(False,) * 3]).mean(0)
        if turned > OFTEN:
            yield (
                f"The face is turned away in {turned:.0%} of the frames, where half of it is a "
                "guess. Give a video that is taken from the front."
            )
        if cut_off > OFTEN:
            yield (
                f"Part of the face is outside the picture in {cut_off:.0%} of the frames, and is a "
                "guess. Give a video with all of it."
            )
        if dark > OFTEN:
            yield (
                f"The face is very dark in {dark:.0%} of the frames. Give a video with more light, "
                "or make it brighter first."
            )


def _times(seconds: Sequence[float]) -> str:
    return ", ".join(f"{second:.2f}" for second in seconds[:5]) + (
        f" s and {len(seconds) - 5} more" if len(seconds) > 5 else " s"
    )


def _look(image: Image, face: Face) -> NDArray[np.float32]:
    """The face in shades of grey [24, 24]."""
    left, top, right, bottom = face.box
    region = Region((left + right) / 2, (top + bottom) / 2, face.size, face.size)
    picture = crop(image, region, 4 * _SIDE, black_border=False).astype(np.float32)
    small: NDArray[np.float32] = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return small.mean(2)


def _is_other(
    before: tuple[NDArray[np.float32], NDArray[np.int16]],
    after: tuple[NDArray[np.float32], NDArray[np.int16]],
) -> bool:
    (look, picture), (other_look, other_picture) = before, after
    same_shape = picture.shape == other_picture.shape
    if same_shape and np.abs(picture - other_picture).mean() < OTHER_PICTURE:
        return False
    deviation = look.std() * other_look.std()
    together = ((look - look.mean()) * (other_look - other_look.mean())).mean()
    return bool(together < (1 - OTHER_LOOK) * deviation)
