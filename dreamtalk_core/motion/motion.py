"""`Motion`: face curves over time, the currency of the whole package.

Time: frame i is sampled at (i + 0.5) / fps seconds, so T frames last exactly T / fps.

Head rotation: right-handed axes, x to the character's left, y up, z forward out of the face.
Columns are (pitch, yaw, roll) in degrees and R = Ry(yaw) @ Rx(pitch) @ Rz(roll). Positive pitch
looks down, positive yaw turns to the character's left, positive roll raises the left ear.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats import Provenance, read_motion, read_provenance, write_motion
from dreamtalk_core.formats._content import Content
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.curves import resample
from dreamtalk_core.motion.frame_rate import frame_count, frame_times, parse_fps
from dreamtalk_core.motion.timecode import Timecode

# Rounding in foreign formats and float32 arithmetic may leave a weight this far outside 0..1.
_RANGE_SLACK = 1e-4


@dataclass(frozen=True, eq=False)
class Motion:
    """Face curves at a fixed rate. Immutable: the arrays are read-only copies.

    names: C channel names, no duplicates (ARKit names, unless a rig's own are wanted).
    weights: float32 [T, C] in 0..1 (values up to 1e-4 outside are clipped), T >= 1.
    fps: frames per second; anything `parse_fps` takes, kept as a `Fraction`.
    head_rotation: float32 [T, 3] in degrees, (pitch, yaw, roll) as described in this module;
        zeros if left out.

    Raises `MotionError` if any of this does not hold or a value is not finite.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]
    fps: Fraction
    head_rotation: NDArray[np.float32] = field(default_factory=lambda: no_head(0))

    def __post_init__(self) -> None:
        names = _checked_names(self.names)
        weights = _checked_weights(self.weights, len(names))
        # No frames means that it was left out: a motion has at least one.
        head = self.head_rotation if np.size(self.head_rotation) else no_head(len(weights))
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "fps", parse_fps(self.fps))
        object.__setattr__(self, "head_rotation", _checked_head(head, len(weights)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Motion):
            return NotImplemented
        return (
            self.names == other.names
            and self.fps == other.fps
            and np.array_equal(self.weights, other.weights)
            and np.array_equal(self.head_rotation, other.head_rotation)
        )

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.weights)

    @property
    def duration(self) -> Fraction:
        """Exact length in seconds: T / fps."""
        return Fraction(len(self.weights)) / self.fps

    @property
    def times(self) -> NDArray[np.float64]:
        """Sample times float64 [T] in seconds: (i + 0.5) / fps."""
        return frame_times(len(self.weights), self.fps)

    def channel(self, name: str) -> NDArray[np.float32]:
        """One curve, float32 [T]. Raises `MotionError` if there is no such channel."""
        try:
            return self.weights[:, self.names.index(name)]
        except ValueError as error:
            raise MotionError(
                f"This motion has no channel {name!r}. It has: {', '.join(self.names)}."
            ) from error

    def resample(
        self,
        fps: int | float | str | Fraction,
        duration: int | float | Fraction | None = None,
    ) -> Motion:
        """This motion at another rate: round(duration * fps) frames, first and last value held.

        `duration` (seconds) is the motion's own unless given, for instance the exact length of
        the speech. The same rate and frame count return the same values, bit for bit.
        """
        rate = parse_fps(fps)
        count = frame_count(self.duration if duration is None else duration, rate)
        if rate == self.fps and count == len(self):
            return self
        source, target = self.times, frame_times(count, rate)
        weights = resample(self.weights, source, target)
        return Motion(
            names=self.names,
            weights=np.clip(weights, 0.0, 1.0, out=weights),
            fps=rate,
            head_rotation=_resample_angles(self.head_rotation, source, target),
        )

    def cut(self, start: int, stop: int) -> Motion:
        """Frames start to stop (excluded) as a motion. Raises `MotionError` if there are none."""
        part = slice(start, stop)
        return Motion(self.names, self.weights[part], self.fps, self.head_rotation[part])

    def to_arkit(self) -> Motion:
        """The same motion with the 52 ARKit channels in order.

        Channels it lacks are 0; channels that are not ARKit's are dropped.
        """
        return self.over(ARKIT_NAMES)

    def over(self, names: tuple[str, ...]) -> Motion:
        """The same motion with these channels in order, such as `FACE_NAMES`.

        Channels it lacks are 0; others are dropped.
        """
        if self.names == names:
            return self
        column = {name: i for i, name in enumerate(self.names)}
        weights = np.zeros((len(self), len(names)), np.float32)
        for i, name in enumerate(names):
            if name in column:
                weights[:, i] = self.weights[:, column[name]]
        return Motion(names, weights, self.fps, self.head_rotation)

    def save(
        self,
        path: str | os.PathLike[str],
        provenance: Provenance | None = None,
        start: Timecode | None = None,
    ) -> None:
        """Write to a file of one of `formats.FORMATS`, by its ending, whole or not at all.

        provenance: how it was made, to be kept with it. start: the timecode of its first frame, for
        formats that have one.
        Raises `MotionError` for another ending, `DreamTalkError` if it cannot be written.
        """
        write_motion(Path(path), self, provenance, start)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Motion:
        """Read a file of one of `formats.FORMATS`. Raises `MotionError` if it is not valid."""
        return cls._read(Path(path))[0]

    @classmethod
    def load_with_provenance(cls, path: str | os.PathLike[str]) -> tuple[Motion, Provenance | None]:
        """As `load`; and how it was made, as far as the file, or one beside it, says."""
        motion, content = cls._read(Path(path))
        return motion, read_provenance(Path(path), content)

    @classmethod
    def _read(cls, path: Path) -> tuple[Motion, Content]:
        content = read_motion(path)
        try:
            return cls(*content[:4]), content
        except MotionError as error:
            raise MotionError(f"{path}: {error}") from error


