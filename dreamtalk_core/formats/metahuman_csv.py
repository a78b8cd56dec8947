"""Curves of a MetaHuman's controls, for Unreal: a row for each frame.

Columns: `Time` in seconds (frame i at i / fps); the controls, `CTRL_expressions_jawOpen` and so on,
0 to 1; `HeadYaw`, `HeadPitch` and `HeadRoll` in Live Link Face's radians, as a MetaHuman's head
takes them. Unreal has no importer for such a table: docs/unreal_import.py, run in its editor, makes
an animation sequence of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats import columns
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats.livelink import HEAD_COLUMNS, head_columns
from dreamtalk_core.motion.tongue import FACE_NAMES

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion


def read(path: Path) -> Content:
    """Read a motion; see `columns`."""
    return columns.read(path)


def write(path: Path, motion: Motion) -> None:
    """Write a motion: MetaHuman's controls, or the names that it has if those are not ARKit's."""
    if set(motion.names) <= set(FACE_NAMES):
        from dreamtalk_core.retarget.matching import scheme_mapping

        motion = scheme_mapping("metahuman").apply(motion)
    head = head_columns(motion.head_rotation).tolist()
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(",".join(("Time", *motion.names, *HEAD_COLUMNS)) + "\n")
        for i, (row, turn) in enumerate(zip(motion.weights, head, strict=True)):
            turns = ",".join(f"{angle:.10f}" for angle in turn)
            out.write(f"{float(i / motion.fps):.9f},{','.join(row.astype(str))},{turns}\n")
