"""What a predictor did on every clip, summed up over groups of clips, with confidence intervals."""

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

    def values(self, group: str, key: str) -> NDArray[np.float64]:
        """One figure for all clips (or bursts) of a group, NaN where there is none."""
        clips = (clip for clip in self.clips if clip.group == group)
        return np.array([value for clip in clips for value in clip.figures.get(key, ())])

    def summary(self, group: str, metric: Metric) -> Summary:
        """One figure over a group."""
        values = self.values(group, metric.key)
        given = values[~np.isnan(values)]
        low, high = bootstrap_interval(given, metric.statistic)
        value = float(metric.statistic(given)) if len(given) else math.nan
        return Summary(value, low, high, len(given), len(values) - len(given))

    def peak_lag(self, group: str) -> float:
        """The lag in frames at which the mean correlation over a group's clips peaks."""
        lags = [clip.lags for clip in self.clips if clip.group == group]
        given = [curve for curve in lags if not np.isnan(curve).any()]
        return peak_lag(np.mean(given, axis=0)) if given else math.nan

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


def cell_text(summary: Summary, digits: int) -> str:
    """A summary as tables show it: `.58 [.52 .63]`, with ` (25)` if some clips did not give it."""
    if math.isnan(summary.value):
        return "-"
    low, high = number(summary.low, digits), number(summary.high, digits)
    count = f" ({summary.count})" if summary.left_out else ""
    return f"{number(summary.value, digits)} [{low} {high}]{count}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
