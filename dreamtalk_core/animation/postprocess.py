"""The one order in which what a model draws becomes a finished motion: behaviour, tongue,
controls, lip contact, frame rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.controls import apply_controls
from dreamtalk_core.animation.lip_contact import contact_curves
from dreamtalk_core.animation.listening import Talker
from dreamtalk_core.animation.noise import UInt64
from dreamtalk_core.animation.tongue import put_tongue
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import Behaviour, Controls, Sampling

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Voice:
    """What is known of the voice of a motion of T frames.

    loudness, pitch: [T], see `enliven`. phones: [2 T + 1] each, see `tongue_curves`; None where
    they are not known: lips are then left as they are, and there is no tongue. heard, said,
    talkers, first: see `enliven`.
    """

    loudness: Array
    pitch: Array
    phones: Mapping[str, NDArray[np.floating]] | None = None
    heard: Array | None = None
    said: UInt64 | int | None = None
    talkers: Sequence[Talker] = ()
    first: int = 0


def postprocess(
    motion: Motion,
    voice: Voice,
    sampling: Sampling,
    behaviour: Behaviour | None,
    controls: Controls,
    duration: Fraction | None = None,
    between: Callable[[], object] = lambda: None,
    listening: float = 1.0,
) -> Motion:
    """A motion as a model draws it, finished: with behaviour and a tongue, under control, lips in
    contact where the voice has it, at the frame rate that was asked for.

    behaviour: None puts nothing on, and no tongue either. duration: of the speech in seconds, if
    not that of the motion. between: called between the steps, each of which takes a while for a
    long speech; what it raises ends the work. listening: see `enliven`. Raises MotionError as the
    steps do.
    """
    between()
    if behaviour is not None:
        motion = enliven(
            motion,
            voice.loudness,
            voice.pitch,
            sampling.seed,
            behaviour,
            voice.heard,
            voice.said,
            voice.talkers,
            listening,
            voice.first,
        )
    between()
    if behaviour is not None and behaviour.tongue and voice.phones is not None:
        motion = put_tongue(motion, voice.phones, behaviour.tongue)
    contact = [] if voice.phones is None else contact_curves(motion, voice.phones)
    return apply_controls(motion, controls, *contact).resample(sampling.fps, duration)
