"""Where something is in front of the lower half of a face: a hand, a microphone, a cup.

The tracker guesses where a mouth is behind it, and says nothing. But skin and lips have their
colours: at landmarks of the lower face, in the light of the upper one, they hardly change within a
shot, whatever the mouth says, since landmarks go along with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.speech.spool import let_go

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_LOWER = np.array([
    *(0, 17, 61, 291, 37, 267, 84, 314, 91, 321, 40, 270),  # lips
    *(152, 148, 377, 175, 171, 396, 199, 200, 18, 83, 313, 194, 418, 201, 421, 208, 428, 32, 262),
    *(57, 287, 43, 273, 106, 335, 202, 422, 204, 424, 212, 432, 214, 434, 210, 430, 211, 431),
    *(92, 322, 164, 167, 393, 165, 391, 186, 410, 216, 436),  # above and beside the mouth
])  # fmt: skip
_UPPER = np.array([9, 8, 168, 6, 197, 195, 5, 4, 50, 280, 101, 330, 117, 346])
TONES = 3 * len(_LOWER)
_AROUND = 0.012
"""How far around a landmark its colour is taken, in sizes of the face."""
_FAINT = 8.0
"""Brightness, of 255, below which there is no colour to speak of."""
_SAMPLED, _FIRST = 400, 25
"""Frames that tell how a face usually looks, at most and at least."""
_UNLIKE, _SPREADS = 0.16, 4.0
"""How far a colour is from the usual one, in the light of the face, and in usual differences, where
it is that of something else."""
_SHARE = 0.18
"""Share of the landmarks that are so where something is in front of the face: .2 to .6 under hands
and microphones put into videos, .12 at most in sixteen videos of many feelings without."""
_LONGER = 0.08
"""Seconds by which such a stretch is longer than what is seen of it: hands come from the side."""


def tones(image: Bytes, landmarks: Float) -> Float:
    """Colours [TONES] at the lower face of a picture, in those of the upper one."""
    size = float(np.linalg.norm(landmarks[10, :2] - landmarks[152, :2]))
    step = np.array([-1, 0, 1]) * max(1.0, _AROUND * size)
    around = np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
    places = landmarks[np.concatenate([_LOWER, _UPPER]), None, :2] + around
    x, y = (places[..., k].astype(int).clip(0, image.shape[1 - k] - 1) for k in range(2))
    colours = image[y, x].mean(1) + _FAINT
    light = colours[len(_LOWER) :].mean(0)
    return (colours[: len(_LOWER)] / light).ravel().astype(np.float32)


class Usual:
    """How the face of a shot has looked so far, while a video is being gone through."""

    def __init__(self) -> None:
        self._shot, self._frames, self._every = -1, 0, 1
        self._sample: list[Float] = []
        self._known: tuple[Float, Float] | None = None

    def doubts(self, shot: int, row: Float) -> bool:
        """Whether something may be in front of a face with these `tones`: True as well for the
        first frames of a shot, of which that is not known yet."""
        if shot != self._shot:
            self._shot, self._frames, self._every = shot, 0, 1
            self._sample, self._known = [], None
        if self._frames % self._every == 0:
            self._sample.append(row)
            if len(self._sample) >= _SAMPLED:
                self._sample, self._every = self._sample[::2], 2 * self._every
        self._frames += 1
        if self._frames % _FIRST == 0:
            self._known = _usual(np.stack(self._sample[-_SAMPLED:]))
        return self._known is None or bool(_unlike(row[None], *self._known)[0])


def covered(rows: Float, shots: NDArray[np.int32], fps: float) -> Bools:
    """bool [T]: where something is in front of the lower face.

    rows: [T, TONES] of `tones`, spooled or not; shots: [T], -1 where no face is seen.
    """
    found = np.zeros(len(shots), bool)
    for shot in np.unique(shots[shots >= 0]):
        frames = np.flatnonzero(shots == shot)
        sample = rows[frames[:: max(1, len(frames) // _SAMPLED)]]
        known = _usual(sample)
        for start in range(0, len(frames), _SAMPLED):
            part = frames[start : start + _SAMPLED]
            found[part] = _unlike(rows[part], *known)
            let_go(rows)
    reach = round(_LONGER * fps)
    places = np.flatnonzero(found)[:, None] + np.arange(-reach, reach + 1)
    found[places[(places >= 0) & (places < len(found))]] = True
    return found & (shots >= 0)


def _usual(sample: Float) -> tuple[Float, Float]:
    """The usual colours [TONES], and how far from them [K] is far."""
    usual: Float = np.median(sample, 0)
    spread = np.median(_away(sample, usual), 0)
    return usual, np.maximum(_SPREADS * spread, _UNLIKE)


def _unlike(rows: Float, usual: Float, least: Float) -> Bools:
    """bool [T]: where too many landmarks have another colour than is usual."""
    result: Bools = (_away(rows, usual) > least).mean(1) > _SHARE
    return result


def _away(rows: Float, usual: Float) -> Float:
    """[T, K] how far colours are from the usual ones."""
    result: Float = np.abs(rows - usual).reshape(len(rows), -1, 3).mean(-1)
    return result
