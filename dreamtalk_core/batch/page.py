"""The page of a batch: what failed, and the worst lines with curves and a still each; one file."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamtalk_core.batch.grade import Thresholds, badness
from dreamtalk_core.batch.ledger import Entry
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats import is_read
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening
from dreamtalk_core.parameters import parameters

WORST = 24
"""Lines that the page shows."""
SHOWN_FAILURES = 200
_STILL = 192  # pixels
_WIDTH, _HEIGHT = 640, 132
_CURVES = (
    ("mouth opening", "#0b6e99"),
    ("rounding", "#d9730d"),
    ("smile less frown", "#6b8e23"),
    ("brows", "#9065b0"),
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 1080px;
       margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em } h3 { font-size: 1em; margin: 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px }
th, td { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: left }
article { display: flex; gap: 1em; border-top: 1px solid #ddd; padding: 1em 0 }
article img { border-radius: 4px; flex: none } article p { margin: .2em 0; font-size: 13px }
.flag { background: #fbe4e4; color: #8d1c1c; border-radius: 3px; padding: 0 .4em;
        margin-right: .4em; font-size: 13px }
.key { display: inline-block; margin-right: 1em; font-size: 12px }
svg { max-width: 100%; height: auto; background: #fafafa }
"""


def write_page(path: Path, folder: Path, entries: Sequence[Entry], limits: Thresholds) -> None:
    """Write the page. folder: where the outputs are. Raises WriteError."""
    text = page(folder, entries, limits)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def page(folder: Path, entries: Sequence[Entry], limits: Thresholds) -> str:
    """The page of `write_page` as text."""
    graded = [entry for entry in entries if "grade" in entry]
    worst = sorted(graded, key=lambda entry: _rank(entry, limits))[:WORST]
    failed = [entry for entry in entries if entry["status"] == "failed"]
    faults = Counter(flag for entry in graded for flag in entry.get("flags", ()))
    parts = ["<h1>Batch</h1>", _summary(entries, failed, faults), _thresholds(limits)]
    if failed:
        parts.append(_failures(failed))
    if changed := [entry for entry in entries if entry.get("change")]:
        parts.append(_changes(changed))
    if worst:
        parts.append(f"<h2>The {len(worst)} worst of {len(graded)} graded lines</h2>")
        keys = (f'<span class="key" style="color:{c}">&#9632; {name}</span>' for name, c in _CURVES)
        parts.append(f"<p>{''.join(keys)}</p>")
        parts += [_line(folder, entry) for entry in worst]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>Batch</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _rank(entry: Entry, limits: Thresholds) -> tuple[float, ...]:
    """`badness`, with what is flagged for the sake of other lines."""
    return (-len(entry.get("flags", ())), *badness(entry["grade"], limits))


def _summary(entries: Sequence[Entry], failed: Sequence[Entry], faults: Counter[str]) -> str:
    flagged = sum(bool(entry.get("flags")) for entry in entries)
    rows = [("lines", len(entries)), ("failed", len(failed)), ("flagged", flagged)]
    if by_hand := sum("corrections" in entry for entry in entries):
        rows.append(("with corrections by hand", by_hand))
    return _table((), [*rows, *sorted(faults.items(), key=lambda one: (-one[1], one[0]))])


def _thresholds(limits: Thresholds) -> str:
    told = ", ".join(
        f"{limit.label.lower()} {getattr(limits, limit.name):g}" for limit in parameters(Thresholds)
    )
    return f"<p>Thresholds: {html.escape(told)}.</p>"


def _failures(failed: Sequence[Entry]) -> str:
    rows = [(entry["row"], entry["id"], entry["error"]) for entry in failed[:SHOWN_FAILURES]]
    more = len(failed) - len(rows)
    rest = f"<p>{more} more are in the ledger.</p>" if more else ""
    return "<h2>Failed</h2>" + _table(("row", "id", "why"), rows) + rest


def _changes(changed: Sequence[Entry]) -> str:
    """Lines that are not as they were in an earlier run, the largest change first."""
    order = sorted(changed, key=lambda entry: _extent(entry["change"]), reverse=True)
    rows = []
    for entry in order[:SHOWN_FAILURES]:
        one = entry["change"]
        if "most" not in one:
            rows.append((entry["id"], one.get("unknown", "new"), "", "", "", ""))
            continue
        moved = one["most"] > 0
        rows.append(
            (
                entry["id"],
                f"{one['most']:.3f} of {one['channel']}" if moved else "",
                f"{one['at']:.2f} s" if moved else "",
                f"{one['mean']:.3f}" if moved else "",
                f"{one['head']:.1f}\N{DEGREE SIGN}" if "head" in one else "",
                f"{one['seconds']:+.2f} s" if "seconds" in one else "",
            )
        )
    head = ("id", "largest difference", "at", "mean", "head turns by", "longer by")
    return f"<h2>Changed: {len(changed)}</h2>" + _table(head, rows)


