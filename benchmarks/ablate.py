"""What each part of the model is good for: trained without it, and evaluated, all in style neutral.

    python benchmarks/ablate.py --corpus PATH --output FOLDER [--steps N] [NAME ...]

Names are those of `benchmarks/ablations/*.json` (default: all), before which stands the model as it
is configured. Each is trained once and kept in the folder; runs differ by about .02.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.groups import evaluate_lips, grouped_clips  # noqa: E402
from dreamtalk_core import DreamTalk  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.report import METRICS, Report  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned, number  # noqa: E402
from dreamtalk_core.training.config import read_config  # noqa: E402
from dreamtalk_core.training.train import train  # noqa: E402

CONFIGURED = ROOT / "dreamtalk_core" / "training" / "default.json"
ABLATIONS = {path.stem: path for path in sorted((ROOT / "benchmarks" / "ablations").glob("*.json"))}
SHOWN = ("opening", "width", "liveliness", "shut")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and evaluate one after another, and print a table after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--output", type=Path, required=True, help="folder to train in")
    parser.add_argument("--steps", type=int, help="train for fewer steps than is configured")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ABLATIONS)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(ABLATIONS):
        parser.error(f"there is no ablation {', '.join(sorted(unknown))}")
    reports = []
    try:
        clips = grouped_clips(options.corpus)
        for name in ("default", *(options.names or ABLATIONS)):
            path = ABLATIONS.get(name, CONFIGURED)
            model = trained(path, options.corpus, options.output / name, options.steps)
            reports.append(evaluate_lips(DreamTalk.load(model), clips, name, "neutral"))
            print(table(reports), flush=True)
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def trained(config: Path, corpus: Path, output: Path, steps: int | None) -> Path:
    """The model of a configuration. All runs of a folder share their features."""
    output.mkdir(parents=True, exist_ok=True)
    shared = output.parent / "cache"
    shared.mkdir(exist_ok=True)
    if not (output / "cache").exists():
        (output / "cache").symlink_to(shared.resolve(), target_is_directory=True)
    settings = read_config(config)
    settings["steps"] = steps or settings["steps"]
    (output / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return train(output / "config.json", corpus, output)


def table(reports: Sequence[Report]) -> str:
    """A row for every run, a column for every group: the figures of SHOWN."""
    metrics = [next(metric for metric in METRICS if metric.key == key) for key in SHOWN]
    rows = [[" / ".join(metric.title for metric in metrics), *reports[0].groups]]
    for report in reports:
        cells = [
            [number(report.summary(group, metric).value, metric.digits) for metric in metrics]
            for group in report.groups
        ]
        rows.append([report.name, *(" / ".join(cell) for cell in cells)])
    return "\n".join(aligned(rows))


if __name__ == "__main__":
    sys.exit(main())
