"""A moment of a motion as ComfyUI's own nodes take it: POSE_KEYPOINT and FACE_LANDMARKS.

Both are plain dictionaries, in pixels of the whole picture. FACE_LANDMARKS is described in
`tracking.foreign`, which reads it, too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.render.control.pictures import AnyControls
from dreamtalk_core.render.control.points import seventy
from dreamtalk_core.render.control.topology import CONNECTIONS, topology
from dreamtalk_core.tracking.foreign import foreign_face
from dreamtalk_core.tracking.pose import FIELD_OF_VIEW
from dreamtalk_core.tracking.tracker import Face

Float = NDArray[np.float32]

_FEET, _HAND = 6, 21
_CANONICAL = 17.7
"""Centimetres from forehead to chin of the face that the tracker's matrix is of."""


def points_of(pictures: AnyControls, frames: range) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """POSE_KEYPOINT and FACE_LANDMARKS of some frames, of everybody in them; empty of a head whose
    landmarks are not known."""
    # As large as the pictures are, which have even sides.
    height, width = (side + side % 2 for side in pictures.canvas)
    canvas = {"canvas_width": width, "canvas_height": height}
    poses, faces = list[dict[str, Any]](), list[list[dict[str, Any]]]()
    for frame in frames if all(one.has_landmarks for one in pictures.people) else ():
        people = []
        faces.append([])
        for one in pictures.people:
            at = one.held(frame)
            points = one.landmarks(at)
            people.append(person_keypoints(points, one.body(at, points)))
            faces[-1].append(tracked_face(points, one.weights(at), one.angles(at), height, width))
        poses.append({**canvas, "people": people})
    return poses, face_landmarks(faces, height, width)


def person_keypoints(landmarks: Float, body: Float) -> dict[str, Any]:
    """A person of POSE_KEYPOINT: x, y and a score for each point, one after the other; 0 where
    nothing is known, as of hands and feet.

    landmarks: [478, 2 or more]. body: [18, 3], see `points.body_of`.
    """
    face = seventy(landmarks)
    face = np.column_stack([face, np.ones(len(face))])
    hand = [0.0] * 3 * _HAND
    return {
        "pose_keypoints_2d": body.ravel().tolist(),
        "foot_keypoints_2d": [0.0] * 3 * _FEET,
        "face_keypoints_2d": face.ravel().tolist(),
        "hand_right_keypoints_2d": hand,
        "hand_left_keypoints_2d": list(hand),
    }


def tracked_face(
    landmarks: Float, weights: Float, angles: ArrayLike, height: int, width: int
) -> dict[str, Any]:
    """A face of FACE_LANDMARKS.

    landmarks: [478, 3]. weights: [52], ARKit's shapes. angles: pitch, yaw and roll of the head in
    the picture, degrees.
    """
    # Where a camera of the tracker's angle is, for which the face has the size that it has.
    pixel = _CANONICAL / max(float(np.linalg.norm(landmarks[10] - landmarks[152])), 1e-6)
    away = pixel * height / (2 * math.tan(math.radians(FIELD_OF_VIEW / 2)))
    x, y, _ = landmarks.mean(0)
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = rotation_matrix(angles)
    matrix[:3, 3] = (x - width / 2) * pixel, (height / 2 - y) * pixel, -away
    return foreign_face(Face(landmarks, weights, matrix, 1.0))


def face_landmarks(frames: list[list[dict[str, Any]]], height: int, width: int) -> dict[str, Any]:
    """FACE_LANDMARKS of frames with their faces."""
    return {
        "frames": frames,
        "image_size": (height, width),
        "connection_sets": connection_sets(),
    }


def connection_sets() -> dict[str, frozenset[tuple[int, int]]]:
    """The lines between landmarks that ComfyUI's nodes draw and fill, by name."""
    sets = {name: frozenset(pairs) for name, pairs in CONNECTIONS.items()}
    contours = frozenset().union(*(sets[name] for name in CONNECTIONS if name not in _EXTRA))
    triangles = topology().triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    return {
        **sets,
        "tesselation": frozenset((int(a), int(b)) for a, b in triangles),
        "contours": contours,
        "all": contours | sets["irises"] | sets["nose"],
    }


_EXTRA = ("irises", "nose")
