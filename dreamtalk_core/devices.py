"""Which device networks run on."""

from __future__ import annotations

import torch

from dreamtalk_core.errors import DreamTalkError


def choose_device(name: str | torch.device) -> torch.device:
    """A torch device by name, or the best there is for `auto`: CUDA, Apple's GPU, or the CPU.

    Raises DreamTalkError for one that cannot be used here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DreamTalkError(
            f"Device '{name}' cannot be used here ({error}). Try auto or cpu."
        ) from error
    return device
