"""The style predictor: from speech, and a face if there is one, to a style code that suits both.

It hears which emotion is in the voice, and how surely; a diffusion model over the style code
(DreamTalk, section 3.3) then draws how that face shows it: a face can do so in many ways, and a
regression would answer with their mean, which is nobody's way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dreamtalk_core.models.checkpoint import Checkpoint, fill
from dreamtalk_core.models.devices import inference
from dreamtalk_core.models.diffusion import TRAIN_STEPS, alphas_cumprod, frame_noise, sample
from dreamtalk_core.models.style_encoder import positions
from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.speech.articulation import FEATURES
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import FEATURE_WIDTH, HIDDEN, WIDTH
from dreamtalk_core.speech.prosody import DESCRIPTORS, FAINT_DB, describe_voice

Array = npt.NDArray[np.float32]


STEPS = 10
"""Denoising steps; a code is small, so they cost next to nothing."""
DRAWS = 16
"""Codes that are drawn for one speech; the most typical of them is the answer."""
NEIGHBOURS = 5
"""Draws near a code that say how typical it is."""

BLOCKS = (1, 2)
"""Blocks of the phonetic encoder that still know how something is said, and not only what."""

_PHONES = (*FEATURES, *(f"{name} reported" for name in FEATURES))


@dataclass(frozen=True)
class PredictorConfig:
    """Everything needed to build the network; stored in the header of the weights."""

    style: int
    """Width of a style code."""
    model: str
    """`style.fingerprint` of the motion model whose code space this speaks."""
    emotions: tuple[str, ...]
    """What can be heard in a voice."""
    width: int = 96
    """Of the denoiser."""
    hearing: int = 128
    """Width of the classifier."""
    dropout: float = 0.5
    """Of the classifier's, in training."""


class StylePredictor(Checkpoint):
    """A classifier hears the emotion in a speech; a denoiser draws a code for it and a face."""

    FORMAT = "dreamtalk-style-predictor"
    VERSION = 2
    KIND = "style predictor"

    code_mean: Tensor
    code_scale: Tensor
    speech_mean: Tensor
    speech_scale: Tensor

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.hearing = nn.Sequential(
            nn.Linear(len(SUMMARY), config.hearing),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hearing, len(config.emotions)),
        )
        self.emotion = nn.Linear(len(config.emotions), width)
        self.face = nn.Sequential(
            nn.Linear(len(ARKIT_NAMES), width), nn.SiLU(), nn.Linear(width, width)
        )
        self.unknown_face = nn.Parameter(torch.randn(width))
        self.norm = nn.LayerNorm(width)
        self.noised = nn.Linear(config.style, 3 * width)
        self.about = nn.Linear(2 * width, 3 * width)
        self.denoiser = nn.Sequential(
            nn.SiLU(),
            nn.Linear(3 * width, 3 * width),
            nn.SiLU(),
            nn.Linear(3 * width, config.style),
        )
        for name, size in (("code", config.style), ("speech", len(SUMMARY))):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    def hear(self, summaries: Tensor) -> Tensor:
        """Logits [..., E] of the emotions in speech, from its summary [..., len(SUMMARY)]."""
        logits: Tensor = self.hearing(self.normalise(summaries))
        return logits

    def ask(self, emotion: Tensor, face: Tensor, known: Tensor) -> Tensor:
        """What is asked of the code, [B, width].

        emotion: [B, E] shares. face: [B, 52] resting face. known: [B] False where there is none.
        """
        who = torch.where(known[:, None], self.face(face), self.unknown_face)
        asked: Tensor = self.norm(self.emotion(emotion) + who)
        return asked

    def denoise(self, asked: Tensor, noised: Tensor, step: Tensor) -> Tensor:
        """The clean code [..., style], normalised, from what `ask` gives [..., width].

        noised: [..., style] code with the noise of diffusion `step` [...].
        """
        stage = positions(TRAIN_STEPS + 1, self.config.width, step.device)[step]
        about = self.about(torch.cat([asked, stage], -1))
        answer = self.denoiser(about + self.noised(noised))
        # The less noise there is, the more of the code is there already, and the less is left to
        # say (preconditioning after Karras et al. 2022, arXiv 2206.00364).
        alpha_prod = alphas_cumprod(step.device)[step][..., None]
        return alpha_prod.sqrt() * noised + (1 - alpha_prod).sqrt() * answer

    @inference()
    def listen(self, summary: Array) -> dict[str, float]:
        """Probabilities of the emotions in a speech. summary: `summarise_speech` of it."""
        heard = self.hear(torch.from_numpy(summary).to(self.speech_mean.device)).softmax(-1)
        return dict(zip(self.config.emotions, heard.tolist(), strict=True))

    @inference()
    def predict(self, emotion: str, face: Array | None = None, seed: int = 0) -> Array:
        """A style code float32 [style]: how a face shows one of the emotions.

        face: [52] ARKit weights of the speaker at rest, from a photo or a clip; None for an unknown
        speaker. seed: another seed is another style.
        """
        device = self.speech_mean.device
        shares = [[float(name == emotion) for name in self.config.emotions]]
        rest = np.zeros(len(ARKIT_NAMES), np.float32) if face is None else face
        asked = self.ask(
            torch.tensor(shares, device=device),
            torch.tensor(rest, dtype=torch.float32, device=device)[None],
            torch.tensor([face is not None], device=device),
        )
        drawn = self.draw(asked, frame_noise(DRAWS, self.config.style, seed).to(device))
        return (drawn[most_typical(drawn)] * self.code_scale + self.code_mean).cpu().numpy()

    def draw(self, asked: Tensor, noise: Tensor) -> Tensor:
        """Normalised codes [K, style] from noise [K, style]; asked: [1 or K, width]."""
        asked = asked.expand(len(noise), -1)

        def denoise(noised: Tensor, step: int) -> Tensor:
            at = torch.full((len(noised),), step, device=noised.device)
            return self.denoise(asked, noised[:, 0], at)[:, None]

        return sample(denoise, noise[:, None], STEPS)[:, 0]

    def normalise(self, summaries: Tensor) -> Tensor:
        """Summaries of speech [..., len(SUMMARY)] as the network reads them."""
        return ((summaries - self.speech_mean) / self.speech_scale).clamp(-4, 4)

    @classmethod
    def build(cls, sizes: Mapping[str, Any], tensors: dict[str, Tensor]) -> StylePredictor:
        """See `Checkpoint`."""
        config = PredictorConfig(**{**sizes, "emotions": tuple(sizes["emotions"])})
        return fill(lambda: StylePredictor(config), tensors)


