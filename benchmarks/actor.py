"""My actor: what some takes of one speaker make of the default weights.

python benchmarks/actor.py --corpus PATH --speaker NAME --test PATTERN [--output FOLDER]
                           [--config FILE]

Trains by actor.json on the speaker's clips whose id does not hold PATTERN (a regular expression),
and measures on those that do, then on other people, before and after: how the mouth opens and
narrows (correlation), how far it opens (share of the tracked), and how far the face that is held,
and the range of its movement, are from the speaker's (root mean square over the 52 shapes). Choose
PATTERN so that no sentence is on both sides.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.groups import group_of  # noqa: E402
from dreamtalk_core import DreamTalk, Speech  # noqa: E402
from dreamtalk_core.corpus import Clip, evenly, read_manifest  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.lips import (  # noqa: E402
    MOVING,
    amplitude_ratio,
    lip_gap_correlation,
    narrowing_correlation,
)
from dreamtalk_core.evaluation.tables import aligned  # noqa: E402
from dreamtalk_core.speech.features import SpeechFeatures  # noqa: E402
from dreamtalk_core.training import train as training  # noqa: E402
from dreamtalk_core.training.config import read_config  # noqa: E402

HEADER = ("", "lip gap", "width", "amplitude", "held face", "range")
OTHERS = 8
"""Clips of other people in each group."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure before and after, and print both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--speaker", required=True)
    parser.add_argument("--test", required=True, metavar="PATTERN", help="ids that are kept out")
    parser.add_argument("--output", type=Path, help="keep the run here")
    parser.add_argument(
        "--config", type=Path, default=Path(training.__file__).with_name("actor.json")
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            compare(options, options.output or Path(folder))
        except DreamTalkError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def compare(options: argparse.Namespace, output: Path) -> None:
    """Print the table of figures."""
    every = list(read_manifest(options.corpus))
    own = [clip for clip in every if clip.speaker == options.speaker]
    test = [clip for clip in own if re.search(options.test, clip.id)]
    ids = [clip.id for clip in own if clip not in test]
    seconds = sum(float(clip.motion.duration) for clip in own if clip not in test)
    start = time.perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    takes = {"name": options.speaker, "where": {"id": ids}, "weight": 1.0}
    config = {**read_config(options.config), "sources": [takes]}
    (output / "actor.json").write_text(json.dumps(config), encoding="utf-8")
    path = training.train(output / "actor.json", options.corpus, output, "cpu")
    took = time.perf_counter() - start
    groups = {"held out": test}
    for clip in every:
        if clip.speaker != options.speaker and (group := group_of(clip)):
            groups.setdefault(group, []).append(clip)
    some = {
        name: clips if name == "held out" else evenly(clips, OTHERS)
        for name, clips in groups.items()
    }
    before, after = DreamTalk.load(), DreamTalk.load(path)
    heard = {clip.id: before.analyse(said(clip)) for clips in some.values() for clip in clips}
    rows = []
    for name, clips in some.items():
        rows.append((name, *figures(before, clips, heard, "neutral")))
        for style in ("neutral", "actor") if name == "held out" else ("actor",):
            rows.append((f"  after, {style}", *figures(after, clips, heard, style)))
    print(f"{options.speaker}: {seconds:.0f} s of takes, {took:.0f} s of training")
    print("\n".join(aligned([HEADER, *rows])))


def said(clip: Clip) -> Speech:
    """The speech of a clip."""
    return Speech(clip.waveform(), clip.id)


def figures(
    talk: DreamTalk, clips: Sequence[Clip], heard: dict[str, SpeechFeatures], style: str
) -> list[str]:
    """The cells of a row; means over clips, of amplitudes the median."""
    rows = []
    for clip in clips:
        off = {"blinks": 0, "idle": 0, "gestures": 0}
        motion = talk.sample_motion(heard[clip.id], style, seed=0, **off).to_arkit()
        count = min(len(motion), len(clip.motion))
        weights, tracked = motion.to_arkit().weights[:count], clip.weights[:count]
        rows.append(
            [
                lip_gap_correlation(weights, clip.lip_gap[:count]),
                narrowing_correlation(weights, clip.lip_width[:count]),
                amplitude_ratio(weights, tracked, MOVING),
                np.sqrt(np.square(weights.mean(0) - tracked.mean(0)).mean()),
                np.sqrt(np.square(weights.std(0) - tracked.std(0)).mean()),
            ]
        )
    gap, width, _, held, spread_ = np.nanmean(rows, axis=0)
    amplitude = np.nanmedian([row[2] for row in rows])
    return [*(f"{value:.2f}" for value in (gap, width, amplitude)), f"{held:.3f}", f"{spread_:.3f}"]


if __name__ == "__main__":
    sys.exit(main())
