"""Styles from videos under test: does the extractor find the style and not the person?

    python benchmarks/style_clips.py FOLDER --speech FILE [--sheet OUT.png] [--json OUT.json]

FOLDER holds videos PERSON_VIEW_EMOTION_LEVEL_TAKE.mp4 (names as in MEAD, K. Wang et al., 2020), a
neutral one of each person among them. Each is tracked and its style extracted twice: with the
person's neutral clip to take their own face off, and by itself. Then, for both:

1. Likeness: FILE is animated in the style; correlation of its mean face with the clip's over
   brows, lids, cheeks and the corners of the mouth. FILE is none that extraction itself looks at.
2. Halves: the codes of a clip's two halves are closer to each other than to either half of any clip
   of another emotion.
3. People: the codes of one emotion by two people are closer than those of two emotions by one.

Closer is by the angle between codes. --sheet draws all the distances (needs matplotlib).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.emotions import mean_face, mean_text  # noqa: E402
from benchmarks.corpora.performances import NEUTRAL  # noqa: E402
from dreamtalk_core import Behaviour, DreamTalk, Motion, Speech  # noqa: E402
from dreamtalk_core.animation.calibration import calibrate  # noqa: E402
from dreamtalk_core.evaluation.signals import correlation  # noqa: E402
from dreamtalk_core.evaluation.tables import save_json  # noqa: E402
from dreamtalk_core.pipeline.performance import read_performance  # noqa: E402

Code = NDArray[np.float32]
Key = tuple[str, str]
"""Person and emotion."""

STILL = Behaviour(blinks=0, gaze=0, gestures=0, idle=0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speech", type=Path, required=True, metavar="FILE")
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    talk, speech = DreamTalk.load(), Speech.load(options.speech)
    raw: dict[Key, Motion] = {}
    for path in sorted(options.folder.glob("*.mp4")):
        person, _, emotion, *_ = path.stem.split("_")
        motion, seen = read_performance(path)
        raw[person, emotion] = motion
        lost = 0 if seen is None else int((~seen).sum())
        print(f"{path.name}: {len(motion)} frames, {lost} without a face", flush=True)

    document: dict[str, Any] = {}
    sheets = {}
    for how in ("with the neutral clip", "by itself"):
        known = how == "with the neutral clip"
        clips = {
            (person, emotion): calibrate(motion, raw[person, NEUTRAL] if known else None)
            for (person, emotion), motion in raw.items()
        }
        codes = {key: talk.extract_style(clip).code for key, clip in clips.items()}
        results = {
            "likeness": [
                likeness(talk, clip, speech) for key, clip in clips.items() if key[1] != NEUTRAL
            ],
            "halves": halves(talk, clips),
            "people": people(codes),
        }
        print(f"\n{how}")
        for name, values in results.items():
            print(f"  {name:9} {mean_text(values)} of {len(values)}")
        document[how] = {name: [float(v) for v in values] for name, values in results.items()}
        sheets[how] = codes
    if options.json:
        save_json(options.json, document)
    if options.sheet:
        draw(sheets, options.sheet)
    return 0


def likeness(talk: DreamTalk, clip: Motion, speech: Speech) -> float:
    """Correlation of the mean face of a speech in the clip's style with the clip's own."""
    line = talk.animate(speech, talk.extract_style(clip), behaviour=STILL)
    return float(correlation(mean_face([line]), mean_face([clip])))


def halves(talk: DreamTalk, clips: Mapping[Key, Motion]) -> list[bool]:
    """For each half: is its other half closer than any half of another emotion?"""
    cut = {
        key: [
            talk.extract_style(part).code
            for part in (clip.cut(0, len(clip) // 2), clip.cut(len(clip) // 2, len(clip)))
        ]
        for key, clip in clips.items()
    }
    return [
        distance(*pair)
        < min(distance(half, h) for key, hs in cut.items() if key[1] != sentence[1] for h in hs)
        for sentence, pair in cut.items()
        for half in pair
    ]


def people(codes: Mapping[Key, Code]) -> list[bool]:
    """For each emotion by two people and each other emotion of one: are the first two closer?"""
    found = []
    for (key, code), (other, twin) in combinations(codes.items(), 2):
        if key[1] == other[1]:
            same = distance(code, twin)
            for end, (third, odd) in product((key, other), codes.items()):
                if third[0] == end[0] and third[1] != end[1]:
                    found.append(same < distance(codes[end], odd))
    return found


def distance(a: Code, b: Code) -> float:
    """1 less the cosine of the angle between two codes."""
    return float(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def draw(sheets: Mapping[str, Mapping[Key, Code]], path: Path) -> None:
    """The distances between all codes, emotions side by side, one matrix for each way."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(sheets), figsize=(9 * len(sheets), 8), squeeze=False)
    for axis, (how, codes) in zip(axes[0], sheets.items(), strict=True):
        keys = sorted(codes, key=lambda key: (key[1], key[0]))
        matrix = [[distance(codes[a], codes[b]) for b in keys] for a in keys]
        image = axis.imshow(matrix, cmap="viridis_r")
        names = [f"{emotion} {person}" for person, emotion in keys]
        axis.set_xticks(range(len(keys)), names, rotation=90)
        axis.set_yticks(range(len(keys)), names)
        axis.set_title(f"{how}: 1 - cos between style codes")
        figure.colorbar(image, ax=axis, shrink=0.8)
    figure.tight_layout()
    figure.savefig(path, dpi=70)


if __name__ == "__main__":
    sys.exit(main())
