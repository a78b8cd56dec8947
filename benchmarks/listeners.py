"""How often does a listener answer? RECORDING or folder, one or several:

    python benchmarks/listeners.py RECORDINGS ... [--seeds 12] [--seconds 180]

Each recording is repeated, half a second apart, until it lasts so long, since most are shorter than
the pause between two answers; then a face listens to it, once for each seed. Printed are, a minute:
phrases that end, stretches of low pitch (the two cues), and answers, that is nods and brow flashes,
however many cycles they have. Listeners in conversations give 5 to 10.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.animation.listening import Talker, cues_of, responses  # noqa: E402
from dreamtalk_core.animation.noise import Chance  # noqa: E402
from dreamtalk_core.animation.phrases import SILENT_DB, find_phrases  # noqa: E402
from dreamtalk_core.motion import MODEL_FPS  # noqa: E402
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech  # noqa: E402
from dreamtalk_core.speech.prosody import measure_prosody  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=180)
    options = parser.parse_args()
    files = [
        file
        for one in options.recordings
        for file in (sorted(one.iterdir()) if one.is_dir() else [one])
    ]
    print(f"{'a minute':36} ends   low  answers (fewest and most of the seeds)")
    means = []
    for file in files:
        cues, counts = measured(file, options.seeds, options.seconds)
        means.append(np.mean(counts))
        print(
            f"{file.name:36}",
            *(f"{count:5.1f}" for count in cues),
            f"{means[-1]:6.1f}   ({min(counts):.1f} to {max(counts):.1f})",
            flush=True,
        )
    print(f"{'mean':48} {np.mean(means):6.1f}   ({min(means):.1f} to {max(means):.1f})")


def measured(file: Path, seeds: int, seconds: int) -> tuple[list[float], list[float]]:
    """Cues of both kinds a minute, and answers a minute for each seed."""
    wave = np.pad(Speech.load(file).waveform, (0, SAMPLE_RATE // 2))
    prosody = measure_prosody(np.resize(wave, seconds * SAMPLE_RATE))
    frames, minutes = len(prosody.loudness), seconds / 60
    talker = Talker(prosody.loudness, prosody.pitch)
    spoken = find_phrases(talker.loudness, MODEL_FPS)
    own = find_phrases(np.full(frames, SILENT_DB), MODEL_FPS)
    cues = [len(found) / minutes for found in cues_of(talker, spoken)]
    chances = [Chance(seed, np.full(frames, 7, np.uint64)) for seed in range(seeds)]
    answers = [responses([talker], [spoken], own, chance)[0] for chance in chances]
    return cues, [len(found) / minutes for found in answers]


if __name__ == "__main__":
    main()
