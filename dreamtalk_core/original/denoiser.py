"""The original DreamTalk motion model: the same numbers from a fraction of the arithmetic.

The network looks at one frame at a time, through the 11 rows of audio features around it. Written
down plainly it is `benchmarks/original.py`; here, what does not change is computed once, what is
not read is not computed, and matrices that follow each other are multiplied beforehand:

- Content does not depend on the diffusion step, nor does the content's share of the mixing.
- The first decoder layer attends to itself over positions and style alone: once per style. Its
  queries are constant, so together with the key matrix they are one more matrix.
- A term that all keys share moves all scores of a query alike, and softmax does not see it: key
  biases and, in the keys, the step drop out. In the values it passes through, as weights of
  attention sum to one, and becomes a bias of the output.
- Of the last layer only the middle row is read. One query meets keys and values cheaper when the
  matrices of keys and values are applied to the query and to the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk_core.errors import ModelError
from dreamtalk_core.models.devices import without_memory
from dreamtalk_core.models.diffusion import TRAIN_STEPS, alphas_cumprod, sample
from dreamtalk_core.original.layout import EXPRESSION

HEADS = 8
"""Heads of every attention; tensors do not tell it, the public configuration does."""
LOWER = (*range(6), 7, *range(9, 15))
"""Expression coefficients of the lower face, in the order of its decoder; the rest are the upper's.
"""
UPPER = tuple(i for i in range(EXPRESSION) if i not in LOWER)
STRIDE = 2
"""Rows of audio features (50 a second) from one frame to the next."""
CPU_FRAMES, GPU_FRAMES = 128, 512


@dataclass(frozen=True)
class Sizes:
    """What the tensors of a checkpoint tell about its network."""

    width: int
    feed_forward: int
    content_layers: int
    style_layers: int
    decoder_layers: int
    audio: int
    """Width of an audio feature row: 1024."""
    window: int
    """Rows of audio features that a frame sees: 11."""
    clip: int
    """Frames of the longest style clip: 256."""

    @staticmethod
    def of(shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Sizes from the shapes of a checkpoint's tensors. KeyError, ValueError: it is none."""

        def layers(part: str) -> int:
            return len({n[len(part) :].split(".")[0] for n in shapes if n.startswith(part)})

        width, audio = shapes["net.content_encoder.increase_embed_dim.weight"]
        feed_forward, _ = shapes["net.content_encoder.encoder.layers.0.linear1.weight"]
        _, window, _ = shapes["net.content_encoder.pos_embed.pos_table"]
        _, clip, _ = shapes["net.style_encoder.pos_embed.pos_table"]
        sizes = Sizes(
            width=width,
            feed_forward=feed_forward,
            content_layers=layers("net.content_encoder.encoder.layers."),
            style_layers=layers("net.style_encoder.encoder.layers."),
            decoder_layers=layers("net.decoder.upper_decoder.layers."),
            audio=audio,
            window=window,
            clip=clip,
        )
        if width % (2 * HEADS) or not width or sizes.decoder_layers < 2:
            raise ValueError(f"width {width} with {sizes.decoder_layers} decoder layers")
        return sizes


class Positions(nn.Module):
    pos_table: Tensor

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pos_table", torch.zeros(1, rows, width))


class Encoder(nn.Module):
    """Rows of numbers and their places through a transformer."""

    def __init__(self, inputs: int, sizes: Sizes, layers: int, rows: int) -> None:
        super().__init__()
        width = sizes.width
        layer = nn.TransformerEncoderLayer(width, HEADS, sizes.feed_forward, 0, batch_first=True)
        self.increase_embed_dim = nn.Linear(inputs, width)
        self.pos_embed = Positions(rows, width)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, projected: Tensor) -> Tensor:
        """[B, rows, width] from rows that `increase_embed_dim` has been applied to."""
        result: Tensor = self.encoder(projected + self.pos_embed.pos_table[:, : projected.shape[1]])
        return result


