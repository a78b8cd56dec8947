"""`.mat` files of Deep3DFaceRecon, in which the original DreamTalk keeps style clips and poses.

`coeff` [T, 257]: identity 0..80, expression 80..144, texture 144..224, angles 224..227, lighting
227..254, translation 254..257. `transform_params` [T, 5]: width and height of the picture before
the crop, then scale, x and y of the crop. 25 fps.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import MOST_VALUES
from dreamtalk_core.motion import float_array
from dreamtalk_core.original.layout import STILL_CROP, Array

if TYPE_CHECKING:
    from dreamtalk_core.original.coefficients import Coefficients

COLUMNS = 257
_ARRAYS = ("coeff", "transform_params")
PICTURE = 256
EXPRESSION = slice(80, 144)
ANGLE = slice(224, 227)
TRANSLATION = slice(254, 257)
CROP = slice(2, 5)


def read_mat(path: Path) -> tuple[Array, Array]:
    """Expression [T, 64] and pose [T, 9] of a `.mat` file.

    Without `transform_params` the crop stays still.

    Raises MotionError if it lacks `coeff`, or is damaged.
    """
    scipy_io = _scipy_io()
    try:
        for name, shape, kind in scipy_io.whosmat(path):
            plain = kind in ("double", "single") or "int" in kind
            if name in _ARRAYS and not (plain and math.prod(shape) <= MOST_VALUES):
                raise ValueError(f"{name} is {kind} {list(shape)}")
        content = scipy_io.loadmat(path, variable_names=_ARRAYS)
    except NotImplementedError as error:  # HDF5 inside
        raise MotionError(
            f"{path} is a MATLAB file of version 7.3, which is not read here. Save it again in "
            "MATLAB with the option -v7."
        ) from error
    except Exception as error:  # a damaged file can fail in any way
        raise MotionError(
            f"{path} cannot be read as a MATLAB file: it is damaged or something else "
            f"({shown(error)})."
        ) from error
    if "coeff" not in content:
        raise MotionError(
            f"{path} has no array `coeff`. A style clip or pose of the original model has one, "
            "[frames, 257], as Deep3DFaceRecon writes it."
        )
    coeff = float_array(content["coeff"], f"{path}: coeff")
    if coeff.ndim != 2 or coeff.shape[1] != COLUMNS or not len(coeff):
        raise MotionError(
            f"{path}: coeff is {list(coeff.shape)}, not [frames >= 1, {COLUMNS}]. Write it with "
            "Deep3DFaceRecon."
        )
    crop = np.tile(np.array(STILL_CROP, np.float32), (len(coeff), 1))
    if "transform_params" in content:
        placed = float_array(content["transform_params"], f"{path}: transform_params")
        if placed.shape != (len(coeff), 5):
            raise MotionError(
                f"{path}: transform_params is {list(placed.shape)}, not [{len(coeff)}, 5], a row "
                "for each row of coeff."
            )
        crop = placed[:, CROP]
    pose = np.concatenate([coeff[:, ANGLE], coeff[:, TRANSLATION], crop], axis=1)
    return coeff[:, EXPRESSION], pose


def write_mat(path: Path, coefficients: Coefficients) -> None:
    """Write a `.mat` file that the public code reads; identity, texture and lighting are zeros."""
    scipy_io = _scipy_io()
    frames, pose = len(coefficients), coefficients.pose
    coeff = np.zeros((frames, COLUMNS), np.float32)
    coeff[:, EXPRESSION] = coefficients.expression
    coeff[:, ANGLE], coeff[:, TRANSLATION] = pose[:, :3], pose[:, 3:6]
    placed = np.full((frames, 5), PICTURE, np.float32)
    placed[:, CROP] = pose[:, 6:]
    # Through a stream, because SciPy adds .mat to names that end in, say, .MAT.
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        scipy_io.savemat(stream, {"coeff": coeff, "transform_params": placed}, do_compression=True)


def _scipy_io() -> Any:
    try:
        import scipy.io
    except ImportError as error:
        raise MotionError(
            'MATLAB files need the package SciPy. Install it: pip install "dreamtalk[original]"'
        ) from error
    return scipy.io
