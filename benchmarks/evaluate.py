"""All figures of a model on our own corpus: those of the model card.

    python benchmarks/evaluate.py --corpus PATH [--model NAME|FILE] [--json OUT.json]
                                  [--page OUT.html]

As `dreamtalk evaluate`, but by the groups of `benchmarks.corpora.groups`, with the bursts of GRID's
/b/ and /p/, and with the styles of real clips, if the corpus has them.
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
from benchmarks.corpora.groups import evaluate_model_groups, grouped_clips  # noqa: E402
from dreamtalk_core import DreamTalk  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.page import check_page, write_page  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; write them where that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--model", default="default")
    parser.add_argument("--device", default="auto")
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
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    bar = tqdm(clips, desc="evaluate", unit="clip", disable=None)
    report = evaluate_model_groups(talk, bar, f"DreamTalk ({options.model})")
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


if __name__ == "__main__":
    sys.exit(main())
