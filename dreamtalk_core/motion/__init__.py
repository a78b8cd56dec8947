"""Face curves over time: the currency of the package, and what it is made of. Numpy only."""

from dreamtalk_core.motion.motion import (
    Motion as Motion,
)
from dreamtalk_core.motion.motion import (
    float_array as float_array,
)
from dreamtalk_core.motion.motion import (
    frame_count as frame_count,
)
from dreamtalk_core.motion.motion import (
    frame_times as frame_times,
)
from dreamtalk_core.motion.motion import (
    no_head as no_head,
)
from dreamtalk_core.motion.motion import (
    parse_fps as parse_fps,
)
