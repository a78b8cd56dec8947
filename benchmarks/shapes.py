"""Shapes made for heads whose own are hidden from the method, held against those.

    python benchmarks/shapes.py HEAD.glb ... [--motion take.npz] [--keep FOLDER]

For every GLB with ARKit's shapes: how far the vertices of the face are from where its own shapes
would have them, in mm of a head as large as the built-in one (and in shares of how far they go),
how far lips are apart with jawOpen and mouthClose, what is left of the eye's opening in a blink,
and how a motion opens and widens the mouth and shuts the lids, as correlation with what the head's
own shapes make of it. Without a file: the built-in head, bent to another face and made of other
triangles; and that head as a scanner sees it from the front: one noisy skin on which lips and eyes
have grown together, with holes. A file without shapes of its own gets no figures: with `--keep`,
look at it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats import glb
from dreamtalk_core.formats.gltf.container import write_glb
from dreamtalk_core.formats.gltf.writer import Writer
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.pipeline.load import load
from dreamtalk_core.pipeline.shapes.find import _shares
from dreamtalk_core.pipeline.shapes.make import Fitted, make_shapes, save_shapes
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.retarget import match
from dreamtalk_core.rig.fitting.carry import face_of, sides_of
from dreamtalk_core.rig.fitting.contact import EYE_CORNERS, MOUTH_CORNERS, gap, lid_rims, rim
from dreamtalk_core.rig.fitting.surface import Surface
from dreamtalk_core.rig.fitting.warp import Warp
from dreamtalk_core.rig.head import MATERIALS, Head, load_head

Array = NDArray[np.float64]


def own_shapes(fitted: Fitted) -> Array:
    """The shapes that the file has [52, V, 3], in the scene's space."""
    result = np.zeros((len(ARKIT_NAMES), len(fitted.model.vertices), 3))
    for primitive, start in zip(fitted.model.primitives, fitted.model.starts, strict=True):
        for row in match(tuple(primitive.channels)).mapping.rows:
            moved = primitive.moves(row.target)
            if moved is not None and row.source in INDEX:
                part = slice(start, start + len(moved))
                result[INDEX[row.source], part] += row.scale * moved
    return result


def measures(surface: Surface, sides: tuple[Array, Array], landmarks: Array, moved: Array) -> Array:
    """Opening of the lips, width of the mouth, opening of both eyes, in mm."""
    lip, lid = sides
    corners = landmarks[list(MOUTH_CORNERS)]
    middle, wide = corners.mean(axis=0), float(np.linalg.norm(corners[0] - corners[1]))
    off = surface.points - middle
    # What is seen from the front: behind it lips go past one another.
    near = (np.abs(off[:, 0]) < 0.4 * wide) & (np.abs(off[:, 1]) < 0.3 * wide) & (off[:, 2] > -6)
    near &= surface.normals[:, 2] > 0
    upper, lower = (
        rim(surface.points, np.flatnonzero(near & (way * lip > 0.3)), way) for way in (1, -1)
    )
    x = middle[0] + wide * np.linspace(-0.2, 0.2, 5)
    found = [float(gap(moved[upper], moved[lower], x).mean())]
    ends = [np.linalg.norm(surface.points - corner, axis=1).argmin() for corner in corners]
    found.append(float(np.linalg.norm(moved[ends[0]] - moved[ends[1]])))
    for side in EYE_CORNERS.values():
        eye = landmarks[list(side)]
        rims = lid_rims(surface, lid, eye)
        x = np.linspace(*np.sort(eye[:, 0]), 9)[2:-2]
        found.append(float(gap(moved[rims[0]], moved[rims[1]], x).mean()) if rims else 0.0)
    return np.array(found)


