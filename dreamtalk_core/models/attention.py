"""Attention to near frames only, at a cost that grows with the length and not with its square."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BLOCK = 48
"""Frames whose queries share their keys; a larger block computes more and throws more away."""


def local_attention(
    query: Tensor, key: Tensor, value: Tensor, span: int, bias: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention of every frame to itself and `span` frames to each side.

    query, key, value: [B, heads, T, D]. bias: [heads, 2 span + 1], added to the scores by distance,
    from `span` frames before to `span` frames after. Returns [B, heads, T, D].

    The same numbers as attention over all T frames with a mask, but every block of queries meets
    only the keys within its reach: as views, which on a CPU takes a third of the time of copying
    the keys for every block.
    """
    length = query.shape[2]
    column = torch.arange(BLOCK + 2 * span, device=query.device) - span
    distance = column - torch.arange(BLOCK, device=query.device)[:, None]
    near = query.new_zeros(distance.shape)
    if bias is not None:
        near = bias[:, distance.clamp(-span, span) + span]
    near = near.masked_fill(distance.abs() > span, -math.inf)

    query = query * query.shape[-1] ** -0.5
    attended = []
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        first, last = max(0, start - span), min(length, stop + span)
        scores = query[:, :, start:stop] @ key[:, :, first:last].transpose(-1, -2)
        offset = span - start
        scores += near[..., : stop - start, first + offset : last + offset]
        attended.append(scores.softmax(-1) @ value[:, :, first:last])
    return torch.cat(attended, 2)
