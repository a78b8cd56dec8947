"""Triangle meshes as surfaces: what hangs together, how far along the skin, what is nearest."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_SAME_PLACE = 1e-3
"""mm within which vertices are one place."""
_OPPOSED = -0.2
"""Cosine of two normals below which vertices in one place are of two skins that touch, as closed
lips do, and not of one skin that was split for its texture."""

# A triangle's corners, the middles of its edges and its own: where it is looked for.
_WITHIN = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [1 / 3] * 3]
)

_CHUNK = 8_000_000
"""Distances that are compared at a time."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh whose split vertices are one again.

    points: [W, 3], mm. triangles: [F, 3]. weld: [V], the point of each vertex of the mesh.
    """

    points: Array
    triangles: Indices
    weld: Indices

    @classmethod
    def of(cls, vertices: Array, triangles: Indices) -> Surface:
        """Of vertices [V, 3] in mm and triangles [F, 3] of them."""
        normals = _normals(vertices, triangles)
        places = np.round(vertices / _SAME_PLACE).astype(np.int64)
        _, first, place = np.unique(places, axis=0, return_index=True, return_inverse=True)
        place = place.ravel()
        away = np.einsum("vd,vd->v", normals, normals[first[place]]) < _OPPOSED
        _, first, weld = np.unique(2 * place + away, return_index=True, return_inverse=True)
        weld = weld.ravel()
        welded = weld[triangles]
        a, b, c = welded.T
        return cls(vertices[first], welded[(a != b) & (b != c) & (c != a)], weld)

    @cached_property
    def vertex(self) -> Indices:
        """For each point a vertex of the mesh that is there [W]."""
        last = np.zeros(len(self.points), np.int64)
        last[self.weld] = np.arange(len(self.weld))
        return last

    @cached_property
    def normals(self) -> Array:
        """Of length 1 [W, 3]; 0 for points of no triangle."""
        return _normals(self.points, self.triangles)

    @cached_property
    def edges(self) -> Indices:
        """Each once, [E, 2]."""
        pairs = np.concatenate([self.triangles[:, two] for two in ([0, 1], [1, 2], [2, 0])])
        return np.unique(np.sort(pairs, axis=1), axis=0)

    @cached_property
    def pieces(self) -> Indices:
        """For each point the least one that it hangs together with [W]."""
        label = np.arange(len(self.points))
        while True:
            low = label[self.edges].min(axis=1)
            before = label.copy()
            for end in (0, 1):
                np.minimum.at(label, self.edges[:, end], low)
            label = label[label]
            if np.array_equal(label, before):
                return label

    @cached_property
    def _around(self) -> tuple[Indices, Indices, Array]:
        """Neighbours of all points in a row: where each one's begin [W + 1], they, how far."""
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        starts = np.searchsorted(both[:, 0], np.arange(len(self.points) + 1))
        far = np.linalg.norm(self.points[both[:, 0]] - self.points[both[:, 1]], axis=1)
        return starts, both[:, 1], far

    def along(self, seeds: Iterable[int]) -> Array:
        """How far each point is from the nearest seed, along edges [W], mm; inf where none leads
        to."""
        starts, others, far = self._around
        starts_, others_, far_ = starts.tolist(), others.tolist(), far.tolist()
        best = [np.inf] * len(self.points)
        heap = [(0.0, int(seed)) for seed in seeds]
        for _, seed in heap:
            best[seed] = 0.0
        heapq.heapify(heap)
        while heap:
            length, point = heapq.heappop(heap)
            if length > best[point]:
                continue
            for k in range(starts_[point], starts_[point + 1]):
                further = length + far_[k]
                if further < best[others_[k]]:
                    best[others_[k]] = further
                    heapq.heappush(heap, (further, others_[k]))
        return np.array(best)

    def spread(self, values: Array, share: Array, rounds: int) -> Array:
        """Values [W, N], each point as much its neighbours' mean as share [W] says, so often over.

        Across the gap between two lips nothing is spread: no edge leads there.
        """
        starts, others, _ = self._around
        count = np.diff(starts)
        some = np.flatnonzero((count > 0) & (share > 0))
        if not len(some):
            return values
        beside = others[_ragged(starts[some], count[some])]
        firsts = np.concatenate([[0], np.cumsum(count[some])[:-1]])
        values = values.copy()
        for _ in range(rounds):
            mean = np.add.reduceat(values[beside], firsts, axis=0) / count[some, None]
            values[some] += share[some, None] * (mean - values[some])
        return values

    def spread_moves(self, moves: Array, share: Array, rounds: int) -> Array:
        """The same of how points are moved [S, W, 3]."""
        flat = moves.transpose(1, 0, 2).reshape(len(self.points), -1)
        even = self.spread(flat, share, rounds)
        return np.ascontiguousarray(
            even.reshape(len(self.points), len(moves), 3).transpose(1, 0, 2)
        )

    def samples(self, triangles: Indices) -> tuple[Indices, Array]:
        """Places on some triangles (by number): of each its triangle [S] and shares [S, 3]."""
        return np.repeat(triangles, len(_WITHIN)), np.tile(_WITHIN, (len(triangles), 1))


def at(values: Array, triangles: Indices, shares: Array) -> Array:
    """Values [W, ...] of points at places: triangles [S, 3] and shares [S, 3]."""
    mixed: Array = np.einsum("sk,sk...->s...", shares, values[triangles])
    return mixed


def squares(one: Array, other: Array) -> Array:
    """Squared distances [N, M] of points [N, D] from others [M, D]: a rounding below 0 at most."""
    apart: Array = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return apart


def nearest(queries: Array, places: Array) -> Indices:
    """For each of queries [N, D] the nearest of places [M, D]."""
    middle = places.mean(axis=0)
    q, p = (queries - middle).astype(np.float32), (places - middle).astype(np.float32)
    half = (p**2).sum(axis=1) / 2
    step = max(1, _CHUNK // max(len(p), 1))
    found = [
        (half - q[start : start + step] @ p.T).argmin(axis=1) for start in range(0, len(q), step)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def on_triangle(points: Array, corners: Array) -> Array:
    """Shares [N, 3] of the corners [N, 3, 3] nearest to points [N, 3]: about, near its edges."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    ap = points - a
    d00, d01, d11, d20, d21 = (
        np.einsum("nd,nd->n", one, other)
        for one, other in ((ab, ab), (ab, ac), (ac, ac), (ap, ab), (ap, ac))
    )
    flat = np.maximum(d00 * d11 - d01 * d01, 1e-12)
    b, c = (d11 * d20 - d01 * d21) / flat, (d00 * d21 - d01 * d20) / flat
    shares = np.clip(np.stack([1 - b - c, b, c], axis=1), 0, 1)
    inside: Array = shares / shares.sum(axis=1, keepdims=True)
    return inside


def _normals(points: Array, triangles: Indices) -> Array:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.stack(
        [
            sum(
                np.bincount(triangles[:, corner], faces[:, axis], len(points))
                for corner in range(3)
            )
            for axis in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    unit: Array = sums / np.maximum(length, 1e-12)
    return unit


def _ragged(starts: Indices, counts: Indices) -> Indices:
    """starts[i], starts[i] + 1, ... counts[i] of them, for all i in a row."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) + np.repeat(starts - ends + counts, counts)
