"""Portraits and what they do: `python benchmarks/portrait_sheet.py [PICTURE ...] -o OUT.jpg`.

One row per portrait, one column per sound, expression or turn. Without pictures: those that may be
shown, which are the demo's, the same painted over by a filter, the built-in head, and a hard case,
a broad smile with teeth: NASA's portrait of the astronaut Eileen Collins (public domain), which
scikit-image ships. Needs matplotlib and scikit-image. With `--mouths` only the mouths, at full
size, and more of what they do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.assets import DEMO_PORTRAIT  # noqa: E402
from dreamtalk_core.motion.arkit import INDEX  # noqa: E402
from dreamtalk_core.render.head.renderer import HeadRenderer  # noqa: E402
from dreamtalk_core.render.portrait.renderer import PortraitRenderer  # noqa: E402
from dreamtalk_core.tracking.portrait import read_portrait  # noqa: E402
from dreamtalk_core.tracking.tracker import FaceTracker  # noqa: E402
from dreamtalk_core.tracking.video import read_image  # noqa: E402

SIZE = 300

Picture = NDArray[np.uint8]

_LIPS = {"mouthLowerDown": 0.3, "mouthUpperUp": 0.2}
SOUNDS: dict[str, dict[str, float]] = {
    "as it is": {},
    "m": {"mouthPress": 0.4, "mouthRollLower": 0.3, "mouthRollUpper": 0.3},
    "a": {"jawOpen": 0.6, **_LIPS},
    "e": {"jawOpen": 0.25, "mouthStretch": 0.3, **_LIPS},
    "i": {"jawOpen": 0.12, "mouthStretch": 0.5, "mouthSmile": 0.3, **_LIPS},
    "o": {"jawOpen": 0.35, "mouthFunnel": 0.5, "mouthPucker": 0.5},
    "u": {"jawOpen": 0.15, "mouthFunnel": 0.4, "mouthPucker": 0.8},
    "f": {"jawOpen": 0.08, "mouthRollLower": 0.7, "mouthUpperUp": 0.3},
    "th": {"jawOpen": 0.15, "tongueOut": 0.35, **_LIPS},
}
"""Shapes, on both sides where there are two."""
MOUTHS: dict[str, dict[str, float]] = {
    **SOUNDS,
    "closing": {"jawOpen": 0.12, "mouthClose": 0.03},
    "smile": {"mouthSmile": 0.8, "cheekSquint": 0.6, "jawOpen": 0.05, **_LIPS},
    "laugh": {"mouthSmile": 0.9, "cheekSquint": 0.7, "jawOpen": 0.5, **_LIPS},
}
POSES: dict[str, tuple[dict[str, float], float]] = {
    **{sound: (shapes, 0) for sound, shapes in SOUNDS.items()},
    "smile": ({"mouthSmile": 0.8, "cheekSquint": 0.6, "eyeSquint": 0.4}, 0),
    "blink": ({"eyeBlink": 1.0}, 0),
    "brows": ({"browInnerUp": 1.0, "browOuterUp": 1.0, "eyeWide": 0.7}, 0),
    **{f"{degrees}°": ({"jawOpen": 0.2}, degrees) for degrees in (10, 20, 30, -20)},
}
"""Shapes, and by how many degrees the head turns aside."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--mouths", action="store_true")
    options = parser.parse_args()
    pictures = [read_image(path) for path in options.pictures] or showable()
    tracker = FaceTracker.load()
    if options.mouths:
        sheet = np.vstack([mouths(picture, tracker) for picture in pictures])
        options.output.write_bytes(cv2.imencode(options.output.suffix, sheet[..., ::-1])[1])
        return
    rows = []
    for picture in pictures:
        found = read_portrait(picture, crop=SIZE, tracker=tracker)
        face = found.face
        drawn = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
        rows.append(
            [drawn.render(weights(shapes), (0, turn, 0)) for shapes, turn in POSES.values()]
        )
    draw(rows, options.output)


def mouths(picture: Picture, tracker: FaceTracker, crop: int = 512) -> Picture:
    """A row of `MOUTHS`, [SIZE, SIZE] each."""
    found = read_portrait(picture, crop=crop, tracker=tracker)
    face = found.face
    drawn = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
    corners = face.landmarks[[61, 291], :2]
    width = float(np.linalg.norm(corners[1] - corners[0]))
    zoom = SIZE / (1.9 * width)
    move = SIZE / 2 - zoom * (corners.mean(0) + np.array([0, 0.2 * width]))
    window = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
    row = [
        cv2.warpAffine(drawn.render(weights(shapes)), window, (SIZE, SIZE), flags=cv2.INTER_CUBIC)
        for shapes in MOUTHS.values()
    ]
    result: Picture = np.hstack(row)
    return result


def weights(shapes: dict[str, float]) -> NDArray[np.float32]:
    """[52] of shapes, those with two sides on both."""
    row = np.zeros(52, np.float32)
    for shape, value in shapes.items():
        for name in (shape, f"{shape}Left", f"{shape}Right"):
            if name in INDEX:
                row[INDEX[name]] = value
    return row


def showable() -> list[Picture]:
    """Portraits that nobody has to be asked about."""
    import skimage

    demo = read_image(DEMO_PORTRAIT)
    head = HeadRenderer(SIZE).render(np.zeros(52))
    smiling = read_image(Path(skimage.__file__).parent / "data" / "astronaut.png")
    return [demo, painted(demo), head, smiling]


def painted(picture: Picture, radius: int = 6) -> Picture:
    """As if by a broad brush: each pixel is the mean of its calmest corner (Kuwahara's filter)."""
    values = picture.astype(np.float64)
    size = radius + 1
    padded = np.pad(values, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    mean, spread = windows.mean((-2, -1)), windows.var((-2, -1)).sum(-1)
    height, width = picture.shape[:2]
    corners = [(y, x) for y in (0, radius) for x in (0, radius)]
    means = np.stack([mean[y : y + height, x : x + width] for y, x in corners])
    spreads = np.stack([spread[y : y + height, x : x + width] for y, x in corners])
    calm = spreads.argmin(0)
    result: Picture = np.take_along_axis(means, calm[None, ..., None], 0)[0].astype(np.uint8)
    return result


def draw(rows: list[list[Picture]], path: Path) -> None:
    """A grid with the names of the poses above it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = len(POSES)
    figure, axes = pyplot.subplots(
        len(rows), columns, figsize=(1.5 * columns, 1.5 * len(rows) + 0.3), squeeze=False
    )
    for i, row in enumerate(rows):
        for axis, name, picture in zip(axes[i], POSES, row, strict=True):
            axis.imshow(picture)
            axis.axis("off")
            if i == 0:
                axis.set_title(name, fontsize=9)
    figure.subplots_adjust(0, 0, 1, 1 - 0.3 / (1.5 * len(rows) + 0.3), 0.01, 0.01)
    figure.savefig(path, dpi=110, pil_kwargs={"quality": 88})


if __name__ == "__main__":
    main()
