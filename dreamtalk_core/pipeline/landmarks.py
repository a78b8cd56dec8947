"""The style of a performance that another program has tracked with MediaPipe's Face Landmarker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.motion import Motion
from dreamtalk_core.style import useful_spans
from dreamtalk_core.tracking.foreign import ForeignFace, track_landmarks


def landmark_motion(
    frames: Sequence[Sequence[ForeignFace]],
    fps: float,
    face: int = 0,
    neutral: Motion | None = None,
) -> Motion:
    """The stretches of a tracked performance that tell its style, one after the other, calibrated.

    frames: the faces that were found in each. face: 0 the largest, 1 the first from the left, 2
    the next. neutral: the same person at rest, see `calibrate`.
    Raises TrackingError as `track_landmarks`, and StyleError if no face is seen for a second.
    """
    found = track_landmarks(frames, fps, face - 1 if face else "largest")
    whole = calibrate(found.motion, neutral)
    spans = useful_spans(whole, found.confidence > 0)
    rows = np.concatenate([np.arange(*span) for span in spans])
    return Motion(whole.names, whole.weights[rows], whole.fps, whole.head_rotation[rows])