def _checked_names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise MotionError("Channel names must be a sequence of strings.")
    result = tuple(str(name) for name in names)
    if not result or not all(result):
        raise MotionError("A motion needs at least one channel, and no empty channel names.")
    repeated = sorted(name for name, times in Counter(result).items() if times > 1)
    if repeated:
        raise MotionError(f"Channel names must differ; repeated: {', '.join(repeated)}.")
    return result


def _checked_weights(weights: ArrayLike, channels: int) -> NDArray[np.float32]:
    array = float_array(weights, "Weights")
    if array.ndim != 2 or array.shape[1] != channels or array.shape[0] == 0:
        raise MotionError(
            f"Weights must have the shape [frames >= 1, {channels} channels], not "
            f"{list(array.shape)}."
        )
    low, high = float(array.min()), float(array.max())
    if low < -_RANGE_SLACK or high > 1 + _RANGE_SLACK:
        raise MotionError(
            f"Weights must lie in 0..1, but they span {low:.4g}..{high:.4g}. Clip or scale them."
        )
    return _frozen(np.clip(array, 0.0, 1.0, out=array))


def _checked_head(head: ArrayLike, frames: int) -> NDArray[np.float32]:
    array = float_array(head, "Head rotation")
    if array.shape != (frames, 3):
        raise MotionError(
            f"Head rotation must have the shape [{frames}, 3] (pitch, yaw, roll in degrees), not "
            f"{list(array.shape)}."
        )
    return _frozen(array)


def no_head(frames: int) -> NDArray[np.float32]:
    """The head rotation of a head that does not move: zeros [frames, 3]."""
    return np.zeros((frames, 3), np.float32)


def float_array(values: ArrayLike, what: str) -> NDArray[np.float32]:
    """A new float32 array. Raises `MotionError` unless all of `values` are finite numbers."""
    try:
        # A float64 beyond float32's range becomes inf here, and the next line says so.
        with np.errstate(over="ignore"):
            array: NDArray[np.float32] = np.array(values, dtype=np.float32, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise MotionError(f"{what} must be an array of numbers.") from error
    if not np.isfinite(array).all():
        raise MotionError(f"{what} must be finite, but some values are NaN or infinite.")
    return array


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _resample_angles(
    degrees: NDArray[np.float32],
    source: NDArray[np.float64],
    target: NDArray[np.float64],
) -> NDArray[np.float32]:
    # Unwrapped, so that a head that passes 180 degrees takes the short way round. The curves of a
    # head that stays below are not touched: subtracting whole turns is exact only when it is zero.
    if np.abs(np.diff(degrees, axis=0)).max(initial=0.0) > 180:
        degrees = np.unwrap(degrees, period=360.0, axis=0).astype(np.float32)
    return resample(degrees, source, target)
