"""`Coefficients`: a face as the original model and the original renderer know it.

Expression is 64 coefficients of the Basel face model (BFM, as in Deep3DFaceRecon); the pose is 3
angles in radians, 3 translations, and the crop: scale, x and y of the face in the 256 x 256
picture. 25 frames a second.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import LARGEST_MOTION, check_file, read_arrays
from dreamtalk_core.formats.npz import read_archive
from dreamtalk_core.motion import Motion, float_array
from dreamtalk_core.original.bfm import from_motion, to_motion
from dreamtalk_core.original.layout import (
    EXPRESSION,
    FPS,
    POSE,
    Array,
    Extension,
    extended_pose,
)
from dreamtalk_core.original.mat import read_mat, write_mat

FORMAT = "dreamtalk-coefficients"
VERSION = 1
_KEYS = ("expression", "pose")


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A face over time in the space of the original model, at 25 fps. Immutable.

    expression: float32 [T, 64], T >= 1. pose: float32 [T, 9]: angles in radians, translation, crop.
    The arrays are read-only copies. Raises MotionError if this does not hold or a value is not
    finite.
    """

    expression: Array
    pose: Array

    def __post_init__(self) -> None:
        expression = float_array(self.expression, "Expression coefficients")
        if expression.ndim != 2 or expression.shape[1] != EXPRESSION or not len(expression):
            raise MotionError(
                f"Expression coefficients must be [frames >= 1, {EXPRESSION}], not "
                f"{list(expression.shape)}."
            )
        pose = float_array(self.pose, "Pose coefficients")
        if pose.shape != (len(expression), POSE):
            raise MotionError(
                f"Pose coefficients must be [{len(expression)}, {POSE}] (angle, translation, "
                f"crop), not {list(pose.shape)}."
            )
        for name, array in (("expression", expression), ("pose", pose)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.expression)

    @property
    def duration(self) -> Fraction:
        """Exact length in seconds."""
        return Fraction(len(self), FPS)

    def with_pose(self, pose: Array, extension: Extension = "mirror") -> Coefficients:
        """The same face with the head of a pose [P, 9], extended as of `extended_pose`."""
        return Coefficients(self.expression, extended_pose(pose, len(self), extension))

    def to_motion(self, neutral: Array | None = None) -> Motion:
        """ARKit curves and head rotation by the fitted linear maps, see `bfm`: good for jaw and
        lips, weak elsewhere. Raises ModelError where the maps are not installed."""
        return to_motion(self.expression, self.pose, neutral)

    @classmethod
    def from_motion(cls, motion: Motion, neutral: Array | None = None) -> Coefficients:
        """Coefficients for a motion, see `bfm.from_motion`. Raises ModelError likewise."""
        return cls(*from_motion(motion, neutral))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to .npz, or to .mat as Deep3DFaceRecon does (needs SciPy), whole or not at all.

        Raises MotionError for another suffix, DreamTalkError if it cannot be written.
        """
        file = Path(path)
        suffix = _checked_suffix(file)
        if suffix == ".mat":
            write_mat(file, self)
            return
        # Through a stream, because numpy adds .npz to names that end in, say, .NPZ.
        with atomic_write(file) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                format=np.array(FORMAT),
                version=np.array(VERSION),
                expression=self.expression,
                pose=self.pose,
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Coefficients:
        """Read an .npz of `save`, or a .mat with `coeff` (see `mat`; needs SciPy).

        Raises MotionError if it is not such a file, or is damaged.
        """
        file = Path(path)
        suffix = _checked_suffix(file)
        check_file(file, MotionError, "coefficients", LARGEST_MOTION)
        if suffix == ".mat":
            return cls(*read_mat(file))
        return _read_npz(file)


def holds_coefficients(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of these: a `.mat` by its suffix, an `.npz` by its format."""
    file = Path(path)
    if file.suffix.lower() != ".npz":
        return file.suffix.lower() == ".mat"
    try:
        return str(read_arrays(file, MotionError, ["format"]).get("format")) == FORMAT
    except MotionError:
        return False


def _checked_suffix(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix not in (".npz", ".mat"):
        what = f"the suffix {file.suffix!r}" if suffix else "no suffix"
        raise MotionError(f"{file.name} has {what}; coefficients are in .npz or .mat files.")
    return suffix


def _read_npz(file: Path) -> Coefficients:
    content = read_archive(file, FORMAT, VERSION, _KEYS)
    return Coefficients(content["expression"], content["pose"])
