"""Reports as one self-contained HTML page: tables, and plots as SVG within it.

Needs matplotlib: `pip install dreamtalk[evaluate]`.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.evaluation.report import (
    CELL,
    ClipResult,
    Metric,
    Report,
    Summary,
    cell_text,
)
from dreamtalk_core.evaluation.tables import number
from dreamtalk_core.files import atomic_write, check_target
from dreamtalk_core.motion import MODEL_FPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0b6e99", "#d9730d", "#6b8e23", "#9065b0", "#ad1a72", "#64625d", "#b59a00")
TRACKED_COLOUR = "#999999"

SHOWN_SECONDS = 6.0
"""Of a clip's curves."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       max-width: 1080px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px }
th, td { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap }
td.meaning { color: #777; white-space: normal }
td small { color: #888 }
.scroll { overflow-x: auto }
svg { max-width: 100%; height: auto }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 12px }
"""

# Matplotlib's own type for these names every setting there is.
SETTINGS: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: smaller, and it can be searched
}


def check_page(path: Path) -> None:
    """Raise DreamTalkError if `write_page` could not write there; for a check before any work."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise DreamTalkError(f"{path} does not end in .html. A page needs that ending.")
    check_target(path)
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise DreamTalkError(
            "A page of plots needs matplotlib. Install it with: pip install dreamtalk[evaluate]"
        ) from error


def write_page(
    path: Path, reports: Sequence[Report], notes: Sequence[tuple[str, str]] = ()
) -> None:
    """Write reports on the same clips, side by side, as one HTML file.

    notes: (heading, preformatted text) to be put at the end, such as other tables. Raises
    DreamTalkError as `check_page` does.
    """
    check_page(path)
    with atomic_write(path) as temporary:
        temporary.write_text(page(reports, notes), encoding="utf-8")


def page(reports: Sequence[Report], notes: Sequence[tuple[str, str]] = ()) -> str:
    """The page of `write_page` as text. Needs matplotlib."""
    names = " and ".join(report.name for report in reports)
    groups = groups_of(reports)
    parts = [f"<h1>Evaluation of {html.escape(names)}</h1>", group_list(reports, groups)]
    parts += ["<h2>Figures</h2>", table(reports, groups)]
    parts += [
        "<h2>Figures with their 95 % intervals</h2>",
        svg("i", partial(draw_intervals, reports=reports, groups=groups), *interval_size(reports)),
        "<h2>Lag: correlation of the opening mouth with the tracked lips, moved in time</h2>",
        svg("l", partial(draw_lags, reports=reports, groups=groups), 10.4, 2.6),
        "<h2>Lip gap on the built-in head: the clip of median correlation in each group</h2>",
        svg("c", partial(draw_curves, reports=reports, groups=groups), 10.4, 1.9 * len(groups)),
    ]
    for heading, text in notes:
        parts += [f"<h2>{html.escape(heading)}</h2>", f"<pre>{html.escape(text)}</pre>"]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>Evaluation of {html.escape(names)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def groups_of(reports: Sequence[Report]) -> tuple[str, ...]:
    """The groups that every report has: reports beside each other are on the same clips."""
    return tuple(g for g in reports[0].groups if all(g in report.groups for report in reports))


def metrics_of(reports: Sequence[Report]) -> tuple[Metric, ...]:
    """The figures of all reports, each once."""
    return tuple(dict.fromkeys(metric for report in reports for metric in report.metrics))


def group_list(reports: Sequence[Report], groups: Sequence[str]) -> str:
    """What the groups are, and how many clips they have."""
    counts = {
        group: f"{max(report.count(group) for report in reports)} clips of "
        f"{max(report.speakers(group) for report in reports)}"
        for group in groups
    }
    known = reports[0].known
    lines = [
        f"<li><b>{html.escape(group)}</b>: {counts[group]}"
        + (f", {html.escape(known[group])}" if group in known else "")
        + "</li>"
        for group in groups
    ]
    return "<ul>" + "".join(lines) + f"</ul>\n<p>{html.escape(CELL)}</p>"


def table(reports: Sequence[Report], groups: Sequence[str]) -> str:
    """An HTML table: a block of rows for every figure, a row for every report in it."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in ("", "", *groups, ""))
    rows = [f"<tr>{head}</tr>"]
    for metric in metrics_of(reports):
        for i, report in enumerate(reports):
            first = i == 0
            cells = [f"<th>{html.escape(metric.title) if first else ''}</th>"]
            cells.append(f"<td>{html.escape(report.name) if len(reports) > 1 else ''}</td>")
            for group in groups:
                cells.append(table_cell(report.summary(group, metric), metric.digits))
            meaning = html.escape(metric.meaning) if first else ""
            rows.append(f'<tr>{"".join(cells)}<td class="meaning">{meaning}</td></tr>')
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>'


def table_cell(summary: Summary, digits: int) -> str:
    """A summary: the value in plain, its interval (and count) in small."""
    value, _, rest = cell_text(summary, digits).partition(" ")
    return f"<td>{value} <small>{rest}</small></td>"


def svg(name: str, draw: Callable[[Figure], None], width: float, height: float) -> str:
    """A drawing as an SVG element; width and height in inches.

    name: a letter that no other drawing on the page has: ids are the whole page's.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**SETTINGS, "svg.hashsalt": name}):  # the same ids every time
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        file = StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", text[text.index("<svg") :])


COLUMNS = 4
"""Figures beside each other among the intervals."""


def interval_size(reports: Sequence[Report]) -> tuple[float, float]:
    """Inches of the drawing of `draw_intervals`."""
    return 10.4, 1.75 * -(-len(metrics_of(reports)) // COLUMNS) + 0.3


def draw_intervals(figure: Figure, reports: Sequence[Report], groups: Sequence[str]) -> None:
    """A small plot for every figure: groups along x, a dot with its interval for every report."""
    shown = metrics_of(reports)
    axes = figure.subplots(-(-len(shown) // COLUMNS), COLUMNS, squeeze=False).ravel()
    for axis, metric in zip(axes, shown, strict=False):
        for i, report in enumerate(reports):
            points = [
                (at + (i - (len(reports) - 1) / 2) * 0.6 / len(reports), summary)
                for at, group in enumerate(groups)
                if not math.isnan((summary := report.summary(group, metric)).value)
            ]
            axis.errorbar(
                [x for x, _ in points],
                [summary.value for _, summary in points],
                # A median may lie outside its percentile interval by a rounding error.
                [
                    [max(0.0, summary.value - summary.low) for _, summary in points],
                    [max(0.0, summary.high - summary.value) for _, summary in points],
                ],
                fmt="o",
                markersize=3.5,
                color=COLOURS[i % len(COLOURS)],
                label=report.name,
            )
        axis.set_title(metric.title)
        axis.set_xticks(range(len(groups)), [group.replace(" ", "\n") for group in groups])
        axis.set_xlim(-0.5, len(groups) - 0.5)
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    if len(reports) > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(reports))


def draw_lags(figure: Figure, reports: Sequence[Report], groups: Sequence[str]) -> None:
    """The mean over a group's speakers of the correlation at every lag, for every report."""
    for axis, group in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True):
        for i, report in enumerate(reports):
            curve = report.lags(group)
            if len(curve):
                frames = np.arange(len(curve)) - len(curve) // 2
                axis.plot(frames, curve, color=COLOURS[i % len(COLOURS)], label=report.name)
        axis.axvline(0, color="#cccccc", linewidth=0.8, zorder=0)
        axis.set_title(group)
        axis.set_xlabel("frames late")
        if len(reports) > 1 and group == groups[0]:
            axis.legend(fontsize=7)


def draw_curves(figure: Figure, reports: Sequence[Report], groups: Sequence[str]) -> None:
    """Lip gaps in mm, predicted and tracked, of one clip of every group."""
    axes = figure.subplots(len(groups), 1, squeeze=False)[:, 0]
    for axis, group in zip(axes, groups, strict=True):
        typical = typical_clip(reports[0], group)
        for i, report in enumerate(reports):
            for clip in report.clips:
                if clip.id == typical.id:
                    draw_clip(axis, clip, report.name, COLOURS[i % len(COLOURS)], first=i == 0)
        axis.set_title(f"{group}: {typical.id}")
        axis.set_ylabel("mm")
        axis.set_xlim(0, min(SHOWN_SECONDS, typical.gaps.shape[1] / MODEL_FPS))
    axes[-1].set_xlabel("s")
    axes[0].legend(loc="upper right", fontsize=8)


def draw_clip(axis: Axes, clip: ClipResult, name: str, colour: str, *, first: bool) -> None:
    """One clip's lip gap as predicted, and once for all as tracked."""
    count = min(clip.gaps.shape[1], round(SHOWN_SECONDS * MODEL_FPS))
    times = (np.arange(count) + 0.5) / MODEL_FPS
    if first:
        axis.fill_between(
            times, clip.gaps[1, :count], color=TRACKED_COLOUR, alpha=0.45, label="tracked"
        )
    axis.plot(
        times,
        clip.gaps[0, :count],
        color=colour,
        linewidth=1.3,
        label=f"{name} (r {number(clip.figures['opening'][0], 2)})",
    )


def typical_clip(report: Report, group: str) -> ClipResult:
    """The clip whose lip gap correlation is the median of its group's.

    Among the clips that fill the plot, or among all if none does.
    """
    clips = [clip for clip in report.clips if clip.group == group]
    long = [clip for clip in clips if clip.gaps.shape[1] >= SHOWN_SECONDS * MODEL_FPS]
    ranked = sorted(long or clips, key=lambda clip: -np.nan_to_num(clip.figures["opening"][0]))
    return ranked[len(ranked) // 2]
