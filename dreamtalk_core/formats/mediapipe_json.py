"""MediaPipe's blendshapes as JSON: what a face landmarker gave, frame by frame, as people save it.

The library has no file of its own, so that what it returns is saved in several ways. Read is a list
of frames, or an object that has one (`frames`, `results` or `data`, and maybe `fps`). A frame holds
`faceBlendshapes`, `face_blendshapes`, `blendshapes` or `categories`: categories with a name and a
score as the library gives them, in JavaScript's spelling or in Python's, for one face or a list of
faces (the first counts); or names and scores in one object. Its time is `timestampMs` or
`timestamp_ms` in milliseconds, `time` or `t` in seconds; `timestamp` is in milliseconds unless it
grows by less than one from frame to frame. Of a `facialTransformationMatrixes` the head is turned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.formats._take import numbers, take
from dreamtalk_core.motion.rotation import rotation_angles
from dreamtalk_core.warned import warn

_LISTS = ("frames", "results", "data")
_SHAPES = ("faceBlendshapes", "face_blendshapes", "blendshapes", "blendShapes", "categories")
_NAMES = ("categoryName", "category_name", "name", "displayName", "display_name")
_MATRICES = ("facialTransformationMatrixes", "facial_transformation_matrixes", "matrix")
_TIMES = {"timestampMs": 1.0, "timestamp_ms": 1.0, "time": 1000.0, "t": 1000.0, "timestamp": 0.0}
_USUAL = 30  # frames a second where a file says nothing


def read(path: Path) -> Content:
    """Read a motion. Frames without a face repeat the one before, or are as the first with one.

    Raises `MotionError` if there is no such frame in it. Warns where its rate is not known.
    """
    document = read_json(path, MotionError, "motion")
    listed = document if isinstance(document, list) else _first(document, _LISTS)
    frames = listed if isinstance(listed, list) else []
    try:
        scores = [_scores(_first(frame, _SHAPES)) for frame in frames]
        names = list(dict.fromkeys(name for frame in scores for name in frame))
        if not names:
            raise TypeError
        seen = next(frame for frame in scores if frame)
        rows: list[list[float]] = []
        for frame in scores:
            seen = frame or seen
            rows.append([seen.get(name, 0.0) for name in names])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MotionError(
            f"{path} holds no MediaPipe blendshapes: a list of frames, each with names and scores."
        ) from error
    head = _heads([_matrix(frame) for frame in frames], path)
    times = _times(frames, path)
    fps = document.get("fps") if isinstance(document, dict) else None
    if fps is None and times is None:
        warn(f"{path.name} has no times; {_USUAL} frames a second are taken. Put fps into it.")
        fps = _USUAL
    if fps is not None:
        return take(path, names, rows, head, fps=fps)
    return take(path, names, rows, head, times=times)


def _first(place: Any, names: tuple[str, ...]) -> Any:
    """The first of these members that is there; a frame may be the list itself."""
    if not isinstance(place, dict):
        return place
    return next((place[name] for name in names if place.get(name) is not None), None)


def _scores(value: Any) -> dict[str, float]:
    """Name -> score of the first face; nothing where there is none."""
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, list):
        if not value:
            return {}
        if "categories" in value[0] or any(name in value[0] for name in _SHAPES):
            return _scores(_first(value[0], ("categories", *_SHAPES)))
        return {_text(_first(one, _NAMES)): float(one["score"]) for one in value}
    if value is None:
        return {}
    if isinstance(value.get("categories"), list):
        return _scores(value["categories"])
    return {_text(name): float(score) for name, score in value.items()}


def _matrix(frame: Any) -> Any:
    return _first(frame, _MATRICES) if isinstance(frame, dict) else None


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError
    return name


def _heads(matrices: list[Any], path: Path) -> Any:
    """Pitch, yaw and roll [T, 3] in degrees; None where no frame has a matrix."""
    if all(matrix is None for matrix in matrices):
        return None
    found = [np.eye(4)]
    for matrix in matrices:
        while isinstance(matrix, list) and len(matrix) == 1:
            matrix = matrix[0]
        if isinstance(matrix, dict):
            matrix = matrix.get("data")
        if not matrix:
            found.append(found[-1])
            continue
        flat = numbers(np.ravel(np.array(matrix, object)), path, (16,), "matrices of the head")
        square = flat.reshape(4, 4)
        # JavaScript's are written by columns: what moves the head is then at the end.
        found.append(square.T if np.abs(square[3, :3]).max() > 0 else square)
    turns = np.array(found[1:])[:, :3, :3]
    return rotation_angles(turns / np.maximum(np.linalg.norm(turns, axis=1, keepdims=True), 1e-9))


def _times(frames: list[Any], path: Path) -> Any:
    """Milliseconds [T]; None where frames have no times."""
    for name, scale in _TIMES.items():
        if all(isinstance(frame, dict) and name in frame for frame in frames):
            times = numbers([frame[name] for frame in frames], path, (None,), "times")
            if not scale:
                scale = 1000.0 if len(times) > 1 and np.median(np.diff(times)) < 1 else 1.0
            return times * scale
    return None
