"""Run a predictor over tracked clips and report how it does, with confidence intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation import metrics
from dreamtalk_core.evaluation.bursts import Burst, find_bursts, grid_sentence
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

if TYPE_CHECKING:
    from dreamtalk_core.corpus import Clip
    from dreamtalk_core.models.lip_expert import Sync
    from dreamtalk_core.models.motion_model import MotionModel

Weights = NDArray[np.floating[Any]]
Prediction: TypeAlias = "Motion | Weights"
"""Motion at 25 fps, or weights [T, 52] in ARKit order where nothing is said about the head."""

FPS = 25.0
"""Frames per second of tracked clips and of predictions for them."""

UNSEEN_GRID_SPEAKERS = ("GRID_s30", "GRID_s33", "GRID_s34", "GRID_B", "GRID_C", "GRID_E", "GRID_H")
"""GRID speakers that no shipped model is trained on (a trailing `_male`, `_female` is ignored)."""

GROUPS = {
    "wild": "people in ordinary conditions, none of them trained on",
    "grid unseen": "GRID speakers that are not trained on",
    "arabic": "Arabic news anchors that appear in no training clip",
    "grid dev": "held-out sentences of a GRID speaker that is trained on",
}


class TrackedClip(Protocol):
    """What evaluation reads of a corpus clip: speech and the face that was tracked with it."""

    @property
    def id(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def speaker(self) -> str: ...

    @property
    def motion(self) -> Motion: ...

    @property
    def weights(self) -> Weights: ...

    @property
    def lip_gap(self) -> Weights: ...

    @property
    def lip_width(self) -> Weights: ...

    def waveform(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Metric:
    """One figure: how it is called, how clips are summed up, and what is asked of it."""

    key: str
    title: str
    statistic: Callable[..., Any]
    digits: int
    meaning: str


METRICS = (
    Metric("opening", "lip gap r", np.mean, 2, "correlation of the mouth opening with the lip gap"),
    Metric("rounding", "pucker r", np.mean, 2, "correlation of mouthPucker with mouth narrowing"),
    Metric("amplitude", "amplitude", np.median, 2, "its deviation over the tracked one's (median)"),
    Metric("liveliness", "moving", np.median, 2, "amplitude over clips that move by .02 (median)"),
    Metric("jitter", ">8 Hz", np.median, 2, "mouth energy above 8 Hz over the tracked (median)"),
    Metric("jitter_all", ">8 Hz all", np.median, 2, "the same over all 52 channels (median)"),
    Metric("lag", "lag fr", np.median, 1, "frames by which the mouth opens late (median of clips)"),
    Metric("closures", "closures", np.mean, 2, "share of tracked lip closures that it closes at"),
    Metric("parting", "parting ms", np.median, 0, "from the burst of /b/, /p/ to the parting lips"),
    Metric("parting_off", "|parting|", np.median, 0, "the same without its sign (median, ms)"),
    Metric("lip_error", "lip error mm", np.mean, 2, "distance of the head's lips from the tracked"),
    Metric("upper", "FDD mm", np.mean, 2, "upper-face dynamics, predicted less tracked"),
    Metric("shut", "shut at closures", np.mean, 2, "share of tracked closures with lips in 1 mm"),
    Metric("shut_bursts", "shut at /b p/", np.mean, 2, "share of GRID's initial /b p/ with that"),
    Metric("beat", "beat", np.mean, 2, "beat alignment of the head's turns with the voice, 0 to 1"),
    Metric("beat_gain", "beat gain", np.mean, 2, "the same less chance (tracked heads: 0)"),
    Metric("sync", "sync fr", np.median, 1, "frames by which the lip expert finds the lips late"),
    Metric("confidence", "confidence", np.mean, 2, "how sure the lip expert is of that (logits)"),
    Metric("style", "style distance", np.mean, 2, "between codes of predicted and tracked face"),
    Metric("takes_lips", "takes, lips mm", np.mean, 2, "distance of the lips between two seeds"),
    Metric("takes_upper", "takes, brows mm", np.mean, 2, "the same of brows and eyelids"),
)

CLOSURE_SECONDS = 0.06
"""How long before its burst the lips of a /b/ or /p/ are taken to be closed."""


@dataclass(frozen=True)
class ClipResult:
    """The figures of one clip: key of METRICS -> values (one; one per burst for the partings)."""

    id: str
    group: str
    figures: dict[str, list[float]]
    lags: NDArray[np.float64]
    """Correlation of mouth opening and lip gap at lags -10 ... 10 frames."""
    gaps: NDArray[np.float64]
    """[2, T] lip gap of the built-in head in mm: predicted, tracked."""


@dataclass(frozen=True)
class Summary:
    """A figure over the clips (or bursts) of a group, with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    count: int
    left_out: int
    """Clips (or bursts) that could not give this figure: a signal never moved, or was too short."""


