"""Seconds per frame of the original renderer against a plain path of the same network.

    python benchmarks/original_renderer.py [--renderer FILE] [--frames 4] [--cores 2] [--json OUT]

Without a file the network has its full size and random weights: speed does not depend on them. The
plain path is the network as the public code has it, a layer at a time, the portrait anew for each
frame. Both get the same frames at once, are timed in turns in one process, and their pictures are
compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from torch import Tensor

ROUNDS = 3
TOLERANCE = 1e-4
SLOPE = 0.1


class PlainRenderer:
    """PIRenderer (arXiv 2109.08379) without any saving, from tensors by their names in the file.

    dead: compute the convolutions, too, whose result the public code throws away.
    """

    def __init__(self, tensors: dict[str, Tensor], dead: bool = True) -> None:
        self.tensors = tensors
        self.dead = dead

    def __call__(self, image: Tensor, windows: Tensor) -> dict[str, Tensor]:
        """All that the network computes for a portrait [1, 3, H, W] and windows [B, C, 27]."""
        image = image.expand(len(windows), -1, -1, -1)
        found = {"descriptor": self._describe(windows)}
        found["flow_field"] = self._flow(image, found["descriptor"])
        found["warp_image"] = self._warp(image, found["flow_field"])
        found["fake_image"] = self._edit(image, found["warp_image"], found["descriptor"])
        return found

    def _count(self, pattern: str) -> int:
        """How many layers have names of this pattern, counted from 0."""
        return next(i for i in range(99) if pattern.format(i) not in self.tensors)

    def _describe(self, windows: Tensor) -> Tensor:
        from torch.nn import functional as F

        x = F.conv1d(windows, *self._pair("mapping_net.first.0"))
        for i in range(self._count("mapping_net.encoder{}.1.weight")):
            pair = self._pair(f"mapping_net.encoder{i}.1")
            x = F.conv1d(F.leaky_relu(x, SLOPE), *pair, dilation=3) + x[:, :, 3:-3]
        return x.mean(-1, keepdim=True)

    def _flow(self, image: Tensor, z: Tensor) -> Tensor:
        import torch
        from torch.nn import functional as F

        name = "warpping_net.hourglass."
        x = self._conv(image, name + "encoder.input_layer", 3)
        skips = [x]
        layers = self._count(name + "encoder.encoder{}.conv_0.weight")
        for i in range(layers):
            block = f"{name}encoder.encoder{i}."
            x = F.conv2d(
                self._adain_active(x, z, block + "norm_0"),
                *self._pair(block + "conv_0"),
                stride=2,
                padding=1,
            )
            x = self._conv(self._adain_active(x, z, block + "norm_1"), block + "conv_1", 1)
            skips.append(x)
        skips.pop()
        i = layers - 1
        while f"{name}decoder.decoder{i}.conv_0.weight" in self.tensors:
            block = f"{name}decoder.decoder{i}."
            inner = self._conv(self._adain_active(x, z, block + "norm_0"), block + "conv_0", 1)
            inner = self._double(self._adain_active(inner, z, block + "norm_1"), block + "conv_1")
            short = self._double(self._adain_active(x, z, block + "norm_s"), block + "conv_s")
            x = torch.cat([inner + short, skips.pop()], 1)
            i -= 1
        x = F.leaky_relu(self._layer_norm(x, "warpping_net.flow_out.0"), SLOPE)
        return self._conv(x, "warpping_net.flow_out.2", 3)

    def _warp(self, image: Tensor, flow: Tensor) -> Tensor:
        import torch
        from torch.nn import functional as F

        height, width = flow.shape[2:]
        rows = torch.linspace(-1, 1, height, device=flow.device).view(-1, 1).expand(-1, width)
        columns = torch.linspace(-1, 1, width, device=flow.device).expand(height, -1)
        shift = flow * flow.new_tensor([2 / (width - 1), 2 / (height - 1)]).view(1, 2, 1, 1)
        grid = F.interpolate(torch.stack([columns, rows]) + shift, image.shape[2:], mode="bilinear")
        return F.grid_sample(image, grid.permute(0, 2, 3, 1), align_corners=False)

    def _edit(self, image: Tensor, warped: Tensor, z: Tensor) -> Tensor:
        import torch
        from torch.nn import functional as F

        name = "editing_net."
        x = self._block(torch.cat([image, warped], 1), name + "encoder.first", 3)
        skips = [x]
        layers = self._count(name + "encoder.down{}.model.0.weight")
        for i in range(layers):
            x = F.avg_pool2d(self._block(x, f"{name}encoder.down{i}", 1), 2)
            skips.append(x)
        skips.pop()
        for i in reversed(range(layers)):
            for j in range(self._count(f"{name}decoder.res{i}.res{{}}.conv2.weight")):
                block = f"{name}decoder.res{i}.res{j}."
                if self.dead:
                    self._adain_active(self._conv(x, block + "conv1", 1), z, block + "norm1")
                inner = self._conv(x, block + "conv2", 1)
                x = self._adain(inner, z, block + "norm2") + x
            x = self._block(F.interpolate(x, scale_factor=2), f"{name}decoder.up{i}", 1)
            x = x + self._block(skips.pop(), f"{name}decoder.jump{i}", 1)
        return self._conv(x, name + "decoder.final.model.0", 3).tanh()

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self.tensors[name + ".weight"], self.tensors[name + ".bias"]

    def _conv(self, x: Tensor, name: str, padding: int) -> Tensor:
        from torch.nn import functional as F

        return F.conv2d(x, *self._pair(name), padding=padding)

    def _double(self, x: Tensor, name: str) -> Tensor:
        from torch.nn import functional as F

        return F.conv_transpose2d(x, *self._pair(name), stride=2, padding=1, output_padding=1)

    def _block(self, x: Tensor, name: str, padding: int) -> Tensor:
        from torch.nn import functional as F

        x = self._conv(x, name + ".model.0", padding)
        return F.leaky_relu(self._layer_norm(x, name + ".model.1"), SLOPE)

    def _layer_norm(self, x: Tensor, name: str) -> Tensor:
        from torch.nn import functional as F

        shape = x.shape[1:]
        return F.layer_norm(x, shape, *(part.expand(shape) for part in self._pair(name)))

    def _adain(self, x: Tensor, z: Tensor, name: str) -> Tensor:
        from torch.nn import functional as F

        hidden = F.relu(F.linear(z[..., 0], *self._pair(name + ".mlp_shared.0")))
        gamma, beta = (
            F.linear(hidden, *self._pair(f"{name}.mlp_{part}"))[..., None, None]
            for part in ("gamma", "beta")
        )
        return F.instance_norm(x) * (1 + gamma) + beta

    def _adain_active(self, x: Tensor, z: Tensor, name: str) -> Tensor:
        from torch.nn import functional as F

        return F.leaky_relu(self._adain(x, z, name), SLOPE)


def full_size(seed: int = 0) -> dict[str, Tensor]:
    """Tensors of the published size with random values that keep the signal's size."""
    import torch

    from dreamtalk_core.original.renderer import PIRenderer, RendererSizes

    sizes = RendererSizes(
        coefficients=73,
        descriptor=256,
        mapping_layers=3,
        hidden=128,
        warp_base=32,
        warp_limit=256,
        warp_down=5,
        warp_up=3,
        edit_base=64,
        edit_limit=256,
        edit_layers=3,
        edit_blocks=2,
    )
    torch.manual_seed(seed)
    return PIRenderer(sizes).state_dict()


