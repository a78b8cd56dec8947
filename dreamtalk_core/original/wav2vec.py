"""wav2vec2 (arXiv 2006.11477) features of speech, which the original DreamTalk listens to.

The network is that of the `transformers` package, the weights those of MODEL, read from a folder or
from the user's Hugging Face cache; nothing is downloaded. Speech of up to 30 s is encoded in one
piece, as the public code does it. Longer speech goes through in pieces that overlap by 4 s, in the
middle of which one fades into the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk_core.errors import ModelError

MODEL = "jonatasgrosman/wav2vec2-large-xlsr-53-english"
"""What the original was trained with; its last hidden state has 1024 numbers a row."""
RATE = 50
"""Rows per second."""
HOP = 16_000 // RATE
WINDOW = 30 * RATE
"""Rows that are encoded together."""
OVERLAP = 4 * RATE
FADE = 2 * RATE
"""Rows in the middle of an overlap over which one window fades into the next."""


class Wav2Vec(nn.Module):
    """Speech -> rows of features, 50 a second."""

    def __init__(self, network: Any, normalise: bool) -> None:
        """network: a `Wav2Vec2Model`. normalise: whether it was trained on speech of mean 0 and
        deviation 1."""
        super().__init__()
        self.network = network
        self.normalise = normalise

    @staticmethod
    def load(model: str | Path = MODEL, device: torch.device | str = "cpu") -> Wav2Vec:
        """Open a folder that holds a wav2vec2 model, or a model of the Hugging Face cache.

        Raises ModelError, with the command that helps, where transformers or the model is missing,
        or the model is damaged or another one.
        """
        try:
            import transformers
        except ImportError as error:
            raise ModelError(
                "The original model needs the package transformers for its wav2vec2 features. "
                'Install it: pip install "dreamtalk[original]"'
            ) from error
        where = str(model)
        with _quiet():
            try:
                config = transformers.AutoConfig.from_pretrained(where, local_files_only=True)
                if config.model_type != "wav2vec2" or math.prod(config.conv_stride) != HOP:
                    raise ModelError(
                        f"{where} is not a wav2vec2 model with {RATE} rows a second. Give {MODEL}, "
                        "or a folder that holds it."
                    )
                network, report = transformers.Wav2Vec2Model.from_pretrained(
                    where, config=config, local_files_only=True, output_loading_info=True
                )
            except ModelError:
                raise
            except Exception as error:  # missing is an OSError, but damaged can be anything
                raise ModelError(_advice(where, error)) from error
            normalise = _normalises(where)
        # Masks belong to training; a file may do without their embedding.
        missing = {*report["missing_keys"], *report["mismatched_keys"]} - {"masked_spec_embed"}
        if missing:
            raise ModelError(
                f"{where} lacks weights, or has them in other shapes: "
                f"{', '.join(sorted(map(str, missing)))}."
            )
        return Wav2Vec(network.float(), normalise).requires_grad_(False).eval().to(device)

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return int(self.network.config.hidden_size)

    @property
    def context(self) -> int:
        """Samples that a row is made from before attention: 400, one HOP further for each row."""
        reach = 1
        config = self.network.config
        for kernel, stride in zip(config.conv_kernel[::-1], config.conv_stride[::-1], strict=True):
            reach = (reach - 1) * stride + kernel
        return int(reach)

    def rows(self, samples: int) -> int:
        """Rows that speech of so many samples has; at least one."""
        return max(0, samples - self.context) // HOP + 1

    @torch.inference_mode()
    def stream(self, waveform: NDArray[np.float32]) -> Iterator[Tensor]:
        """Rows [t, width] of speech [N] at 16 kHz in order, together `rows(N)`, in flat memory."""
        total = self.rows(len(waveform))
        mean, deviation = _level(waveform) if self.normalise else (0.0, 1.0)
        # Rows of an overlap before its fade, and after it: too near to where a window ends.
        edge = (OVERLAP - FADE) // 2
        share = torch.arange(1, FADE + 1)[:, None] / (FADE + 1)
        fading: Tensor | None = None
        for start in range(0, max(1, total - OVERLAP), WINDOW - OVERLAP):
            stop = min(start + WINDOW, total)
            piece = waveform[start * HOP : (stop - 1) * HOP + self.context]
            hidden = self._encode((piece - np.float32(mean)) / np.float32(deviation))
            if fading is not None:
                faded = fading.lerp(hidden[edge : edge + FADE], share.to(hidden.device))
                hidden = torch.cat([faded, hidden[edge + FADE :]])
            if stop < total:
                hidden, fading, _ = hidden.split([len(hidden) - FADE - edge, FADE, edge])
            yield hidden

    def _encode(self, samples: NDArray[np.float32]) -> Tensor:
        """Rows of one window."""
        device = next(self.network.parameters()).device
        waveform = torch.from_numpy(samples).to(device)
        waveform = F.pad(waveform, (0, max(0, self.context - len(waveform))))
        result: Tensor = self.network(waveform[None]).last_hidden_state[0]
        return result


def _level(waveform: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and deviation of a whole speech, as wav2vec2's preprocessing takes them off."""
    pieces = [waveform[i : i + (1 << 20)] for i in range(0, len(waveform), 1 << 20)]
    mean = sum(float(piece.sum(dtype=np.float64)) for piece in pieces) / len(waveform)
    square = sum(float(np.square(piece - mean, dtype=np.float64).sum()) for piece in pieces)
    return mean, math.sqrt(square / len(waveform) + 1e-7)


def _normalises(where: str) -> bool:
    from transformers import Wav2Vec2FeatureExtractor

    try:
        settings = Wav2Vec2FeatureExtractor.from_pretrained(where, local_files_only=True)
    except (OSError, ValueError):
        return True  # as all large ones do
    return bool(settings.do_normalize)


def _advice(where: str, error: Exception) -> str:
    if Path(where).is_dir():
        return (
            f"The folder {where} holds no wav2vec2 model that can be read ({_first_line(error)}). "
            f"It needs config.json, preprocessor_config.json and model.safetensors of {MODEL}."
        )
    files = "config.json preprocessor_config.json model.safetensors"
    return (
        f"The wav2vec2 model {where} is not on this computer, and nothing is downloaded unasked. "
        f"Get it once (1.2 GB):\n    hf download {MODEL} {files}\nor give a folder that holds "
        "these files."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what transformers prints while it loads: bars, and weights that are not used."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
