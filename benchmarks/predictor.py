"""How well `auto` hears emotions, and shows them: `benchmarks/predictor.py --corpus C --cache F`.

Hearing: speakers of EMO-DB and of the Javanese corpus are kept from training in turns, and what is
heard in their sentences as they were recorded is compared with the labels; where the classifier is
sure, it should be right as often as it says. Ordinary recordings, and an American actor, are heard
by the shipped predictor, which was trained on none of them.

Showing: codes for tracked people, each with a portrait in another moment, beside those of the same
people in the emotion asked for; with the ablations of DreamTalk's table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dreamtalk_core import DreamTalk, Speech  # noqa: E402
from dreamtalk_core.corpus.clips import read_clip  # noqa: E402
from dreamtalk_core.corpus.manifest import read_rows  # noqa: E402
from dreamtalk_core.models.diffusion import TRAIN_STEPS  # noqa: E402
from dreamtalk_core.models.style_predictor import StylePredictor  # noqa: E402
from dreamtalk_core.style import fingerprint  # noqa: E402
from dreamtalk_core.training import hearing  # noqa: E402
from dreamtalk_core.training import predictor as training  # noqa: E402
from dreamtalk_core.training.config import read_config  # noqa: E402
from dreamtalk_core.training.examples import Example, load_examples  # noqa: E402

CONFIG = ROOT / "dreamtalk_core" / "training" / "predictor.json"
NOT_TRAINED_ON: dict[str, tuple[str, tuple[str, ...]]] = {
    "ordinary recordings": ("wild_", ("neutral",)),
    "an American actor": ("crema_", ("neutral", "happy", "sad", "angry", "fear", "disgust")),
}
"""Clips of the manifest, by the beginning of their names and their emotions."""
BINS = (0.0, 0.5, 0.7, 0.9, 1.01)
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "no face": {"face_dropout": 1.0},
    "no cross-identity": {"cross_identity": False, "face_dropout": 0.0},
    "regression": {"regression": True},
}


@dataclass(frozen=True)
class Answer:
    """What was heard in one recording."""

    origin: str
    speaker: str
    emotion: str
    heard: str
    probability: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--model", default="default", help="name or path of the motion model")
    parser.add_argument("--cache", type=Path, required=True, help="folder for features of speech")
    parser.add_argument("--folds", type=int, default=8, help="groups of speakers to keep out")
    parser.add_argument("--hearing", action="store_true", help="leave the faces out")
    parser.add_argument("--json", type=Path, help="write every answer here")
    options = parser.parse_args()
    torch.set_num_threads(1)

    config = read_config(CONFIG)
    talk = DreamTalk.load(options.model, "cpu")
    examples = load_examples(config, options.corpus, options.cache)
    answers = list(kept_out(config, examples, options.folds))
    report(answers)
    answers += ordinary(talk, options.corpus)
    report([answer for answer in answers if answer.origin in NOT_TRAINED_ON])
    if not options.hearing:
        calibration = read_config(CONFIG.with_name(config["calibration"]))
        faces = training.load_faces(config, calibration, options.corpus, talk.model)
        for name, changes in VARIANTS.items():
            show(name, {**config, **changes}, faces, talk)
    if options.json:
        text = json.dumps([asdict(answer) for answer in answers], indent=1)
        options.json.write_text(text, encoding="utf-8")


def kept_out(
    config: Mapping[str, Any], examples: Sequence[Example], folds: int
) -> Iterator[Answer]:
    """What is heard in the speech of actors who were kept from training, as it was recorded."""
    variants = {source["folder"]: source["variants"] for source in config["sources"]}
    recorded = {
        id(one)
        for folder, count in variants.items()
        for one in [example for example in examples if example.origin == folder][::count]
    }
    network = training.build(config, np.zeros((1, 1), np.float32), "")
    config = {**config, "hearing": {**config["hearing"], "folds": folds}}
    logits, temperature = hearing.hear_kept_out(network, examples, config)
    for one, shares in zip(examples, (logits / temperature).softmax(1).numpy(), strict=True):
        if id(one) in recorded:
            heard = config["emotions"][shares.argmax()]
            yield Answer(one.origin, one.speaker, one.emotion, heard, float(shares.max()))


def ordinary(talk: DreamTalk, corpus: Path) -> Iterator[Answer]:
    """What the shipped predictor hears in recordings of `NOT_TRAINED_ON` that have voice."""
    for row in read_rows(corpus / "manifest.tsv"):
        for origin, (beginning, emotions) in NOT_TRAINED_ON.items():
            if row["id"].startswith(beginning) and row["emotion"] in emotions:
                heard = talk.predict_style(Speech.load(read_clip(corpus, row).audio)).heard
                if heard is not None:
                    emotion = row["emotion"]
                    yield Answer(origin, row["speaker"], emotion, heard.emotion, heard.probability)


def report(answers: Sequence[Answer]) -> None:
    for origin in dict.fromkeys(answer.origin for answer in answers):
        some = [answer for answer in answers if answer.origin == origin]
        emotions = sorted({answer.emotion for answer in some})
        right = {
            emotion: np.mean([one.heard == emotion for one in some if one.emotion == emotion])
            for emotion in emotions
        }
        speakers = sorted({answer.speaker for answer in some})
        each = [np.mean([a.heard == a.emotion for a in some if a.speaker == s]) for s in speakers]
        rng = np.random.default_rng(0)
        means = [np.mean(rng.choice(each, len(each))) for _ in range(2000)]
        low, high = np.percentile(means, [2.5, 97.5])
        print(
            f"{origin}: {len(some)} recordings, mean over {len(emotions)} emotions "
            f"{100 * np.mean(list(right.values())):.1f} %, over {len(speakers)} speakers "
            f"{100 * np.mean(each):.1f} % ({100 * low:.1f} to {100 * high:.1f}); heard as neutral "
            f"{100 * np.mean([one.heard == 'neutral' for one in some]):.1f} %"
        )
        print("  " + ", ".join(f"{name} {100 * share:.0f}" for name, share in right.items()))
        for least, most in pairwise(BINS):
            inside = [one for one in some if least <= one.probability < most]
            if inside:
                share = np.mean([one.heard == one.emotion for one in inside])
                sure = np.mean([one.probability for one in inside])
                print(
                    f"  {len(inside):4} answers {100 * sure:.0f} % sure: {100 * share:.0f} % right"
                )


def show(
    name: str, config: Mapping[str, Any], faces: Mapping[str, training.Face], talk: DreamTalk
) -> None:
    """How near the codes for faces are to those of the same people."""
    emotions = config["emotions"]
    every = np.concatenate([codes for face in faces.values() for codes in face.codes.values()])
    network = training.build(config, every, fingerprint(talk.model))
    network = training.teach_showing(network, faces, config)
    named = np.stack([talk.model.styles[emotion].cpu().numpy() for emotion in emotions])
    rng, scale, apart, right = np.random.default_rng(0), network.code_scale.numpy(), [], []
    for face in faces.values():
        for index, emotion in enumerate(emotions):
            rest = face.rests[rng.integers(len(face.rests))]
            target = face.codes[emotion][rng.integers(config["codes"])]
            seen = None if config["face_dropout"] == 1.0 else rest
            ask = regress if config["regression"] else StylePredictor.predict
            code = ask(network, emotion, seen)
            apart.append(np.sqrt(np.square((code - target) / scale).mean()))
            right.append(np.square(named - code).sum(1).argmin() == index)
    print(
        f"{name:20} nearest named style {100 * np.mean(right):.1f} %, "
        f"code distance {np.mean(apart):.3f}",
        flush=True,
    )


@torch.no_grad()
def regress(network: StylePredictor, emotion: str, rest: training.Array | None) -> training.Array:
    """The answer of a predictor that was trained to give the mean."""
    asked = network.ask(
        torch.tensor([[float(name == emotion) for name in network.config.emotions]]),
        torch.from_numpy(rest)[None] if rest is not None else torch.zeros(1, 52),
        torch.tensor([rest is not None]),
    )
    start = torch.zeros(1, network.config.style)
    code = network.denoise(asked, start, torch.tensor([TRAIN_STEPS]))[0]
    return (code * network.code_scale + network.code_mean).numpy()


if __name__ == "__main__":
    main()
