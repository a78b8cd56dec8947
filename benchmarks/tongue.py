"""Is the tongue's tip up where EMO-DB's labels have l, n, t, d, s, z, and down elsewhere?

    python benchmarks/tongue.py --corpus ../shared/corpus [--every 4]

A sound is hit where `tongueTipUp` passes `UP` in a frame within `NEAR` s of the labelled phone. A
false alarm is a vowel, lip sound or /x/ with the tip up in its middle, no sound of the tip within
`CLEAR` s of it. The lag is where the tip is highest less the middle of the phone. Half of the
speakers (08 to 11) chose the widths and the delay; figures are for the other half, unless `--all`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.emodb import read_emodb  # noqa: E402
from dreamtalk_core.animation.tongue import SHAPES, tongue_curves  # noqa: E402
from dreamtalk_core.motion import frame_count  # noqa: E402
from dreamtalk_core.pipeline.sampling import by_feature, reported_phones  # noqa: E402
from dreamtalk_core.speech.phonetics import PhoneticEncoder  # noqa: E402

TIP = ("l", "n", "t", "d", "s", "z")
ALSO = (*TIP, "S", "D", "L", "NN", "tasp", "dasp")
"""Labels of what the tip may make, releases and the like included."""
NONE = ("a", "E", "O", "o", "U", "aI", "aU", "y", "m", "f", "b", "p", "x")
UP, NEAR, CLEAR = 0.4, 0.02, 0.03
CHOSEN_ON = ("08", "09", "10", "11")
"""Speakers that the widths were chosen on."""


@dataclass(frozen=True)
class Tips:
    """Shares of sounds hit and of false alarms, the median lag in s; by_sound: hits and count."""

    hits: float
    false_alarms: float
    lag: float
    by_sound: dict[str, tuple[float, int]]


def judge(corpus: Path, every: int = 1, everybody: bool = False) -> Tips:
    """Figures over every n-th line. Raises CorpusError without EMO-DB."""
    encoder = PhoneticEncoder.load()
    hit, wrong, lags = defaultdict(list), [], []
    for line in read_emodb(corpus, every):
        if line.speaker in CHOSEN_ON and not everybody:
            continue
        with torch.no_grad():
            rows = torch.cat(list(encoder.stream(line.speech.waveform)))
        frames = frame_count(line.speech.duration, 25)
        tip = tongue_curves(by_feature(reported_phones(rows)), frames)[
            :, SHAPES.index("tongueTipUp")
        ]
        times = (np.arange(frames) + 0.5) / 25
        spans = [(p.start, p.end) for p in line.phones if p.symbol.lstrip("!_") in ALSO]
        for phone in line.phones:
            middle = (phone.start + phone.end) / 2
            if phone.symbol in TIP:
                near = (times >= phone.start - NEAR) & (times <= phone.end + NEAR)
                hit[phone.symbol].append(bool(tip[near].max(initial=0) > UP))
                around = np.abs(times - middle) < 0.1
                if tip[around].max(initial=0) > UP:
                    lags.append(times[around][tip[around].argmax()] - middle)
            elif phone.symbol in NONE and all(
                middle < start - CLEAR or middle > end + CLEAR for start, end in spans
            ):
                wrong.append(bool(np.interp(middle, times, tip) > UP))
    everything = [one for found in hit.values() for one in found]
    return Tips(
        float(np.mean(everything)),
        float(np.mean(wrong)),
        float(np.median(lags)),
        {sound: (float(np.mean(found)), len(found)) for sound, found in sorted(hit.items())},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="all speakers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = judge(options.corpus, options.every, options.all)
    print(
        f"tip up at {found.hits:.3f} of its sounds, {found.false_alarms:.3f} of others; "
        f"lag {1000 * found.lag:+.0f} ms"
    )
    for sound, (share, count) in found.by_sound.items():
        print(f"  {sound}: {share:.2f} of {count}")


if __name__ == "__main__":
    main()
