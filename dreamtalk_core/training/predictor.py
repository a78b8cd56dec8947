"""Training of the style predictor: what a speech sounds like, and the style that suits it.

train_predictor(Path("dreamtalk_core/training/predictor.json"), CORPUS, OUTPUT)

`examples` makes the speech, `hearing` teaches which emotion is in it; here a denoiser learns how
people's faces show it. Faces are tracked people in the synthetic style of an emotion. The face at
rest that goes with one is of the same person in another recording and in another mood, or the
predictor would read the answer from it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.corpus import Clip
from dreamtalk_core.models.devices import choose_device
from dreamtalk_core.models.diffusion import TRAIN_STEPS, alphas_cumprod
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.models.style_predictor import PredictorConfig, StylePredictor
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.dreamtalk import MODELS, PREDICTOR
from dreamtalk_core.style import fingerprint
from dreamtalk_core.training.config import read_config
from dreamtalk_core.training.data import Recording, Variant, calibrate, draw_style_clip
from dreamtalk_core.training.examples import Example, clips_by_speaker, load_examples
from dreamtalk_core.training.hearing import teach_hearing
from dreamtalk_core.training.synthetic_styles import NAMED

Array = npt.NDArray[np.float32]

NOISES = 16
"""Noised codes that the denoiser is shown for each face of a batch."""


@dataclass(frozen=True, eq=False)
class Face:
    """A tracked person: codes of the person's styles, and the person at rest."""

    codes: dict[str, Array]
    """emotion -> [K, D]"""
    rests: Array
    """[R, 52] raw weights at rest or in a moment of speech, in no mood."""
    clip_rests: dict[str, Array]
    """emotion -> [K, 52]: the rest of the very clip that a code was read from, mood and all."""


def train_predictor(
    config_path: Path,
    corpus: Path,
    output: Path,
    device_name: str = "auto",
    model_name: str | Path = "default",
) -> Path:
    """Train a style predictor for a motion model and write OUTPUT/predictor.safetensors.

    config_path: see predictor.json. model_name: name or path of the motion model. Features of the
    speech are kept in OUTPUT/cache.
    Raises CorpusError when corpus or configuration do not fit.
    """
    config = read_config(config_path)
    model = MotionModel.load(MODELS.get(str(model_name), Path(model_name)))
    output.mkdir(parents=True, exist_ok=True)
    examples = load_examples(config, corpus, output / "cache")
    faces = load_faces(
        config, read_config(config_path.parent / config["calibration"]), corpus, model
    )
    predictor = fit(config, examples, faces, fingerprint(model), device_name)
    path = output / PREDICTOR
    about = {key: config[key] for key in ("about", "licence", "training_data")}
    predictor.save(path, about)
    return path


# --- faces


@torch.no_grad()
def load_faces(
    config: Mapping[str, Any], calibration: Mapping[str, Any], corpus: Path, model: MotionModel
) -> dict[str, Face]:
    """Every tracked speaker, with codes of every emotion."""
    rng = np.random.default_rng(config["seed"])
    faces = {}
    for speaker, clips in clips_by_speaker(config["faces"], corpus).items():
        values = calibrate(clips, calibration)
        observed = np.ones(values[0].shape[1], bool)
        source = [Recording((Variant(np.zeros((0, 0), np.float16), v),), observed) for v in values]
        codes, clip_rests = {}, {}
        rests = np.concatenate([_rests(clip, rng) for clip in clips])
        for emotion in config["emotions"]:
            drawn = [draw_style_clip(source, NAMED[emotion], rng) for _ in range(config["codes"])]
            codes[emotion] = np.stack(
                [
                    model.style_encoder(model.normalise(torch.from_numpy(clip))[None])[0].numpy()
                    for clip in drawn
                ]
            )
            shown = [resting_face(clip[:, : len(ARKIT_NAMES)]) for clip in drawn]
            clip_rests[emotion] = (
                (np.stack(shown) + rests[rng.integers(len(rests), size=len(shown))])
                .clip(0, 1)
                .astype(np.float32)
            )
        faces[speaker] = Face(codes, rests, clip_rests)
    return faces


def _rests(clip: Clip, rng: np.random.Generator) -> Array:
    """[4, 52] the raw face at rest, and three moments that somebody could have photographed."""
    with np.load(clip.audio.with_name(f"{clip.id}.npz"), allow_pickle=False) as file:
        raw = file["arkit"].astype(np.float32)
    moments = raw[rng.integers(len(raw), size=3)]
    return np.concatenate([resting_face(raw)[None], moments]).astype(np.float32)


# --- fitting


