from __future__ import annotations

import torch

from dreamtalk_core.models.style_encoder import StyleEncoder, StyleEncoderConfig


def test_padding_does_not_change_a_code() -> None:
    torch.manual_seed(0)
    encoder = StyleEncoder(StyleEncoderConfig(channels=5, style=8, width=16)).eval()
    clip = torch.randn(1, 30, 5)
    padded = torch.cat([clip, torch.randn(1, 20, 5)], 1)
    padding = torch.arange(50)[None] >= 30
    torch.testing.assert_close(encoder(clip), encoder(padded, padding), atol=1e-5, rtol=1e-4)
    assert (encoder(clip) - encoder(padded)).abs().max() > 1e-3