def measure(tensors: dict[str, Tensor], frames: int) -> dict[str, float]:
    """Seconds per frame of each path, and the largest difference of their pictures."""
    import torch

    from dreamtalk_core.original.renderer import IMAGE_SIZE, RADIUS, PIRenderer

    renderer = PIRenderer.build(tensors)
    noise = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, IMAGE_SIZE, IMAGE_SIZE, generator=noise) * 2 - 1
    width = renderer.sizes.coefficients
    windows = torch.randn(frames, width, 2 * RADIUS + 1, generator=noise)
    paths = {
        "plain": PlainRenderer(tensors),
        "plain, nothing thrown away": PlainRenderer(tensors, dead=False),
    }
    times: dict[str, list[float]] = {name: [] for name in (*paths, "ours", "portrait")}
    pictures = {}
    with torch.inference_mode():
        for _ in range(ROUNDS + 1):
            for name, path in paths.items():
                start = time.perf_counter()
                pictures[name] = path(image, windows)["fake_image"]
                times[name].append((time.perf_counter() - start) / frames)
            start = time.perf_counter()
            portrait = renderer.prepare(image)
            prepared = time.perf_counter()
            pictures["ours"] = renderer(portrait, windows)
            times["portrait"].append(prepared - start)
            times["ours"].append((time.perf_counter() - prepared) / frames)
    # The first round warms up.
    found = {name: statistics.median(values[1:]) for name, values in times.items()}
    return found | {"difference": float((pictures["ours"] - pictures["plain"]).abs().max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--renderer", type=Path, help="renderer.pt, or what was imported from it")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.cores)
    if options.renderer:
        from dreamtalk_core.original.checkpoint import RENDERER, read_checkpoint

        tensors = read_checkpoint(options.renderer, RENDERER)
    else:
        tensors = full_size()
    found = measure(tensors, options.frames)
    for name in ("plain", "plain, nothing thrown away", "ours"):
        faster = found[name] / found["ours"]
        print(f"{name:<28} {1000 * found[name]:7.0f} ms per frame   {faster:5.2f} times ours")
    print(f"{'portrait, once':<28} {1000 * found['portrait']:7.0f} ms")
    exact, fast = found["difference"] < TOLERANCE, found["ours"] <= found["plain"]
    print(f"largest difference of the pictures (-1..1): {found['difference']:.1e}")
    print(f"within {TOLERANCE}: {'yes' if exact else 'NO'}; as fast: {'yes' if fast else 'NO'}")
    if options.json:
        from dreamtalk_core.files import atomic_write

        with atomic_write(options.json) as path:
            path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
