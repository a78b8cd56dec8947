"""From what a speech asks of the face to what the model draws, before anything is put onto it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dreamtalk_core.models.motion_model import HEAD, MotionModel
from dreamtalk_core.models.sampler import denoise
from dreamtalk_core.motion import Motion, frame_times
from dreamtalk_core.pipeline.base import NEUTRAL, Watch
from dreamtalk_core.progress import Advance
from dreamtalk_core.speech.articulation import FEATURES
from dreamtalk_core.speech.phonetics import reported_features
from dreamtalk_core.style import Style, StyleTrack, as_track

DEFAULT_STEPS = 4


def sample_frames(
    model: MotionModel,
    content: Iterator[Tensor],
    frames: int,
    style: Style | StyleTrack,
    guidance_scale: float,
    noise: Iterator[Tensor],
    steps: int,
    advance: Advance,
    start: int = 0,
    watch: Watch | None = None,
) -> Motion:
    """What the model makes of content and noise, see `denoise`, as it is sampled: without
    behaviour and controls, at the model's own rate. start: the frame that content begins at.
    watch: see `Pipeline.sample_motion`.
    """
    config, track = model.config, as_track(style)
    fps, device = Fraction(config.fps), model.mean.device
    times = frame_times(start + frames, fps)[start:] if len(track.keys) > 1 else np.zeros(1)
    strength = guidance_scale * track.intensities(times)
    plain = bool((strength == 1).all())

    def codes(part: slice) -> Tensor:
        code = torch.from_numpy(track.codes(times[part] if len(times) > 1 else times)).to(device)
        neutral = model.styles[NEUTRAL].to(device).expand_as(code)
        return torch.stack([code] if plain else [code, neutral])

    pieces = denoise(model, content, frames, codes, noise, steps, advance)
    values, done = np.empty((frames, len(config.channels)), np.float32), 0
    shapes = len(config.channels) - len(HEAD)

    def motion_of(rows: npt.NDArray[np.float32]) -> Motion:
        return Motion(config.channels[:shapes], rows[:, :shapes], fps, rows[:, shapes:])

    for piece in pieces:
        part = slice(done, done := done + piece.shape[1])
        # Guided by outcomes rather than step by step: once the noised motion shows a style,
        # both predictions follow it, and guidance within the steps would come to nothing above
        # 1. And away from neutral rather than from no style, which is the mean of all faces:
        # half asleep.
        share = torch.from_numpy(strength[part] if len(times) > 1 else strength).to(device)[:, None]
        motion = piece[0] if plain else share * piece[0] + (1 - share) * piece[1]
        values[part] = model.restore(motion).cpu().numpy()
        if watch is not None and done:
            watch(motion_of(values[done - 1 : done]))
    return motion_of(values)


def reported_phones(rows: Tensor) -> npt.NDArray[np.float16]:
    """[R, 18] probabilities that a phone of each of `FEATURES` is reported, in feature rows [R, F].

    Half precision, as the rows are: of an hour of speech 6 MB.
    """
    return reported_features(rows).half().cpu().numpy()


def by_feature(phones: npt.NDArray[np.float16]) -> dict[str, npt.NDArray[np.float16]]:
    """The columns of `reported_phones` by their names."""
    return dict(zip(FEATURES, phones.T, strict=True))
