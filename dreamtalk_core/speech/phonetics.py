"""Phonetic features of speech: a conformer phoneme recogniser in plain torch.

Weights: the recogniser of the `hama` package (Apache-2.0), baked by `weights/make_phonetic.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk_core.models.attention import local_attention
from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.models.devices import side_by_side
from dreamtalk_core.speech.articulation import FEATURES, articulation
from dreamtalk_core.speech.spool import let_go
from dreamtalk_core.weights import WEIGHTS

FRAME_RATE = 50
"""Feature frames per second."""
HOP = 16_000 // FRAME_RATE
WIDTH = 144
PHONES = 191
BLOCKS = (1, 2, 3, 4)
HIDDEN = len(BLOCKS) * WIDTH
FEATURE_WIDTH = HIDDEN + 2 * len(FEATURES) + 1
"""Width of a feature row; see `PhoneticEncoder.features`."""

SPAN = 50
"""Frames (1 s) that attention reaches to each side.

Attention without positions sees every moment at once, so what it reports of a sound would depend
on all that was said in the window. Kept near, it hears a sound alike in short and in long speech.
"""
WINDOW = 750
"""Frames (15 s) that are encoded together."""
MARGIN = 100
"""Frames (2 s) of context that are computed on each side of a window and thrown away."""

_LEANING = 0.15
"""Power of probabilities that lets unlikely phones count; see `PhoneticEncoder.leaning`."""


class ConformerBlock(nn.Module):
    """Macaron conformer block: half feed-forward, attention, convolution, half feed-forward."""

    def __init__(self, width: int = WIDTH, heads: int = 4, kernel: int = 31) -> None:
        super().__init__()
        self.ffn1 = _feed_forward(width)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.convolution_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.project = nn.Linear(width, width)
        self.ffn2 = _feed_forward(width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, span: int) -> Tensor:
        """x: [B, T, width]; span: frames that attention reaches to each side."""
        x = x + 0.5 * self.ffn1(x)
        x = x + self.attend(self.attention_norm(x), span)
        y = F.glu(self.expand(self.convolution_norm(x)))
        x = x + self.project(F.silu(self.convolve(y)))
        x = x + 0.5 * self.ffn2(x)
        return self.norm(x)

    def convolve(self, x: Tensor) -> Tensor:
        # A Conv1d would turn the channels to the front, which takes a CPU ten times as long.
        taps, bias = self.depthwise.weight[:, :, None], self.depthwise.bias
        half = taps.shape[-1] // 2
        y = F.conv2d(x.transpose(1, 2)[:, :, None], taps, bias, padding=(0, half), groups=len(taps))
        return y[:, :, 0].transpose(1, 2)

    def attend(self, x: Tensor, span: int) -> Tensor:
        # The module holds the weights; its own forward would meet every frame with every other.
        batch, length, width = x.shape
        qkv = F.linear(x, self.attention.in_proj_weight, self.attention.in_proj_bias)
        heads = self.attention.num_heads
        q, k, v = qkv.view(batch, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
        y = local_attention(q, k, v, min(span, length - 1))
        return self.attention.out_proj(y.transpose(1, 2).reshape(batch, length, width))


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width)
    )


class PhoneticEncoder(nn.Module):
    """Phoneme recogniser: waveform -> hidden states and phone log-probabilities at 50 frames/s."""

    mel: Tensor
    window: Tensor
    articulation: Tensor

    def __init__(self, phones: tuple[str, ...]) -> None:
        super().__init__()
        self.phones = phones
        table = torch.from_numpy(articulation(phones[:-1]))
        self.register_buffer("articulation", table, persistent=False)
        self.register_buffer("mel", torch.zeros(80, 201))
        self.register_buffer("window", torch.zeros(400))
        self.subsample = nn.Conv1d(80, WIDTH, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(ConformerBlock() for _ in BLOCKS)
        self.head = nn.Linear(WIDTH, PHONES)

    @staticmethod
    def load(device: torch.device | str = "cpu") -> PhoneticEncoder:
        """The encoder with its shipped weights, frozen, in float32."""
        tensors, metadata = open_weights(WEIGHTS / "phonetic.safetensors")
        encoder = PhoneticEncoder(tuple(json.loads(metadata["phones"])))
        encoder.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        return encoder.requires_grad_(False).eval().to(device)

    def forward(self, waveform: Tensor, span: int = SPAN) -> tuple[list[Tensor], Tensor]:
        """Encode one stretch of speech.

        waveform: [B, N] at 16 kHz in [-1, 1], N > 200. span: frames that attention reaches to each
        side; the published recogniser has no limit, see SPAN.
        Returns what each block has made of it, [B, T, 144], and log-probabilities [B, T, 191]
        (last: CTC blank); T = (N // 160) // 2 + 1, frame i is centred on i / 50 s.
        """
        # On the network's device. On a CPU librosa's takes 13 ms a minute and ours 22, but it takes
        # 2 s to import (benchmarks/libraries.py).
        spectrum = torch.stft(
            waveform,
            400,
            160,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        mel = (self.mel @ spectrum.abs().square()).clamp(min=1e-10).log()
        hidden = F.gelu(self.subsample(mel)).transpose(1, 2)
        every = []
        for block in self.blocks:
            hidden = block(hidden, span)
            every.append(hidden)
        return every, F.log_softmax(self.head(hidden), -1)

    def features(self, waveform: Tensor) -> Tensor:
        """Feature rows [B, T, FEATURE_WIDTH] of speech [B, N]; see `forward` for T.

        A row is the output of each block (the first ones know how a sound is made and by whom, the
        last one which phone it is), the articulation of the phone believed to sound, that of the
        phone being reported (the recogniser reports in peaks), and the share of the blank.
        """
        every, log_probabilities = self(waveform)
        *_, blank = reported = log_probabilities.exp().split([PHONES - 1, 1], -1)
        believed = log_probabilities[..., :-1].softmax(-1)
        return torch.cat(
            [*every, 2 * believed @ self.articulation, 2 * reported[0] @ self.articulation, blank],
            -1,
        )

    def leaning(self, features: Tensor) -> Tensor:
        """Articulation [T, 18] of what feature rows [T, F] lean towards: of all phones, of which
        unlikely ones count as well. It tells languages apart where the likeliest phone does not,
        which is one of those that the recogniser was taught."""
        last = features[..., HIDDEN - WIDTH : HIDDEN].float()
        logits = self.head(last)[..., :-1]
        return (_LEANING * logits).softmax(-1) @ self.articulation

    def stream(
        self, waveform: npt.NDArray[np.float32], begin: int = 0, end: int | None = None
    ) -> Iterator[Tensor]:
        """Feature rows of speech of any length in flat memory, window by window.

        waveform: [N] at 16 kHz. begin, end: rows at which the first window begins and before which
        the last one does. Yields [t, FEATURE_WIDTH] in order, on the encoder's device; all together
        ceil(N / 320) rows, row k centred on k / 50 s.
        """
        return self._windows(self.features, waveform, begin, end)

    def report(self, waveform: npt.NDArray[np.float32]) -> Iterator[Tensor]:
        """Probabilities of all tokens, the blank last, of speech [N] of any length in flat memory:
        [t, 191], rows as of `stream`."""
        return self._windows(lambda piece: self(piece)[1].exp(), waveform)

    def _windows(
        self,
        rows_of: Callable[[Tensor], Tensor],
        waveform: npt.NDArray[np.float32],
        begin: int = 0,
        end: int | None = None,
    ) -> Iterator[Tensor]:
        """What `rows_of` makes of each window, without its margins."""
        device = self.mel.device
        count = -(-len(waveform) // HOP)

        def encode(start: int) -> Tensor:
            stop = min(start + WINDOW, count)
            first, last = max(0, start - MARGIN), min(count, stop + MARGIN)
            piece = torch.tensor(waveform[first * HOP : last * HOP], device=device)
            let_go(waveform)
            if len(piece) < 2 * HOP:
                piece = F.pad(piece, (0, 2 * HOP - len(piece)))
            return rows_of(piece[None])[0, start - first : stop - first]

        starts = range(begin, count if end is None else min(end, count), WINDOW)
        return side_by_side(encode, starts, device)


def heard_columns(blocks: Collection[int]) -> npt.NDArray[np.int64]:
    """Columns of a feature row for a network that hears some blocks, 1 to 4, and the phones.

    Raises ValueError for a block that there is none of.
    """
    if unknown := set(blocks) - set(BLOCKS):
        raise ValueError(f"there are no blocks {unknown}")
    every = np.arange(FEATURE_WIDTH)
    hidden = every[:HIDDEN].reshape(len(BLOCKS), WIDTH)
    return np.concatenate([*(hidden[block - 1] for block in blocks), every[HIDDEN:]])


def reported_features(features: Tensor) -> Tensor:
    """Probabilities [..., 18] that a phone of each of `FEATURES`, such as `bilabial`, is being
    reported; from feature rows [..., F], which end in them and the blank."""
    return features[..., -1 - len(FEATURES) : -1].float() / 2