class Pooling(nn.Module):
    """Mean over time [B, width] of [B, T, width], weighted by what a small network thinks of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.W = nn.Sequential(nn.Linear(width, width), nn.Mish(), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.W(x).softmax(1)).sum(1)


class StyleEncoder(Encoder):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__(EXPRESSION, sizes, sizes.style_layers, sizes.clip)
        self.aggregate_method = Pooling(sizes.width)


class Decoders(nn.Module):
    """Weights of the two decoders; `Sampler` runs them."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        layer = nn.TransformerDecoderLayer(width, HEADS, sizes.feed_forward, 0, batch_first=True)
        self.pos_embed = Positions(sizes.window, width)
        self.upper_decoder = nn.TransformerDecoder(layer, sizes.decoder_layers, nn.LayerNorm(width))
        self.lower_decoder = nn.TransformerDecoder(layer, sizes.decoder_layers, nn.LayerNorm(width))
        self.upper_tail_fc = _head(width, len(UPPER))
        self.lower_tail_fc = _head(width, len(LOWER))


def _head(width: int, outputs: int) -> nn.Sequential:
    half = width // 2
    return nn.Sequential(
        nn.Linear(width, half),
        nn.ReLU(),
        nn.Linear(half, half),
        nn.ReLU(),
        nn.Linear(half, outputs),
    )


class Network(nn.Module):
    """All that is trained."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.content_encoder = Encoder(sizes.audio, sizes, sizes.content_layers, sizes.window)
        self.style_encoder = StyleEncoder(sizes)
        self.decoder = Decoders(sizes)
        self.content_xt_to_decoder_input_wo_time = nn.Sequential(
            nn.Linear(width + EXPRESSION, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
        )
        self.time_embed_net = nn.Sequential(
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )


class Schedule(nn.Module):
    """The noise of each diffusion step, entry 0 being padding, as the checkpoint keeps it."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("betas", "alphas", "alpha_bars", "sigmas_flex", "sigmas_inflex"):
            self.register_buffer(name, torch.zeros(TRAIN_STEPS + 1))


class OriginalMotionModel(nn.Module):
    """The network, its tensors under the names of the original checkpoint (less `diff_net.`)."""

    null_style_clip: Tensor
    null_pad_mask: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.net = Network(sizes)
        self.var_sched = Schedule()
        self.register_buffer("null_style_clip", torch.zeros(sizes.clip, EXPRESSION))
        self.register_buffer("null_pad_mask", torch.zeros(sizes.clip, dtype=torch.bool))

    @staticmethod
    def build(
        tensors: Mapping[str, Tensor], device: torch.device | str = "cpu"
    ) -> OriginalMotionModel:
        """The model with these tensors, which `motion_model_shapes` has been asked about.

        Raises ModelError for another noise schedule than that of the public configuration.
        """
        if not torch.allclose(tensors["var_sched.alpha_bars"], alphas_cumprod(), atol=1e-5):
            raise ModelError(
                "Its noise schedule is not the published one (linear from 1e-4 to 0.02 in 1000 "
                "steps), so it would be sampled wrongly. Give the original denoising_network.pth."
            )
        with without_memory():
            model = OriginalMotionModel(_sizes(_shapes(tensors)))
        model.load_state_dict(dict(tensors), assign=True)
        return model.requires_grad_(False).eval().to(device)

    @property
    def reach(self) -> int:
        """Rows of audio features that a frame sees to each side of its own."""
        return self.sizes.window // 2

    def content(self, rows: Tensor) -> Tensor:
        """What is said, [T, window, width], from feature rows [2 (T - 1) + window, audio].

        Frame i is centred on row 2 i + reach; rows before and after the speech are zeros.
        """
        # A row is in five or six windows, but projected once.
        projected = self.net.content_encoder.increase_embed_dim(rows)
        windows = projected.unfold(0, self.sizes.window, STRIDE)
        result: Tensor = self.net.content_encoder(windows.transpose(1, 2))
        return result

    def style_code(self, clip: Tensor) -> Tensor:
        """The style [width] of a clip of expression coefficients [T, 64]; of a longer one than
        `sizes.clip`, the beginning counts."""
        encoder = self.net.style_encoder
        rows = encoder(encoder.increase_embed_dim(clip[None, : self.sizes.clip]))
        code: Tensor = encoder.aggregate_method(rows)[0]
        return code

    @cached_property
    def null_code(self) -> Tensor:
        """The code [width] that stands for no style."""
        return self.style_code(self.null_style_clip[~self.null_pad_mask.bool()])

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that stand for the space of the style codes."""
        digest = hashlib.sha256()
        for name, value in sorted(self.net.style_encoder.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.cpu().numpy().astype("<f4").tobytes())
        return digest.hexdigest()[:12]


def motion_model_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The tensors that a model of these sizes must have, from the shapes of those it has.

    Raises ModelError if they are so few that even the sizes are unknown.
    """
    with without_memory():
        return _shapes(OriginalMotionModel(_sizes(shapes)).state_dict())


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _sizes(shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
    try:
        return Sizes.of(shapes)
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"This is no original motion model: {error} is missing or misshapen. Give the original "
            "denoising_network.pth."
        ) from error


