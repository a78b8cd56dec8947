"""Attention in blocks is attention with a mask, only cheaper."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from dreamtalk_core.models.attention import BLOCK, local_attention


@pytest.mark.parametrize("length", [1, 5, BLOCK, BLOCK + 1, 3 * BLOCK - 2])
@pytest.mark.parametrize("span", [0, 3, 50])
@pytest.mark.parametrize("biased", [True, False])
def test_it_equals_masked_attention(length: int, span: int, biased: bool) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, length, 8)
    bias = torch.randn(4, 2 * span + 1) if biased else torch.zeros(4, 2 * span + 1)
    distance = torch.arange(length) - torch.arange(length)[:, None]
    mask = bias[:, distance.clamp(-span, span) + span]
    mask = mask.masked_fill(distance.abs() > span, -math.inf)
    torch.testing.assert_close(
        local_attention(query, key, value, span, bias if biased else None),
        F.scaled_dot_product_attention(query, key, value, attn_mask=mask),
    )


def test_gradients_are_finite_where_a_block_is_not_full() -> None:
    inputs = torch.randn(3, 1, 2, BLOCK + 1, 4, requires_grad=True)
    bias = torch.zeros(2, 3, requires_grad=True)
    local_attention(*inputs, 1, bias).square().sum().backward()
    assert inputs.grad is not None
    assert bias.grad is not None
    assert inputs.grad.isfinite().all()
    assert bias.grad.isfinite().all()
