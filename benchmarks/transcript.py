"""What a transcript is good for: closed lips and lip gap in sound that is hard to hear.

    python benchmarks/transcript.py --corpus PATH [--model NAME|FILE] [--every 6]

Without a transcript, with it, and with that of another recording. Sentences of EMO-DB, whose
speakers no motion model is trained on: the share of the labelled /p b m/ and of the open vowels at
which the built-in head's lips are shut, at every n-th line. GRID's, whose names spell them: lip gap
correlation with the tracked lips, of unseen speakers and of held-out sentences. Mumbling is what a
low-pass leaves.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.emodb import LIPS_SHUT, OPEN_VOWELS, read_emodb, spoken_text  # noqa: E402
from benchmarks.corpora.grid import grid_sentence  # noqa: E402
from benchmarks.corpora.groups import evaluate_groups, group_of, grouped_clips  # noqa: E402
from benchmarks.corpora.noisy import Setting, Wave, babble, listen, mix, muffled, pink  # noqa: E402
from dreamtalk_core import DreamTalk  # noqa: E402
from dreamtalk_core.corpus import Clip  # noqa: E402
from dreamtalk_core.errors import DreamTalkError, DreamTalkWarning  # noqa: E402
from dreamtalk_core.evaluation.closures import Line, closures  # noqa: E402
from dreamtalk_core.evaluation.report import METRICS  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned  # noqa: E402
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech  # noqa: E402

SETTINGS: dict[str, Setting] = {
    "quiet": lambda wave, voices, rng: wave,
    "below 1 kHz": lambda wave, voices, rng: muffled(wave, 1000),
    "below 500 Hz": lambda wave, voices, rng: muffled(wave, 500),
    "pink noise, 5 dB": lambda wave, voices, rng: mix(wave, pink(len(wave), voices, rng), 5),
    "babble, 5 dB": lambda wave, voices, rng: mix(wave, babble(len(wave), voices, rng), 5),
}
GAP = next(metric for metric in METRICS if metric.key == "gap")
OTHER = 3
"""How far on the recording is that a wrong transcript is of."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of both corpora."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--model", default="default")
    parser.add_argument("--every", type=int, default=6, help="use every n-th line of EMO-DB only")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", DreamTalkWarning)
    try:
        talk = DreamTalk.load(options.model)
        lines = read_emodb(options.corpus, options.every)
        clips = [clip for clip in grouped_clips(options.corpus) if grid_sentence(clip.id)]
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    voices = [clip.waveform() for clip in grouped_clips(options.corpus) if group_of(clip) == "wild"]
    said = {line.id: spoken_text(options.corpus, line) for line in lines}
    spelled = {clip.id: " ".join(grid_sentence(clip.id) or ()) for clip in clips}
    rows = [["", *SETTINGS]]
    for name, texts in (("none", None), ("right", 0), ("wrong", OTHER)):
        rows += shut_rows(talk, lines, voices, name, _given(said, texts))
    for name, texts in (("none", None), ("right", 0), ("wrong", OTHER)):
        rows += gap_rows(talk, clips, voices, name, _given(spelled, texts))
    print("\n".join(aligned(rows)))
    return 0


def _given(texts: Mapping[str, str], ahead: int | None) -> dict[str, str]:
    """The transcript that each recording is given: that of the one so far ahead, or none."""
    ids = list(texts)
    return {
        own: "" if ahead is None else texts[ids[(i + ahead) % len(ids)]]
        for i, own in enumerate(ids)
    }


def shut_rows(
    talk: DreamTalk,
    lines: Sequence[Line],
    voices: Sequence[Wave],
    name: str,
    texts: Mapping[str, str],
) -> list[list[str]]:
    """Shares of /p b m/, and of open vowels, at which the lips are shut."""
    consonants, vowels = [f"{name}: shut at /p b m/"], [f"{name}: shut at open vowels"]
    for setting in SETTINGS.values():
        heard = []
        for seed, line in enumerate(lines):
            wave = setting(line.speech.waveform, voices, np.random.default_rng(seed))
            speech = Speech(Speech.from_array(wave, SAMPLE_RATE).waveform, line.id)
            heard.append(Line(line.id, line.speaker, line.emotion, speech, line.phones))
        result = closures(
            lambda speech: talk.animate(speech, "neutral", transcript=texts[speech.source]),
            heard,
            LIPS_SHUT,
            OPEN_VOWELS,
        )
        low, high = result.interval
        consonants.append(f"{result.share:.3f} ({low:.2f}-{high:.2f})")
        vowels.append(f"{result.vowel_share:.3f}")
    return [consonants, vowels]


def gap_rows(
    talk: DreamTalk,
    clips: Sequence[Clip],
    voices: Sequence[Wave],
    name: str,
    texts: Mapping[str, str],
) -> list[list[str]]:
    """Correlation of the head's lip gap with the tracked, a row for each group."""
    rows: dict[str, list[str]] = {}
    for setting in SETTINGS.values():
        heard = [
            listen(clip, setting, voices, np.random.default_rng(seed))
            for seed, clip in enumerate(clips)
        ]
        report = evaluate_groups(
            lambda clip: talk.animate(
                Speech(clip.waveform(), clip.id), "neutral", transcript=texts[clip.id]
            ),
            heard,
            name=name,
            bursts=None,
        )
        for group in report.groups:
            row = rows.setdefault(group, [f"{name}: gap r, {group}"])
            row.append(f"{report.summary(group, GAP).value:.3f}")
    return list(rows.values())


if __name__ == "__main__":
    sys.exit(main())
