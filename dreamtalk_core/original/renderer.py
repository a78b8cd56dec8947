"""The renderer of the original DreamTalk, PIRenderer (arXiv 2109.08379), for who has its weights.

A portrait and the motion around a moment give the portrait at that moment: the motion becomes a
descriptor, the descriptor a flow field that warps the portrait, and a second network mends what
warping cannot show.

The numbers are those of the public code; it is faster because
- what depends on the portrait alone is computed once;
- the first convolution of a residual block, which the public code computes and throws away, is
  left out;
- doubling pixels and then convolving 3 x 3 is one transposed convolution of 4 x 4, and the wide
  convolutions to few channels make four pixels at once, which fills the processor's vectors;
- norm, scale and shift are few operations, and pixels lie channels last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk_core.errors import ModelError
from dreamtalk_core.models.devices import without_memory

SLOPE = 0.1
"""Of every leaky ReLU."""
EPSILON = 1e-5
"""Of every norm."""
RADIUS = 13
"""Frames to either side of a moment that its descriptor is made from."""
IMAGE_SIZE = 256
"""Width and height of the portraits that the published weights were trained on."""
CPU_FRAMES, GPU_FRAMES = 1, 16
"""Frames at once: one fits a processor's caches best, a graphics card wants more."""


@dataclass(frozen=True)
class RendererSizes:
    """What the networks are built from; all of it shows in the shapes of the tensors."""

    coefficients: int
    descriptor: int
    mapping_layers: int
    hidden: int
    warp_base: int
    warp_limit: int
    warp_down: int
    warp_up: int
    edit_base: int
    edit_limit: int
    edit_layers: int
    edit_blocks: int

    @staticmethod
    def of(shapes: Mapping[str, tuple[int, ...]]) -> RendererSizes:
        """Sizes from the shapes of a renderer's tensors. KeyError or IndexError: it is none."""

        def width(name: str, axis: int = 0) -> int:
            return shapes[name + ".weight"][axis]

        def count(pattern: str) -> int:
            return next(i for i in range(99) if pattern.format(i) + ".weight" not in shapes)

        down = "warpping_net.hourglass.encoder.encoder{}.conv_1"
        up = "warpping_net.hourglass.decoder.decoder{}.conv_1"
        edit = "editing_net.encoder.down{}.model.0"
        warp_down, edit_layers = count(down), count(edit)
        return RendererSizes(
            coefficients=width("mapping_net.first.0", 1),
            descriptor=width("mapping_net.first.0"),
            mapping_layers=count("mapping_net.encoder{}.1"),
            hidden=width("warpping_net.hourglass.encoder.encoder0.norm_0.mlp_shared.0"),
            warp_base=width("warpping_net.hourglass.encoder.input_layer"),
            warp_limit=max(width(down.format(i)) for i in range(warp_down)),
            warp_down=warp_down,
            warp_up=sum(up.format(i) + ".weight" in shapes for i in range(warp_down)),
            edit_base=width("editing_net.encoder.first.model.0"),
            edit_limit=max(width(edit.format(i)) for i in range(edit_layers)),
            edit_layers=edit_layers,
            edit_blocks=count("editing_net.decoder.res0.res{}.conv2"),
        )

    def warp_width(self, level: int) -> int:
        """Channels of the warping network after `level` halvings."""
        return min(self.warp_base * 2**level, self.warp_limit)

    def edit_width(self, level: int) -> int:
        """Channels of the editing network after `level` halvings."""
        return min(self.edit_base * 2**level, self.edit_limit)


@dataclass(frozen=True, eq=False)
class Portrait:
    """A portrait [1, 3, H, W] and what the networks make of it whatever the motion."""

    image: Tensor
    warp_entry: Tensor
    """The warping network's first convolution, normalised."""
    edit_entry: Tensor
    """The portrait's share in the editing network's first convolution."""


