"""The light on and in an eyeball: what shades it, what it mirrors, what gathers in the iris."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.render.head.vectors import (
    HALF,
    ONE,
    TWO,
    ZERO,
    Lamps,
    Vector,
    between,
    clip,
    dot,
    unit,
)
from dreamtalk_core.render.raster import Float, compiled


@compiled()
def light_in_eye(
    eyes: Float, place: Vector, normal: Vector, view: Vector, lamps: Lamps, open_: Vector
) -> tuple[Vector, np.float32, np.float32]:
    """How open to the light a place on an eyeball is, how much of it gathers, and its glint."""
    # The near eye's frame: where on the ball, and where it looks.
    e = 1 if _far(eyes, 1, place) < _far(eyes, 0, place) else 0
    local = (place[0] - eyes[e, 0], place[1] - eyes[e, 1], place[2] - eyes[e, 2])
    gaze = (eyes[e, 3], eyes[e, 4], eyes[e, 5])
    rise = local[0] * eyes[e, 6] + local[1] * eyes[e, 7] + local[2] * eyes[e, 8]
    across = local[0] * eyes[e, 9] + local[1] * eyes[e, 10] + local[2] * eyes[e, 11]
    # The lids' shade: deep under the upper one, in the corners, faint below.
    lid = eyes[e, 12]
    shade_ = clip((lid - rise) * np.float32(0.19))
    shade_ = np.float32(0.16) + np.float32(0.84) * shade_ * (TWO - shade_)
    under = clip((rise - eyes[e, 13]) * HALF)
    shade_ *= np.float32(0.6) + np.float32(0.4) * under
    corner = clip((abs(across) - np.float32(7.0)) * np.float32(0.14))
    shade_ *= ONE - HALF * corner
    cool = shade_ * (ONE - np.float32(0.08) * corner)
    # Cornea: a smaller sphere in front of the ball carries the window's reflection.
    ahead = np.float32(7.6)
    bulge = unit(
        (local[0] - ahead * gaze[0], local[1] - ahead * gaze[1], local[2] - ahead * gaze[2])
    )
    on = clip((dot(bulge, gaze) - np.float32(0.60)) * np.float32(5.0))
    glint = _glint(between(normal, bulge, on), view, lamps)
    glint *= clip((lid - rise) * np.float32(0.9))
    # Tears stand on the edge of the lower lid and catch the light.
    edge = ONE - abs(rise - eyes[e, 13] - np.float32(0.7)) * np.float32(1.7)
    glint += np.float32(0.3) * clip(edge) * (ONE - corner) * clip(dot(normal, lamps.key))
    # Light falls through the cornea and gathers on the far side of the iris.
    key = lamps.key
    gather = np.float32(0.07) * (dot(local, gaze) * dot(gaze, key) - dot(local, key))
    gather = min(max(gather * np.float32(1.6), np.float32(-0.3)), ONE)
    return (open_[0] * shade_, open_[1] * cool, open_[2] * cool), ONE + on * gather, glint


@compiled()
def _glint(normal: Vector, view: Vector, lamps: Lamps) -> np.float32:
    """Key and fill light as a wet surface mirrors them."""
    twice = TWO * dot(normal, view)
    mirrored = (
        twice * normal[0] - view[0],
        twice * normal[1] - view[1],
        twice * normal[2] - view[2],
    )
    key, fill = dot(mirrored, lamps.key), dot(mirrored, lamps.fill)
    bright = np.float32(2.6) * clip((key - np.float32(0.945)) * np.float32(40.0))
    sky = np.float32(0.045) * max(mirrored[1], ZERO)
    return bright + sky + np.float32(0.07) * clip((fill - np.float32(0.96)) * np.float32(30.0))


@compiled()
def _far(eyes: Float, e: int, place: Vector) -> np.float32:
    """Square of the distance from an eye's centre."""
    x, y, z = place[0] - eyes[e, 0], place[1] - eyes[e, 1], place[2] - eyes[e, 2]
    return x * x + y * y + z * z
