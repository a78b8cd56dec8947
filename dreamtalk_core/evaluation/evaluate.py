"""Run a predictor over tracked clips, and hold what it makes against the tracked faces."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.evaluation.beats import beat_alignment
from dreamtalk_core.evaluation.clips import (
    Prediction,
    TrackedClip,
    as_motion,
    speaker_of,
    split_of,
)
from dreamtalk_core.evaluation.lips import (
    MOVING,
    amplitude_ratio,
    aperture,
    closure_recall,
    lag_correlations,
    lip_gap_correlation,
    lip_parting_delay,
    narrowing_correlation,
    tracked_closures,
)
from dreamtalk_core.evaluation.report import ClipResult, Report
from dreamtalk_core.evaluation.signals import correlation, peak_lag
from dreamtalk_core.evaluation.smoothness import high_frequency_ratio
from dreamtalk_core.evaluation.vertices import (
    lip_gap_mm,
    lip_vertex_error,
    lip_width_mm,
    shut_within,
    take_distance,
    upper_face_deviation,
)
from dreamtalk_core.motion import MODEL_FPS, Motion

if TYPE_CHECKING:
    from dreamtalk_core.models.lip_expert import Sync
    from dreamtalk_core.models.motion_model import MotionModel
    from dreamtalk_core.pipeline.base import AnyStyle
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

CLOSURE_SECONDS = 0.06
"""How long before its burst the lips of a /b/ or /p/ are taken to be closed."""


def evaluate(
    predict: Callable[[TrackedClip], Prediction],
    clips: Iterable[TrackedClip],
    *,
    name: str = "model",
    group: Callable[[TrackedClip], str] = split_of,
    speaker: Callable[[TrackedClip], str] = speaker_of,
    known: Mapping[str, str] | None = None,
    bursts: Callable[[TrackedClip], Sequence[float]] | None = None,
    sync: Callable[[TrackedClip, Motion], Sync | None] | None = None,
    style: Callable[[Motion], NDArray[np.float32]] | None = None,
    retake: Callable[[TrackedClip], Prediction] | None = None,
) -> Report:
    """Hold a predictor against the tracked faces of clips, one after another.

    predict: gives the motion for a clip's speech at 25 fps, frame i at (i + 0.5) / 25 s. group:
    what a clip is reported under, speaker: whose it is, and known: see `Report`. The rest adds
    figures: bursts says when, in s, the lips of a clip's /b/ and /p/ burst apart, sync what a lip
    expert says (see `expert_sync`), style the style code of a motion (see `style_code`), and retake
    is `predict` with another seed.
    """
    results = []
    for clip in clips:
        motion = as_motion(predict(clip))
        told = bursts(clip) if bursts else ()
        result = clip_result(clip, motion, told, group(clip), speaker(clip))
        result.figures.update(more_figures(clip, motion, sync, style, retake))
        results.append(result)
    return Report(name, tuple(results), known or {})


def evaluate_model(
    talk: DreamTalk,
    clips: Iterable[TrackedClip],
    name: str,
    *,
    group: Callable[[TrackedClip], str] = split_of,
    speaker: Callable[[TrackedClip], str] = speaker_of,
    known: Mapping[str, str] | None = None,
    bursts: Callable[[TrackedClip], Sequence[float]] | None = None,
    style: AnyStyle | None = None,
) -> Report:
    """All figures of a model, every setting as it is by default; see `evaluate`.

    style: what it speaks in, in any form that `load_style` takes.
    """
    from dreamtalk_core.speech.audio import Speech

    def predict(clip: TrackedClip, seed: int = 0) -> Motion:
        return talk.animate(Speech(clip.waveform(), clip.id), style, seed=seed)

    return evaluate(
        predict,
        clips,
        name=name,
        group=group,
        speaker=speaker,
        known=known,
        bursts=bursts,
        sync=expert_sync,
        style=style_code(talk.model),
        retake=lambda clip: predict(clip, 1),
    )


def clip_result(
    clip: TrackedClip, motion: Motion, bursts: Sequence[float], group: str, speaker: str
) -> ClipResult:
    """The figures of one prediction; ValueError if its length is not the clip's.

    bursts: times in s, see `evaluate`.
    """
    length = len(clip.lip_gap)
    # Speech and video of a clip rarely end together; more than three frames is another matter.
    if abs(len(motion) - length) > 3:
        raise ValueError(f"{clip.id}: {len(motion)} frames predicted, {length} tracked")
    length = min(len(motion), length)
    predicted = np.asarray(motion.weights, np.float64)[:length]
    tracked = np.asarray(clip.weights, np.float64)[:length]
    gap, width = np.asarray(clip.lip_gap)[:length], np.asarray(clip.lip_width)[:length]
    opening = aperture(predicted)
    partings = [1000 * lip_parting_delay(opening, burst, MODEL_FPS) for burst in bursts]
    lags = lag_correlations(predicted, gap)
    every = range(predicted.shape[1])
    gaps = np.stack([lip_gap_mm(predicted), lip_gap_mm(tracked)])
    closures = [
        (first / MODEL_FPS, last / MODEL_FPS) for first, last in tracked_closures(gap, MODEL_FPS)
    ]
    closed = [shut_within(gaps[0], *closure, MODEL_FPS) for closure in closures]
    before = [(burst - CLOSURE_SECONDS, burst) for burst in bursts]
    beat, beat_gain = beat_alignment(motion.head_rotation[:length], clip.waveform(), MODEL_FPS)
    figures = {
        "opening": [lip_gap_correlation(predicted, gap)],
        "rounding": [narrowing_correlation(predicted, width)],
        "gap": [correlation(gaps[0], gap)],
        "width": [correlation(lip_width_mm(predicted), width)],
        "amplitude": [amplitude_ratio(predicted, tracked)],
        "liveliness": [amplitude_ratio(predicted, tracked, MOVING)],
        "jitter": [high_frequency_ratio(predicted, tracked, MODEL_FPS)],
        "jitter_all": [high_frequency_ratio(predicted, tracked, MODEL_FPS, every)],
        "lag": [peak_lag(lags)],
        "closures": [closure_recall(predicted, gap, MODEL_FPS)],
        "parting": partings,
        "parting_off": [abs(parting) for parting in partings],
        "lip_error": [lip_vertex_error(predicted, tracked)],
        "upper": [upper_face_deviation(predicted, tracked)],
        "shut": [float(np.mean(closed)) if closed else math.nan],
        "shut_bursts": [float(shut_within(gaps[0], *span, MODEL_FPS)) for span in before],
        "beat": [beat],
        "beat_gain": [beat_gain],
    }
    return ClipResult(clip.id, speaker, group, figures, lags, gaps)


def more_figures(
    clip: TrackedClip,
    motion: Motion,
    sync: Callable[[TrackedClip, Motion], Sync | None] | None,
    style: Callable[[Motion], NDArray[np.float32]] | None,
    retake: Callable[[TrackedClip], Prediction] | None,
) -> dict[str, list[float]]:
    """The figures that need a network or a second take; see `evaluate`."""
    figures: dict[str, list[float]] = {}
    if sync:
        found = sync(clip, motion)
        figures["sync"] = [found.offset if found else math.nan]
        figures["confidence"] = [found.confidence if found else math.nan]
    if style:
        enough = min(motion.duration, clip.motion.duration) >= 1
        apart = style(motion) - style(clip.motion) if enough else math.nan
        figures["style"] = [float(np.linalg.norm(apart))]
    if retake:
        lips, upper = take_distance(motion.weights, as_motion(retake(clip)).weights)
        figures["takes_lips"], figures["takes_upper"] = [lips], [upper]
    return figures


def expert_sync(clip: TrackedClip, motion: Motion) -> Sync | None:
    """What the shipped lip expert says of a motion for a clip's speech; None if it is too short.

    Raises ModelError without the expert's weights.
    """
    from dreamtalk_core.pipeline.sync import MIN_FRAMES, measure_sync
    from dreamtalk_core.speech.audio import Speech

    if len(motion) < MIN_FRAMES:
        return None
    return measure_sync(Speech(clip.waveform(), clip.id), motion)


def style_code(model: MotionModel) -> Callable[[Motion], NDArray[np.float32]]:
    """What `evaluate` takes for `style`: the code that a model gives a motion of a second or more.

    Distances are in units of the mean distance between the model's own named styles.
    """
    from dreamtalk_core.style import extract_style

    named = np.stack([code.cpu().numpy() for code in model.styles.values()])
    apart = np.linalg.norm(named[:, None] - named, axis=-1)
    unit = apart.sum() / max(1, len(named) * (len(named) - 1))
    return lambda motion: extract_style(model, motion, "clip", "the clip").code / unit
