"""Vectors and colours of kernels: tuples of three, which the compiler keeps in registers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dreamtalk_core.render.raster import Float, compiled

Vector = tuple[np.float32, np.float32, np.float32]
Corners = tuple[int, int, int]

ZERO, HALF, ONE, TWO = (np.float32(x) for x in (0, 0.5, 1, 2))


class Lamps(NamedTuple):
    """`Light.lights`, row by row."""

    key: Vector
    fill: Vector
    rim: Vector
    key_colour: Vector
    fill_colour: Vector
    rim_colour: Vector
    sky: Vector
    ground: Vector


@compiled()
def triple(values: Float, row: int) -> Vector:
    """A row of values [N, 3]."""
    return (values[row, 0], values[row, 1], values[row, 2])


@compiled()
def between(a: Vector, b: Vector, share: np.float32) -> Vector:
    """From a to b."""
    rest = ONE - share
    return (
        b[0] * share + a[0] * rest,
        b[1] * share + a[1] * rest,
        b[2] * share + a[2] * rest,
    )


@compiled()
def dot(a: Vector, b: Vector) -> np.float32:
    """The inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled()
def unit(a: Vector) -> Vector:
    """The same, of length 1."""
    inverse = ONE / np.sqrt(dot(a, a) + np.float32(1e-12))
    return (a[0] * inverse, a[1] * inverse, a[2] * inverse)


@compiled()
def clip(x: np.float32) -> np.float32:
    """Limited to 0..1."""
    return min(max(x, ZERO), ONE)
