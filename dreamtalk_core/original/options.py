"""What a user can set of an original checkpoint only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamtalk_core.parameters import Settings, setting

SUFFIX = ".mat"
"""What the original's own coefficients are written as."""


@dataclass(frozen=True)
class Checkpoint(Settings):
    """How an original checkpoint is loaded.

    wav2vec: the wav2vec2 model: a folder, or the name of one in the Hugging Face cache; None: the
        one that the original was made with.
    """

    wav2vec: str | Path | None = setting(  # noqa: RUF009 (a field)
        None, "Wav2vec2", "Wav2vec2 model: a folder, or a name in the Hugging Face cache", kind=str
    )


@dataclass(frozen=True)
class Pose(Settings):
    """How the head moves with an original checkpoint.

    pose: a clip's file of coefficients, or Coefficients, or a pose [P, 9]; None: not at all.
    pose_extension: how it goes on when the speech is longer, see `extended_pose`.
    """

    pose: Any = setting(  # noqa: RUF009 (a field)
        None, "Pose", "How the head moves: a clip's .mat or .npz", kind=Path
    )
    pose_extension: str = setting(
        "mirror",
        "Pose Extension",
        "How the pose goes on when the speech is longer: back and forth, or again from its start",
        kind=str,
        choices=("mirror", "loop"),
    )
