"""Fit `research/bfm.safetensors`: linear maps between BFM expression coefficients and ARKit shapes.

    python -m dreamtalk_core.weights.make_bfm CORPUS

CORPUS holds `style_clips` and `bfm_pairs`, files with `arkit` [T, 52] and `bfm_exp` [T, 64] of the
same frames: four people, three minutes, for research only; so is what comes out.

The maps are ridge regressions. Slopes are learnt within clips, each person counting alike: between
people, coefficients differ by the shape of the face as much as by what it does. Before, the resting
face is taken off each person's ARKit curves, as `calibration` does; the neutral BFM expression is
what then goes with an ARKit face of zeros, on average over people. Both maps go through this pair.

The table that is printed, for the model card, tells how well each shape is found in a person whom
the fit has not seen. Shapes that are hardly found there stay at rest, left and right alike.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.models.checkpoint import save_weights
from dreamtalk_core.motion.arkit import ARKIT_NAMES, MIRROR, REGIONS
from dreamtalk_core.original.bfm import FORMAT, MAPS, VERSION

LATE = 2
"""Frames by which ARKit lags behind BFM in four of the five pairs: seen in the blinks, by the map
that the other clips give (correlation .5 to .6 as they are, .7 to .9 shifted)."""
LATE_CLIPS = ("bfm_andrew_clip_1", "bfm_andrew_clip_2", "bfm_obama_clip1", "bfm_obama_clip2")
CLOSED_MOUTH = "andrew"
"""The tracker sees this person's jaw open behind closed lips all the time: no use for the mouth."""
MOUTH = [name in (*REGIONS["jaw"], *REGIONS["mouth"]) for name in ARKIT_NAMES]
RIDGE = 0.1
"""In variances of each input. Ten times as much explains a little more in unseen people (R2 of BFM
.38, not .35), but mumbles: amplitudes there are .65 of the true ones, not .85."""
STILL = 1e-4
"""Variance that an input is given at least: a shape that the tracker hardly moves says little."""
USEFUL = 0.05
"""Mean R2 of a shape and its partner from which on they are mapped."""
MOVES = 0.01
"""Standard deviation from which on a shape counts as moved in the accuracy."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Clip:
    """A person's ARKit weights [T, 52] and BFM expression [T, 64] of the same frames."""

    person: str
    arkit: Array
    bfm: Array


def read_clips(corpus: Path) -> list[Clip]:
    """All clips, in time, with each person's resting face taken off the ARKit curves."""
    clips = []
    for path in sorted((corpus / "style_clips").glob("*.npz")):
        clips.append(_read(path, path.stem.split("_")[0], 0))
    for path in sorted((corpus / "bfm_pairs").glob("*.npz")):
        clips.append(_read(path, path.stem.split("_")[1], LATE if path.stem in LATE_CLIPS else 0))
    rests = {
        person: resting_face(np.concatenate([c.arkit for c in clips if c.person == person]))
        for person in {c.person for c in clips}
    }
    return [replace(c, arkit=np.clip(c.arkit - rests[c.person], 0, 1)) for c in clips]


def _read(path: Path, person: str, late: int) -> Clip:
    with np.load(path, allow_pickle=False) as file:
        arkit, bfm = file["arkit"].astype(np.float64), file["bfm_exp"].astype(np.float64)
    return Clip(person, arkit[late:], bfm[: len(bfm) - late])


def fit(pairs: Iterable[tuple[str, Array, Array]], ridge: float = RIDGE) -> tuple[Array, Array]:
    """The map from inputs [T, A] to outputs [T, B] of clips (person, inputs, outputs).

    Slope [A, B], and offset [B]: output = input @ slope + offset.
    """
    people: dict[str, list[tuple[Array, Array]]] = {}
    for person, inputs, outputs in pairs:
        people.setdefault(person, []).append((inputs, outputs))
    square, cross, middles = [], [], []
    for clips in people.values():
        x = np.concatenate([inputs - inputs.mean(0) for inputs, _ in clips])
        y = np.concatenate([outputs - outputs.mean(0) for _, outputs in clips])
        square.append(x.T @ x / len(x))
        cross.append(x.T @ y / len(x))
        middles.append([np.concatenate(part).mean(0) for part in zip(*clips, strict=True)])
    variances = np.mean(square, axis=0)
    loaded = variances + ridge * np.diag(np.maximum(np.diag(variances), STILL))
    slope = np.linalg.solve(loaded, np.mean(cross, axis=0))
    return slope, np.mean([y - x @ slope for x, y in middles], axis=0)