def report(name: str, fitted: Fitted, motion: Motion) -> None:
    """Print the figures of one head."""
    view, wearer = fitted.view, fitted.wearer
    surface = Surface.of(wearer.vertices, wearer.triangles)
    first = surface.vertex
    face = face_of(surface, wearer.kinds[first], wearer.landmarks)
    found = sides_of(surface, wearer.landmarks, face)
    sides = found.lip, found.lid
    mm = view.scale * np.eye(3)
    ours = fitted.deltas[: len(ARKIT_NAMES), first].astype(np.float64) @ view.turn.T @ mm
    theirs = own_shapes(fitted)[:, first] @ view.turn.T @ mm
    print(f"\n{name}: {len(wearer.vertices)} vertices, {face.sum()} of the face")
    print(f"{'shape':18s} error mm   own mm  share  cosine")
    shares = []
    for shape in ARKIT_NAMES:
        a, b = ours[INDEX[shape]][face], theirs[INDEX[shape]][face]
        moves = np.maximum(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)) > 0.3
        if not moves.any() or not b.any() or shape.startswith("eyeLook"):
            continue
        error, size = (float(np.sqrt((v[moves] ** 2).sum(1).mean())) for v in (a - b, b))
        cosine = float((a * b).sum() / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9))
        shares.append((error, error / max(size, 1e-9), cosine))
        print(f"{shape:18s} {error:8.2f} {size:8.2f} {shares[-1][1]:6.2f} {cosine:7.2f}")
    print("median of shapes  ", *(f"{value:8.2f}" for value in np.median(shares, axis=0)))
    for own, deltas in (("ours", ours), ("its own", theirs)):
        closed = surface.points + deltas[INDEX["jawOpen"]] + deltas[INDEX["mouthClose"]]
        blink = surface.points + deltas[INDEX["eyeBlinkLeft"]] + deltas[INDEX["eyeBlinkRight"]]
        at_rest = measures(surface, sides, wearer.landmarks, surface.points)
        lips = measures(surface, sides, wearer.landmarks, closed)[0]
        lids = measures(surface, sides, wearer.landmarks, blink)[2:]
        print(
            f"{own}: lips {at_rest[0]:.2f} mm apart at rest, {lips:.2f} with jawOpen + mouthClose;"
            f" lids {at_rest[2:].mean():.2f} mm at rest, {lids.mean():.2f} in a blink"
        )
    weights = motion.over(ARKIT_NAMES).weights[::2]
    curves = [
        np.stack(
            [
                measures(
                    surface,
                    sides,
                    wearer.landmarks,
                    surface.points + np.tensordot(row, deltas, 1),
                )
                for row in weights
            ]
        )
        for deltas in (ours, theirs)
    ]
    for number, what in enumerate(("lips open", "mouth wide", "right lids", "left lids")):
        a, b = curves[0][:, number], curves[1][:, number]
        r = float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else float("nan")
        print(f"motion, {what}: r = {r:.3f}")


def another_head() -> Head:
    """The built-in head with another face and other triangles, and its shapes bent along."""
    head = load_head()
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid([-60, 0, 60], [-90, -30, 30, 90], [0, 90]), axis=-1).reshape(-1, 3)
    moves = rng.normal(0, 3.0, grid.shape)
    # The same on both sides.
    mirrored = ((grid[:, None] - grid * [-1, 1, 1]) ** 2).sum(axis=2).argmin(axis=1)
    bend = Warp(grid.astype(float), (moves + moves[mirrored] * [-1, 1, 1]) / 2, 0.3)
    rest = head.vertices.astype(np.float64)
    scale = np.array([1.06, 0.96, 1.0])
    turned = np.einsum("vab,svb->sva", bend.stretch(rest), head.face_deltas.astype(float)) * scale
    skin = head.material <= MATERIALS.index("mouth")
    left, triangles = fewer(head.triangles[skin], rest, rng)
    deltas = turned.astype(np.float32)
    return replace(
        head,
        vertices=(bend(rest) * scale).astype(np.float32),
        triangles=np.concatenate([head.triangles[~skin], triangles]).astype(np.int32),
        material=np.concatenate([head.material[~skin], head.material[skin][left]]),
        deltas=deltas[: len(ARKIT_NAMES)],
        tongue_deltas=deltas[len(ARKIT_NAMES) :],
    )


