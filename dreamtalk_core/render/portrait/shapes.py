"""What the built-in head's movements lack on a real face: `moved` makes a portrait's from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.portrait.template import LOWER_LIP, UPPER_LIP, Template

Array = NDArray[np.float64]

_SMILE = {
    "mouthSmile": 0.7,
    "mouthDimple": 0.3,
    "mouthUpperUp": 0.25,
    "cheekSquint": 0.5,
    "eyeSquint": 0.3,
}
"""A smile lifts cheeks and lower lids (action units 6 and 12 of FACS go together), and the upper
lip with them, or it would be drawn straight."""

_NARROW = {"mouthPucker": 0.36, "mouthFunnel": 0.28}
"""How much narrower the lips get."""

_FUNNEL = 0.5
"""How far a funnel parts the lips, in shares of the built-in head's: real ones cover the teeth."""

_TAKES_PART = 0.2
"""What the built-in head's pucker narrows the lips by: where it does so, all of `_NARROW` goes."""

_SPREAD = 0.09
"""How far from a lip's edge skin follows it, in sizes of the face."""

_WIDTHS = (0.45, 0.93, 0.75)
"""Width of a round opening in shares of the lips': least and most; and in shares of its height."""

_ROUND = [INDEX["mouthFunnel"], INDEX["mouthPucker"]]
_ROUNDED = 0.7
"""Sum of both from which on an opening is round."""


def moved(template: Template) -> Array:
    """Movements of the landmarks [52, 478, 3] on a portrait, mm."""
    given = template.deltas.astype(float)
    result = given.copy()
    for side in ("Left", "Right"):
        result[INDEX[f"mouthSmile{side}"]] = sum(
            share * given[INDEX[name + side]] for name, share in _SMILE.items()
        )
    x = template.rest[:, 0].astype(float)
    inwards = -given[INDEX["mouthPucker"], :, 0] * np.sign(x)
    part = np.clip(inwards / (_TAKES_PART * np.maximum(np.abs(x), 4.0)), 0, 1)
    for name, share in _NARROW.items():
        result[INDEX[name], :, 0] = -share * x * part
    result[INDEX["mouthFunnel"], :, 1] *= _FUNNEL
    return result


class RoundLips:
    """Makes the opening of rounded lips an ellipse: the built-in head's is a rhombus.

    rest: [478, 3], the landmarks of one face; size: of the face. Its middle stays as high as it is,
    and where it would be wider than round, the lips touch.
    """

    def __init__(self, rest: Array, size: float) -> None:
        self._upper, self._lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])
        middle = (rest[self._upper] + rest[self._lower]) / 2
        line = np.interp(rest[:, 0], middle[:, 0], middle[:, 1])
        above = rest[:, 1] > line
        above[self._upper], above[self._lower] = True, False
        self._spread = np.where(above[:, None], 1.0, -1.0) * np.ones(9)
        for row, mine in ((self._upper, above), (self._lower, ~above)):
            edge = rest[row]
            corners = 2 * edge[[0, -1]] - edge[[1, -2]]
            knots = np.concatenate([corners[:1], edge, corners[1:]])
            for k in range(9):
                self._spread[mine, k] *= np.interp(rest[mine, 0], knots[:, 0], np.eye(11)[k + 1])
            away = np.abs(rest[:, 1] - np.interp(rest[:, 0], knots[:, 0], knots[:, 1])) / size
            away = np.where(np.isin(np.arange(len(rest)), row), 0, away)
            self._spread[mine] *= np.exp(-((away[mine] / _SPREAD) ** 2))[:, None]

    def shape(self, points: Array, weights: NDArray[np.float32]) -> None:
        """Landmarks [478, 3] for weights [52], in place."""
        strength = float(smoothstep(float(weights[_ROUND].sum()) / _ROUNDED))
        if strength <= 0:
            return
        upper, lower = points[self._upper], points[self._lower]
        gap = np.maximum(upper[:, 1] - lower[:, 1], 0)
        middle = (upper[:, 0] + lower[:, 0]) / 2
        half = (points[308, 0] - points[78, 0]) / 2
        least, most, share = _WIDTHS
        width = np.clip(share * gap[4], least * half, most * half)
        across = (middle - (points[308, 0] + points[78, 0]) / 2) / width
        goal = gap[4] * np.sqrt(np.maximum(1 - across**2, 0))
        goal[4] = gap[4]
        points[:, 1] += self._spread @ (strength * (goal - gap) / 2)
