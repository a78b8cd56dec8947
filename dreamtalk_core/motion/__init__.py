"""Face curves over time: the currency of the package, and what it is made of. Numpy only."""

from dreamtalk_core.motion.frame_rate import MODEL_FPS, frame_count, frame_times, parse_fps
from dreamtalk_core.motion.motion import Motion, float_array, no_head

__all__ = [
    "MODEL_FPS",
    "Motion",
    "float_array",
    "frame_count",
    "frame_times",
    "no_head",
    "parse_fps",
]
