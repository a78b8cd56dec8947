"""The same words in every style: `python benchmarks/styles.py [SPEECH] -o OUT.jpg`.

One row per style, one column per moment. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core import DreamTalk, Motion, Speech  # noqa: E402
from dreamtalk_core.assets import DEMO_VOICE  # noqa: E402
from dreamtalk_core.evaluation.metrics import aperture  # noqa: E402
from dreamtalk_core.pipeline import DEFAULT_MODEL  # noqa: E402
from dreamtalk_core.render.head import HeadRenderer  # noqa: E402

STYLES = ("neutral", "happy", "sad", "angry", "surprise", "disgust")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path, nargs="?", default=DEMO_VOICE)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--styles", nargs="+", default=STYLES)
    parser.add_argument("--columns", type=int, default=6)
    options = parser.parse_args()

    talk = DreamTalk.load(options.model)
    speech = Speech.load(options.speech)
    motions = {name: talk.animate(speech, name) for name in options.styles}
    moments = telling_moments(next(iter(motions.values())), options.columns)
    draw(motions, moments, options.output)


def telling_moments(motion: Motion, count: int) -> list[int]:
    """Frames of most and of least opening by turns, one in each part of the motion."""
    parts = np.array_split(np.arange(len(motion)), count)
    opening = aperture(motion.weights) + 0.5 * motion.channel("mouthPucker")
    pick = (np.argmax, np.argmin)
    return [int(part[pick[i % 3 == 1](opening[part])]) for i, part in enumerate(parts)]


def draw(motions: dict[str, Motion], moments: list[int], path: Path) -> None:
    """Write the picture: heads cropped to the face, named at the left."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    size = 360
    crop = slice(int(0.06 * size), int(0.9 * size)), slice(int(0.2 * size), int(0.8 * size))
    renderer = HeadRenderer(size)
    rows = [
        np.hstack([renderer.render(m.weights[i], m.head_rotation[i])[crop] for i in moments])
        for m in motions.values()
    ]
    picture = np.vstack(rows)
    figure = pyplot.figure(figsize=(picture.shape[1] / 100, picture.shape[0] / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture)
    axes.axis("off")
    for row, name in enumerate(motions):
        place = (10, row * rows[0].shape[0] + 24)
        axes.text(*place, name, color="white", fontsize=14, weight="bold")
    figure.savefig(path, pil_kwargs={"quality": 88} if path.suffix == ".jpg" else None)


if __name__ == "__main__":
    main()
