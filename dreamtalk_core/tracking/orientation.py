"""How a frame lies and how it is to be shown, as phones and cameras note it."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

Matrix = tuple[tuple[int, int], tuple[int, int]]

_MOST_KINDS = 64  # of side data; ffmpeg 8 has 32


def turned(picture: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.uint8]:
    """A picture turned and mirrored as a display matrix says, to the nearest right angle."""
    (a, b), (c, d) = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        picture, a, d = picture.swapaxes(0, 1), c, b
    return picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


def display_matrix(frame: av.VideoFrame) -> Matrix:
    """Where a pixel at (x, y) is shown, ((a, b), (c, d)): at (ax + cy, bx + dy).

    `frame.rotation` does not tell a turned picture from a mirrored one.
    """
    # Asked by kind: a loop over it gives entries in some PyAVs, and kinds in others.
    side_data: Any = _only_matrix(frame).side_data
    matrix = side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return (1, 0), (0, 1)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    return (a, b), (c, d)


def _only_matrix(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame without side data but its display matrix.

    PyAV 18 frees what belongs to the colour profile of a photo twice once it has been looked at,
    which ends the process, and raises for kinds that it has no names for.
    """
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, av.time_base),
    )
    for kind in set(range(_MOST_KINDS)) - {Type.DISPLAYMATRIX.value}:
        last.link_to(delete := graph.add("sidedata", f"mode=delete:type={kind}"))
        last = delete
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    bare = graph.pull()
    assert isinstance(bare, av.VideoFrame)
    return bare