@dataclass(frozen=True)
class Report:
    """What a predictor did on every clip."""

    name: str
    clips: tuple[ClipResult, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that have clips; the known ones first, in their order."""
        found = {clip.group for clip in self.clips}
        return (*(group for group in GROUPS if group in found), *sorted(found - set(GROUPS)))

    def values(self, group: str, key: str) -> NDArray[np.float64]:
        """One figure for all clips (or bursts) of a group, NaN where there is none."""
        clips = (clip for clip in self.clips if clip.group == group)
        return np.array([value for clip in clips for value in clip.figures.get(key, ())])

    def summary(self, group: str, metric: Metric) -> Summary:
        """One figure over a group."""
        values = self.values(group, metric.key)
        given = values[~np.isnan(values)]
        low, high = metrics.bootstrap_interval(given, metric.statistic)
        value = float(metric.statistic(given)) if len(given) else math.nan
        return Summary(value, low, high, len(given), len(values) - len(given))

    def peak_lag(self, group: str) -> float:
        """The lag in frames at which the mean correlation over a group's clips peaks."""
        lags = [clip.lags for clip in self.clips if clip.group == group]
        given = [curve for curve in lags if not np.isnan(curve).any()]
        return metrics.peak_lag(np.mean(given, axis=0)) if given else math.nan

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The figures that were measured."""
        found = {key for clip in self.clips for key in clip.figures}
        return tuple(metric for metric in METRICS if metric.key in found)

    def table(self, *, legend: bool = True) -> str:
        """A text table: a row for every figure, a column for every group.

        A cell is the value and its 95 % interval, and in round brackets how many clips (or bursts)
        gave it, if some did not.
        """
        rows = [["", *self.groups], ["clips", *(str(self.count(group)) for group in self.groups)]]
        for metric in self.metrics:
            cells = (self.summary(group, metric) for group in self.groups)
            rows.append([metric.title, *(cell_text(cell, metric.digits) for cell in cells)])
        peaks = (number(self.peak_lag(group), 0) for group in self.groups)
        rows.append(["peak lag fr", *peaks])
        meanings = ["", *(f"{metric.title}: {metric.meaning}" for metric in self.metrics)]
        return "\n".join([self.name, *aligned(rows), *(meanings if legend else [])]) + "\n"

    def count(self, group: str) -> int:
        """Number of clips in a group."""
        return sum(clip.group == group for clip in self.clips)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data: summaries by group and every clip's figures; NaN is null."""
        groups = {
            group: {
                "clips": self.count(group),
                "peak_lag_frames": self.peak_lag(group),
                "figures": {m.key: vars(self.summary(group, m)) for m in self.metrics},
            }
            for group in self.groups
        }
        clips = [{"id": c.id, "group": c.group, "figures": c.figures} for c in self.clips]
        document = {
            "format": "dreamtalk.evaluation",
            "version": 1,
            "name": self.name,
            "interval": 0.95,
            "meaning": {metric.key: metric.meaning for metric in self.metrics},
            "groups": groups,
            "clips": clips,
        }
        plain: dict[str, Any] = _without_nan(document)
        return plain

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        save_json(path, self.as_json())


def evaluate(
    predict: Callable[[TrackedClip], Prediction],
    clips: Iterable[TrackedClip],
    *,
    name: str = "model",
    bursts: Callable[[TrackedClip], Sequence[Burst]] | None = None,
    sync: Callable[[TrackedClip, Motion], Sync | None] | None = None,
    style: Callable[[Motion], NDArray[np.float32]] | None = None,
    retake: Callable[[TrackedClip], Prediction] | None = None,
) -> Report:
    """Hold a predictor against the tracked faces of clips, one after another.

    predict: gives the motion for a clip's speech at 25 fps, frame i at (i + 0.5) / 25 s. The rest
    adds figures: bursts tells where a clip's lip bursts are (default: found in GRID clips by
    `clip_bursts`), sync what a lip expert says (see `expert_sync`), style the style code of a
    motion (see `style_code`), and retake is `predict` with another seed. Clips without a group (see
    `group_of`) are reported under their split.
    """
    find = clip_bursts if bursts is None else bursts
    results = []
    for clip in clips:
        motion = as_motion(predict(clip))
        result = clip_result(clip, motion, find(clip))
        result.figures.update(more_figures(clip, motion, sync, style, retake))
        results.append(result)
    return Report(name, tuple(results))


def clip_result(clip: TrackedClip, motion: Motion, bursts: Sequence[Burst]) -> ClipResult:
    """The figures of one prediction; ValueError if its length is not the clip's."""
    length = len(clip.lip_gap)
    # Speech and video of a clip rarely end together; more than three frames is another matter.
    if abs(len(motion) - length) > 3:
        raise ValueError(f"{clip.id}: {len(motion)} frames predicted, {length} tracked")
    length = min(len(motion), length)
    predicted = np.asarray(motion.weights, np.float64)[:length]
    tracked = np.asarray(clip.weights, np.float64)[:length]
    gap, width = np.asarray(clip.lip_gap)[:length], np.asarray(clip.lip_width)[:length]
    opening = metrics.aperture(predicted)
    partings = [1000 * metrics.lip_parting_delay(opening, burst.time, FPS) for burst in bursts]
    lags = metrics.lag_correlations(predicted, gap)
    every = range(predicted.shape[1])
    gaps = np.stack([metrics.lip_gap_mm(predicted), metrics.lip_gap_mm(tracked)])
    closures = [(first / FPS, last / FPS) for first, last in metrics.tracked_closures(gap, FPS)]
    closed = [metrics.shut_within(gaps[0], *closure, FPS) for closure in closures]
    before = [(burst.time - CLOSURE_SECONDS, burst.time) for burst in bursts]
    beat, beat_gain = metrics.beat_alignment(motion.head_rotation[:length], clip.waveform(), FPS)
    figures = {
        "opening": [metrics.lip_gap_correlation(predicted, gap)],
        "rounding": [metrics.narrowing_correlation(predicted, width)],
        "amplitude": [metrics.amplitude_ratio(predicted, tracked)],
        "liveliness": [metrics.amplitude_ratio(predicted, tracked, metrics.MOVING)],
        "jitter": [metrics.high_frequency_ratio(predicted, tracked, FPS)],
        "jitter_all": [metrics.high_frequency_ratio(predicted, tracked, FPS, every)],
        "lag": [metrics.peak_lag(lags)],
        "closures": [metrics.closure_recall(predicted, gap, FPS)],
        "parting": partings,
        "parting_off": [abs(parting) for parting in partings],
        "lip_error": [metrics.lip_vertex_error(predicted, tracked)],
        "upper": [metrics.upper_face_deviation(predicted, tracked)],
        "shut": [float(np.mean(closed)) if closed else math.nan],
        "shut_bursts": [float(metrics.shut_within(gaps[0], *span, FPS)) for span in before],
        "beat": [beat],
        "beat_gain": [beat_gain],
    }
    return ClipResult(clip.id, group_of(clip) or clip.split, figures, lags, gaps)


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
        lips, upper = metrics.take_distance(motion.weights, as_motion(retake(clip)).weights)
        figures["takes_lips"], figures["takes_upper"] = [lips], [upper]
    return figures


def as_motion(prediction: Prediction) -> Motion:
    """A prediction as motion over the 52 ARKit shapes at 25 fps."""
    if isinstance(prediction, Motion):
        return prediction.to_arkit()
    return Motion(ARKIT_NAMES, np.clip(prediction, 0, 1), Fraction(FPS))


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


def evaluation_clips(corpus: Path, split: str | None = None) -> list[Clip]:
    """The clips of a corpus that belong to a group, or all of one split; CorpusError as of
    `read_manifest`, or when there is none."""
    # Imported here: evaluating clips that came from elsewhere takes none of the decoders.
    from dreamtalk_core.corpus import read_manifest

    clips = list(read_manifest(corpus, {"split": [split]} if split else None))
    chosen = clips if split else [clip for clip in clips if group_of(clip)]
    if not chosen:
        raise CorpusError(f"{corpus} has no clips to evaluate on. Name a split of its manifest.")
    return chosen


def group_of(clip: TrackedClip) -> str | None:
    """The evaluation group (a key of GROUPS) that a corpus clip belongs to; None: for training."""
    if clip.id.startswith("wild_"):
        return "wild"
    if clip.id.startswith("ar_"):
        return "arabic" if clip.split == "dev" else None
    if clip.id.startswith("grid_"):
        speaker = clip.speaker.removesuffix("_male").removesuffix("_female")
        if speaker in UNSEEN_GRID_SPEAKERS:
            return "grid unseen"
        return "grid dev" if clip.split == "dev" else None
    return None


def clip_bursts(clip: TrackedClip) -> list[Burst]:
    """The bursts of the word-initial /b/ and /p/ of a GRID clip; none for any other clip."""
    words = grid_sentence(clip.id) if clip.id.startswith("grid_") else None
    if words is None:
        return []
    posteriors, phones = phone_posteriors(clip.waveform())
    return find_bursts(clip.waveform(), words, posteriors, phones)


def phone_posteriors(
    waveform: NDArray[np.float32],
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """What the phonetic encoder hears: log-posteriors [T, phones] at 50 frames/s, and the phones.

    waveform: [N] at 16 kHz, a clip of seconds, not hours; any level: it is brought to that of
    ordinary speech first.
    """
    import torch

    from dreamtalk_core.models.devices import inference

    encoder = _encoder()
    speech = np.asarray(waveform, np.float32)
    level = max(float(np.sqrt(np.mean(np.square(speech)))), 1e-6)
    speech = np.clip(speech * (0.07 / level), -1.0, 1.0)
    with inference():
        _, posteriors = encoder(torch.from_numpy(speech)[None])
    return posteriors[0].numpy(), encoder.phones


def comparison(reports: Sequence[Report]) -> str:
    """A Markdown table of several predictors: lip gap r / pucker r / amplitude for every group."""
    groups = list(dict.fromkeys(group for report in reports for group in report.groups))
    rows = [["", *groups], ["---"] * (1 + len(groups))]
    shown = [metric for metric in METRICS if metric.key in ("opening", "rounding", "amplitude")]
    for report in reports:
        cells = [
            " / ".join(number(report.summary(group, m).value, m.digits) for m in shown)
            for group in groups
        ]
        rows.append([report.name, *cells])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", " / ".join(metric.title for metric in shown)]) + "\n"


def number(value: float, digits: int) -> str:
    """A figure as tables show it: `.58` for 0.58, `-` for NaN."""
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def cell_text(summary: Summary, digits: int) -> str:
    """A summary as tables show it: `.58 [.52 .63]`, with ` (25)` if some clips did not give it."""
    if math.isnan(summary.value):
        return "-"
    low, high = number(summary.low, digits), number(summary.high, digits)
    count = f" ({summary.count})" if summary.left_out else ""
    return f"{number(summary.value, digits)} [{low} {high}]{count}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines with columns aligned, the first to the left, the rest to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def save_json(path: Path, document: object) -> None:
    """Write plain data as JSON, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


@cache
def _encoder() -> Any:
    from dreamtalk_core.speech.phonetics import PhoneticEncoder

    return PhoneticEncoder.load()


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
