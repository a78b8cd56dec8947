"""What somebody says now, as a face that is sent over the network while they say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from dreamtalk_core.pipeline.base import Pipeline
from dreamtalk_core.pipeline.live.outlets import open_outlet
from dreamtalk_core.pipeline.live.pacer import Pacer
from dreamtalk_core.pipeline.live.show import Show
from dreamtalk_core.pipeline.live.sources import Source
from dreamtalk_core.pipeline.stream import MotionStream
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.warned import warn


def speak(
    talk: Pipeline,
    style: str,
    sound: Source,
    port: int,
    check: Callable[[], None],
    settings: Mapping[str, Any],
) -> int:
    """Send the face of a sound to a port of this computer, as Live Link Face does, until the sound
    ends; returns how many frames that were.

    check: called often; what it raises ends this, and the face goes to rest.
    """
    # The first piece takes longest, and is nobody's to wait for.
    MotionStream(talk, style, **settings).feed(np.zeros(2 * SAMPLE_RATE, np.float32))
    stream = MotionStream(talk, style, **settings)
    with (
        closing(open_outlet(f"livelink://127.0.0.1:{port}", warn)) as outlet,
        Pacer([outlet], "DreamTalk") as pacer,
    ):
        Show(stream, sound, pacer, tell=warn).run(check)
    return pacer.made
