"""FACE_LANDMARKS: a face that another program has tracked with MediaPipe's Face Landmarker.

ComfyUI's own nodes make and draw it: `{"frames": [[face, ...], ...], "image_size": (height, width),
"connection_sets": {name: pairs of landmarks}}`, and of each face

| key                     |                                                                        |
|-------------------------|------------------------------------------------------------------------|
| `bbox_xyxy`             | float32 [4] in pixels                                                  |
| `landmarks_xy`          | float32 [478, 2] in pixels                                             |
| `landmarks_3d`          | float32 [478, 3] in pixels of the 192 x 192 that the network sees      |
| `blendshapes`           | `{"_neutral": 0, "browDownLeft": weight, ...}`                         |
| `transformation_matrix` | float32 [4, 4]: see `Face.matrix`                                      |
| `presence`, `score`     | float: the mesh network's logit, and the detector's confidence in 0..1 |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from dreamtalk_core.errors import NoFaceError, TrackingError
from dreamtalk_core.models.face_landmarker import MESH_SIDE
from dreamtalk_core.motion import parse_fps
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.tracking.doubts import Doubts
from dreamtalk_core.tracking.track import Tracked, row_of, tracked
from dreamtalk_core.tracking.tracker import Face, choose_face, go_on
from dreamtalk_core.warned import warn

ForeignFace = Mapping[str, Any]


def track_landmarks(
    frames: Sequence[Sequence[ForeignFace]],
    fps: float | str | Fraction,
    choice: str | int = "largest",
    smoothing: float = 1.0,
) -> Tracked:
    """One face through frames that were tracked elsewhere, cleaned as `track_faces` does.

    frames: FACE_LANDMARKS' own. choice: "largest" or a number from the left, from 0 up, in the
    first frame with so many faces; then it goes on with the face that is nearest to the last one.
    Raises `TrackingError` where there is no such face, or one that is not as described above.
    """
    faces = list(_follow(frames, choice))
    if not any(faces):
        raise NoFaceError(
            f"There is no such face in these {len(frames)} frames of landmarks. Give the largest, "
            "or a video of a face."
        )
    rate = parse_fps(fps)
    rows = [None if face is None else row_of(face) for face in faces]
    result = tracked(rows, rate, "face landmarks", smoothing)
    for text in Doubts(float(rate)).warnings(result.lost):
        warn(text)
    return result


def _follow(frames: Sequence[Sequence[ForeignFace]], choice: str | int) -> Iterator[Face | None]:
    last: Face | None = None
    for found in frames:
        faces = [face_of(one) for one in found]
        if not faces or (last is None and isinstance(choice, int) and choice >= len(faces)):
            yield None
            continue
        last = choose_face(faces, choice) if last is None else go_on(faces, choice, last)
        yield last


def face_of(face: ForeignFace) -> Face:
    """A face of FACE_LANDMARKS as our own tracker gives it. Raises `TrackingError`."""
    try:
        flat = np.asarray(face["landmarks_xy"], np.float32)
        seen = np.asarray(face["landmarks_3d"], np.float32)
        shapes, score = face["blendshapes"], float(face.get("score", 1.0))
        weights = np.array([float(shapes.get(name, 0.0)) for name in ARKIT_NAMES], np.float32)
        matrix = np.asarray(face["transformation_matrix"], np.float32)
        points = np.concatenate([flat, pixel(flat, seen) * seen[:, 2:]], axis=1)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise TrackingError(
            "These face landmarks are not those of MediaPipe's Face Landmarker, with blendshapes "
            "and a transformation matrix. Give what ComfyUI's own node finds, or the video."
        ) from error
    if points.shape != (478, 3) or matrix.shape != (4, 4) or not np.isfinite(points).all():
        raise TrackingError(
            f"A face has 478 landmarks and a matrix [4, 4], not {list(points.shape)} and "
            f"{list(matrix.shape)}. Give what ComfyUI's own node finds, or the video."
        )
    return Face(points, weights.clip(0, 1), matrix, max(score, 1e-3))


def pixel(flat: Any, seen: Any) -> float:
    """How many pixels of the picture one of those is that the network sees, from landmarks in
    both [N, 2 or more]."""
    spread = [np.linalg.norm(points[:, :2] - points[:, :2].mean(0)) for points in (flat, seen)]
    return float(spread[0]) / max(float(spread[1]), 1e-9)


def foreign_face(face: Face) -> dict[str, Any]:
    """A face as one of FACE_LANDMARKS."""
    flat = face.landmarks[:, :2].astype(np.float32)
    low, high = flat.min(0), flat.max(0)
    # The network looks at a square around the face with a quarter of its size beside it.
    side = 1.5 * float((high - low).max())
    scaled = face.landmarks * np.float32(MESH_SIDE / side)
    scaled[:, :2] += MESH_SIDE / 2 - (low + high) * np.float32(MESH_SIDE / side / 2)
    shapes = dict(zip(ARKIT_NAMES, map(float, face.weights), strict=True))
    return {
        "bbox_xyxy": np.concatenate([low, high]),
        "landmarks_xy": flat,
        "landmarks_3d": scaled.astype(np.float32),
        "blendshapes": {"_neutral": 0.0, **shapes},
        "transformation_matrix": face.matrix,
        "presence": 10.0,
        "score": float(face.score),
    }
