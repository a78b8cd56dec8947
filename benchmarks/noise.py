"""What noise costs: lip gap correlation in it, over that in quiet.

    python benchmarks/noise.py --corpus PATH [--model NAME|FILE] [--style STYLE] [--snr 10]
                               [--settings NAME ...] [--groups NAME ...] [--every N]
                               [--json OUT.json]

Settings are pink noise, the babble of five people, a cafe, music, lossy files and a telephone.
Whoever babbles is in no training clip, and is not the one who speaks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.groups import (  # noqa: E402
    GROUPS,
    evaluate_lips,
    group_of,
    grouped_clips,
)
from benchmarks.corpora.noisy import NoisyClip, Setting, Wave, listen, settings  # noqa: E402
from dreamtalk_core import DreamTalk  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.clips import TrackedClip  # noqa: E402
from dreamtalk_core.evaluation.report import METRICS, Report, cell_text, change_text  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned, save_json  # noqa: E402

LIP_GAP = METRICS[0]
STRANGERS = ("wild", "arabic")
"""The groups whose people babble: no model of ours was trained on them."""
TALKERS = 24
"""Recordings that the babble is drawn from."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate the same clips in quiet and in noise, and print what is lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--model", default="default")
    parser.add_argument("--style", help="what it speaks in (default: as without this benchmark)")
    parser.add_argument("--snr", type=float, default=10.0, metavar="DB")
    parser.add_argument(
        "--settings", nargs="+", choices=list(settings(0))[1:], help="only these", metavar="NAME"
    )
    parser.add_argument("--groups", nargs="+", choices=GROUPS, help="only these", metavar="NAME")
    parser.add_argument("--every", type=int, default=1, help="use every n-th clip only")
    parser.add_argument("--json", type=Path, help="write every figure of every clip here as well")
    options = parser.parse_args(arguments)
    try:
        talk = DreamTalk.load(options.model)
        clips = grouped_clips(options.corpus)
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1

    strangers = [clip for clip in clips if group_of(clip) in STRANGERS]
    chosen = [clip for clip in clips if group_of(clip) in (options.groups or GROUPS)]
    chosen = chosen[:: options.every]
    reports = []
    for name, setting in settings(options.snr).items():
        if name in ("quiet", *(options.settings or settings(0))):
            heard = noisy(chosen, strangers, setting)
            bar = tqdm(heard, desc=name, total=len(chosen), disable=None)
            reports.append(evaluate_lips(talk, bar, name, options.style))
    print(table(reports))
    if options.json:
        save_json(options.json, [report.as_json() for report in reports])
    return 0


def noisy(
    clips: Sequence[TrackedClip], strangers: Sequence[TrackedClip], setting: Setting
) -> Iterator[NoisyClip]:
    """Every clip in a setting, in noise of its own, made of other people's recordings."""
    some = strangers[:: max(1, len(strangers) // TALKERS)]
    talkers: list[tuple[str, Wave]] = [(clip.speaker, clip.waveform()) for clip in some]
    for seed, clip in enumerate(clips):
        voices = [voice for speaker, voice in talkers if speaker != clip.speaker]
        yield listen(clip, setting, voices, np.random.default_rng(seed))


def table(reports: Sequence[Report]) -> str:
    """Lip gap r in each setting, and what each speaker loses against the first, with intervals."""
    quiet = reports[0]
    rows = [["lip gap r", *quiet.groups]]
    for report in reports:
        cells = (cell_text(report.summary(group, LIP_GAP), 2) for group in quiet.groups)
        rows.append([report.name, *cells])
    for report in reports[1:]:
        changes = (report.change(quiet, group, LIP_GAP) for group in quiet.groups)
        rows.append([f"{report.name}, change", *map(change_text, changes)])
    return "\n".join(aligned(rows))


if __name__ == "__main__":
    sys.exit(main())
