"""What noise costs: lip gap correlation in babble and in a busy room, over that in quiet.

python benchmarks/noise.py --corpus PATH [--snr 10] [--every N] [--json OUT.json]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.groups import (  # noqa: E402
    GROUPS,
    evaluate_groups,
    group_of,
    grouped_clips,
)
from benchmarks.corpora.noisy import NoisyClip, Wave, babble, cafe  # noqa: E402
from dreamtalk_core import DreamTalk, Motion, Speech  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.clips import TrackedClip  # noqa: E402
from dreamtalk_core.evaluation.report import METRICS, Report, cell_text  # noqa: E402
from dreamtalk_core.evaluation.signals import bootstrap_interval  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned, number, save_json  # noqa: E402
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL  # noqa: E402

NOISES: dict[str, Callable[[int, Sequence[Wave], np.random.Generator], Wave]] = {
    "babble": babble,
    "cafe": cafe,
}
LIP_GAP = METRICS[0]
TALKERS = 24
"""Recordings that the babble is drawn from."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate the same clips in quiet and in noise, and print what is lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--snr", type=float, default=10.0, metavar="DB")
    parser.add_argument("--every", type=int, default=1, help="use every n-th clip only")
    parser.add_argument("--json", type=Path, help="write every figure of every clip here as well")
    options = parser.parse_args(arguments)
    try:
        talk = DreamTalk.load(options.model)
        clips = [clip for clip in grouped_clips(options.corpus) if group_of(clip) in GROUPS]
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1

    def predict(clip: TrackedClip) -> Motion:
        return talk.animate(Speech(clip.waveform(), clip.id))

    chosen = clips[:: options.every]
    settings: dict[str, list[Any]] = {"quiet": chosen} | {
        name: noisy(chosen, clips, make, options.snr) for name, make in NOISES.items()
    }
    reports = [
        evaluate_groups(predict, subjects, name=name, bursts=None)
        for name, subjects in settings.items()
    ]
    print(table(reports))
    if options.json:
        save_json(options.json, [report.as_json() for report in reports])
    return 0


def noisy(
    clips: Sequence[TrackedClip],
    others: Sequence[TrackedClip],
    make: Callable[[int, Sequence[Wave], np.random.Generator], Wave],
    snr: float,
) -> list[NoisyClip]:
    """Every clip in noise of its own, made of recordings of other people."""
    talkers = [(o.speaker, o.waveform()) for o in others[:: max(1, len(others) // TALKERS)]]
    result = []
    for seed, clip in enumerate(clips):
        voices = [voice for speaker, voice in talkers if speaker != clip.speaker]
        rng = np.random.default_rng(seed)
        result.append(NoisyClip(clip, make(len(clip.waveform()), voices, rng), snr))
    return result


def table(reports: Sequence[Report]) -> str:
    """Lip gap r in each setting, and what each clip loses against the first, with intervals."""
    quiet = reports[0]
    rows = [["lip gap r", *quiet.groups]]
    for report in reports:
        cells = (cell_text(report.summary(group, LIP_GAP), 2) for group in quiet.groups)
        rows.append([report.name, *cells])
    for report in reports[1:]:
        changes = []
        for group in quiet.groups:
            change = report.values(group, LIP_GAP.key) - quiet.values(group, LIP_GAP.key)
            low, high = bootstrap_interval(change)
            changes.append(
                f"{number(float(np.nanmean(change)), 2)} [{number(low, 2)} {number(high, 2)}]"
            )
        rows.append([f"{report.name}, change", *changes])
    return "\n".join(aligned(rows))


if __name__ == "__main__":
    sys.exit(main())