def most_typical(drawn: Tensor) -> int:
    """Index of the row of [K, D] that has the nearest neighbours.

    A mean of the draws would be a style between theirs; this is one of them.
    """
    apart = torch.cdist(drawn, drawn).sort(1).values
    return int(apart[:, 1 : NEIGHBOURS + 1].mean(1).argmin())


def summarise_speech(features: SpeechFeatures) -> Array:
    """What is heard of how a speech is said: float32 [len(SUMMARY)], not normalised.

    Statistics of the voice, and of what the first blocks of the phonetic encoder make of it.
    """
    voice = describe_voice(features.speech.waveform, features.prosody)
    rows = torch.cat(list(features.rows())).float().cpu().numpy()
    missing = 2 * len(voice) - len(rows)
    rows = np.pad(rows, ((0, max(0, missing)), (0, 0)), mode="edge")[: 2 * len(voice)]
    summary = _summarise(voice, rows.reshape(len(voice), 2, -1))
    return np.fromiter(summary.values(), np.float32)


def _summarise(voice: Array, rows: Array) -> dict[str, float]:
    """Statistics of a stretch of speech (after the functionals of Eyben et al. 2016).

    voice: [T, len(DESCRIPTORS)]; rows: [T, 2, FEATURE_WIDTH] of the phonetic encoder.
    """
    column = {name: voice[:, i] for i, name in enumerate(DESCRIPTORS)}
    active = column["loudness"] > FAINT_DB
    voiced = column["voiced"] * active
    is_voiced = voiced >= 0.5
    both_voiced = is_voiced[1:] & is_voiced[:-1]
    both_active = active[1:] & active[:-1]
    span = _span(active) / MODEL_FPS
    pitch = column["pitch"][is_voiced]
    result = {
        **_percentiles("pitch", pitch, (5, 20, 50, 80, 95)),
        **_moments("pitch", column["pitch"], is_voiced),
        **_movement("pitch", np.diff(column["pitch"]).clip(-4, 4), both_voiced),
        "pitch slope": _trend(column["pitch"], is_voiced),
        **_percentiles("loudness", column["loudness"][active], (20, 50, 80)),
        **_moments("loudness", column["loudness"], active),
        **_movement("loudness", np.diff(column["loudness"]), both_active),
    }
    for name in DESCRIPTORS:
        if name not in ("pitch", "voiced", "loudness"):
            result |= _moments(name, column[name], voiced)
    for name in ("alpha", "hammarberg", "flux", "cepstrum 1", "cepstrum 2", "cepstrum 3"):
        unvoiced = active * (column["voiced"] == 0)
        result[f"{name} unvoiced"] = _moments("", column[name], unvoiced)[" mean"]
    spoken = rows[active].reshape(-1, FEATURE_WIDTH)
    if not len(spoken):
        spoken = rows.reshape(-1, FEATURE_WIDTH)
    mean, deviation = spoken.mean(0), spoken.std(0)
    for name, value in zip(_PHONES, mean[HIDDEN:-1], strict=True):
        result[name] = float(value)
    for block in BLOCKS:
        for i in range((block - 1) * WIDTH, block * WIDTH):
            result[f"row {i} mean"], result[f"row {i} deviation"] = mean[i], deviation[i]
    # The recogniser reports a phone with a dip in its belief that there is none to report.
    peaks = _peaks(1 - rows[..., -1].reshape(-1), 0.3)
    edges = np.flatnonzero(np.diff(is_voiced.astype(int), prepend=0, append=0))
    runs = np.diff(edges)[::2] / MODEL_FPS
    return result | {
        "pause": 1 - active.sum() / MODEL_FPS / span,
        "voiced": voiced.sum() / max(active.sum(), 1),
        "voiced runs a second": len(runs) / span,
        "voiced run": runs.mean() if len(runs) else 0.0,
        "voiced run deviation": runs.std() if len(runs) else 0.0,
        "loudness peaks a second": _peaks(column["loudness"], -20) / span,
        "phones a second": peaks / span,
        "phones a second spoken": peaks * MODEL_FPS / max(active.sum(), 5),
    }


