"""What somebody has changed in curves by hand, as a layer that can be laid over other curves.

A file `NAME.corrections.json` that people can read, change and delete:

    {
      "format": "dreamtalk-corrections",
      "version": 1,
      "fps": "25/1",             of the curves that were changed, and how many frames they had
      "frame_count": 120,
      "any_length": false,       true: also over a line of another length, from its start
      "channels": {              what is added: pieces of a first frame and a value for each from it
        "mouthSmileLeft": [[31, [0.1, 0.25, 0.2]]],
        "headYaw": [[0, [-2.5]]]       headPitch, headYaw, headRoll: degrees
      }
    }
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import MOST_CHANNELS, MOST_VALUES, read_json
from dreamtalk_core.formats._take import rate_text
from dreamtalk_core.motion.curves import resample, smoothstep
from dreamtalk_core.motion.frame_rate import frame_times, parse_fps
from dreamtalk_core.motion.motion import Motion
from dreamtalk_core.warned import warn

ENDING = ".corrections.json"
FORMAT = "dreamtalk-corrections"
HEAD = ("headPitch", "headYaw", "headRoll")
_LEAST, _LEAST_TURN = 0.002, 0.05
"""What counts as a change, of a weight and in degrees: other programs write three decimals."""
_EASE = 0.12
"""Seconds in which a change that ends at once fades away outside of it."""
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Corrections:
    """names: channels, those of the head as `HEAD`. values: float32 [T, C] to be added, 0 where
    nobody has changed anything. any_length: whether it goes over lines of another length."""

    names: tuple[str, ...]
    values: NDArray[np.float32]
    fps: Fraction
    any_length: bool = False

    @classmethod
    def between(cls, made: Motion, edited: Motion) -> Corrections:
        """What has been changed in `edited`; of two motions that were read from one format.

        Raises `MotionError` if it has become longer or shorter, of another rate or other channels.
        """
        if len(made) != len(edited) or made.fps != edited.fps:
            raise MotionError("its frames are not those that were made: another length or rate")
        if made.names != edited.names:
            raise MotionError("its channels are not those that were made")
        turned = edited.head_rotation - made.head_rotation
        values = np.hstack([edited.weights - made.weights, (turned + 180) % 360 - 180])
        least = np.array([_LEAST] * len(made.names) + [_LEAST_TURN] * 3, np.float32)
        values = np.where(np.abs(values) < least, 0, values).astype(np.float32)
        changed = values.any(axis=0)
        names = np.array([*made.names, *HEAD], object)[changed]
        return cls(tuple(names), values[:, changed], made.fps)

    def over(self, motion: Motion) -> Motion:
        """A motion with these corrections, from its start; what goes beyond 0..1 is clipped, which
        a warning says. As it is, with a warning, if it has another length."""
        seconds = Fraction(len(self.values)) / self.fps
        # Rounding to frames of two rates may differ by half a frame of each.
        near = (1 / self.fps + 1 / motion.fps) / 2
        if abs(seconds - motion.duration) > near and not self.any_length:
            warn(
                f"Corrections of a line of {float(seconds):.2f} s are not laid over this one of "
                f"{float(motion.duration):.2f} s, in which other things are said then. They are "
                f'still in *{ENDING}: to have them, write "any_length": true there.'
            )
            return motion
        lost = [name for name in self.names if name not in (*motion.names, *HEAD)]
        if lost:
            warn(f"Corrections of channels that are no more: {shown(', '.join(lost), 200)}.")
        added = _within(self._eased(), self.fps, motion)
        weights, head = motion.weights.copy(), motion.head_rotation.copy()
        for name, values in zip(self.names, added.T, strict=True):
            if name in HEAD:
                head[:, HEAD.index(name)] += values
            elif name in motion.names:
                weights[:, motion.names.index(name)] += values
        beyond = np.abs(weights - np.clip(weights, 0, 1)).max(axis=0)
        clipped = [f"{motion.names[i]} by {beyond[i]:.2f}" for i in np.flatnonzero(beyond > _LEAST)]
        if clipped:
            warn(f"Corrections go beyond 0..1 and are clipped: {', '.join(clipped)}.")
        return Motion(motion.names, np.clip(weights, 0, 1), motion.fps, head)

    def _eased(self) -> NDArray[np.float32]:
        """The values; what ends at once fades away behind it, and comes up before it."""
        span = _EASE * float(self.fps) + 1
        frames, eased = np.arange(len(self.values)), self.values.copy()
        for column, values in zip(eased.T, self.values.T, strict=True):
            at = np.flatnonzero(values)
            if not len(at):
                continue
            ends = (
                at[np.searchsorted(at, frames, side="right") - 1],
                at[np.minimum(np.searchsorted(at, frames), len(at) - 1)],
            )
            one, other = (
                values[end] * (1 - smoothstep(np.abs(frames - end) / span)) for end in ends
            )
            fading = np.where(np.abs(one) >= np.abs(other), one, other)
            column[:] = np.where(values == 0, fading, values)
        return eased

    def save(self, path: Path) -> None:
        """Write them, whole or not at all. Raises `WriteError`."""
        channels = {
            name: [
                [first, [round(float(value), _DECIMALS) for value in values[first:stop]]]
                for first, stop in _runs(values)
            ]
            for name, values in zip(self.names, self.values.T, strict=True)
        }
        told = {
            "format": FORMAT,
            "version": 1,
            "fps": rate_text(self.fps),
            "frame_count": len(self.values),
            "any_length": self.any_length,
        }
        pieces = [f" {json.dumps(name)}: {json.dumps(told[name])},\n" for name in told]
        rows = [f"  {json.dumps(name)}: {json.dumps(channels[name])}" for name in channels]
        text = "{\n" + "".join(pieces) + ' "channels": {\n' + ",\n".join(rows) + "\n }\n}\n"
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> Corrections:
        """Raises `MotionError` if a file holds none, or is damaged."""
        told = read_json(path, MotionError, "corrections")
        try:
            if told["format"] != FORMAT or told["version"] != 1:
                raise ValueError("it is of another format, or version")
            count, channels = told["frame_count"], told["channels"]
            if type(count) is not int or not 0 < count * max(1, len(channels)) <= MOST_VALUES:
                raise ValueError("frame_count is not a likely number")
            if len(channels) > MOST_CHANNELS:
                raise ValueError("it has too many channels")
            values = np.zeros((count, len(channels)), np.float32)
            for column, pieces in zip(values.T, channels.values(), strict=True):
                _fill(column, pieces)
            fps, any_length = parse_fps(told["fps"]), told.get("any_length", False)
            if type(any_length) is not bool:
                raise ValueError("any_length is not true or false")
            return cls(tuple(channels), values, fps, any_length)
        except (KeyError, TypeError, ValueError, AttributeError, MotionError) as error:
            raise MotionError(
                f"{shown(path)} holds no corrections, or is damaged ({shown(error, 100)}). Mend "
                "it, or delete it to have the line without them."
            ) from error


def _fill(column: NDArray[np.float32], pieces: Any) -> None:
    for first, values in pieces:
        piece = np.array(values, np.float32)
        if type(first) is not int or first < 0 or piece.ndim != 1:
            raise ValueError("a piece is not a first frame and a list of values")
        if not (np.abs(piece) <= 360).all() or first + len(piece) > len(column):
            raise ValueError("a piece has an unlikely value, or ends behind the last frame")
        column[first : first + len(piece)] = piece


def _runs(values: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """First and last (excluded) of all runs that are not 0."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], values != 0, [False]]).astype(int)))
    yield from ((int(first), int(stop)) for first, stop in steps.reshape(-1, 2))


def _within(values: NDArray[np.float32], fps: Fraction, motion: Motion) -> NDArray[np.float32]:
    """Values at the frames of a motion; none behind their own end."""
    if motion.fps == fps:
        found = np.zeros((len(motion), values.shape[1]), np.float32)
        count = min(len(found), len(values))
        found[:count] = values[:count]
        return found
    found = resample(values, frame_times(len(values), fps), motion.times)
    found[motion.times > len(values) / float(fps)] = 0
    return found
