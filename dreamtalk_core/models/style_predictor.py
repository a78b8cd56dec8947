"""The style predictor: from speech, and a face if there is one, to a style code that suits both.

A diffusion model over the style code (DreamTalk, section 3.3): one speech can be spoken in many
ways, and a regression would answer with their mean, which is nobody's way.
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
from dreamtalk_core.speech.phonetics import FEATURE_WIDTH, HIDDEN
from dreamtalk_core.speech.prosody import DESCRIPTORS, FAINT_DB, Prosody, describe_voice

Array = npt.NDArray[np.float32]


STEPS = 10
"""Denoising steps; a code is small, so they cost next to nothing."""
DRAWS = 16
"""Codes that are drawn for one speech; the most typical of them is the answer."""
NEIGHBOURS = 5
"""Draws near a code that say how typical it is."""

PIECE = MODEL_FPS
"""Frames (1 s) that one token of a speech summarises; pieces overlap by half."""
MAX_PIECES = 30
"""Pieces of a long speech, evenly spread, so that its length does not matter."""

_PHONES = (*FEATURES, *(f"{name} reported" for name in FEATURES))


@dataclass(frozen=True)
class PredictorConfig:
    """Everything needed to build the network; stored in the header of the weights."""

    style: int
    """Width of a style code."""
    model: str
    """`style.fingerprint` of the motion model whose code space this speaks."""
    width: int = 96
    layers: int = 2
    heads: int = 4
    dropout: float = 0.3


class StylePredictor(Checkpoint):
    """A transformer encoder reads speech and face into one token; a denoiser reads the code.

    DreamTalk has the noised code and the step among the encoder's tokens. Apart from it, they cost
    little, so that training shows the denoiser many noised codes for each speech (as Li et al.
    2024, arXiv 2406.11838, do for image tokens); with one for each it hardly learnt to decide.
    """

    FORMAT = "dreamtalk-style-predictor"
    KIND = "style predictor"

    code_mean: Tensor
    code_scale: Tensor
    speech_mean: Tensor
    speech_scale: Tensor

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.query = nn.Parameter(torch.randn(width))
        self.speech = nn.Linear(len(SUMMARY), width)
        self.whole = nn.Parameter(torch.randn(width))
        self.face = nn.Sequential(
            nn.Linear(len(ARKIT_NAMES), width), nn.SiLU(), nn.Linear(width, width)
        )
        self.unknown_face = nn.Parameter(torch.randn(width))
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 4 * width, config.dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
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

    def read(self, speech: Tensor, padding: Tensor, face: Tensor, known: Tensor) -> Tensor:
        """What is asked of the style, [B, width].

        speech: [B, N, len(SUMMARY)] normalised, the first row of each sums up the whole speech.
        padding: [B, N] True on rows to ignore. face: [B, 52] resting face. known: [B] False where
        there is no face.
        """
        rows = self.speech(speech)
        rows = torch.cat([rows[:, :1] + self.whole, rows[:, 1:]], 1)
        who = torch.where(known[:, None], self.face(face), self.unknown_face)
        query = self.query.expand(len(rows), 1, -1)
        tokens = torch.cat([query, who[:, None], rows], 1)
        hidden = torch.cat([padding.new_zeros(len(rows), 2), padding], 1)
        return self.norm(self.encoder(tokens, src_key_padding_mask=hidden)[:, 0])

    def denoise(self, asked: Tensor, noised: Tensor, step: Tensor) -> Tensor:
        """The clean code [..., style], normalised, from what `read` gives [..., width].

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
    def predict(self, summaries: Array, face: Array | None = None, seed: int = 0) -> Array:
        """A style code float32 [style] that suits a speech.

        summaries: `summarise_speech` of it. face: [52] ARKit weights of the speaker at rest, from
        a photo or a clip; None for an unknown speaker. seed: another seed is another style.
        """
        device = self.query.device
        speech = self.normalise(torch.from_numpy(summaries).to(device))[None]
        rest = np.zeros(len(ARKIT_NAMES), np.float32) if face is None else face
        asked = self.read(
            speech,
            torch.zeros(speech.shape[:2], dtype=torch.bool, device=device),
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
        config = PredictorConfig(**sizes)
        return fill(lambda: StylePredictor(config), tensors)


def most_typical(drawn: Tensor) -> int:
    """Index of the row of [K, D] that has the nearest neighbours.

    A mean of the draws would be a style between theirs; this is one of them.
    """
    apart = torch.cdist(drawn, drawn).sort(1).values
    return int(apart[:, 1 : NEIGHBOURS + 1].mean(1).argmin())


def speech_summary(features: SpeechFeatures) -> Array:
    """What the predictor is given of a speech: see `summarise_speech`."""
    rows = torch.cat(list(features.rows())).float().cpu().numpy()
    return summarise_speech(features.speech.waveform, rows, features.prosody)


def summarise_speech(
    waveform: Array, rows: npt.NDArray[np.floating], prosody: Prosody | None = None
) -> Array:
    """What the predictor sees of a speech: [N, len(SUMMARY)], not normalised.

    waveform: [N] at 16 kHz, levelled as `Speech` does it. rows: feature rows of the phonetic
    encoder for it, [R, FEATURE_WIDTH]. prosody: its own, where it has been measured. The first row
    sums up all of it, the others a second each.
    """
    voice = describe_voice(waveform, prosody)
    missing = 2 * len(voice) - len(rows)
    rows = np.pad(rows, ((0, max(0, missing)), (0, 0)), mode="edge")[: 2 * len(voice)]
    rows = rows.astype(np.float32)
    starts = np.arange(0, max(1, len(voice) - PIECE // 2), PIECE // 2)
    if len(starts) > MAX_PIECES:
        starts = starts[np.linspace(0, len(starts) - 1, MAX_PIECES).astype(int)]
    pieces = [slice(None), *(slice(start, start + PIECE) for start in starts)]
    return np.stack(
        [
            np.fromiter(
                _summarise(voice[piece], rows.reshape(len(voice), 2, -1)[piece]).values(),
                np.float32,
            )
            for piece in pieces
        ]
    )


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
    phones = rows[active].reshape(-1, FEATURE_WIDTH)[:, HIDDEN:]
    for name, values in zip(_PHONES, phones.T[:-1], strict=True):
        result[name] = float(values.mean()) if len(values) else 0.0
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
