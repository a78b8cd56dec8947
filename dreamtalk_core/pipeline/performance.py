"""Performances to take a style from: a motion, or the file of a motion, a video or a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.errors import StyleError
from dreamtalk_core.formats import is_read
from dreamtalk_core.motion import Motion
from dreamtalk_core.progress import Progress
from dreamtalk_core.style import useful_spans

Performance = Motion | str | Path

TURNED = 45.0
"""Degrees of yaw or pitch from which on half of a face is guessed rather than seen."""


def read_performance(
    performance: Performance,
    face: str | int = "largest",
    progress: Progress | None = None,
    device: str | torch.device = "auto",
) -> tuple[Motion, NDArray[np.bool_] | None]:
    """The motion of a performance, raw, and where its face is seen (bool [T]; None: not tracked).

    Shapes that the tracker's network does not know are left at 0, though they could be derived: the
    style encoder has learnt from that network, and takes them for something else.
    face: which one of a video with several; device: of the tracker; see `track_faces`.
    Raises MotionError, TrackingError.
    """
    if isinstance(performance, Motion):
        return performance, None
    path = Path(performance)
    if is_read(path):
        return Motion.load(path), None
    # Networks and video decoding, which a motion need not wait for.
    from dreamtalk_core.tracking import track_faces
    from dreamtalk_core.tracking.derive import DERIVED

    tracked = track_faces(path, choice=face, progress=progress, device=device)
    motion, times = tracked.motion, tracked.motion.times
    seen = np.abs(motion.head_rotation[:, :2]).max(axis=1) <= TURNED
    for start, end in tracked.lost:
        seen &= (times < start) | (times > end)
    weights = motion.weights * ~np.isin(motion.names, DERIVED)
    return Motion(motion.names, weights, motion.fps, motion.head_rotation), seen


def useful_parts(
    performance: Performance,
    neutral: Motion | None = None,
    face: str | int = "largest",
    progress: Progress | None = None,
    device: str | torch.device = "auto",
) -> tuple[list[Motion], str]:
    """The stretches of a performance that tell its style, and where they are from, in words.

    A motion is used whole; of a file, the stretches that show a face and, if there are any, speak.
    A face that we tracked is calibrated (see `calibration`), a motion if `neutral` is given.
    Raises StyleError where there is none, MotionError, TrackingError.
    """
    motion, visible = read_performance(performance, face, progress, device)
    if neutral is not None or visible is not None:
        motion = calibrate(motion, neutral)
    if isinstance(performance, Motion):
        return [motion], "the motion"
    try:
        spans = useful_spans(motion, visible)
    except StyleError as error:
        raise StyleError(f"{performance}: {error}") from error
    if spans == [(0, len(motion))]:
        return [motion], str(performance)
    fps = float(motion.fps)
    where = ", ".join(f"{start / fps:.1f}-{end / fps:.1f}" for start, end in spans)
    return [motion.cut(*span) for span in spans], f"{performance} ({where} s)"