class Sampler:
    """DDIM in one style: everything that no frame and no step changes, made beforehand."""

    def __init__(self, model: OriginalMotionModel, code: Tensor, guidance: float = 1.0) -> None:
        """code: [width] from `style_code`. guidance: 0 is no style, 1 is the style as it is; the
        unstyled half is computed only where it counts."""
        self.model = model
        self.guidance = guidance
        codes = {0.0: [model.null_code], 1.0: [code]}.get(guidance, [code, model.null_code])
        self.step = model.net.time_embed_net
        mix = model.net.content_xt_to_decoder_input_wo_time
        first, self.second, third = (layer for layer in mix if isinstance(layer, nn.Linear))
        width = model.sizes.width
        self.mix_content, self.mix_bias = first.weight[:, :width].contiguous(), first.bias
        self.mix_motion = first.weight[:, width:].contiguous()
        decoder = model.net.decoder
        places = decoder.pos_embed.pos_table[0]
        self.upper = _Decoder(decoder.upper_decoder, decoder.upper_tail_fc, third, places, codes)
        self.lower = _Decoder(decoder.lower_decoder, decoder.lower_tail_fc, third, places, codes)
        self.shared = torch.cat([self.upper.shared, self.lower.shared])
        order = torch.tensor([*UPPER, *LOWER]).argsort()
        self.order = order.to(places.device)

    @property
    def frames(self) -> int:
        """Frames to sample together: what a processor's cache holds, or half of a GPU's memory."""
        device = self.shared.device
        if device.type != "cuda":
            return CPU_FRAMES if device.type == "cpu" else GPU_FRAMES
        sizes = self.model.sizes
        row = len(self.shared) + 2 * sizes.feed_forward + 12 * sizes.width
        fitting = torch.cuda.mem_get_info(device)[0] // 2 // (4 * sizes.window * row)
        return min(max(CPU_FRAMES, fitting), 8 * GPU_FRAMES)

    def sample(
        self,
        content: Tensor,
        noise: Tensor,
        steps: int,
        advance: Callable[[int], None] = lambda _: None,
    ) -> Tensor:
        """Motion [T, 64] from content [T, window, width] and noise [T, 64] of unit strength.

        advance: called with T after each step.
        """
        mixed = self._mix(content)

        def denoise(noised: Tensor, step: int) -> Tensor:
            clean = self._denoise(noised, step, mixed)
            advance(len(clean))
            return clean

        return sample(denoise, noise, steps)

    def denoise(self, noised: Tensor, step: int, content: Tensor) -> Tensor:
        """Clean motion [T, 64] that the network sees in noised motion [T, 64] at a step."""
        return self._denoise(noised, step, self._mix(content))

    def _mix(self, content: Tensor) -> Tensor:
        """The content's share of the mixing, [T, window, width]."""
        return F.linear(content, self.mix_content, self.mix_bias)

    def _denoise(self, noised: Tensor, step: int, mixed: Tensor) -> Tensor:
        hidden = (mixed + F.linear(noised, self.mix_motion)[:, None]).relu_()
        hidden = self.second(hidden).relu_()
        # The third layer of the mixing is part of all matrices that are applied to `hidden`.
        seen = F.linear(hidden, self.shared)
        upper, lower = seen.split([len(self.upper.shared), len(self.lower.shared)], -1)
        moment = self.step(step_embedding(step, self.model.sizes.width, noised))
        clean = [
            torch.cat([up, low], -1)
            for up, low in zip(
                self.upper(hidden, upper, moment), self.lower(hidden, lower, moment), strict=True
            )
        ]
        mixed = clean[0] if len(clean) == 1 else torch.lerp(clean[1], clean[0], self.guidance)
        return mixed[:, self.order]


