"""What the face targets of the base mesh leave to be wished for: shapes that `make_head.py` mends.

A funnel that is round and comes forward, lips that roll in rather than tilt, and a smile that lifts
the cheek, fills the lower lid and draws the fold beside the nose. Millimetres and axes of
`rig.head`; deltas [52, V, 3] in `ARKIT_NAMES` order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smoothstep

Array = NDArray[np.float64]

_HALF_MOUTH = 22.6
"""From the middle of the mouth to a corner."""

# How much the lips follow the jaw, along half the mouth, as measured on the mesh: what lies between
# the two, and how far from it both are at least.
_ALONG = (0.0, 13.0, 16.0, 18.0, 20.0, 22.0, 24.0)
_MEAN_DROP = (18.0, 12.0, 10.5, 11.2, 11.9, 12.1, 12.1)
_HALF_DROP = (14.0, 7.0, 4.5, 2.8, 1.4, 0.8, 0.7)

# The fold that a smile draws from the wing of the nose past the corner of the mouth, on the left.
_FOLD = ((20.0, 1.5), (25.0, -5.0), (30.0, -12.5), (34.0, -20.0), (36.5, -27.0))


def lip_line(x: Array) -> Array:
    """Height at which the closed lips meet."""
    return -25.8 - 0.6 * (np.abs(x) / 20) ** 2


def sculpt(vertices: Array, normals: Array, deltas: Array) -> None:
    """Change deltas of the skin [52, V, 3] in place; vertices, normals [V, 3] at rest."""
    _round_funnel(vertices, deltas)
    _roll_lips(vertices, deltas)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        mirrored = vertices * [sign, 1, 1], normals * [sign, 1, 1]
        lid = deltas[INDEX[f"eyeSquint{side}"]] * _ramp(-vertices[:, 1], -35, -31)[:, None]
        cheek = _cheek(*mirrored) * [sign, 1, 1]
        fold = _fold(*mirrored) * [sign, 1, 1]
        deltas[INDEX[f"mouthSmile{side}"]] += 0.8 * cheek + fold + 0.12 * lid
        deltas[INDEX[f"cheekSquint{side}"]] += 0.7 * cheek + 0.2 * lid


def _round_funnel(vertices: Array, deltas: Array) -> None:
    """Lips of mouthFunnel around an ellipse, also over any jawOpen, and forward.

    At a share s of the way to the corner, the opening of the jaw is about as high as cos(s pi/2) of
    its middle; where the place across goes with sin(s pi/2), that is an ellipse.
    """
    x, y, z = vertices.T
    s = np.clip(np.abs(x) / _HALF_MOUTH, 0, 1)
    side = _lip_side(vertices, deltas[INDEX["jawOpen"]])
    funnel = deltas[INDEX["mouthFunnel"]]
    upper = side > 0
    # The jaw opens the lower lip to a point: that is made good here.
    bend = np.where(upper, 0.6, 0.5)
    across = bend * np.sin(s * np.pi / 2) + (1 - bend) * s
    bow = np.cos(s * np.pi / 2)
    wanted = np.stack(
        [
            np.sign(x) * ((_HALF_MOUTH - 6.0) * across - _HALF_MOUTH * s),
            np.where(upper, 3.4 * bow, 6.0 * bow**0.45) * side,
            np.where(upper, 7.5, 7.0) * bow + 3.0,
        ],
        axis=1,
    )
    edge = np.zeros_like(wanted)
    for way in (1, -1):
        edge += _along_edge(vertices, funnel, side, way) * (0.5 + 0.5 * way * side)[:, None]
    off = np.hypot(np.clip(np.abs(x) - _HALF_MOUTH, 0, None), y - lip_line(x))
    # The lips part along their edges; all around the mouth comes forward and together.
    parts, comes = (
        np.exp(-((np.clip(off - at, 0, None) / far) ** 2)) for at, far in ((1.5, 6), (5, 11))
    )
    near = np.stack([comes, parts, comes], axis=1) * _ramp(z, 62, 80)[:, None]
    funnel += (wanted - edge) * near


def _lip_side(vertices: Array, jaw: Array) -> Array:
    """Of the upper lip 1, of the lower one -1, fading into one another at the corners [V]."""
    x, y, _ = vertices.T
    along = np.clip(np.abs(x), 0, _ALONG[-1])
    inside = (np.interp(along, _ALONG, _MEAN_DROP) + jaw[:, 1]) / np.interp(
        along, _ALONG, _HALF_DROP
    )
    above = (y - lip_line(x)) / 3
    far = _ramp(np.abs(above), 1, 2)
    result: Array = np.clip(inside * (1 - far) + above * far, -1, 1)
    return result


def _along_edge(vertices: Array, shape: Array, side: Array, way: int) -> Array:
    """How a shape moves the edge of one lip, at the place across of each vertex [V, 3]."""
    x, y, z = vertices.T
    lip = (side * way > 0.3) & (np.abs(y - lip_line(x)) < 2.2) & (z > 84)
    places = np.linspace(0, 26, 27)
    near = np.exp(-(((np.abs(x[lip]) - places[:, None]) / 1.0) ** 2)) + 1e-9
    moved = shape[lip] * np.stack([np.sign(x[lip]), *np.ones((2, lip.sum()))], axis=1)
    mean = near @ moved / near.sum(axis=1, keepdims=True)
    at = [np.interp(np.abs(x), places, mean[:, axis]) for axis in range(3)]
    return np.stack([np.sign(x) * at[0], at[1], at[2]], axis=1)


def _roll_lips(vertices: Array, deltas: Array) -> None:
    """The red goes in between the teeth: what is below (or above) it comes to where they meet."""
    x, y, z = vertices.T
    across = _ramp(_HALF_MOUTH + 4 - np.abs(x), 0, 7) * _ramp(z, 84, 90)
    for name, way, share, depth in (
        ("mouthRollLower", -1, 0.65, 3.0),
        ("mouthRollUpper", 1, 0.5, 1.5),
    ):
        out = np.clip(way * (y - lip_line(x)), 0, None)
        # Where they meet they stay: how firmly lips close is measured there.
        lift = share * np.clip(out - 4, 0, None) * np.exp(-((out / 13) ** 4)) * across
        back = depth * _ramp(out, 1, 8) * np.exp(-((out / 13) ** 4)) * across
        deltas[INDEX[name]][:, 1] -= way * lift
        deltas[INDEX[name]][:, 2] -= back


def _cheek(vertices: Array, normals: Array) -> Array:
    """The apple of the left cheek, full and lifted [V, 3]."""
    apple = _blob(vertices, (37, 2, 80), (13, 10, 22))
    below = _blob(vertices, (31, 17, 82), (14, 5, 20))
    return normals * (3.4 * apple + 1.0 * below)[:, None] + np.outer(
        2.4 * apple + 1.0 * below, [0, 1, 0]
    )


def _fold(vertices: Array, normals: Array) -> Array:
    """A groove along `_FOLD`, with the cheek's flesh beyond it [V, 3]."""
    line = np.array(_FOLD)
    share = np.linspace(0, len(line) - 1, 60)
    line = np.stack([np.interp(share, range(len(line)), line[:, axis]) for axis in (0, 1)], axis=1)
    gaps = vertices[:, None, :2] - line
    nearest = (gaps**2).sum(axis=2).argmin(axis=1)
    ends = _ramp(np.minimum(nearest, 59 - nearest) / 59, -0.02, 0.25)
    gap = gaps[np.arange(len(vertices)), nearest]
    # Beyond is up and out of the line, which runs down and out.
    off = gap @ np.array([0.86, 0.5])
    depth = 0.9 * np.exp(-((off / 5.5 - 0.9) ** 2)) - 1.7 * np.exp(-((off / 2.4) ** 2))
    depth *= ends * (np.hypot(*gap.T) < 20) * _ramp(vertices[:, 2], 62, 72)
    result: Array = normals * depth[:, None]
    return result


def _ramp(x: Array, low: float, high: float) -> Array:
    return smoothstep((x - low) / (high - low))


def _blob(points: Array, centre: Sequence[float], size: Sequence[float]) -> Array:
    """1 at the centre, a Gaussian of the given sizes in x, y, z around it [V]."""
    result: Array = np.exp(-0.5 * (((points - centre) / size) ** 2).sum(axis=1))
    return result