def fewer(
    triangles: NDArray[np.int32], points: Array, rng: np.random.Generator
) -> tuple[list[int], NDArray[np.int64]]:
    """Triangles with a third of their vertices less, and which of them are left: each vertex is
    pulled into a neighbour, where no triangle turns over by it."""
    faces = {n: tuple(t) for n, t in enumerate(triangles.tolist())}
    around: dict[int, set[int]] = {}
    for n, corners in faces.items():
        for corner in corners:
            around.setdefault(corner, set()).add(n)
    touched: set[int] = set()
    order = rng.permutation(sorted(around)).tolist()
    for vertex in order[: len(order) * 2 // 3]:
        mine = around[vertex]
        beside = {c for n in mine for c in faces[n]} - {vertex}
        # On an edge of the mesh, such as a seam of its texture, all stays.
        if vertex in touched or len(beside) != len(mine) or not beside:
            continue
        goal = min(beside, key=lambda c: float(((points[c] - points[vertex]) ** 2).sum()))
        left = [n for n in mine if goal not in faces[n]]
        changed = {n: tuple(goal if c == vertex else c for c in faces[n]) for n in left}
        if any(_turned(points, faces[n], changed[n]) for n in left):
            continue
        for n in mine:
            for corner in faces[n]:
                around[corner] = around[corner] - {n}
            del faces[n]
        for n, corners in changed.items():
            faces[n] = corners
            for corner in corners:
                around[corner] = around[corner] | {n}
        touched |= beside
    return list(faces), np.array(list(faces.values()))


def _turned(points: Array, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    a, b = (np.cross(p[1] - p[0], p[2] - p[0]) for p in (points[list(before)], points[list(after)]))
    return bool(a @ b < 0.5 * np.linalg.norm(a) * np.linalg.norm(b))


def scanned(head: Head, noise: float = 0.15) -> Head:
    """What a scanner before a head makes of it: one skin of millimetre triangles, noisy (mm), where
    eyes and lips are one with the face, and nothing where it saw nothing or too steeply."""
    renderer = HeadRenderer(130, head)
    drawn = renderer.surface(np.zeros(len(FACE_NAMES), np.float32))
    rows, columns = np.nonzero(drawn.owner >= 0)
    corners = head.triangles[drawn.owner[rows, columns]]
    seen = np.column_stack([columns, rows]) + 0.5
    shares = _shares(drawn.points[corners, :2].astype(np.float64), seen)

    def sampled(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.einsum("sk,sk...->s...", shares, values[corners]).astype(np.float32)

    number = np.full(drawn.owner.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    square = (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
    a, b, c, d = (part.ravel() for part in square)
    triangles = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    triangles = triangles[(triangles >= 0).all(axis=1)]
    points = sampled(head.vertices)
    edges = points[triangles] - points[np.roll(triangles, 1, axis=1)]
    triangles = triangles[np.linalg.norm(edges, axis=2).max(axis=1) < 6]
    points += np.random.default_rng(5).normal(0, noise, points.shape).astype(np.float32)
    high, wide = head.atlas.shape[:2]
    x, y = (sampled(head.uv) * [wide - 1, high - 1]).astype(int).T
    deltas = np.stack([sampled(one) for one in head.face_deltas])
    return replace(
        head,
        vertices=points,
        triangles=triangles.astype(np.int32),
        material=np.zeros(len(triangles), np.int8),
        deltas=deltas[: len(ARKIT_NAMES)],
        tongue_deltas=deltas[len(ARKIT_NAMES) :],
        uv=np.full((len(points), 2), 0.5, np.float32),
        atlas=np.full((4, 4, 3), 255, np.uint8),
        colours=sampled(head.colours) * (head.atlas[y, x] / 255.0).astype(np.float32) ** 2.2,
        neck=np.ones(len(points), np.float32),
    )


def write_glb_head(head: Head, path: Path) -> None:
    """Write a head with its shapes."""
    writer = Writer()
    still = Motion(FACE_NAMES, np.zeros((1, len(FACE_NAMES))), 25)
    write_glb(path, glb._document(writer, head, still), writer.data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", type=Path, nargs="*", metavar="HEAD.glb")
    parser.add_argument("--motion", type=Path, help="by default what the demo voice makes")
    parser.add_argument("--keep", type=Path, help="write the heads with their new shapes here")
    arguments = parser.parse_args()
    if arguments.motion:
        motion = Motion.load(arguments.motion)
    else:
        talk = load("default", "cpu")
        motion = talk.animate(DEMO_VOICE)
    with tempfile.TemporaryDirectory() as folder:
        heads = arguments.heads
        if not heads:
            heads = [Path(folder) / name for name in ("built-in.glb", "scanned.glb")]
            write_glb_head(another_head(), heads[0])
            write_glb_head(scanned(another_head()), heads[1])
        for head in heads:
            try:
                fitted = make_shapes(head)
            except DreamTalkError as error:
                print(f"\n{head.name}: {error}")
                continue
            if own_shapes(fitted).any():
                report(head.name, fitted, motion)
            if arguments.keep:
                save_shapes(fitted, arguments.keep / head.name)


if __name__ == "__main__":
    main()
