"""Cut a turned rectangle out of a picture.

MediaPipe's geometry: pixel (x, y) of the crop is the source at the rectangle's corner plus x and y
steps, without half a pixel, and linear interpolation is rounded to whole numbers, as OpenCV 5 does.
Landmarks depend on such details: they move by a tenth of a pixel otherwise. OpenCV 4, which most
hosts have, rounds places to a 32nd of a pixel: with its warpAffine landmarks move by .2 pixels and
noise has a face. So torch samples, at 1.8 ms a face instead of .5, of the 17 that the networks
take (`python benchmarks/libraries.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Image = NDArray[np.uint8]
"""A picture: [H, W, 3], red, green, blue."""


@dataclass(frozen=True)
class Region:
    """A turned rectangle of a picture.

    x, y: its middle, in pixels. width, height: its sides, in pixels. angle: how far it is turned,
    in radians, clockwise as one looks at the picture.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    def place(self, points: NDArray[Any]) -> NDArray[Any]:
        """Points [..., 2 or 3] in fractions of the sides, from the corner, in pixels.

        A third coordinate, depth, is only scaled.
        """
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        placed = points * self.width
        x, y = (points[..., 0] - 0.5) * self.width, (points[..., 1] - 0.5) * self.height
        placed[..., 0] = self.x + cosine * x - sine * y
        placed[..., 1] = self.y + sine * x + cosine * y
        return placed

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the rectangle before it was turned."""
        x, y = self.width / 2, self.height / 2
        return self.x - x, self.y - y, self.x + x, self.y + y


def crop(image: Image, region: Region, side: int, black_border: bool) -> Image:
    """The region as a picture [side, side, 3]; see `sample`."""
    picture = sample(image, region, side, torch.device("cpu"), black_border)
    return picture[0].permute(1, 2, 0).to(torch.uint8).numpy()


def sample(
    image: Image, region: Region, side: int, device: torch.device, black_border: bool
) -> Tensor:
    """The region as a picture [1, 3, side, side] with whole numbers 0..255, on a device.

    Outside the picture is black or, without `black_border`, the nearest pixel of its edge.
    """
    step = torch.arange(side, dtype=torch.float64) / side - 0.5
    cosine, sine = math.cos(region.angle), math.sin(region.angle)
    along, down = step * region.width, step[:, None] * region.height
    x = region.x + cosine * along - sine * down
    y = region.y + sine * along + cosine * down
    # Only the part that is needed is converted to floating point.
    part, grid = image, []
    for axis, place in ((1, x), (0, y)):
        last = image.shape[axis] - 1
        # The extremes are at the corners of the grid; one pixel more, for the interpolation.
        corners = place[:: side - 1, :: side - 1]
        start = min(max(int(corners.min()) - 1, 0), last)
        stop = min(max(int(corners.max()) + 2, start + 1), last)
        part = part[:, start : stop + 1] if axis else part[start : stop + 1]
        grid.append((place - start) * (2 / max(1, stop - start)) - 1)
    source = torch.from_numpy(np.array(part)).to(device).permute(2, 0, 1)[None].float()
    points = torch.stack(grid, -1)[None].to(device, torch.float32)
    border = "zeros" if black_border else "border"
    return functional.grid_sample(source, points, padding_mode=border, align_corners=True).round_()
