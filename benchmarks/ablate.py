"""What each part of the model is good for: trained without it, and evaluated, all in style neutral.

    python benchmarks/ablate.py --corpus PATH --output FOLDER [--steps N] [--seeds N] [--clips N]
                                [--json OUT.json] [NAME ...]

Names are those of `benchmarks/ablations/*.json` (default: all), before which stands the model as it
is configured. Each is trained once for every seed, and kept in the folder. All figures are means
over speakers; what has changed against the model as it is configured is over the same speakers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.groups import evaluate_lips, grouped_clips, report_speaker  # noqa: E402
from dreamtalk_core import DreamTalk  # noqa: E402
from dreamtalk_core.corpus import Clip, evenly  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.report import METRICS, Report, change_text  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned, number, save_json  # noqa: E402
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
    parser.add_argument(
        "--steps", type=int, help="train for so many; the lip expert for fewer in proportion"
    )
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each (default 1)")
    parser.add_argument("--clips", type=int, help="evaluate on so many of a speaker (default: all)")
    parser.add_argument("--json", type=Path, help="write every figure of every clip here as well")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ABLATIONS)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(ABLATIONS):
        parser.error(f"there is no ablation {', '.join(sorted(unknown))}")
    reports = []
    try:
        clips = list(some_of_each(grouped_clips(options.corpus), options.clips))
        for name in ("default", *(options.names or ABLATIONS)):
            takes = []
            for seed in range(options.seeds):
                config, output = configured(name, seed, options.steps), options.output
                model = trained(config, options.corpus, output / f"{name}-{seed}")
                takes.append(evaluate_lips(DreamTalk.load(model), clips, name, "neutral"))
            every = tuple(chain.from_iterable(take.clips for take in takes))
            reports.append(Report(name, every, takes[0].known))
            print(table(reports), flush=True)
            if options.json:
                save_json(options.json, [report.as_json() for report in reports])
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def some_of_each(clips: Sequence[Clip], most: int | None) -> Iterator[Clip]:
    """At most so many clips of every speaker, evenly from all."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(report_speaker(clip), []).append(clip)
    for theirs in by_speaker.values():
        yield from evenly(theirs, most or len(theirs))


def configured(name: str, seed: int, steps: int | None) -> dict[str, object]:
    """The configuration of an ablation, or `default`, with another seed and number of steps."""
    config = read_config(ABLATIONS.get(name, CONFIGURED))
    share = steps / config["steps"] if steps else 1
    config["expert"]["steps"] = round(config["expert"]["steps"] * share)
    return config | {"steps": steps or config["steps"], "seed": config["seed"] + seed}


def trained(config: dict[str, object], corpus: Path, output: Path) -> Path:
    """The model of a configuration. All runs of a folder share their features."""
    output.mkdir(parents=True, exist_ok=True)
    shared = output.parent / "cache"
    shared.mkdir(exist_ok=True)
    if not (output / "cache").exists():
        (output / "cache").symlink_to(shared.resolve(), target_is_directory=True)
    (output / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return train(output / "config.json", corpus, output)


def table(reports: Sequence[Report]) -> str:
    """A row for every run, a column for every group: the figures of SHOWN; then the changes."""
    metrics = [next(metric for metric in METRICS if metric.key == key) for key in SHOWN]
    rows = [[" / ".join(metric.title for metric in metrics), *reports[0].groups]]
    for report in reports:
        cells = [
            [number(report.summary(group, metric).value, metric.digits) for metric in metrics]
            for group in report.groups
        ]
        rows.append([report.name, *(" / ".join(cell) for cell in cells)])
    for report in reports[1:]:
        changes = (report.change(reports[0], group, metrics[0]) for group in report.groups)
        rows.append([f"{report.name}, {metrics[0].title} gained", *map(change_text, changes)])
    return "\n".join(aligned(rows)) + "\n"


if __name__ == "__main__":
    sys.exit(main())
