"""What has changed in a line against an earlier run of the batch, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk_core.formats import is_read
from dreamtalk_core.motion import Motion


def change(folder: Path, earlier: Path, outputs: Sequence[str]) -> dict[str, Any] | None:
    """How the curves of a line differ from those of the same name in the folder `earlier`.

    None where they do not; else `new` where there were none, or `most`, the largest difference of a
    channel (0..1), its `channel`, the time `at` in seconds and the `mean` over all that move;
    `head`, the largest difference of a head's angle in degrees, if there is one; and `seconds`, how
    much longer it is, if it is. Raises MotionError or OSError for what cannot be read.
    """
    name = next((one for one in outputs if is_read(Path(one))), None)
    if name is None or (folder / name).read_bytes() == _content(earlier / name):
        return None
    if not (earlier / name).is_file():
        return {"new": True}
    now, then = (Motion.load(place / name).to_arkit() for place in (folder, earlier))
    longer = float(now.duration - then.duration)
    then = then.resample(now.fps)
    frames = min(len(now), len(then))
    apart = np.abs(now.weights[:frames] - then.weights[:frames])
    turned = now.head_rotation[:frames] - then.head_rotation[:frames]
    head = round(float(np.abs((turned + 180) % 360 - 180).max()), 2)
    moving = apart.max(axis=0) > 0
    if not (moving.any() or head or longer):
        return None
    frame, channel = np.unravel_index(int(apart.argmax()), apart.shape)
    found: dict[str, Any] = {
        "most": round(float(apart.max()), 4),
        "channel": now.names[channel],
        "at": round(float((frame + 0.5) / now.fps), 2),
        "mean": round(float(apart[:, moving].mean()) if moving.any() else 0.0, 4),
    }
    return (
        found | ({"head": head} if head else {}) | ({"seconds": round(longer, 3)} if longer else {})
    )


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
