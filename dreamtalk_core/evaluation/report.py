"""What a predictor did on every clip, summed up over the speakers of groups, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.evaluation.signals import bootstrap_interval, peak_lag
from dreamtalk_core.evaluation.tables import aligned, number, save_json


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
    Metric("gap", "head's gap r", np.mean, 2, "correlation of the head's lip gap with the tracked"),
    Metric("width", "head's width r", np.mean, 2, "the same of the distance of the lip corners"),
    Metric(
        "amplitude", "amplitude", np.median, 2, "how widely it opens, over the tracked (median)"
    ),
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


@dataclass(frozen=True)
class ClipResult:
    """The figures of one clip: key of METRICS -> values (one; one per burst for the partings)."""

    id: str
    speaker: str
    group: str
    figures: dict[str, list[float]]
    lags: NDArray[np.float64]
    """Correlation of mouth opening and lip gap at lags -10 ... 10 frames."""
    gaps: NDArray[np.float64]
    """[2, T] lip gap of the built-in head in mm: predicted, tracked."""


@dataclass(frozen=True)
class Summary:
    """A figure over the speakers of a group, each heard as much, with its 95 % bootstrap interval.

    Of one speaker the interval is over the clips (or bursts), which say less: it may only be held
    against the same speaker's.
    """

    value: float
    low: float
    high: float
    speakers: int
    count: int
    """Clips (or bursts) that gave this figure."""
    left_out: int
    """Clips (or bursts) that could not: a signal never moved, or was too short."""
    over_clips: float
    """The figure over all clips (or bursts): whoever has many of them is heard the most."""


@dataclass(frozen=True)
class Report:
    """What a predictor did on every clip."""

    name: str
    clips: tuple[ClipResult, ...]
    known: Mapping[str, str] = field(default_factory=dict)
    """Groups with what each is, in the order in which they are shown."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that have clips; the known ones first, in their order."""
        found = {clip.group for clip in self.clips}
        return (
            *(group for group in self.known if group in found),
            *sorted(found - set(self.known)),
        )

    def values(self, group: str, key: str) -> dict[str, NDArray[np.float64]]:
        """One figure for the clips (or bursts) of a group by speaker, NaN where there is none."""
        found: dict[str, list[float]] = {}
        for clip in self.clips:
            if clip.group == group:
                found.setdefault(clip.speaker, []).extend(clip.figures.get(key, ()))
        return {speaker: np.array(values) for speaker, values in found.items()}

    def each(self, group: str, metric: Metric) -> dict[str, float]:
        """One figure of each speaker of a group over their clips; who gave none is left out."""
        values = self.values(group, metric.key).items()
        given = {speaker: value[~np.isnan(value)] for speaker, value in values}
        return {who: float(metric.statistic(value)) for who, value in given.items() if len(value)}

    def summary(self, group: str, metric: Metric) -> Summary:
        """One figure over a group: of each speaker's clips, then of the speakers."""
        values = np.concatenate([np.zeros(0), *self.values(group, metric.key).values()])
        given, each = values[~np.isnan(values)], [*self.each(group, metric).values()]
        low, high = bootstrap_interval(each if len(each) > 1 else given, metric.statistic)
        return Summary(
            float(metric.statistic(each)) if each else math.nan,
            low,
            high,
            len(each),
            len(given),
            len(values) - len(given),
            float(metric.statistic(given)) if each else math.nan,
        )

    def change(self, before: Report, group: str, metric: Metric) -> tuple[float, float, float]:
        """(mean, low, high) of what each speaker gained against another report on the same clips.

        Speakers are held against themselves: how they differ from each other does not widen the
        95 % interval. Of one speaker it is NaN.
        """
        now, then = self.each(group, metric), before.each(group, metric)
        gains = [now[speaker] - then[speaker] for speaker in now if speaker in then]
        low, high = bootstrap_interval(gains) if len(gains) > 1 else (math.nan, math.nan)
        return (float(np.mean(gains)) if gains else math.nan), low, high

    def lags(self, group: str) -> NDArray[np.float64]:
        """Mean correlation at lags -10 ... 10 over a group's speakers; empty if none has them."""
        found: dict[str, list[NDArray[np.float64]]] = {}
        for clip in self.clips:
            if clip.group == group and not np.isnan(clip.lags).any():
                found.setdefault(clip.speaker, []).append(clip.lags)
        each = [np.mean(curves, axis=0) for curves in found.values()]
        return np.asarray(np.mean(each, axis=0) if each else [], np.float64)

    def peak_lag(self, group: str) -> float:
        """The lag in frames at which the mean correlation over a group's speakers peaks."""
        curve = self.lags(group)
        return peak_lag(curve) if len(curve) else math.nan

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The figures that were measured."""
        found = {key for clip in self.clips for key in clip.figures}
        return tuple(metric for metric in METRICS if metric.key in found)

    def table(self, *, legend: bool = True) -> str:
        """A text table: a row for every figure, a column for every group.

        Cells are as CELL says.
        """
        rows = [
            ["", *self.groups],
            ["speakers", *(str(self.speakers(group)) for group in self.groups)],
            ["clips", *(str(self.count(group)) for group in self.groups)],
        ]
        for metric in self.metrics:
            cells = (self.summary(group, metric) for group in self.groups)
            rows.append([metric.title, *(cell_text(cell, metric.digits) for cell in cells)])
        peaks = (number(self.peak_lag(group), 0) for group in self.groups)
        rows.append(["peak lag fr", *peaks])
        meanings = ["", CELL, *(f"{metric.title}: {metric.meaning}" for metric in self.metrics)]
        return "\n".join([self.name, *aligned(rows), *(meanings if legend else [])]) + "\n"

    def count(self, group: str) -> int:
        """Number of clips in a group."""
        return sum(clip.group == group for clip in self.clips)

    def speakers(self, group: str) -> int:
        """Number of speakers in a group."""
        return len({clip.speaker for clip in self.clips if clip.group == group})

    def as_json(self) -> dict[str, Any]:
        """The report as plain data: summaries by group and every clip's figures; NaN is null."""
        groups = {
            group: {
                "speakers": self.speakers(group),
                "clips": self.count(group),
                "peak_lag_frames": self.peak_lag(group),
                "figures": {m.key: vars(self.summary(group, m)) for m in self.metrics},
            }
            for group in self.groups
        }
        clips = [
            {"id": c.id, "speaker": c.speaker, "group": c.group, "figures": c.figures}
            for c in self.clips
        ]
        document = {
            "format": "dreamtalk.evaluation",
            "version": 2,
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


def comparison(reports: Sequence[Report]) -> str:
    """A Markdown table of several predictors: lip gap r, pucker r and amplitude over speakers."""
    groups = list(dict.fromkeys(group for report in reports for group in report.groups))
    rows = [["", *groups], ["---"] * (1 + len(groups))]
    shown = [metric for metric in METRICS if metric.key in ("opening", "rounding", "liveliness")]
    for report in reports:
        cells = [
            " / ".join(number(report.summary(group, m).value, m.digits) for m in shown)
            for group in groups
        ]
        rows.append([report.name, *cells])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", " / ".join(metric.title for metric in shown)]) + "\n"


CELL = (
    "value [95 % interval] over speakers | over clips (clips that gave it, if some did not); "
    "of one speaker the interval is over clips"
)
"""What `cell_text` shows."""


def cell_text(summary: Summary, digits: int) -> str:
    """A summary as tables show it: `.58 [.52 .63] | .61 (25)`; see CELL."""
    if math.isnan(summary.value):
        return "-"
    low, high = number(summary.low, digits), number(summary.high, digits)
    over_clips = f" | {number(summary.over_clips, digits)}" if summary.speakers > 1 else ""
    count = f" ({summary.count})" if summary.left_out else ""
    return f"{number(summary.value, digits)} [{low} {high}]{over_clips}{count}"


def change_text(change: tuple[float, float, float], digits: int = 2) -> str:
    """A change as tables show it: `-.03 [-.05 -.01]`, an interval only of more than a speaker."""
    value, low, high = (number(part, digits) for part in change)
    return value if math.isnan(change[1]) else f"{value} [{low} {high}]"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