def fit(
    config: Mapping[str, Any],
    examples: Sequence[Example],
    faces: Mapping[str, Face],
    model: str,
    device_name: str = "cpu",
) -> StylePredictor:
    """Both parts, one after the other. Returns the network, ready to predict."""
    codes = [codes for face in faces.values() for codes in face.codes.values()]
    predictor = build(config, np.concatenate(codes), model)
    temperature = teach_hearing(predictor, examples, config)
    tqdm.write(f"hearing: temperature {temperature:.2f}")
    return teach_showing(predictor, faces, config, device_name)


def build(config: Mapping[str, Any], codes: Array, model: str) -> StylePredictor:
    """A predictor that has learnt nothing but the range of codes [N, D]."""
    torch.manual_seed(config["seed"])
    predictor = StylePredictor(
        PredictorConfig(
            codes.shape[1],
            model,
            tuple(config["emotions"]),
            config["width"],
            config["hearing"]["width"],
            config["hearing"]["dropout"],
        )
    )
    predictor.code_mean.copy_(torch.from_numpy(codes.mean(0)))
    predictor.code_scale.copy_(torch.from_numpy(codes.std(0).clip(1e-3)))
    return predictor


def teach_showing(
    predictor: StylePredictor,
    faces: Mapping[str, Face],
    config: Mapping[str, Any],
    device_name: str = "cpu",
) -> StylePredictor:
    """Fit the denoiser of a predictor. Returns it with the running average of the weights."""
    device = choose_device(device_name)
    torch.manual_seed(config["seed"])
    rng = np.random.default_rng(config["seed"])
    predictor = predictor.to(device).train()
    average = copy.deepcopy(predictor).requires_grad_(False).eval()
    # The classifier has no part in the loss and stays as it is.
    optimizer = torch.optim.AdamW(
        predictor.parameters(), config["learning_rate"], weight_decay=config["weight_decay"]
    )
    bar = tqdm(range(config["steps"]), desc="predictor", disable=None)
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = config["learning_rate"] * min(1.0, (step + 1) / (0.03 * config["steps"]))
        batch = [tensor.to(device) for tensor in draw_batch(faces, config, rng)]
        loss = objective(predictor, batch, config)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(predictor.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            decay = min(config["ema"], (step + 1) / (step + 10))
            for slow, fast in zip(average.parameters(), predictor.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    return average


def objective(
    predictor: StylePredictor, batch: Sequence[Tensor], config: Mapping[str, Any]
) -> Tensor:
    """Squared error of the clean code."""
    emotion, face, known, code = batch
    asked = predictor.ask(emotion, face, known).expand(NOISES, -1, -1)
    clean = ((code - predictor.code_mean) / predictor.code_scale).expand(NOISES, -1, -1)
    step = torch.randint(1, TRAIN_STEPS + 1, clean.shape[:2], device=clean.device)
    noise = torch.randn_like(clean)
    if config["regression"]:
        step, noise = torch.full_like(step, TRAIN_STEPS), torch.zeros_like(noise)
    alpha_prod = alphas_cumprod(clean.device)[step][..., None]
    noised = (
        alpha_prod.sqrt() * clean * (not config["regression"]) + (1 - alpha_prod).sqrt() * noise
    )
    error = predictor.denoise(asked, noised, step) - clean
    # Where there is little noise the error is small by itself; that is where it decides.
    return (error.square() / (1 - alpha_prod).clamp(min=0.05)).mean()


def draw_batch(
    faces: Mapping[str, Face], config: Mapping[str, Any], rng: np.random.Generator
) -> list[Tensor]:
    """emotion [B, E], face [B, 52], known [B] and code [B, D] of one step."""
    emotions, names, drawn = config["emotions"], list(faces), []
    for which in (moods := rng.integers(len(emotions), size=config["batch"])):
        face, emotion = faces[names[rng.integers(len(names))]], emotions[which]
        take = int(rng.integers(len(face.codes[emotion])))
        rest = draw_rest(face, emotion, take, config, rng)
        drawn.append((rest, rng.random() >= config["face_dropout"], face.codes[emotion][take]))
    rests, known, codes = (np.stack(column) for column in zip(*drawn, strict=True))
    shares = np.eye(len(emotions), dtype=np.float32)[moods]
    return [torch.from_numpy(array) for array in (shares, rests, known, codes)]


def draw_rest(
    face: Face, emotion: str, which: int, config: Mapping[str, Any], rng: np.random.Generator
) -> Array:
    """[52] a portrait: the person in some other moment, in any mood."""
    if not config["cross_identity"]:
        return face.clip_rests[emotion][which]
    rest = face.rests[rng.integers(len(face.rests))]
    moods = list(face.codes)
    if rng.random() < 0.5:
        mood = NAMED[moods[rng.integers(len(moods))]].offset
        rest = (rest + rng.uniform(0, 1) * mood).clip(0, 1)
    return rest.astype(np.float32)
