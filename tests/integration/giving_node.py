"""A node for the host: gives to any input what others may, a switch or a clip without sound."""

from __future__ import annotations

from typing import Any

import torch

GIVEN = {
    "nothing": None,
    "no samples": {"waveform": torch.zeros(1, 2, 0), "sample_rate": 44100},
    "no waveform": {"sample_rate": 44100},
    "no pictures": torch.zeros(0, 64, 64, 3),
}


class Whatever(str):
    """A type that is no other than any other: the host compares with !=."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class Giving:
    """In the older of the host's ways."""

    CATEGORY = "tests"
    FUNCTION = "give"
    RETURN_TYPES = (Whatever("*"),)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"what": (list(GIVEN),)}}

    def give(self, what: str) -> tuple[Any]:
        return (GIVEN[what],)


NODE_CLASS_MAPPINGS = {"TestsGiving": Giving}
