"""Where styles come from: the model itself, or a performance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.errors import StyleError
from dreamtalk_core.models.devices import inference
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion, frame_count
from dreamtalk_core.motion.arkit import ARKIT_NAMES, mouth_opening
from dreamtalk_core.style.style import Style, fingerprint

MIN_SECONDS = 1.0
"""The shortest performance that tells a style."""
MAX_SECONDS = 60.0
"""How much of a long recording is used: its longest useful stretches."""
ENOUGH_SECONDS = 2.0
"""Of a recording that speaks for at least this long, what does not speak is left out."""
SPEAKING = 0.02
"""Deviation of the mouth's opening over a second above which the mouth is seen to speak."""

MAX_FRAMES = 256
"""Longer clips are read in pieces of at most this many frames whose codes are averaged."""

EXPRESSION = [
    index
    for index, name in enumerate(ARKIT_NAMES)
    if name.startswith(("brow", "eyeSquint", "eyeWide", "cheek", "nose"))
    or name.removesuffix("Left").removesuffix("Right").removeprefix("mouth")
    in ("Smile", "Frown", "Dimple", "Stretch", "Press")
]
"""Shapes of an expression that somebody holds while speaking, rather than of what is said."""

Array = NDArray[np.float32]
Worn = Callable[[Style], Array]
"""The mean face [52] of somebody who speaks in a style."""

Spans = list[tuple[int, int]]
"""Stretches as (first frame, frame after the last)."""


def named_style(model: MotionModel, name: str) -> Style:
    """A style that ships with the model. Raises StyleError, listing the names, if there is none."""
    if name not in model.styles:
        raise StyleError(
            f"There is no style '{name}'. This model has: {', '.join(sorted(model.styles))}."
        )
    code = model.styles[name].cpu().numpy()
    return Style(code, name, "shipped with the model", model=fingerprint(model))


def extract_style(
    model: MotionModel,
    motion: Motion | Sequence[Motion],
    name: str,
    source: str,
    worn: Worn | None = None,
) -> Style:
    """The style of one performance or several, each at least one second long.

    Every frame counts alike. The style keeps the performances as its clip. With `worn` it is
    corrected, see `read_clips`. Raises StyleError for a shorter one, or none.
    """
    motions = [motion] if isinstance(motion, Motion) else list(motion)
    if not motions:
        raise StyleError("There is no performance to take a style from. Give at least one.")
    for part in motions:
        if part.duration < MIN_SECONDS:
            raise StyleError(
                f"{source} lasts {float(part.duration):.2f} s; a style needs at least "
                f"{MIN_SECONDS:g} s."
            )
    clips = [part.to_arkit().resample(model.config.fps) for part in motions]
    clip = Motion(
        ARKIT_NAMES,
        np.concatenate([part.weights for part in clips]),
        Fraction(model.config.fps),
        np.concatenate([part.head_rotation - part.head_rotation.mean(0) for part in clips]),
    )
    blank = np.zeros(model.config.style_encoder.style, np.float32)
    return read_clips(model, clips, Style(blank, name, source, clip=clip), worn)


def read_clips(
    model: MotionModel, clips: Sequence[Motion], style: Style, worn: Worn | None = None
) -> Style:
    """A style whose code is read from clips; with `worn` its face, once it speaks, is theirs.

    The encoder learnt from faces made by rule, and takes a part of a real frown or smile for
    something else: it comes back weaker. What the style's face lacks of the clips' mean face, or
    has beyond it, is put onto the clips, and they are read once more. A shape that they never show
    is left alone: a tracker may not know it.
    """
    style = _encode(model, clips, style)
    if worn is None:
        return style
    weights = np.concatenate([clip.weights for clip in clips])
    lacking = np.zeros(weights.shape[1], np.float32)
    seen = [index for index in EXPRESSION if weights[:, index].any()]
    lacking[seen] = (weights.mean(0) - worn(style))[seen]
    return _encode(
        model,
        [replace(clip, weights=np.clip(clip.weights + lacking, 0, 1)) for clip in clips],
        style,
    )


def _encode(model: MotionModel, clips: Sequence[Motion], style: Style) -> Style:
    """A style whose code is what the model reads from clips of performances."""
    total = sum(len(clip) for clip in clips)
    code = torch.zeros(model.config.style_encoder.style, device=model.mean.device)
    with inference():
        for clip in clips:
            same = clip.resample(model.config.fps)
            head = same.head_rotation - same.head_rotation.mean(0)
            values = torch.from_numpy(np.concatenate([same.weights, head], 1)).to(code.device)
            # Pieces of nearly the same length: none is too short to tell anything.
            for piece in values.tensor_split(math.ceil(len(values) / MAX_FRAMES)):
                piece_code = model.style_encoder(model.normalise(piece)[None])[0]
                code += piece_code * (len(piece) / total)
    return replace(style, code=code.cpu().numpy(), model=fingerprint(model))


def useful_spans(motion: Motion, visible: NDArray[np.bool_] | None = None) -> Spans:
    """The stretches of a recording that tell how somebody speaks, in order.

    Where the face is visible (bool [T], everywhere if left out) and the mouth speaks, or, for a
    recording that hardly speaks, wherever the face is visible. None is shorter than a second, and
    together they last a minute at most, the longest first.

    Raises StyleError if there is none.
    """
    seen = np.ones(len(motion), bool) if visible is None else visible
    fps = float(motion.fps)
    for mask, enough in ((seen & speaking(motion), ENOUGH_SECONDS), (seen, MIN_SECONDS)):
        spans = [span for span in runs(mask) if (span[1] - span[0]) / fps >= MIN_SECONDS]
        if sum(end - start for start, end in spans) / fps >= enough:
            return _longest(spans, frame_count(MAX_SECONDS, motion.fps))
    raise StyleError(
        f"A style needs at least {MIN_SECONDS:g} s of a face that is seen without a break; this is "
        f"{float(motion.duration):.2f} s, of which the face is seen for {seen.sum() / fps:.2f} s."
    )


def speaking(motion: Motion) -> NDArray[np.bool_]:
    """bool [T]: whether the mouth moves as in speech within half a second of each frame."""
    curves = motion.to_arkit()
    opening = mouth_opening(curves.weights).astype(np.float64)
    width = min(len(opening), frame_count(1, motion.fps))
    windows = np.lib.stride_tricks.sliding_window_view(opening, width).std(axis=1)
    # At the ends the nearest whole window speaks for the frame.
    before = width // 2
    spread = np.pad(windows, (before, len(opening) - len(windows) - before), mode="edge")
    moves: NDArray[np.bool_] = spread > SPEAKING
    return moves


def runs(mask: NDArray[np.bool_]) -> Spans:
    """The stretches over which a mask [T] is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _longest(spans: Spans, frames: int) -> Spans:
    """The longest of the spans, in order, until so many frames are full; the last is cut off."""
    chosen: Spans = []
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        if frames > 0:
            chosen.append((start, min(end, start + frames)))
            frames -= end - start
    return sorted(chosen)