class PIRenderer(nn.Module):
    """Portrait and motion in, pictures out. Images are RGB in -1..1."""

    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.mapping_net = _Mapping(sizes)
        self.warpping_net = _Warping(sizes)
        self.editing_net = _Editing(sizes)

    @staticmethod
    def build(tensors: Mapping[str, Tensor], device: torch.device | str = "cpu") -> PIRenderer:
        """The renderer with the tensors of `renderer.pt`, which `checkpoint` has checked."""
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        with without_memory():
            model = PIRenderer(RendererSizes.of(shapes))
        state = {name: tensors[name].float() for name in model.state_dict()}
        model.load_state_dict(state, assign=True)
        for module in model.modules():
            if isinstance(module, (_ResidualBlock, _Up, _FewChannels)):
                module.fold()
        model.requires_grad_(False).eval().to(device)
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @torch.inference_mode()
    def prepare(self, image: Tensor) -> Portrait:
        """What is computed once for a portrait float32 [1, 3, H, W]; H and W multiples of 32."""
        image = image.to(self.device).contiguous(memory_format=torch.channels_last)
        warp_entry = self.warpping_net.hourglass.encoder.enter(image)
        return Portrait(image, warp_entry, self.editing_net.encoder.first.share(image))

    @torch.inference_mode()
    def forward(self, portrait: Portrait, windows: Tensor, autocast: bool = False) -> Tensor:
        """Pictures [B, 3, H, W] for motion windows [B, 73, 27], see `Coefficients` for the rows.

        autocast: half precision on graphics cards of NVIDIA's kind; faster, but not exact.
        """
        device = self.device
        half = autocast and device.type == "cuda"
        with torch.autocast(device.type, torch.float16, enabled=half):
            descriptors = self.describe(windows.to(device))
            parts = descriptors.split(CPU_FRAMES if device.type == "cpu" else GPU_FRAMES)
            return torch.cat([self._draw(portrait, part) for part in parts])

    def _draw(self, portrait: Portrait, descriptors: Tensor) -> Tensor:
        warped = warp(portrait.image, self.flow(portrait, descriptors))
        return self.edit(portrait, warped, descriptors).float()

    def describe(self, windows: Tensor) -> Tensor:
        """Descriptors [B, D] of motion windows [B, 73, 27]."""
        return cast(Tensor, self.mapping_net(windows))

    def flow(self, portrait: Portrait, descriptors: Tensor) -> Tensor:
        """Where each point is taken from: [B, 2, H / 4, W / 4] (x, y) offsets in pixels of it."""
        return cast(Tensor, self.warpping_net(portrait.warp_entry, descriptors)).float()

    def edit(self, portrait: Portrait, warped: Tensor, descriptors: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] of the warped portraits [B, 3, H, W]."""
        return cast(Tensor, self.editing_net(portrait.edit_entry, warped, descriptors))


def renderer_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The tensors that a renderer of these sizes must have, from the shapes of those it has.

    Raises ModelError if they are so few that even the sizes are unknown.
    """
    try:
        sizes = RendererSizes.of(shapes)
    except (KeyError, IndexError, ValueError, StopIteration) as error:
        raise ModelError(
            f"This is no renderer: {error} is missing or misshapen. Give the original renderer.pt."
        ) from error
    with without_memory():
        return {name: tuple(value.shape) for name, value in PIRenderer(sizes).state_dict().items()}


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """An image [1, 3, H, W] taken from where a flow field [B, 2, h, w] says, [B, 3, H, W].

    As in the public code the identity runs from -1 to 1 with the corners aligned, while sampling
    has them unaligned: without any flow the picture is not quite the same.
    """
    height, width = flow.shape[2:]
    rows = torch.linspace(-1, 1, height, device=flow.device)
    columns = torch.linspace(-1, 1, width, device=flow.device)
    identity = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))
    scale = flow.new_tensor([2 / (width - 1), 2 / (height - 1)]).view(2, 1, 1)
    grid = F.interpolate(identity + flow * scale, image.shape[2:], mode="bilinear")
    source = image.expand(len(flow), -1, -1, -1)
    return F.grid_sample(source, grid.permute(0, 2, 3, 1), align_corners=False)


