"""The 68 shapes for a head in a GLB or OBJ file, and a GLB that has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import NoFaceError, WriteError, shown
from dreamtalk_core.files import atomic_write, check_not_read, check_target
from dreamtalk_core.formats.gltf.morphs import write_with_shapes
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.pipeline.shapes.by_hand import LANDMARKS, NEEDED, corrected, named
from dreamtalk_core.pipeline.shapes.find import find_landmarks, put_on, symmetric
from dreamtalk_core.pipeline.shapes.model import Array, Model, View, read_model
from dreamtalk_core.progress import Progress
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.rig.fitting.carry import Wearer, carried

Float = NDArray[np.float32]

_OTHER = 0.4
"""Of a face's size, how far landmarks by hand are from those of a face that is not meant."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was made.

    landmarks: by their names, [3] each, in the file's own space. deltas: [68, V, 3] in the scene's
    space and units, in `FACE_NAMES` order. view, wearer: how the head was brought to where the
    built-in one is, and it there.
    """

    model: Model
    landmarks: dict[str, Array]
    deltas: Float
    view: View
    wearer: Wearer


def make_shapes(
    path: str | os.PathLike[str],
    landmarks: Mapping[str, Sequence[float]] | None = None,
    progress: Progress | None = None,
    name: str = "",
) -> Fitted:
    """The 68 shapes for the head in a GLB or OBJ file.

    landmarks: some that are corrected by hand, by the names of `LANDMARKS`, in the file's space; if
    those of `NEEDED` are given, no face need be found in it. name: what messages call the head;
    the file, if there is none.

    Raises `DreamTalkError` for a file that cannot be read, `NoFaceError` if no face is found.
    """
    model = read_model(path, name)
    by_hand = landmarks or {}
    points = _landmarks(model, by_hand, progress)
    view = View.of(points)
    if progress is not None:
        progress(7, 8)
    wearer = Wearer(view.place(model.vertices), model.triangles, view.place(points), model.kinds)
    moved = carried(wearer, load_template().rest.astype(np.float64))
    deltas = (moved @ view.turn / view.scale).astype(np.float32)
    if progress is not None:
        progress(8, 8)
    return Fitted(model, named(points), deltas, view, wearer)


def _landmarks(
    model: Model, by_hand: Mapping[str, Sequence[float]], progress: Progress | None
) -> Array:
    """Those that are found, corrected by hand; or those by hand, if there are enough, where none
    are found or another face is."""
    try:
        found = symmetric(find_landmarks(model, progress), model.vertices)
    except NoFaceError:
        if not by_hand.keys() >= set(NEEDED):
            raise
    else:
        points = corrected(found, by_hand)
        own = [LANDMARKS[name] for name in NEEDED if name in by_hand]
        apart = np.linalg.norm(points[own] - found[own], axis=1)
        if len(own) < len(NEEDED) or apart.mean() < _OTHER * np.ptp(found, axis=0).max():
            return points
    points = corrected(None, by_hand)
    return points if len(by_hand) == len(LANDMARKS) else put_on(model, points)


def check_output(head: str | os.PathLike[str], output: str | os.PathLike[str]) -> None:
    """For a check before any work: raises `WriteError` where a head with its shapes cannot be
    written, or by a name that says that it is something else."""
    path = Path(output)
    if path.suffix.lower() not in (".glb", ".vrm"):
        raise WriteError(f"Cannot write {shown(path)}: what is written is a .glb, or a .vrm.")
    check_not_read([path], [Path(head)])
    check_target(path)


def save_shapes(fitted: Fitted, output: str | os.PathLike[str]) -> None:
    """Write the model with its shapes, all else as it was. Raises `DreamTalkError`."""
    check_output(fitted.model.scene.document.file, output)
    parts = []
    for primitive, start in zip(fitted.model.primitives, fitted.model.starts, strict=True):
        parts.append((primitive, fitted.deltas[:, start : start + len(primitive.positions)]))
    write_with_shapes(Path(output), fitted.model.scene.document, parts, FACE_NAMES)


def save_moves(fitted: Fitted, output: str | os.PathLike[str]) -> None:
    """Write the deltas alone, as `moves` [68, V, 3] in an `.npz`. Raises `WriteError`."""
    with atomic_write(Path(output)) as temporary, temporary.open("wb") as file:
        np.savez(file, moves=fitted.deltas)