def step_embedding(step: int, width: int, like: Tensor) -> Tensor:
    """Sinusoids [width] of a diffusion step, in the arithmetic of the original."""
    half = width // 2
    rates = torch.pow(10_000, -torch.arange(half, device=like.device).float().div(half))
    angles = step * rates
    return torch.cat([angles.cos(), angles.sin()])


class _Decoder:
    """One decoder with its head, for some styles, on memory that is still to be mixed.

    `hidden` [T, rows, width] stands for the memory `hidden @ mix.weight.T + mix.bias + moment`.
    """

    def __init__(
        self,
        decoder: nn.TransformerDecoder,
        head: nn.Sequential,
        mix: nn.Linear,
        places: Tensor,
        codes: list[Tensor],
    ) -> None:
        self.layers = [_Layer(layer, mix) for layer in decoder.layers]
        self.norm = cast(nn.LayerNorm, decoder.norm)
        self.head = head
        first, *middle, _ = self.layers
        self.starts = [first.start(places + code) for code in codes]
        parts = [first.memory_value]
        for layer in middle:
            parts += [layer.memory_key, layer.memory_value]
        parts += [first.queries_on_memory(start) for start in self.starts]
        self.shared = torch.cat(parts)
        """All that is applied to `hidden` whatever the frame: [outputs, width]."""
        self.widths = [len(part) for part in parts]

    def __call__(self, hidden: Tensor, seen: Tensor, moment: Tensor) -> Iterator[Tensor]:
        """Coefficients [T, outputs] in each style. seen: `hidden` times `shared`."""
        first, *middle, last = self.layers
        values, *rest = seen.split(self.widths, -1)
        count = 2 * len(middle)
        seen_keys, seen_values, scores = rest[:count:2], rest[1:count:2], rest[count:]
        for start, score in zip(self.starts, scores, strict=True):
            x = first.begin(start, score, values, moment)
            for i, layer in enumerate(middle):
                x = layer.go_on(x, seen_keys[i], seen_values[i], moment)
            yield self.head(self.norm(last.finish(x, hidden, moment)))


