"""Does a dubbed video do what it is told, and leave the rest? VIDEO and SPEECH in pairs:

    python benchmarks/dub.py VIDEO SPEECH [VIDEO SPEECH ...] [--sheet SHEET.png] [--larger 1]

For each pair the video is dubbed into pictures, before any encoding, and the face tracked again:

- jaw, gap: correlation of the tracked jawOpen with the driving one, and of the lip gap with the one
  that the driving curves make on the built-in head; old: with that of the old mouth
- sync: frames at 25 fps by which the new lips are late, and how sure the lip expert is
- above: largest difference from the source, of 255, outside the lower face and the skin around it:
  0, or it is no dubbing
- seam: how much more consecutive frames differ, in the outermost ring of what was changed, than in
  the source
- cost: milliseconds of the processor for each frame: following the face, drawing and encoding

--larger makes the pictures of a small video so many times larger first, for the cost at 720 lines.
--sheet writes source frames beside dubbed ones: closed, half open, open and round, and the frame
whose old mouth was open widest; the last column is the temporal difference, four times as strong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core.animation.controls import lip_gaps_mm  # noqa: E402
from dreamtalk_core.formats.png import encode_png  # noqa: E402
from dreamtalk_core.motion import Motion  # noqa: E402
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening  # noqa: E402
from dreamtalk_core.pipeline.dreamtalk import DreamTalk  # noqa: E402
from dreamtalk_core.pipeline.sync import measure_sync  # noqa: E402
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech  # noqa: E402
from dreamtalk_core.tracking.tracker import Face, FaceTracker  # noqa: E402
from dreamtalk_core.tracking.video import open_images  # noqa: E402

Picture = NDArray[np.uint8]
Array = NDArray[np.float64]

MARGIN = 0.5
"""How far from the mouth a picture of the sheet reaches, in sizes of the face."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--larger", type=float, default=1.0)
    options = parser.parse_args()
    talk, tracker, rows = DreamTalk.load(device="cpu"), FaceTracker.load(), []
    print(f"{'':34} r: jaw   gap   old  sync       above  seam  cost")
    for video, speech in zip(options.pairs[::2], options.pairs[1::2], strict=True):
        rows += measured(talk, tracker, video, speech, options.larger)
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.concatenate(rows)[..., ::-1])


def measured(
    talk: DreamTalk, tracker: FaceTracker, video: Path, speech: Path, larger: float
) -> list[Picture]:
    """Prints the figures of a pair; the rows of the sheet."""
    images = open_images(video)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = list(images)
        if larger != 1:
            (home / "in").mkdir()
            for number, image in enumerate(source):
                big = cv2.resize(image, None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC)
                (home / "in" / f"{number:05}.png").write_bytes(encode_png(big))
            video = home / "in"
            source = list(open_images(video))
        # Not longer than the video: nothing is to be cut off.
        seconds = Fraction(len(source)) / images.fps
        spoken = Speech(Speech.load(speech).waveform[: int(seconds * SAMPLE_RATE)], str(speech))
        begin = time.process_time()
        talk.dub(video, spoken, home / "dubbed.mp4")
        cost = 1000 * (time.process_time() - begin) / len(source)
        (home / "out").mkdir()
        motion = talk.dub(video, spoken, home / "out" / "dubbed.####.png")
        dubbed = list(open_images(home / "out"))
    old = [face for face in tracker.follow(source) if face is not None]
    new = [face for face in tracker.follow(dubbed) if face is not None]
    tell(f"{video.stem[:20]} {speech.stem[:12]}", source, dubbed, old, new, motion, spoken, cost)
    return sheet(source, dubbed, old, motion)


