"""A node for the host: gives to any input what others may, a switch or a clip without sound."""

from __future__ import annotations

from typing import Any

import torch


def landmarks(frames: int) -> dict[str, Any]:
    """FACE_LANDMARKS as newer hosts' own nodes find them: a jaw that opens more and more."""
    points = torch.rand(478, 3, generator=torch.Generator().manual_seed(0)).numpy() * 100
    face = {
        "bbox_xyxy": [0.0, 0.0, 100.0, 100.0],
        "landmarks_xy": points[:, :2],
        "landmarks_3d": points,
        "transformation_matrix": torch.eye(4).numpy(),
        "presence": 9.0,
        "score": 0.9,
    }
    opening = [{"_neutral": 0.0, "jawOpen": number / frames} for number in range(frames)]
    return {"frames": [[{**face, "blendshapes": shapes}] for shapes in opening]}


GIVEN = {
    "nothing": None,
    "no samples": {"waveform": torch.zeros(1, 2, 0), "sample_rate": 44100},
    "no waveform": {"sample_rate": 44100},
    "landmarks": landmarks(50),
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
