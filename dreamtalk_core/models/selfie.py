"""The network that tells a person from the background.

Google's MediaPipe Selfie Segmentation (Apache-2.0) in plain torch: the encoder of MobileNetV3 (A.
Howard et al., "Searching for MobileNetV3", 2019) and a decoder that goes back up by gates. The
weights are the published ones, renamed by `dreamtalk_core/weights/make_matte.py`; on seven
portraits the shares differ from those of the TFLite runtime (ai-edge-litert 2.3.0) by at most 4e-5.

Torch pads a convolution alike on all sides and TFLite does not, so the padding of strided
convolutions is written out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 256

# Inputs, width inside, outputs, kernel, stride, width of the gate (0: none), hard swish.
_BLOCKS = (
    (16, 16, 16, 3, 2, 8, False),
    (16, 72, 24, 3, 2, 0, False),
    (24, 88, 24, 3, 1, 0, False),
    (24, 96, 32, 5, 2, 24, True),
    (32, 128, 32, 5, 1, 32, True),
    (32, 128, 32, 5, 1, 32, True),
    (32, 96, 32, 5, 1, 24, True),
    (32, 96, 32, 5, 1, 24, True),
)


class Gate(nn.Module):
    """How much of each channel is let through, from its mean: [N, C, 1, 1] in 0..1."""

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, narrow, 1)
        self.widen = nn.Conv2d(narrow, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return self.widen(torch.relu(self.narrow(mean))).sigmoid()


class Block(nn.Module):
    """Widen, depthwise convolution, gate, narrow; the input on top where nothing changes size."""

    def __init__(
        self,
        inputs: int,
        inside: int,
        outputs: int,
        kernel: int,
        stride: int,
        gate: int,
        hard_swish: bool,
    ) -> None:
        super().__init__()
        self.act = functional.hardswish if hard_swish else torch.relu
        whole = kernel - stride
        self.padding = (whole // 2, whole - whole // 2) * 2
        self.same = stride == 1 and inputs == outputs
        self.widen = nn.Conv2d(inputs, inside, 1)
        self.depthwise = nn.Conv2d(inside, inside, kernel, stride, groups=inside)
        self.gate = Gate(inside, gate) if gate else None
        self.narrow = nn.Conv2d(inside, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.pad(self.act(self.widen(x)), self.padding)
        y = self.act(self.depthwise(y))
        if self.gate is not None:
            y = y * self.gate(y)
        y = self.narrow(y)
        return x + y if self.same else y


class Step(nn.Module):
    """One step up: what is coarse, twice as large, and of the finer features what it asks for."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.match = nn.Conv2d(coarse, fine, 1)
        self.gate = Gate(fine, fine)
        self.mix = nn.Conv2d(fine, fine, 1)
        self.depthwise = nn.Conv2d(fine, fine, 3, padding=1, groups=fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        x = self.match(_twice(coarse))
        y = torch.relu(self.mix(fine * self.gate(fine + x) + x))
        return y + torch.relu(self.depthwise(y))


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class SelfieSegmentation(nn.Module):
    """Where in a picture of 256 x 256 pixels a person is."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2)
        self.blocks = nn.Sequential(*(Block(*sizes) for sizes in _BLOCKS))
        self.top = nn.Conv2d(32, 128, 1)
        self.top_gate = nn.Conv2d(32, 128, 1)
        self.steps = nn.ModuleList([Step(128, 24), Step(24, 16), Step(16, 16)])
        self.out = nn.ConvTranspose2d(16, 1, 2, 2)

    def forward(self, image: Tensor) -> Tensor:
        """Shares [N, 256, 256] in 0..1 for [N, 3, 256, 256] with values in 0..1."""
        x = functional.hardswish(self.stem(functional.pad(image, (0, 1, 0, 1))))
        fine = [x]
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in (0, 2):
                fine.append(x)
        x = torch.relu(self.top(x)) * self.top_gate(x.mean((2, 3), keepdim=True)).sigmoid()
        for step in self.steps:
            x = step(x, fine.pop())
        return self.out(x).sigmoid()[:, 0]
