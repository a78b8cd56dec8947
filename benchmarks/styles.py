"""Styles on the built-in head: `python benchmarks/styles.py [SPEECH] -o OUT.jpg`.

The same words in every style: one row per style, one column per moment. With `--sheet emotions`
one moment in eight emotions at three strengths: one row per emotion, one column per guidance, in
two halves side by side. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core import Behaviour, DreamTalk, Motion, Speech  # noqa: E402
from dreamtalk_core.assets import DEMO_VOICE  # noqa: E402
from dreamtalk_core.evaluation.lips import aperture  # noqa: E402
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL  # noqa: E402
from dreamtalk_core.render.head.renderer import HeadRenderer  # noqa: E402

STYLES = ("neutral", "happy", "sad", "angry", "surprise", "disgust")
EMOTIONS = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise", "contempt")
STILL = Behaviour(gaze=0, gestures=0, idle=0)  # a look aside is not part of an emotion
STRENGTHS = (0.5, 1.0, 1.5)

Picture = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path, nargs="?", default=DEMO_VOICE)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--sheet", choices=["moments", "emotions"], default="moments")
    parser.add_argument("--styles", nargs="+", help="other rows than the usual ones")
    parser.add_argument("--columns", type=int, default=6, help="how many moments")
    options = parser.parse_args()

    talk = DreamTalk.load(options.model)
    speech = Speech.load(options.speech)
    if options.sheet == "emotions":
        draw_emotions(talk, speech, options.styles or EMOTIONS, options.output)
    else:
        draw_moments(talk, speech, options.styles or STYLES, options.columns, options.output)


def draw_moments(
    talk: DreamTalk, speech: Speech, styles: Sequence[str], columns: int, path: Path
) -> None:
    """The same words in every style."""
    motions = {name: talk.animate(speech, name) for name in styles}
    moments = telling_moments(next(iter(motions.values())), columns)
    renderer = HeadRenderer(360)
    rows = {
        name: [face(renderer, motion, moment) for moment in moments]
        for name, motion in motions.items()
    }
    height = len(next(iter(rows.values()))[0])
    labels = [(10, row * height + 24, name) for row, name in enumerate(rows)]
    save(np.vstack([np.hstack(row) for row in rows.values()]), labels, path)


def draw_emotions(talk: DreamTalk, speech: Speech, styles: Sequence[str], path: Path) -> None:
    """One moment in every emotion and strength, in two halves side by side."""
    motions = {
        name: [talk.animate(speech, name, guidance_scale=x, behaviour=STILL) for x in STRENGTHS]
        for name in styles
    }
    moment = typical_moment([motion for row in motions.values() for motion in row])
    renderer = HeadRenderer(360)
    rows = [
        np.hstack([face(renderer, motion, moment) for motion in row]) for row in motions.values()
    ]
    height, width = rows[0].shape[:2]
    half = -(-len(rows) // 2)
    picture = np.zeros((half * height, 2 * width, 3), np.uint8)
    labels: list[tuple[float, float, str]] = []
    for i, (name, row) in enumerate(zip(motions, rows, strict=True)):
        x, y = i // half * width, i % half * height
        picture[y : y + height, x : x + width] = row
        labels += [
            (x + column * width / len(STRENGTHS) + 10, y + 24, f"{name} {strength:g}")
            for column, strength in enumerate(STRENGTHS)
        ]
    save(picture, labels, path)


def telling_moments(motion: Motion, count: int) -> list[int]:
    """Frames of most and of least opening by turns, one in each part of the motion."""
    parts = np.array_split(np.arange(len(motion)), count)
    opening = aperture(motion.to_arkit().weights) + 0.5 * motion.channel("mouthPucker")
    pick = (np.argmax, np.argmin)
    return [int(part[pick[i % 3 == 1](opening[part])]) for i, part in enumerate(parts)]


def typical_moment(motions: list[Motion]) -> int:
    """The frame in which all motions are nearest to their mean faces: not chosen to flatter one,
    and in no blink.
    """
    return int(
        np.argmin(sum(np.linalg.norm(m.weights - m.weights.mean(0), axis=1) for m in motions))
    )


def face(renderer: HeadRenderer, motion: Motion, moment: int) -> Picture:
    """One head, cropped to the face."""
    size = renderer.size
    crop = slice(int(0.06 * size), int(0.9 * size)), slice(int(0.2 * size), int(0.8 * size))
    return renderer.render(motion.weights[moment], motion.head_rotation[moment])[crop]


def save(picture: Picture, labels: list[tuple[float, float, str]], path: Path) -> None:
    """Write a picture with labels, each (x, y, text) in pixels."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(picture.shape[1] / 100, picture.shape[0] / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture)
    axes.axis("off")
    for x, y, text in labels:
        axes.text(x, y, text, color="white", fontsize=14, weight="bold")
    figure.savefig(path, pil_kwargs={"quality": 88} if path.suffix == ".jpg" else None)


if __name__ == "__main__":
    main()
