"""What the tracker reads on faces at rest, for `TYPICAL_REST` of
`dreamtalk_core/animation/calibration.py`.

    python benchmarks/resting_face.py --corpus PATH

Each clip's resting value of each shape, averaged by speaker; printed is the median over speakers
with the quartiles, for every shape above .01.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.motion.arkit import ARKIT_NAMES

LEAST = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    corpus = parser.parse_args().corpus
    rests: dict[str, list[np.ndarray]] = {}
    with (corpus / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            with np.load(corpus / "clips" / f"{row['id']}.npz", allow_pickle=False) as clip:
                rests.setdefault(row["speaker"], []).append(resting_face(clip["arkit"]))
    faces = np.stack([np.mean(clips, axis=0) for clips in rests.values()])
    print(f"{len(faces)} speakers: median (quartiles)")
    for name, low, middle, high in zip(
        ARKIT_NAMES, *np.percentile(faces, (25, 50, 75), axis=0), strict=True
    ):
        if middle > LEAST:
            print(f"{name:22} {middle:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