class _Layer:
    """A decoder layer, with the mixing's last matrix multiplied into those that see the memory."""

    def __init__(self, layer: nn.TransformerDecoderLayer, mix: nn.Linear) -> None:
        self.layer = layer
        attention = layer.multihead_attn
        query, key, value = attention.in_proj_weight.chunk(3)
        bias, _, value_bias = attention.in_proj_bias.chunk(3)
        scale = (len(query) // HEADS) ** -0.5
        self.query, self.query_bias = query * scale, bias * scale
        self.memory_key = _product(key, mix.weight)
        self.memory_value = _product(value, mix.weight)
        out = attention.out_proj
        self.out = out.weight
        self.moment_out = _product(out.weight, value)
        self.constant_out = _product(out.weight, _product(value, mix.bias) + value_bias) + out.bias

        attention = layer.self_attn
        self_query, self.self_key, self.self_value = attention.in_proj_weight.chunk(3)
        self_bias, _, self.self_value_bias = attention.in_proj_bias.chunk(3)
        self.self_query, self.self_query_bias = self_query * scale, self_bias * scale

    def start(self, x: Tensor) -> Tensor:
        """Queries [rows, width] of the first layer behind its self-attention."""
        attended = self.layer.self_attn(x[None], x[None], x[None], need_weights=False)[0][0]
        result: Tensor = self.layer.norm1(x + attended)
        return result

    def queries_on_memory(self, start: Tensor) -> Tensor:
        """[heads * rows, width]: times `hidden`, scores of queries on it."""
        rows, width = start.shape
        query = _by_head(F.linear(start, self.query, self.query_bias))  # [heads, rows, w]
        keys = self.memory_key.view(HEADS, width // HEADS, width)
        return _product(query, keys).reshape(HEADS * rows, width)

    def begin(self, start: Tensor, scores: Tensor, values: Tensor, moment: Tensor) -> Tensor:
        """Rows [T, rows, width] behind the first layer.

        scores: [T, keys, heads * rows]; values: [T, keys, width].
        """
        frames, keys, _ = scores.shape
        share = scores.view(frames, keys, HEADS, -1).permute(0, 2, 3, 1).softmax(-1)
        result = share @ _by_head(values)
        return self._feed(start + self._out(_joined(result), moment))

    def go_on(self, x: Tensor, keys: Tensor, values: Tensor, moment: Tensor) -> Tensor:
        """A layer in the middle, [T, rows, width] to the same."""
        layer = self.layer
        attention = layer.self_attn
        query, key, value = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(
            3, -1
        )
        scale = (x.shape[-1] // HEADS) ** -0.5
        seen = F.linear(
            _attend(query * scale, key, value), attention.out_proj.weight, attention.out_proj.bias
        )
        x = layer.norm1(x + seen)
        query = F.linear(x, self.query, self.query_bias)
        return self._feed(x + self._out(_attend(query, keys, values), moment))

    def finish(self, x: Tensor, hidden: Tensor, moment: Tensor) -> Tensor:
        """The middle row [T, width] behind the last layer."""
        layer, middle = self.layer, x[:, x.shape[1] // 2]
        query = F.linear(middle, self.self_query, self.self_query_bias)
        seen = _attend_once(query, self.self_key, self.self_value, x) + self.self_value_bias
        out = layer.self_attn.out_proj
        middle = layer.norm1(middle + F.linear(seen, out.weight, out.bias))
        query = F.linear(middle, self.query, self.query_bias)
        seen = _attend_once(query, self.memory_key, self.memory_value, hidden)
        return self._feed(middle + self._out(seen, moment))

    def _out(self, seen: Tensor, moment: Tensor) -> Tensor:
        """What attention to the memory adds, its values' biases and the moment included."""
        return F.linear(seen, self.out, F.linear(moment, self.moment_out, self.constant_out))

    def _feed(self, x: Tensor) -> Tensor:
        layer = self.layer
        x = layer.norm2(x)
        wide = F.linear(x, layer.linear1.weight, layer.linear1.bias).relu_()
        result: Tensor = layer.norm3(x + F.linear(wide, layer.linear2.weight, layer.linear2.bias))
        return result


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Matrix product in float64, so that a matrix made beforehand costs no accuracy."""
    # On the processor: Apple's GPUs know no float64.
    return (left.cpu().double() @ right.cpu().double()).float().to(left.device)


def _by_head(x: Tensor) -> Tensor:
    """[..., rows, width] -> [..., heads, rows, width / heads]."""
    return x.unflatten(-1, (HEADS, -1)).transpose(-2, -3)


def _joined(x: Tensor) -> Tensor:
    return x.transpose(-2, -3).flatten(-2)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention in 8 heads; [T, rows, width] each, the query scaled."""
    return _joined(
        F.scaled_dot_product_attention(_by_head(query), _by_head(key), _by_head(value), scale=1.0)
    )


def _attend_once(query: Tensor, key: Tensor, value: Tensor, rows: Tensor) -> Tensor:
    """Attention of one query [T, width] to rows [T, rows, width], whose keys and values are
    the matrices key and value [width, width] times them. [T, width]."""
    frames, width = query.shape
    query = query.view(frames, HEADS, -1).transpose(0, 1)  # [heads, T, w]
    query = (query @ key.view(HEADS, -1, width)).transpose(0, 1)  # [T, heads, width]
    mean = (query @ rows.transpose(1, 2)).softmax(-1) @ rows  # [T, heads, width]
    seen = mean.transpose(0, 1) @ value.view(HEADS, -1, width).transpose(1, 2)  # [heads, T, w]
    return seen.transpose(0, 1).reshape(frames, width)