def _extent(change: Entry) -> tuple[float, float]:
    """How large a change is; what cannot be told, and what is new, comes first."""
    return float(change.get("most", 2)), float(change.get("head", 0))


def _line(folder: Path, entry: Entry) -> str:
    marks = "".join(
        f'<span class="flag">{html.escape(one)}</span>' for one in entry.get("flags", ())
    )
    told = "".join(f"<p>{html.escape(text)}</p>" for text in (*_figures(entry), *_warnings(entry)))
    head = f"<h3>{html.escape(entry['id'])} {marks}</h3>{told}"
    motion = _curves_of(folder, entry)
    if motion is None:
        return f"<article><div>{head}</div></article>"
    return f"<article>{_still(motion)}<div>{head}{_plot(motion)}</div></article>"


def _figures(entry: Entry) -> Iterable[str]:
    found = entry["grade"]
    sync, closures, heard = found.get("sync"), found["closures"], found.get("heard")
    told = [f"{found['seconds']:.1f} s"]
    if sync:
        told.append(f"offset {sync['offset']} frames, confidence {sync['confidence']:.1f}")
    told.append(f"lips shut at {closures['shut']} of {closures['heard']} p, b, m")
    told.append(f"{found['phones']:g} phones/s")
    told.append(f"peak {found['peak']:.1f} dB, {100 * found['clipped']:.2f} % clipped")
    told.append(f"{100 * found['silence']:.0f} % silence")
    if heard:
        told.append(f"heard {heard['emotion']} ({100 * heard['probability']:.0f} %)")
    yield ", ".join(told)


def _warnings(entry: Entry) -> list[str]:
    return [f"warning: {text}" for text in entry.get("warnings", ())]


def _curves_of(folder: Path, entry: Entry) -> Motion | None:
    """The curves of a line, if it has written any that can be read."""
    for name in entry.get("outputs", ()):
        path = folder / name
        if is_read(path):
            try:
                motion = Motion.load(path)
            except DreamTalkError:
                return None
            if set(motion.names) & set(ARKIT_NAMES):  # and not those of another rig
                return motion.to_arkit()
    return None


def _plot(motion: Motion) -> str:
    """Curves over time, as SVG, and when the still is."""
    weights = motion.weights[:, : len(ARKIT_NAMES)]

    def mean(*names: str) -> npt.NDArray[np.float32]:
        return weights[:, [INDEX[name] for name in names]].mean(axis=1)

    smile = mean("mouthSmileLeft", "mouthSmileRight") - mean("mouthFrownLeft", "mouthFrownRight")
    brows = mean("browInnerUp", "browOuterUpLeft", "browOuterUpRight") - mean(
        "browDownLeft", "browDownRight"
    )
    curves = (mouth_opening(weights), mean("mouthPucker"), smile, brows)
    step = max(1, len(weights) // _WIDTH)
    x = np.arange(0, len(weights), step) * (_WIDTH / max(1, len(weights) - 1))
    worst = int(curves[0].argmax()) * (_WIDTH / max(1, len(weights) - 1))
    lines = [f'<path d="M{worst:.1f} 0V{_HEIGHT}" stroke="#ccc" stroke-dasharray="3"/>']
    for values, (_, colour) in zip(curves, _CURVES, strict=True):
        y = _HEIGHT * (0.7 - 0.65 * np.clip(values[::step], -0.45, 1.05))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
    zero = f'<path d="M0 {0.7 * _HEIGHT:.1f}H{_WIDTH}" stroke="#ccc"/>'
    box = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f"<svg {box}>{zero}{''.join(lines)}</svg>"


def _still(motion: Motion) -> str:
    """The built-in head where the mouth is widest open."""
    from dreamtalk_core.render.head.renderer import HeadRenderer

    weights = motion.weights[:, : len(ARKIT_NAMES)]
    at = int(mouth_opening(weights).argmax())
    picture = encode_png(HeadRenderer(_STILL).render(weights[at], motion.head_rotation[at]))
    data = base64.b64encode(picture).decode("ascii")
    return f'<img width="{_STILL}" height="{_STILL}" alt="" src="data:image/png;base64,{data}">'


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def line(cells: Sequence[object], tag: str) -> str:
        told = "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
        return f"<tr>{told}</tr>"

    top = line(head, "th") if head else ""
    return f"<table>{top}{''.join(line(row, 'td') for row in rows)}</table>"
