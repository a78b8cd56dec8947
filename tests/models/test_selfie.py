"""The matte network, beside the TFLite runtime's figures for the same weights."""

from __future__ import annotations

import cv2
import torch

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.models.checkpoint import fill, open_weights
from dreamtalk_core.models.selfie import SIDE, SelfieSegmentation
from dreamtalk_core.tracking.video import read_image
from dreamtalk_core.weights import WEIGHTS

MEAN = 0.527147
"""Of the shares in the demo portrait, as the TFLite runtime (ai-edge-litert 2.3.0) has them."""
ROWS = """
...##...
..####..
..####..
..####..
..####..
...##...
.######.
########
"""
"""Of every 32nd pixel from 16 on: # over .5."""


def test_it_sees_what_the_original_does() -> None:
    tensors, header = open_weights(WEIGHTS / "matte.safetensors")
    assert header["licence"] == "Apache-2.0"
    network = fill(SelfieSegmentation, tensors).eval()
    picture = cv2.resize(read_image(DEMO_PORTRAIT), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        shares = network(batch)[0].numpy()
    assert shares.shape == (SIDE, SIDE)
    assert abs(float(shares.mean()) - MEAN) < 2e-4
    seen = ["".join("#" if share > 0.5 else "." for share in row) for row in shares[16::32, 16::32]]
    assert seen == ROWS.split()
