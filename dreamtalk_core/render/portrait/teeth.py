"""Teeth and gums: two arches, each a curved sheet with a picture on it.

Sizes are those of textbooks (Wheeler, "Dental Anatomy, Physiology and Occlusion"), in mm. An arch
is half an ellipse; along it hangs a sheet whose picture holds crowns, the soft lines between them
and the gums. Seen from anywhere in front, a point of the sheet is found by a look-up along one
axis, so that a frame needs no triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.raster import Float

Array = NDArray[np.float64]

REACH = 46.0
"""mm of arch on each side of the middle."""

BEYOND, ABOVE = 2.0, 24.0
"""mm of the sheet beyond the edge of the front teeth, and towards the roots."""

STEPS = 192
"""Of the look-up across an arch as it is seen."""

_ANGLE = 1.45
"""Radians of the ellipse on each side that may be seen."""


@dataclass(frozen=True)
class Arch:
    """Teeth of one jaw from the middle outwards, mm; the other side has the same.

    half_width, depth: of the ellipse through their fronts. widths, heights: of the crowns; edges:
    how much further towards the root each ends than the first. points: how far an edge's middle
    stands out over its sides.
    """

    half_width: float
    depth: float
    widths: tuple[float, ...]
    heights: tuple[float, ...]
    edges: tuple[float, ...]
    points: tuple[float, ...]


UPPER = Arch(
    28.0,
    36.0,
    (8.6, 6.7, 7.6, 7.0, 6.8, 10.0, 9.6),
    (10.4, 9.2, 10.2, 8.6, 8.0, 7.6, 7.2),
    (0.0, 0.4, 0.0, 0.5, 0.8, 1.1, 1.4),
    (0.4, 0.4, 1.2, 0.9, 0.7, 0.5, 0.5),
)
LOWER = Arch(
    25.5,
    34.0,
    (5.4, 5.9, 6.9, 7.1, 7.2, 11.0, 10.5),
    (8.8, 9.0, 10.0, 8.8, 8.2, 7.6, 7.2),
    (0.0, 0.1, -0.3, 0.5, 0.9, 1.1, 1.3),
    (0.3, 0.4, 1.3, 1.0, 0.7, 0.5, 0.5),
)

# No mouth is a mirror of itself: brightness and place of single teeth, from the left to the right.
_TONES = np.array(
    [0.97, 0.95, 0.96, 0.97, 0.90, 0.97, 1.0, 0.985, 0.96, 0.89, 0.98, 0.95, 0.97, 0.95]
)
_SHIFTS = np.array([0, 0.1, -0.1, 0.15, 0, 0.2, 0, 0.12, -0.1, 0.1, 0, 0.2, -0.1, 0])


def sheet(arch: Arch, per_mm: float, teeth: Array, gums: Array) -> Float:
    """The picture of an arch float32 [rows, columns, 4]: linear colours and coverage.

    Columns run from -`REACH` to `REACH` mm along the arch, rows from `BEYOND` mm beyond the edge of
    the front teeth to `ABOVE` mm above it; per_mm: how many there are. teeth, gums: linear [3].
    """
    soft = max(1.2 / per_mm, 0.15)
    columns = np.arange(round(2 * REACH * per_mm) + 1) / per_mm - REACH
    rows = np.arange(round((BEYOND + ABOVE) * per_mm) + 1) / per_mm - BEYOND
    ends = np.cumsum(arch.widths)
    number = np.minimum(np.searchsorted(ends, np.abs(columns)), len(ends) - 1)
    width = np.array(arch.widths)[number]
    middle = ends[number] - width / 2
    side = np.clip((np.abs(columns) - middle) / (width / 2), -1.0, 1.0)  # -1 is towards the middle
    single = np.where(columns < 0, len(ends) - 1 - number, len(ends) + number)
    tone = _TONES[single]
    y = rows[:, None]

    edge = np.array(arch.edges)[number] + _SHIFTS[single]
    # Corners are round, that away from the middle more so.
    corner = np.where(side > 0, 1.0, 0.7) * np.abs(side) ** 5
    pointed = np.array(arch.points)[number] * np.abs(side) ** 1.6
    edge = edge + 0.6 * corner + pointed
    margin = np.array(arch.edges)[number] + np.array(arch.heights)[number]
    margin = margin - 2.4 * np.abs(side) ** 2.6
    cover = smoothstep((y - edge) / soft + 0.5)
    gum = smoothstep((y - margin) / max(soft, 0.5) + 0.5)

    # Crowns: round from side to side and from edge to root; the gap is a soft, warm shadow.
    up = np.clip((y - edge) / (margin - edge), 0.0, 1.2)
    light = 1 - 0.20 * np.abs(side) ** 3.2 - 0.10 * np.clip(up - 0.55, 0, 1) ** 1.5
    light = light - 0.10 * np.exp(-np.clip(y - edge, 0, None) / 0.8)
    gap = np.exp(-(((1 - np.abs(side)) * width / 2 / max(0.32, 0.8 * soft)) ** 2))
    gap = gap * (0.34 + 0.22 * up)
    yellow = 0.04 + 0.16 * smoothstep((up - 0.3) / 0.9) + np.where(number == 2, 0.08, 0.0)
    tint = np.stack([np.ones_like(yellow), 1 - 0.35 * yellow, 1 - yellow], -1)
    crown = teeth * tint * (light * tone)[..., None]
    crown = crown * (1 - gap[..., None] * np.array([0.72, 0.86, 0.92]))
    # A long glint, as enamel is wet.
    glint = np.exp(-(((side + 0.25) * width / 2 / 0.9) ** 2) - ((up - 0.45) / 0.22) ** 2)
    crown = crown + 0.07 * glint[..., None] * teeth.mean()

    deep = np.clip(y - margin, 0.0, None)
    flesh = 0.72 + 0.28 * smoothstep(deep / 1.0) - 0.3 * smoothstep((deep - 3.0) / 8.0)
    flesh = flesh + 0.10 * (1 - np.abs(side) ** 2) * np.exp(-(((deep - 1.8) / 1.2) ** 2))
    flesh = gums * flesh[..., None]
    colour = crown + gum[..., None] * (flesh - crown)
    return np.concatenate([colour, cover[..., None]], -1).astype(np.float32)


def curve(arch: Arch) -> tuple[Array, Array]:
    """Points [N, 2] of an arch, x and z in mm from its front, and the way along it [N], mm."""
    angle = np.linspace(-_ANGLE, _ANGLE, 2 * STEPS + 1)
    points = np.stack([arch.half_width * np.sin(angle), arch.depth * (np.cos(angle) - 1)], 1)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return points, along - along[STEPS]


def seen(points: Array, along: Array, up: Array) -> tuple[Float, Float]:
    """How an arch is looked up from the picture.

    points: [N, 3] of its curve there, y down, nearer is larger; along: [N] the way along it; up:
    [2] one mm towards the roots there. Returns

    - axes float32 [2, 3]: pixel (x, y, 1) to the step of the table and to mm of height;
    - table float32 [STEPS, 3]: the way along the arch, mm of height to take off, nearness.
    """
    middle = len(points) // 2
    length = float(np.hypot(*up))
    across = np.array([-up[1], up[0]]) / length
    place = points[:, :2] @ across
    if place[-1] < place[0]:  # an arch that hangs the other way round
        points, along, place = points[::-1], along[::-1], place[::-1]
    height = points[:, :2] @ up / length**2
    # What turns away behind the arch's own side is not seen.
    right = middle + int(np.argmax(place[middle:]))
    left = int(np.argmin(place[: middle + 1]))
    chosen = slice(left, right + 1)
    low, high = place[left], place[right]
    grid = np.linspace(low, high, STEPS)
    table = np.stack(
        [np.interp(grid, place[chosen], row[chosen]) for row in (along, height, points[:, 2])], 1
    )
    scale = (STEPS - 1) / max(high - low, 1e-6)
    axes = np.array([[*(across * scale), -low * scale], [*(up / length**2), 0.0]])
    return axes.astype(np.float32), table.astype(np.float32)
