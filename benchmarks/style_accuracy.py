"""Styles under test: do they show, do they grow, and do the lips still say what is said?

    python benchmarks/style_accuracy.py --corpus PATH [--every N] [--json OUT.json]

1. The style of every real emotional clip, put on the speech of other people: likeness of the mean
   face, size of the upper face's expression, emotion named by a classifier that knows only other
   people, growth with guidance. Two judges: two people of MEAD, six Javanese actors. They also name
   the emotion of our named styles.
2. Lips within 1 mm of closed at /p b m/ (EMO-DB), in every named style at guidance 1 and 1.5.
3. Correlation with the tracked lip gap in every named style, over that in `neutral`.

Everything at default settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.emodb import LIPS_SHUT, OPEN_VOWELS, read_emodb  # noqa: E402
from benchmarks.corpora.emotions import (  # noqa: E402
    confusions,
    mean_text,
    named_results,
    some_speeches,
    style_results,
    summary,
    table,
)
from benchmarks.corpora.groups import group_of, grouped_clips  # noqa: E402
from benchmarks.corpora.performances import read_javanese, read_performances  # noqa: E402
from dreamtalk_core import DreamTalk, Speech  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.closures import closures  # noqa: E402
from dreamtalk_core.evaluation.lips import lip_gap_correlation  # noqa: E402
from dreamtalk_core.evaluation.tables import aligned, number, save_json  # noqa: E402
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL  # noqa: E402

GUIDANCES = (1.0, 1.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the three tests and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--styles", nargs="+", help="named styles to test (default: all)")
    parser.add_argument("--every", type=int, default=4, help="use every n-th clip (default 4)")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    try:
        talk = DreamTalk.load(options.model, options.device)
        styles = options.styles or sorted(talk.model.styles)
        clips = [
            clip
            for clip in grouped_clips(options.corpus)
            if group_of(clip) in ("wild", "grid unseen")
        ]
        document = {
            **emotions(talk, options.corpus, some_speeches(clips)),
            "closures": lips_shut(talk, options.corpus, styles, options.every),
            "lip_gap": lip_gap(talk, styles, clips[:: options.every]),
        }
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        save_json(options.json, document)
    return 0


def emotions(talk: DreamTalk, corpus: Path, speeches: Sequence[Speech]) -> dict[str, Any]:
    """Test 1: do styles show what was acted?"""
    mead, javanese = read_performances(corpus), read_javanese(corpus)
    results = {
        "mead": style_results(talk, mead, speeches),
        "javanese": style_results(talk, javanese, speeches, [1.0]),
    }
    print(table(results["mead"]))
    print(f"{len(javanese)} clips of Javanese actors\n{summary(results['javanese'])}")
    for judged in results.values():
        print(confusions([(result.emotion, result.named) for result in judged]), flush=True)
    named = {
        judge: named_results(talk, performances, speeches)
        for judge, performances in (("mead", mead), ("javanese", javanese))
    }
    for judge, seen in named.items():
        told = ", ".join(
            f"{name} {'' if name == as_ else f'as {as_}'}" for name, as_ in seen.items()
        )
        print(f"named styles, by the classifier of {judge}: {told}")
    print(flush=True)
    document: dict[str, Any] = {
        judge: [vars(result) | {"grows": result.grows} for result in judged]
        for judge, judged in results.items()
    }
    return document | {"named": named}


def lips_shut(
    talk: DreamTalk, corpus: Path, styles: Sequence[str], every: int
) -> dict[str, dict[str, Any]]:
    """Test 2: lips at /p b m/ on the built-in head."""
    lines = read_emodb(corpus, every)
    rows = [["lips shut at /p b m/", *(f"guidance {g:g}" for g in GUIDANCES), "open vowels"]]
    figures: dict[str, dict[str, Any]] = {}
    for name in styles:
        style = talk.load_style(name)
        results = [
            closures(
                partial(talk.sample_motion, style=style, guidance_scale=guidance),
                lines,
                LIPS_SHUT,
                OPEN_VOWELS,
            )
            for guidance in GUIDANCES
        ]
        rows.append([name, *(mean_text(result.bilabials) for result in results)])
        rows[-1].append(" ".join(number(r.vowel_share, 2) for r in results))
        figures[name] = {
            f"{g:g}": {"share": r.share, "interval": r.interval, "vowels": r.vowel_share}
            for g, r in zip(GUIDANCES, results, strict=True)
        }
    print("\n".join(aligned(rows)))
    count = sum(len(line.spans(LIPS_SHUT)) for line in lines)
    print(f"{count} closures in {len(lines)} lines\n", flush=True)
    return figures


def lip_gap(
    talk: DreamTalk, styles: Sequence[str], clips: Sequence[Any]
) -> dict[str, dict[str, float]]:
    """Test 3: what a style costs the lips."""
    figures: dict[str, dict[str, float]] = {}
    for name in ("neutral", *(style for style in styles if style != "neutral")):
        style = talk.load_style(name)
        values = []
        for clip in clips:
            spoken = talk.sample_motion(Speech(clip.waveform(), clip.id), style)
            weights = spoken.to_arkit().weights
            length = min(len(weights), len(clip.lip_gap))
            values.append(lip_gap_correlation(weights[:length], clip.lip_gap[:length]))
        figures[name] = {"lip_gap": float(np.nanmean(values))}
        figures[name]["of_neutral"] = figures[name]["lip_gap"] / figures["neutral"]["lip_gap"]
    rows = [["lip gap r", "", "of neutral's"]]
    rows += [
        [name, number(f["lip_gap"], 2), number(f["of_neutral"], 2)] for name, f in figures.items()
    ]
    print("\n".join(aligned(rows)))
    print(f"{len(clips)} clips")
    return figures


if __name__ == "__main__":
    sys.exit(main())
