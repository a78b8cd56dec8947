"""How often the style predictor hears the right emotion: `benchmarks/predictor.py --corpus C`.

EMO-DB's speakers, two at a time, are kept from training; each sentence is given a tracked person's
portrait, in another moment and in no mood, and what is predicted is compared with that person's
code in the emotion of the label. Four predictors were trained with the other eight speakers
(research only): the full one and the ablations of DreamTalk's table. Two saw none of EMO-DB: the
default one, and one that was not taught what ordinary speech sounds like either.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core import DreamTalk, Speech  # noqa: E402
from dreamtalk_core.models.diffusion import TRAIN_STEPS  # noqa: E402
from dreamtalk_core.models.style_predictor import StylePredictor  # noqa: E402
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL  # noqa: E402
from dreamtalk_core.style import Style, fingerprint  # noqa: E402
from dreamtalk_core.training import predictor as training  # noqa: E402
from dreamtalk_core.training.train import read_config  # noqa: E402

CONFIGS = ROOT / "dreamtalk_core" / "training"
CORPUS_NAME = "emodb"
DEFAULTS = {"default": None, "default, no plain": {training.EMOTIONAL: 1.0}}
"""Predictors that saw nothing of EMO-DB, by their shares of the training's speech."""
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "no speaker": {"face_dropout": 1.0},
    "no cross-identity": {"cross_identity": False, "face_dropout": 0.0},
    "regression": {"regression": True},
}


@dataclass(frozen=True, eq=False)
class Trial:
    """A sentence that was kept from training, with the face that it is to be acted with."""

    example: training.Example
    sound: Path
    rest: training.Array
    target: training.Array


@dataclass(frozen=True)
class Answer:
    """One sentence's figures."""

    speaker: str
    emotion: str
    predicted: str
    code_distance: float
    motion_distance: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--cache", type=Path, required=True, help="folder for features of speech")
    parser.add_argument("--folds", type=int, default=5, help="of two speakers each, 1 to 5")
    parser.add_argument("--motions", type=int, default=8, help="every how many sentences to sample")
    parser.add_argument("--json", type=Path, help="write every answer here")
    options = parser.parse_args()
    torch.set_num_threads(1)

    talk = DreamTalk.load(options.model, "cpu")
    research = read_config(CONFIGS / "predictor_research.json")
    calibration = read_config(CONFIGS / research["calibration"])
    examples = training.load_examples(research, options.corpus, options.cache)
    faces = training.load_faces(research, calibration, options.corpus, talk.model)
    trials = make_trials(examples, faces, research, options.corpus)
    speakers = sorted({trial.example.speaker for trial in trials})
    folds = [speakers[2 * fold : 2 * fold + 2] for fold in range(options.folds)]
    train = partial(training.fit, faces=faces, model=fingerprint(talk.model))
    measure = partial(answer, talk=talk, emotions=list(research["acting"]), every=options.motions)

    answers: dict[str, list[Answer]] = {}
    strangers = [example for example in examples if example.origin != CORPUS_NAME]
    default = read_config(CONFIGS / "predictor.json")
    for name, shares in DEFAULTS.items():
        network = train({**default, "shares": shares or default["shares"]}, strangers)
        answers[name] = measure(network, trials, {})
        report(name, answers[name])
    for name, changes in VARIANTS.items():
        answers[name] = []
        for fold in folds:
            training_set = [
                e for e in examples if not (e.origin == CORPUS_NAME and e.speaker in fold)
            ]
            network = train({**research, **changes}, training_set)
            held_out = [trial for trial in trials if trial.example.speaker in fold]
            answers[name] += measure(network, held_out, changes)
        report(name, answers[name])
    if options.json:
        text = {name: [vars(one) for one in some] for name, some in answers.items()}
        options.json.write_text(json.dumps(text, indent=1), encoding="utf-8")


def make_trials(
    examples: Sequence[training.Example],
    faces: Mapping[str, training.Face],
    config: Mapping[str, Any],
    corpus: Path,
) -> list[Trial]:
    """One trial for every sentence of EMO-DB as it was recorded."""
    rng = np.random.default_rng(0)
    (source,) = config["sources"]
    ids = [row["id"] for row in training.read_labels(corpus / source["folder"])]
    recorded = [e for e in examples if e.origin == CORPUS_NAME][:: source["variants"]]
    trials = []
    for name, example in zip(ids, recorded, strict=True):
        face = faces[list(faces)[rng.integers(len(faces))]]
        target = face.codes[example.emotion][rng.integers(config["codes"])]
        rest = face.rests[rng.integers(len(face.rests))]
        trials.append(Trial(example, corpus / source["folder"] / f"{name}.flac", rest, target))
    return trials


def answer(
    network: StylePredictor,
    trials: Sequence[Trial],
    changes: Mapping[str, Any],
    talk: DreamTalk,
    emotions: Sequence[str],
    every: int,
) -> list[Answer]:
    named = np.stack([talk.model.styles[emotion].cpu().numpy() for emotion in emotions])
    scale = network.code_scale.numpy()
    answers = []
    for index, trial in enumerate(trials):
        rest = None if changes.get("face_dropout") == 1.0 else trial.rest
        if changes.get("regression"):
            code = regress(network, trial.example.summaries, trial.rest)
        else:
            code = network.predict(trial.example.summaries, rest)
        predicted = emotions[int(np.square(named - code).sum(1).argmin())]
        apart = float(np.sqrt(np.square((code - trial.target) / scale).mean()))
        moved = motion_distance(talk, trial, code) if index % every == 0 else None
        answers.append(
            Answer(trial.example.speaker, trial.example.emotion, predicted, apart, moved)
        )
    return answers


@torch.no_grad()
def regress(
    network: StylePredictor, summaries: training.Array, rest: training.Array
) -> training.Array:
    """The answer of a predictor that was trained to give the mean."""
    speech = network.normalise(torch.from_numpy(summaries))[None]
    asked = network.read(
        speech,
        torch.zeros(speech.shape[:2], dtype=torch.bool),
        torch.from_numpy(rest)[None],
        torch.tensor([True]),
    )
    code = network.denoise(
        asked, torch.zeros(1, network.config.style), torch.tensor([TRAIN_STEPS])
    )[0]
    return (code * network.code_scale + network.code_mean).numpy()


def motion_distance(talk: DreamTalk, trial: Trial, code: training.Array) -> float:
    """Mean difference of the curves in the predicted and in the true style, same seed."""
    speech = Speech.load(trial.sound)
    made = [
        talk.sample_motion(speech, Style(one, "style", "benchmark")).weights
        for one in (code, trial.target)
    ]
    return float(np.abs(made[0] - made[1]).mean())


def report(name: str, answers: Sequence[Answer]) -> None:
    speakers = sorted({one.speaker for one in answers})
    right = [
        float(np.mean([one.predicted == one.emotion for one in answers if one.speaker == speaker]))
        for speaker in speakers
    ]
    rng = np.random.default_rng(0)
    means = [np.mean(rng.choice(right, len(right))) for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    moved = [one.motion_distance for one in answers if one.motion_distance is not None]
    print(
        f"{name:20} accuracy {100 * np.mean(right):.1f} % ({100 * low:.1f} to {100 * high:.1f})  "
        f"code distance {np.mean([one.code_distance for one in answers]):.3f}  "
        f"motion distance {np.mean(moved):.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
