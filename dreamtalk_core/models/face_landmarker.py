"""The three networks of the Face Landmarker: find a face, lay a mesh on it, read its expression.

Google's MediaPipe Face Landmarker (Apache-2.0) in plain torch. Architectures: V. Bazarevsky et al.,
"BlazeFace" (2019); Y. Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video"
(2019); I. Grishchenko et al., "Blendshapes GHUM" (2023). The weights are the published ones,
renamed by `dreamtalk_core/weights/make_tracker.py`.

Pictures go in as [N, 3, H, W]. Torch pads a convolution alike on all sides and TFLite does not, so
the padding of strided convolutions is written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

LANDMARKS = 478
DETECTOR_SIDE = 128
MESH_SIDE = 256

_DETECTOR_WIDTHS = (24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88, 96, 96, 96, 96, 96)
_DETECTOR_STRIDED = (2, 5, 11)
_MESH_WIDTHS = (16, 32, 64, 128, 128, 128, 128)

# fmt: off
BLENDSHAPE_LANDMARKS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168,
    172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276,
    282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380,
    381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466,
    468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)
# fmt: on
"""The landmarks that the blendshape network looks at: eyes, irises, brows, lips, the oval."""

BLENDSHAPE_NAMES = (
    "_neutral",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
)
"""The outputs of the blendshape network."""


class DetectorBlock(nn.Module):
    """Depthwise 3x3, pointwise, and the input on top: padded with channels, pooled if strided."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.more = outputs - inputs
        padding = 1 if stride == 1 else 0
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, padding, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            skip, y = x, self.depthwise(x)
        else:
            skip, y = functional.max_pool2d(x, 2), self.depthwise(functional.pad(x, (0, 1, 0, 1)))
        return torch.relu(functional.pad(skip, (0, 0, 0, 0, 0, self.more)) + self.pointwise(y))