def _span(active: npt.NDArray[np.bool_]) -> float:
    """Frames from the first active one to the last; at least 5."""
    where = np.flatnonzero(active)
    return max(5.0, float(where[-1] - where[0] + 1)) if len(where) else 5.0


def _percentiles(name: str, values: Array, percents: tuple[int, ...]) -> dict[str, float]:
    found = np.percentile(values, percents) if len(values) else np.zeros(len(percents))
    return {f"{name} {percent} %": float(x) for percent, x in zip(percents, found, strict=True)}


def _moments(name: str, values: Array, weight: npt.NDArray[np.generic]) -> dict[str, float]:
    share = weight.astype(np.float32)
    share /= max(float(share.sum()), 1e-6)
    mean = float(share @ values)
    return {
        f"{name} mean": mean,
        f"{name} deviation": math.sqrt(float(share @ (values - mean) ** 2)),
    }


def _movement(name: str, change: Array, where: npt.NDArray[np.bool_]) -> dict[str, float]:
    change = change[where] if where.any() else np.zeros(1, np.float32)
    return {
        f"{name} rise": float(change.clip(0).mean()),
        f"{name} fall": float(-change.clip(None, 0).mean()),
        f"{name} jumps": float(change.std()),
    }


def _trend(values: Array, where: npt.NDArray[np.bool_]) -> float:
    """Slope of the line through the values, per second."""
    at = np.flatnonzero(where) / MODEL_FPS
    if len(at) < 3:
        return 0.0
    at = at - at.mean()
    return float(at @ values[where] / (at @ at))


def _peaks(values: Array, least: float) -> int:
    middle = values[1:-1]
    return int(((middle > values[:-2]) & (middle >= values[2:]) & (middle > least)).sum())


SUMMARY = tuple(
    _summarise(
        np.zeros((5, len(DESCRIPTORS)), np.float32), np.zeros((5, 2, FEATURE_WIDTH), np.float32)
    )
)
"""Names of what sums up a stretch of speech."""