class _Mapping(nn.Module):
    """A motion window [B, C, 27] -> descriptor [B, D]."""

    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        width = sizes.descriptor
        self.first = nn.Sequential(nn.Conv1d(sizes.coefficients, width, 7))
        self.encoders: list[nn.Sequential] = []
        for i in range(sizes.mapping_layers):
            layer = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv1d(width, width, 3, dilation=3))
            self.add_module(f"encoder{i}", layer)
            self.encoders.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for encoder in self.encoders:
            x = encoder(x) + x[:, :, 3:-3]
        return x.mean(-1)


class _Adain(nn.Module):
    """Instance norm whose scale and shift come from the descriptor."""

    def __init__(self, sizes: RendererSizes, width: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Linear(sizes.descriptor, sizes.hidden), nn.ReLU())
        self.mlp_gamma = nn.Linear(sizes.hidden, width)
        self.mlp_beta = nn.Linear(sizes.hidden, width)

    def affine(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift [B, C] for descriptors [B, D]."""
        hidden = self.mlp_shared(z)
        return 1 + self.mlp_gamma(hidden).float(), self.mlp_beta(hidden).float()

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        centred, factor = _centred(x)
        scale, shift = self.affine(z)
        return torch.addcmul(_spread(shift), centred, factor * _spread(scale))

    def active(self, x: Tensor, z: Tensor) -> Tensor:
        """And a leaky ReLU after it."""
        return F.leaky_relu_(self(x, z), SLOPE)


def _centred(x: Tensor) -> tuple[Tensor, Tensor]:
    """Each channel [B, C, H, W] less its mean, and one over its deviation, [B, C, 1, 1].

    torch's instance norm is slow with channels last, and its batch norm loses digits. Sums down
    the columns first and along the row then lose few.
    """
    centred = x.float() - x.float().mean(2, keepdim=True).mean(3, keepdim=True)
    variance = centred.square().mean(2, keepdim=True).mean(3, keepdim=True)
    return centred, (variance + EPSILON).rsqrt()


def _spread(x: Tensor) -> Tensor:
    return x[:, :, None, None]


class _LayerNorm(nn.Module):
    """Layer norm over channels and pixels, with a scale and a shift per channel, and leaky ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        # As one row of numbers, as they lie: torch's group norm loses digits with channels last.
        rows = x.float().permute(0, 2, 3, 1)
        flat = rows.reshape(len(x), -1)
        normed = F.layer_norm(flat, flat.shape[1:], eps=EPSILON).view_as(rows)
        normed = torch.addcmul(self.bias.flatten(), normed, self.weight.flatten())
        return F.leaky_relu_(normed, SLOPE).permute(0, 3, 1, 2)


class _FewChannels(nn.Conv2d):
    """A 7 x 7 convolution to few channels, of four neighbouring pixels in one go."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(width, out, 7, padding=3)

    def fold(self) -> None:
        out, width, size, _ = self.weight.shape
        wide = self.weight.new_zeros(out, 2, 2, width, size + 1, size + 1)
        for row in (0, 1):
            for column in (0, 1):
                wide[:, row, column, :, row : row + size, column : column + size] = self.weight
        self.weight = nn.Parameter(wide.flatten(0, 2))
        self.bias = nn.Parameter(cast(Tensor, self.bias).repeat_interleave(4))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.conv2d(x, self.weight, self.bias, stride=2, padding=3), 2)


class _DownBlock(nn.Module):
    """Halves the warping network's map."""

    def __init__(self, sizes: RendererSizes, level: int) -> None:
        super().__init__()
        before, after = sizes.warp_width(level), sizes.warp_width(level + 1)
        self.conv_0 = nn.Conv2d(before, after, 4, stride=2, padding=1)
        self.conv_1 = nn.Conv2d(after, after, 3, padding=1)
        self.norm_0 = _Adain(sizes, before)
        self.norm_1 = _Adain(sizes, after)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.rest(self.norm_0.active(x, z), z)

    def from_normed(self, normed: Tensor, z: Tensor) -> Tensor:
        """The same for a map [1, C, H, W] that has been through instance norm."""
        scale, shift = self.norm_0.affine(z)
        x = torch.addcmul(_spread(shift), normed, _spread(scale))
        return self.rest(F.leaky_relu_(x, SLOPE), z)

    def rest(self, x: Tensor, z: Tensor) -> Tensor:
        return cast(Tensor, self.conv_1(self.norm_1.active(self.conv_0(x), z)))


class _UpBlock(nn.Module):
    """Doubles the warping network's map."""

    def __init__(self, sizes: RendererSizes, level: int, joined: bool) -> None:
        super().__init__()
        before = sizes.warp_width(level + 1) * (2 if joined else 1)
        after = sizes.warp_width(level)
        self.conv_0 = nn.Conv2d(before, after, 3, padding=1)
        self.conv_1 = nn.ConvTranspose2d(after, after, 3, 2, padding=1, output_padding=1)
        self.conv_s = nn.ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=1)
        self.norm_0 = _Adain(sizes, before)
        self.norm_1 = _Adain(sizes, after)
        self.norm_s = _Adain(sizes, before)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        inner = self.conv_0(self.norm_0.active(x, z))
        inner = self.conv_1(self.norm_1.active(inner, z))
        return cast(Tensor, self.conv_s(self.norm_s.active(x, z)).add_(inner))