def fit_to_arkit(clips: list[Clip]) -> Array:
    """Slope [64, 52]: the mouth without the person whose mouth the tracker gets wrong."""
    every, _ = fit([(c.person, c.bfm, c.arkit) for c in clips])
    seen = [(c.person, c.bfm, c.arkit) for c in clips if c.person != CLOSED_MOUTH]
    return np.where(MOUTH, fit(seen)[0], every)


def fit_from_arkit(clips: list[Clip]) -> tuple[Array, Array]:
    """Slope [52, 64] and the neutral expression [64]."""
    return fit([(c.person, c.arkit, c.bfm) for c in clips if c.person != CLOSED_MOUTH])


@dataclass(frozen=True, eq=False)
class Accuracy:
    """In people who were left out, for each shape that moves there; else NaN.

    r2 [52]: share of the variance within clips that is explained. r [52]: correlation within clips.
    error [52]: mean absolute error, with the neutral expression of other people.
    """

    r2: Array
    r: Array
    error: Array


def accuracy_to_arkit(clips: list[Clip]) -> Accuracy:
    sums, people = np.zeros((5, len(ARKIT_NAMES))), np.zeros(len(ARKIT_NAMES))
    for person in sorted({c.person for c in clips}):
        others = [c for c in clips if c.person != person]
        slope, (_, neutral) = fit_to_arkit(others), fit_from_arkit(others)
        theirs = [c for c in clips if c.person == person]
        truths = [c.arkit for c in theirs]
        guesses = [((c.bfm - neutral) @ slope).clip(0, 1) for c in theirs]
        truth = np.concatenate([one - one.mean(0) for one in truths])
        guess = np.concatenate([one - one.mean(0) for one in guesses])
        off = np.abs(np.concatenate(guesses) - np.concatenate(truths)).mean(0)
        products = [(guess - truth) ** 2, truth**2, guess**2, guess * truth]
        moved = (truth.std(0) > MOVES) & ~(np.array(MOUTH) & (person == CLOSED_MOUTH))
        sums += np.where(moved, [*(part.mean(0) for part in products), off], 0)
        people += moved
    with np.errstate(invalid="ignore", divide="ignore"):
        missed, truth, guess, both, off = sums
        return Accuracy(1 - missed / truth, both / np.sqrt(guess * truth), off / people)


def accuracy_from_arkit(clips: list[Clip]) -> float:
    """Left-out persons: share of the variance within clips that is explained, all coefficients."""
    missed, whole = 0.0, 0.0
    for person in sorted({c.person for c in clips} - {CLOSED_MOUTH}):
        slope, _ = fit_from_arkit([c for c in clips if c.person != person])
        for clip in (c for c in clips if c.person == person):
            missed += float((clip.arkit @ slope - clip.bfm).var(0).sum() * len(clip.bfm))
            whole += float(clip.bfm.var(0).sum() * len(clip.bfm))
    return 1 - missed / whole


def table(accuracy: Accuracy) -> str:
    """Markdown for the model card, best shape first."""
    lines = ["| shape | R2 | r | mean error |", "|---|---|---|---|"]
    for i in np.argsort(-np.nan_to_num(accuracy.r2, nan=-99.0), kind="stable"):
        figures = (accuracy.r2[i], accuracy.r[i], accuracy.error[i])
        cells = ["does not move", "", ""] if np.isnan(figures[0]) else [f"{x:.2f}" for x in figures]
        lines.append(f"| {ARKIT_NAMES[i]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=MAPS)
    arguments = parser.parse_args()
    clips = read_clips(arguments.corpus)
    accuracy = accuracy_to_arkit(clips)
    slope, neutral = fit_from_arkit(clips)
    useful = (accuracy.r2 + accuracy.r2[list(MIRROR)]) / 2 > USEFUL
    tensors = {
        "to_arkit": np.where(useful, fit_to_arkit(clips), 0),
        "from_arkit": slope,
        "neutral": neutral,
    }
    about = {
        "licence": "research only: fitted on research-only recordings",
        "data": "style_clips and bfm_pairs: 4 people, 21 clips, 3 minutes",
        "accuracy": json.dumps(
            {
                name: round(float(r2), 3)
                for name, r2 in zip(ARKIT_NAMES, accuracy.r2, strict=True)
                if np.isfinite(r2)
            }
        ),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    torches = {name: torch.from_numpy(value) for name, value in tensors.items()}
    save_weights(arguments.output, torches, (FORMAT, VERSION), {"ridge": RIDGE}, about)
    print(table(accuracy))
    print(f"\nat rest: {', '.join(n for n, on in zip(ARKIT_NAMES, useful, strict=True) if not on)}")
    print(f"back: {accuracy_from_arkit(clips):.2f} of the variance")


if __name__ == "__main__":
    main()
