"""DreamTalk: speech in, an expressive face out.

    from dreamtalk_core import DreamTalk
    DreamTalk.load().animate("line.wav", style="happy").save("line.csv")

Names are imported when they are first used: `Motion` and the formats need numpy only, and stay
quick to load where there is no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.errors import DreamTalkError
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.parameters import Behaviour, Controls, Sampling
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk
    from dreamtalk_core.pipeline.load import load
    from dreamtalk_core.pipeline.stream import MotionStream
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.style import Style, StyleTrack

_HOMES = {
    "DreamTalk": "pipeline.dreamtalk",
    "DreamTalkError": "errors",
    "Motion": "motion",
    "Speech": "speech.audio",
    "Style": "style",
    "StyleTrack": "style",
    "Controls": "parameters",
    "Behaviour": "parameters",
    "Sampling": "parameters",
    "MotionStream": "pipeline.stream",
    "load": "pipeline.load",
}
__all__ = [
    "Behaviour",
    "Controls",
    "DreamTalk",
    "DreamTalkError",
    "Motion",
    "MotionStream",
    "Sampling",
    "Speech",
    "Style",
    "StyleTrack",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