class _HourglassEncoder(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.input_layer = nn.Conv2d(3, sizes.warp_base, 7, padding=3)
        self.encoders: list[_DownBlock] = []
        for i in range(sizes.warp_down):
            block = _DownBlock(sizes, i)
            self.add_module(f"encoder{i}", block)
            self.encoders.append(block)

    def enter(self, image: Tensor) -> Tensor:
        centred, factor = _centred(self.input_layer(image))
        return centred * factor

    def forward(self, entry: Tensor, z: Tensor) -> list[Tensor]:
        """Maps after each halving."""
        maps = [self.encoders[0].from_normed(entry, z)]
        for encoder in self.encoders[1:]:
            maps.append(encoder(maps[-1], z))
        return maps


class _HourglassDecoder(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.decoders: list[_UpBlock] = []
        deepest = sizes.warp_down - 1
        for level in range(deepest, deepest - sizes.warp_up, -1):
            block = _UpBlock(sizes, level, joined=level != deepest)
            self.add_module(f"decoder{level}", block)
            self.decoders.append(block)
        self.width = 2 * sizes.warp_width(deepest - sizes.warp_up + 1)

    def forward(self, maps: list[Tensor], z: Tensor) -> Tensor:
        x = maps.pop()
        for decoder in self.decoders:
            x = torch.cat([decoder(x, z), maps.pop()], 1)
        return x


class _Hourglass(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.encoder = _HourglassEncoder(sizes)
        self.decoder = _HourglassDecoder(sizes)


class _Warping(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.hourglass = _Hourglass(sizes)
        width = self.hourglass.decoder.width
        # Entry 1 holds no tensors: the norm's leaky ReLU has its number in the file's names.
        self.flow_out = nn.Sequential(_LayerNorm(width), nn.Identity(), _FewChannels(width, 2))

    def forward(self, entry: Tensor, z: Tensor) -> Tensor:
        maps = self.hourglass.encoder(entry, z)
        return cast(Tensor, self.flow_out(self.hourglass.decoder(maps, z)))


class _Block(nn.Module):
    """3 x 3 convolution and layer norm."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(before, after, 3, padding=1), _LayerNorm(after))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model(x))


class _First(nn.Module):
    """A convolution of portrait and warped portrait, computed apart, and layer norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(6, width, 7, padding=3), _LayerNorm(width))

    def share(self, image: Tensor) -> Tensor:
        """What the portrait adds, bias included."""
        conv = cast(nn.Conv2d, self.model[0])
        return F.conv2d(image, conv.weight[:, :3], conv.bias, padding=3)

    def forward(self, entry: Tensor, warped: Tensor) -> Tensor:
        conv = cast(nn.Conv2d, self.model[0])
        x = F.conv2d(warped, conv.weight[:, 3:], padding=3)
        return cast(Tensor, self.model[1](x.add_(entry)))


class _Up(_Block):
    """Doubles pixels, then 3 x 3 convolution and layer norm."""

    kernel: Tensor

    def fold(self) -> None:
        # A transposed convolution is the convolution of the spread-out pixels with the kernel
        # mirrored; doubling is that with 2 x 2 ones; one after the other make 4 x 4.
        mirrored = cast(nn.Conv2d, self.model[0]).weight.transpose(0, 1).flip(2, 3)
        places = [(column, 1 - column, row, 1 - row) for row in (0, 1) for column in (0, 1)]
        kernel = torch.stack([F.pad(mirrored, place) for place in places]).sum(0)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        bias = cast(nn.Conv2d, self.model[0]).bias
        doubled = F.conv_transpose2d(x, self.kernel, bias, stride=2, padding=1)
        return cast(Tensor, self.model[1](doubled))


class _ResidualBlock(nn.Module):
    """conv1 and norm1 are in the file, but nothing in the published network reads their result."""

    def __init__(self, sizes: RendererSizes, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.norm1 = _Adain(sizes, width)
        self.norm2 = _Adain(sizes, width)

    def fold(self) -> None:
        del self.conv1, self.norm1

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return cast(Tensor, self.norm2(self.conv2(x), z).add_(x))


class _ResidualBlocks(nn.Module):
    def __init__(self, sizes: RendererSizes, width: int) -> None:
        super().__init__()
        for i in range(sizes.edit_blocks):
            self.add_module(f"res{i}", _ResidualBlock(sizes, width))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        for block in self.children():
            x = block(x, z)
        return x


class _EditingEncoder(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.first = _First(sizes.edit_base)
        self.downs: list[_Block] = []
        for i in range(sizes.edit_layers):
            block = _Block(sizes.edit_width(i), sizes.edit_width(i + 1))
            self.add_module(f"down{i}", block)
            self.downs.append(block)

    def forward(self, entry: Tensor, warped: Tensor) -> list[Tensor]:
        maps = [self.first(entry, warped)]
        for down in self.downs:
            maps.append(F.avg_pool2d(down(maps[-1]), 2))
        return maps


class _EditingDecoder(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.levels: list[tuple[_ResidualBlocks, _Up, _Block]] = []
        for i in reversed(range(sizes.edit_layers)):
            above, below = sizes.edit_width(i), sizes.edit_width(i + 1)
            level = _ResidualBlocks(sizes, below), _Up(below, above), _Block(above, above)
            for name, module in zip(("res", "up", "jump"), level, strict=True):
                self.add_module(f"{name}{i}", module)
            self.levels.append(level)
        self.final = _Final(sizes.edit_base)

    def forward(self, maps: list[Tensor], z: Tensor) -> Tensor:
        x = maps.pop()
        for residual, up, jump in self.levels:
            x = up(residual(x, z)).add_(jump(maps.pop()))
        return cast(Tensor, self.final(x))


class _Final(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.model = nn.Sequential(_FewChannels(width, 3), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model(x))


class _Editing(nn.Module):
    def __init__(self, sizes: RendererSizes) -> None:
        super().__init__()
        self.encoder = _EditingEncoder(sizes)
        self.decoder = _EditingDecoder(sizes)

    def forward(self, entry: Tensor, warped: Tensor, z: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(self.encoder(entry, warped), z))
