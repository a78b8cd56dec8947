"""A performance that another program has tracked with MediaPipe's Face Landmarker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.errors import StyleError
from dreamtalk_core.motion import Motion, parse_fps
from dreamtalk_core.style import useful_spans
from dreamtalk_core.tracking.pose import head_angles

TrackedFace = Mapping[str, Any]
"""bbox_xyxy [4] in pixels, blendshapes {name: weight}, transformation_matrix [4, 4]."""


def landmark_motion(
    frames: Sequence[Sequence[TrackedFace]],
    fps: float,
    face: int = 0,
    neutral: Motion | None = None,
) -> Motion:
    """The stretches of a tracked performance that tell its style, one after the other, calibrated.

    frames: the faces that were found in each. face: 0 the largest in its frame, 1 the first from
    the left, 2 the next. neutral: the same person at rest, see `calibrate`.
    Raises StyleError if no face is seen for a second.
    """
    chosen = [_choose(faces, face) for faces in frames]
    seen = np.array([found is not None for found in chosen], bool)
    if not seen.any():
        raise StyleError("There is no face in these landmarks. Give a video of one.")
    # A frame without a face is as the one before it, and is left out below.
    last = next(found for found in chosen if found is not None)
    faces = [last := found or last for found in chosen]
    names = tuple(last["blendshapes"])
    weights = np.array([[found["blendshapes"][name] for name in names] for found in faces])
    head = np.array([head_angles(np.asarray(found["transformation_matrix"])) for found in faces])
    whole = calibrate(Motion(names, weights.clip(0, 1), parse_fps(fps), head), neutral)
    rows = np.concatenate([np.arange(*span) for span in useful_spans(whole, seen)])
    return Motion(whole.names, whole.weights[rows], whole.fps, whole.head_rotation[rows])


def _choose(faces: Sequence[TrackedFace], face: int) -> TrackedFace | None:
    """The largest of the faces, or the one of a number from the left, counted from 1."""
    if face:
        ordered = sorted(faces, key=lambda found: float(found["bbox_xyxy"][0]))
        return ordered[face - 1] if face <= len(ordered) else None
    return max(
        faces,
        key=lambda found: float(found["bbox_xyxy"][2] - found["bbox_xyxy"][0]),
        default=None,
    )
