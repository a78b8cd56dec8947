"""All figures of a model on our own corpus: those of the model card.

    python benchmarks/evaluate.py --corpus PATH [--model NAME|FILE] [--style STYLE]
                                  [--groups NAME ...] [--quick] [--json OUT.json] [--page OUT.html]

As `dreamtalk evaluate`, but by the groups of `benchmarks.corpora.groups`, with the bursts of GRID's
/b/ and /p/, and with the styles of real clips, if the corpus has them. `--quick` prints a short
table in about a minute: lips and how widely they move, without what needs bursts, a second take or
another network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora import emotions  # noqa: E402
from benchmarks.corpora.groups import (  # noqa: E402
    GROUPS,
    evaluate_lips,
    evaluate_model_groups,
    group_of,
    grouped_clips,
)
from dreamtalk_core import DreamTalk  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.page import check_page, write_page  # noqa: E402
from dreamtalk_core.evaluation.report import CELL, METRICS, Report, cell_text  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned, number  # noqa: E402

SHORT = (
    *("opening", "gap", "rounding", "width"),
    *("amplitude", "liveliness", "jitter", "closures", "shut"),
)
"""The figures of the short table."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; write them where that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--model", default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--style", help="what it speaks in (default: as without this benchmark)")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, help="only these", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="a short table in about a minute")
    parser.add_argument("--split", help="a split of the manifest (default: all that have a group)")
    parser.add_argument("--every", type=int, default=1, help="use every n-th clip only")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--page", type=Path, help="write a page of tables and plots")
    options = parser.parse_args(arguments)
    try:
        if options.page:
            check_page(options.page)
        talk = DreamTalk.load(options.model, options.device)
        clips = grouped_clips(options.corpus, options.split)[:: options.every]
        clips = [clip for clip in clips if not options.groups or group_of(clip) in options.groups]
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    bar = tqdm(clips, desc="evaluate", unit="clip", disable=None)
    name = f"DreamTalk ({options.model})"
    if options.quick:
        report = evaluate_lips(talk, bar, name, options.style)
        print(short_table(report))
        if options.json:
            report.save(options.json)
        return 0
    report = evaluate_model_groups(talk, bar, name, style=options.style)
    print(report.table())
    notes = []
    if (options.corpus / "style_clips").is_dir():
        results = emotions.style_results(talk, options.corpus, emotions.some_speeches(clips))
        notes.append(("Styles of real clips", emotions.table(results)))
        print(notes[-1][1])
    if options.json:
        report.save(options.json)
    if options.page:
        write_page(options.page, [report], notes)
        print(options.page)
    return 0


def short_table(report: Report) -> str:
    """A row for every group, a column for every figure of SHORT."""
    chosen = [next(metric for metric in METRICS if metric.key == key) for key in SHORT]
    titles = [metric.title for metric in chosen]
    rows = [["", "speakers", "clips", *titles, "peak lag fr"]]
    for group in report.groups:
        cells = (cell_text(report.summary(group, metric), metric.digits) for metric in chosen)
        counts = (str(report.speakers(group)), str(report.count(group)))
        rows.append([group, *counts, *cells, number(report.peak_lag(group), 0)])
    return "\n".join([*aligned(rows), "", CELL])


if __name__ == "__main__":
    sys.exit(main())