class Detector(nn.Module):
    """BlazeFace, short range: 896 candidate faces in a picture of 128 x 128 pixels."""

    def __init__(self) -> None:
        super().__init__()
        widths = (_DETECTOR_WIDTHS[0], *_DETECTOR_WIDTHS)
        self.stem = nn.Conv2d(3, widths[0], 5, 2)
        self.blocks = nn.ModuleList(
            DetectorBlock(widths[i], widths[i + 1], 2 if i in _DETECTOR_STRIDED else 1)
            for i in range(len(widths) - 1)
        )
        fine, coarse = _DETECTOR_WIDTHS[10], _DETECTOR_WIDTHS[-1]
        self.fine_score = nn.Conv2d(fine, 2, 1)
        self.coarse_score = nn.Conv2d(coarse, 6, 1)
        self.fine_box = nn.Conv2d(fine, 2 * 16, 1)
        self.coarse_box = nn.Conv2d(coarse, 6 * 16, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Candidates in [N, 3, 128, 128] with values in -1..1.

        Returns scores [N, 896] in 0..1 and points [N, 896, 8, 2] in fractions of the picture:
        centre and size of the box, then the eyes, nose, mouth and ears.
        """
        x = torch.relu(self.stem(functional.pad(image, (1, 2, 1, 2))))
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == 10:
                fine = x
        scores = [_by_cell(self.fine_score(fine), 1), _by_cell(self.coarse_score(x), 1)]
        boxes = [_by_cell(self.fine_box(fine), 16), _by_cell(self.coarse_box(x), 16)]
        points = torch.cat(boxes, 1).unflatten(2, (8, 2)) / DETECTOR_SIDE
        # Everything but the size is told from the middle of the candidate's cell.
        points = points + _cells(points.device)[:, None] * points.new_tensor(
            [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        ).unsqueeze(1)
        return torch.cat(scores, 1)[..., 0].clamp(-100, 100).sigmoid(), points


def _by_cell(x: Tensor, values: int) -> Tensor:
    """[N, candidates * values, H, W] as [N, H * W * candidates, values]."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1, values)


def _cells(device: torch.device) -> Tensor:
    """The middles of the cells that candidates belong to, [896, 2] in fractions of the picture."""
    middles = []
    for side, candidates in ((16, 2), (8, 6)):
        line = (torch.arange(side, device=device) + 0.5) / side
        y, x = torch.meshgrid(line, line, indexing="ij")
        middles.append(torch.stack([x, y], -1).reshape(-1, 2).repeat_interleave(candidates, 0))
    return torch.cat(middles)


class MeshBlock(nn.Module):
    """A bottleneck: narrow (and halve), depthwise 3x3, widen, add the input, PReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        narrow = min(64, outputs // 2)
        self.more = outputs - inputs
        self.stride = stride
        self.narrow = nn.Conv2d(inputs, narrow, stride, stride)
        self.narrow_slope = nn.PReLU(narrow)
        self.depthwise = nn.Conv2d(narrow, narrow, 3, padding=1, groups=narrow)
        self.widen = nn.Conv2d(narrow, outputs, 1)
        self.slope = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.widen(self.depthwise(self.narrow_slope(self.narrow(x))))
        if self.stride > 1:
            x = functional.max_pool2d(x, self.stride)
        if self.more:
            x = functional.pad(x, (0, 0, 0, 0, 0, self.more))
        return self.slope(x + y)


class Mesh(nn.Module):
    """Face Mesh V2: 478 landmarks of the face in a picture of 256 x 256 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _MESH_WIDTHS[0], 3, 2)
        self.stem_slope = nn.PReLU(_MESH_WIDTHS[0])
        blocks = [MeshBlock(_MESH_WIDTHS[0], _MESH_WIDTHS[0], 1) for _ in range(4)]
        for inputs, outputs in pairwise(_MESH_WIDTHS):
            blocks.append(MeshBlock(inputs, outputs, 2))
            blocks += [MeshBlock(outputs, outputs, 1) for _ in range(4)]
        self.blocks = nn.Sequential(*blocks)
        self.presence = nn.Conv2d(_MESH_WIDTHS[-1], 1, 2)
        self.landmarks = nn.Conv2d(_MESH_WIDTHS[-1], 3 * LANDMARKS, 2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Landmarks in [N, 3, 256, 256] with values in 0..1.

        Returns landmarks [N, 478, 3] in pixels of that picture (x right, y down, z away from the
        viewer) and how sure it is that this is a face [N], in 0..1.
        """
        x = self.stem_slope(self.stem(functional.pad(image, (0, 1, 0, 1))))
        x = self.blocks(x)
        return self.landmarks(x).reshape(-1, LANDMARKS, 3), self.presence(x).sigmoid().flatten()


class MixerBlock(nn.Module):
    """MLP-Mixer: once across the tokens, once across the channels, each with its input added."""

    def __init__(self, tokens: int, width: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.token_norm = nn.Parameter(torch.ones(width))
        self.token_in = nn.Linear(tokens, hidden[0])
        self.token_out = nn.Linear(hidden[0], tokens)
        self.channel_norm = nn.Parameter(torch.ones(width))
        self.channel_in = nn.Linear(width, hidden[1])
        self.channel_out = nn.Linear(hidden[1], width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.layer_norm(x, x.shape[-1:], self.token_norm, eps=1e-6).mT
        x = x + self.token_out(torch.relu(self.token_in(y))).mT
        y = functional.layer_norm(x, x.shape[-1:], self.channel_norm, eps=1e-6)
        return x + self.channel_out(torch.relu(self.channel_in(y)))


class Blendshapes(nn.Module):
    """GHUM's blendshapes: 52 weights from 146 landmarks, by an MLP-Mixer."""

    def __init__(self) -> None:
        super().__init__()
        self.gather = nn.Linear(len(BLENDSHAPE_LANDMARKS), 96)
        self.widen = nn.Linear(2, 64)
        self.answer = nn.Parameter(torch.zeros(1, 64))
        self.blocks = nn.Sequential(*[MixerBlock(97, 64, (384, 256)) for _ in range(4)])
        self.head = nn.Linear(64, len(BLENDSHAPE_NAMES))

    def forward(self, landmarks: Tensor) -> Tensor:
        """Weights [N, 52] in 0..1, in the order of BLENDSHAPE_NAMES, of landmarks [N, 478, >= 2].

        Their place and scale do not matter, but x and y must be in the same unit.
        """
        points = landmarks[:, list(BLENDSHAPE_LANDMARKS), :2]
        points = points - points.mean(1, keepdim=True)
        points = points / (2 * points.norm(dim=2, keepdim=True).mean(1, keepdim=True))
        x = self.widen(self.gather(points.mT).mT)
        x = torch.cat([self.answer.expand(len(x), 1, -1), x], 1)
        return self.head(self.blocks(x)[:, 0]).sigmoid()