def tell(
    name: str,
    source: list[Picture],
    dubbed: list[Picture],
    old: list[Face],
    new: list[Face],
    motion: Motion,
    speech: Speech,
    cost: float,
) -> None:
    count = min(len(old), len(new), len(motion))
    asked = lip_gaps_mm(motion.weights[:count, : len(ARKIT_NAMES)]).mean(1)
    jaw = np.array([face.weights[INDEX["jawOpen"]] for face in new])
    gaps = [np.array([gap(face) for face in faces[:count]]) for faces in (new, old)]
    weights = np.stack([face.weights for face in new]).clip(0, 1)
    turns = np.stack([face.head_rotation for face in new])
    sync = measure_sync(speech, Motion(ARKIT_NAMES, weights, motion.fps, turns))
    above = seam = 0.0
    for one, other, face in zip(source, dubbed, old, strict=False):
        difference = np.abs(one.astype(int) - other).max(2)
        difference[near(face, difference.shape)] = 0
        above = max(above, float(difference.max()))
    seam = flicker(source, dubbed)
    driving = motion.weights[:count, INDEX["jawOpen"]]
    pairs = ((jaw[:count], driving), (gaps[0], asked), (gaps[0], gaps[1]))
    figures = [float(np.corrcoef(one, other)[0, 1]) for one, other in pairs]
    print(
        f"{name:34}",
        *(f"{value:5.2f}" for value in figures),
        f"{sync.offset:+d} ({sync.confidence:.1f})  {above:5.0f}  {seam:4.2f}  {cost:.0f} ms",
        flush=True,
    )


def gap(face: Face) -> float:
    """Height of the gap between the lips, in sizes of the face."""
    points = face.landmarks
    return float(np.linalg.norm(points[13] - points[14]) / np.linalg.norm(points[10] - points[152]))


def near(face: Face, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Where a frame may be changed: below the middle of the nose, beside the jaw, and the neck."""
    left, _, right, bottom = face.box
    size = float(np.linalg.norm(face.landmarks[10] - face.landmarks[152]))
    columns = slice(max(int(left - 0.35 * size), 0), min(int(right + 0.35 * size), shape[1]))
    return slice(int(face.landmarks[197, 1]), min(int(bottom + 0.5 * size), shape[0])), columns


def flicker(source: list[Picture], dubbed: list[Picture]) -> float:
    """Mean difference of consecutive frames at the edge of what was changed, over the source's."""
    kernel, ratio = np.ones((3, 3), np.uint8), [0.0, 0.0]
    for (one, two), (new, next_new) in zip(pairwise(source), pairwise(dubbed), strict=True):
        changed = ((one != new) | (two != next_new)).any(2).astype(np.uint8)
        edge = (cv2.morphologyEx(changed, cv2.MORPH_CLOSE, kernel, iterations=3) > 0) & ~(
            cv2.erode(changed, kernel, iterations=6) > 0
        )
        for side, (before, after) in enumerate(((one, two), (new, next_new))):
            ratio[side] += float(np.abs(before.astype(int) - after)[edge].sum())
    return ratio[1] / max(ratio[0], 1.0)


def sheet(
    source: list[Picture], dubbed: list[Picture], old: list[Face], motion: Motion
) -> list[Picture]:
    """Rows of pictures at full size: source above dubbed."""
    count = min(len(old), len(motion))
    weights = motion.weights[:count]
    opening = mouth_opening(weights[:, : len(ARKIT_NAMES)])
    round_lips = weights[:, INDEX["mouthPucker"]] + weights[:, INDEX["mouthFunnel"]]
    order = np.argsort(opening)
    chosen = [
        *(int(order[0]), int(order[count // 2]), int(order[-1]), int(round_lips.argmax())),
        int(np.argmax([gap(face) for face in old[:count]])),
    ]
    sizes = [np.linalg.norm(face.landmarks[10] - face.landmarks[152]) for face in old]
    reach, rows = int(2 * MARGIN * np.median(sizes)), []
    for frames in (source, dubbed):
        cells = [cut(frames[k], old[k], reach) for k in chosen]
        k = max(chosen[1], 1)
        before, after = (cut(frames[n], old[k], reach).astype(int) for n in (k - 1, k))
        cells.append((128 + 4 * (after - before)).clip(0, 255).astype(np.uint8))
        rows.append(np.concatenate(cells, 1))
    width = 1800
    return [cv2.resize(row, (width, width * row.shape[0] // row.shape[1])) for row in rows]


def cut(image: Picture, face: Face, reach: int) -> Picture:
    x, y = face.landmarks[[1, 152], :2].mean(0).astype(int)
    padded = np.pad(image, [(reach, reach), (reach, reach), (0, 0)])
    part = padded[y : y + 2 * reach, x : x + 2 * reach]
    return part[reach // 2 : -reach // 2, reach // 2 : -reach // 2]


if __name__ == "__main__":
    main()
