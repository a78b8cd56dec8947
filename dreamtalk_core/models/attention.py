"""Attention to near frames only, at a cost that grows with the length and not with its square."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 32
"""Frames whose queries share their keys; a larger block computes more and throws more away."""


def local_attention(
    query: Tensor, key: Tensor, value: Tensor, span: int, bias: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention of every frame to itself and `span` frames to each side.

    query, key, value: [B, heads, T, D]. bias: [heads, 2 span + 1], added to the scores by distance,
    from `span` frames before to `span` frames after. Returns [B, heads, T, D].

    The same numbers as attention over all T frames with a mask, but every block of queries meets
    only the keys within its reach.
    """
    batch, heads, length, width = query.shape
    blocks = -(-length // BLOCK)
    rest = blocks * BLOCK - length
    reach = BLOCK + 2 * span
    query = F.pad(query, (0, 0, 0, rest)).view(batch, heads, blocks, BLOCK, width)
    # [B, heads, blocks, D, reach]
    key = F.pad(key, (0, 0, span, span + rest)).unfold(2, reach, BLOCK)
    value = F.pad(value, (0, 0, span, span + rest)).unfold(2, reach, BLOCK)

    row = torch.arange(BLOCK, device=query.device)
    column = torch.arange(reach, device=query.device) - span
    distance = column - row[:, None]
    frame = column + BLOCK * torch.arange(blocks, device=query.device)[:, None]
    far = (distance.abs() > span) | ((frame < 0) | (frame >= length))[:, None]

    scores = width**-0.5 * query @ key
    if bias is not None:
        scores = scores + bias[:, distance.clamp(-span, span) + span][:, None]
    # Not minus infinity: a query past the end sees no key at all, and must not become NaN.
    share = scores.masked_fill(far, torch.finfo(scores.dtype).min).softmax(-1)
    result = share @ value.transpose(-1, -2)
    return result.reshape(batch, heads, blocks * BLOCK, width)[:, :, :length]
