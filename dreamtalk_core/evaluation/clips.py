"""What evaluation reads of a clip, and which clips of a corpus it takes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

if TYPE_CHECKING:
    from dreamtalk_core.corpus import Clip

Weights = NDArray[np.floating[Any]]

Prediction: TypeAlias = "Motion | Weights"
"""Motion at 25 fps, or weights [T, 52] in ARKit order where nothing is said about the head."""


TRAINED_ON = "train"
"""The split that no figure is about unless it is asked for."""


class TrackedClip(Protocol):
    """What evaluation reads of a corpus clip: speech and the face that was tracked with it."""

    @property
    def id(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def speaker(self) -> str: ...

    @property
    def motion(self) -> Motion: ...

    @property
    def weights(self) -> Weights: ...

    @property
    def lip_gap(self) -> Weights: ...

    @property
    def lip_width(self) -> Weights: ...

    def waveform(self) -> NDArray[np.float32]: ...


def as_motion(prediction: Prediction) -> Motion:
    """A prediction as motion over the 52 ARKit shapes at 25 fps."""
    if isinstance(prediction, Motion):
        return prediction.to_arkit()
    return Motion(ARKIT_NAMES, np.clip(prediction, 0, 1), Fraction(MODEL_FPS))


def evaluation_clips(corpus: Path, split: str | None = None) -> list[Clip]:
    """The clips of a corpus in a split of its manifest, or in all but `train`.

    Raises CorpusError as `read_manifest` does, or when there is none.
    """
    # Imported here: evaluating clips that came from elsewhere takes none of the decoders.
    from dreamtalk_core.corpus import read_manifest

    clips = list(read_manifest(corpus, {"split": [split]} if split else None))
    chosen = [clip for clip in clips if split or clip.split != TRAINED_ON]
    if not chosen:
        raise CorpusError(f"{corpus} has no clips to evaluate on. Name a split of its manifest.")
    return chosen


def split_of(clip: TrackedClip) -> str:
    """The group that a clip is reported under where nothing else is said."""
    return clip.split


def speaker_of(clip: TrackedClip) -> str:
    """Whose clip it is where nothing else is said."""
    return clip.speaker
