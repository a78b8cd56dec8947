"""Speed of the original motion model against a plain path of the same network, in one run:

    python benchmarks/original.py [--seconds 17.4] [--rounds 3] [--threads 2]

Random weights at full size: nobody here has the trained ones, and speed does not depend on them.
The plain path does what the public inference code does: at every step the content and the style
encoder, both halves of the guidance at any strength, and all rows of all layers. Seconds are those
of style, content and sampling, without wav2vec2, which costs both paths the same; the best of some
rounds in which the paths take turns.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dreamtalk_core.models.diffusion import alphas_cumprod, timesteps
from dreamtalk_core.original.denoiser import (
    LOWER,
    UPPER,
    OriginalMotionModel,
    Sampler,
    Sizes,
)

FULL = Sizes(256, 1024, 3, 3, 3, 1024, 11, 256)


class PlainModel:
    """The network as the paper and the public code describe it, one operation after the other."""

    def __init__(self, model: OriginalMotionModel) -> None:
        self.sizes = model.sizes
        self.net = copy.deepcopy(model.net)
        for module in self.net.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.batch_first = False

    def encode(self, encoder: nn.Module, rows: Tensor, padding: Tensor | None = None) -> Tensor:
        """[rows, B, width] from [B, rows, inputs]."""
        x = encoder.increase_embed_dim(rows).transpose(0, 1)
        x = x + encoder.pos_embed.pos_table[:, : len(x)].transpose(0, 1)
        for layer in encoder.encoder.layers:
            x = layer.norm1(x + attend(layer.self_attn, x, x, padding))
            x = layer.norm2(x + layer.linear2(F.relu(layer.linear1(x))))
        return x

    def content(self, windows: Tensor) -> Tensor:
        """[T, window, width] from windows of audio features [T, window, audio]."""
        return self.encode(self.net.content_encoder, windows).transpose(0, 1)

    def style(self, clip: Tensor, padding: Tensor) -> Tensor:
        """[B, width] from clips [B, 256, 64], of which frames with padding [B, 256] are none."""
        encoder = self.net.style_encoder
        rows = self.encode(encoder, clip, padding).transpose(0, 1)
        scores = encoder.aggregate_method.W(rows)[..., 0] - 1e5 * padding
        return (rows * scores.softmax(-1)[..., None]).sum(1)

    def decode(self, decoder: nn.Module, memory: Tensor, style: Tensor) -> Tensor:
        """[T, width] from memory [window, T, width] and style [T, width]."""
        x = self.net.decoder.pos_embed.pos_table.transpose(0, 1) + style
        for layer in decoder.layers:
            x = layer.norm1(x + attend(layer.self_attn, x, x))
            x = layer.norm2(x + attend(layer.multihead_attn, x, memory))
            x = layer.norm3(x + layer.linear2(F.relu(layer.linear1(x))))
        return decoder.norm(x)[len(x) // 2]

    def denoise(
        self, noised: Tensor, step: int, windows: Tensor, clips: Tensor, padding: Tensor
    ) -> Tensor:
        """Clean motion [B, T, 64] of noised motion [B, T, 64] in the styles of B clips.

        windows: [T, window, audio].
        """
        net, (count, frames, _) = self.net, noised.shape
        content = self.content(windows.repeat(count, 1, 1))
        x = noised.reshape(count * frames, 1, -1).expand(-1, content.shape[1], -1)
        memory = net.content_xt_to_decoder_input_wo_time(torch.cat([content, x], -1))
        half = memory.shape[-1] // 2
        angles = step * torch.pow(10_000, -torch.arange(half) / half)
        memory = memory + net.time_embed_net(torch.cat([angles.cos(), angles.sin()]))
        memory = memory.transpose(0, 1)
        style = self.style(clips, padding).repeat_interleave(frames, 0)
        clean = noised.new_zeros(count * frames, noised.shape[-1])
        decoder = net.decoder
        upper = self.decode(decoder.upper_decoder, memory, style)
        lower = self.decode(decoder.lower_decoder, memory, style)
        clean[:, list(UPPER)] = decoder.upper_tail_fc(upper)
        clean[:, list(LOWER)] = decoder.lower_tail_fc(lower)
        return clean.view(count, frames, -1)

    @torch.inference_mode()
    def sample(
        self, windows: Tensor, clip: Tensor, noise: Tensor, guidance: float, steps: int
    ) -> Tensor:
        """DDIM: motion [T, 64] in the style of a clip [L <= 256, 64] from noise [T, 64]."""
        alphas, longest = alphas_cumprod(), self.sizes.clip
        clips = clip.new_zeros(2, longest, clip.shape[1])
        clips[0, : len(clip)] = clip
        padding = torch.zeros(2, longest, dtype=torch.bool)
        padding[0, len(clip) :] = True
        x, visited = noise, timesteps(steps)
        for step, previous in zip(visited, [*visited[1:], 0], strict=True):
            styled, plain = self.denoise(x.expand(2, -1, -1), step, windows, clips, padding)
            clean = plain + guidance * (styled - plain)
            direction = (x - alphas[step].sqrt() * clean) / (1 - alphas[step]).sqrt()
            x = alphas[previous].sqrt() * clean + (1 - alphas[previous]).sqrt() * direction
        return x


def attend(
    attention: nn.MultiheadAttention, x: Tensor, memory: Tensor, padding: Tensor | None = None
) -> Tensor:
    # Called as the public code calls it: sequence first, attention weights and all.
    return attention(x, memory, memory, key_padding_mask=padding)[0]


def random_model(sizes: Sizes, seed: int = 0) -> OriginalMotionModel:
    """The architecture with weights that were never trained."""
    generator = torch.Generator().manual_seed(seed)
    model = OriginalMotionModel(sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                spread = (2 / sum(parameter.shape)) ** 0.5
                parameter.copy_(spread * torch.randn(parameter.shape, generator=generator))
            else:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        for table in (
            model.net.content_encoder.pos_embed.pos_table,
            model.net.style_encoder.pos_embed.pos_table,
            model.net.decoder.pos_embed.pos_table,
        ):
            table.copy_(positions(*table.shape[1:]))
    model.var_sched.alpha_bars.copy_(alphas_cumprod())
    return model.requires_grad_(False).eval()


def positions(rows: int, width: int) -> Tensor:
    """Sinusoids [rows, width]: sines in even columns, cosines in odd ones."""
    rates = 10_000 ** -(torch.arange(width) // 2 * 2 / width)
    angles = torch.arange(rows)[:, None] * rates
    return torch.where(torch.arange(width) % 2 == 0, angles.sin(), angles.cos())


@torch.inference_mode()
def sample(
    model: OriginalMotionModel,
    rows: Tensor,
    clip: Tensor,
    noise: Tensor,
    guidance: float,
    steps: int,
) -> Tensor:
    """Motion [T, 64] as `OriginalDreamTalk.sample_motion` makes it, from audio feature rows."""
    sampler = Sampler(model, model.style_code(clip), guidance)
    window, pieces = model.sizes.window, []
    for start in range(0, len(noise), sampler.frames):
        part = noise[start : start + sampler.frames]
        content = model.content(rows[2 * start : 2 * (start + len(part) - 1) + window])
        pieces.append(sampler.sample(content, part, steps))
    return torch.cat(pieces)


def seconds(work: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=17.4, help="length of the speech")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = random_model(FULL)
    plain = PlainModel(model)
    frames = round(options.seconds * 25)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2 * (frames - 1) + FULL.window, FULL.audio, generator=generator)
    windows = rows.unfold(0, FULL.window, 2).transpose(1, 2)
    clip = torch.randn(94, 64, generator=generator)
    noise = torch.randn(frames, 64, generator=generator)

    print(f"{options.seconds:g} s of speech, DDIM {options.steps}, {options.threads} threads")
    print(
        "| guidance | plain, s | ours, s | times faster | plain, x real time | ours | difference |"
    )
    print("|---|---|---|---|---|---|---|")
    for guidance in (1.0, 2.0):
        given = (clip, noise, guidance, options.steps)
        ours, theirs = sample(model, rows, *given), plain.sample(windows, *given)
        pairs = [
            (
                seconds(lambda given=given: plain.sample(windows, *given)),
                seconds(lambda given=given: sample(model, rows, *given)),
            )
            for _ in range(options.rounds)
        ]
        slow, fast = (min(column) for column in zip(*pairs, strict=True))
        print(
            f"| {guidance:g} | {slow:.2f} | {fast:.2f} | {slow / fast:.1f} "
            f"| {options.seconds / slow:.2f} | {options.seconds / fast:.2f} "
            f"| {float((ours - theirs).abs().max()):.0e} |"
        )


if __name__ == "__main__":
    main()
