"""How many frames, and of what size, generative video models take.

Their networks see a first frame and then groups of four or eight, and sizes in steps. What is
longer than one piece is made in pieces, each of which repeats the last frames of the one before.

S2V's pieces are joined as latents: those of 77 frames, which alone are decoded to 77, are 80 of a
whole, and so the next one is told what happens, and what is said, from 80 frames later on.
"""

from __future__ import annotations

from dataclasses import dataclass

from dreamtalk_core.errors import RenderError, shown


@dataclass(frozen=True)
class Family:
    """group: frames after the first come in groups of so many. step: what width and height are
    multiples of. piece: the most frames at once. overlap: those that a piece shares with the one
    before; below 0: those between the two, which are in neither."""

    group: int
    step: int
    piece: int
    overlap: int


FAMILIES = {
    "Wan VACE, Fun": Family(4, 16, 81, 5),
    "Wan Animate": Family(4, 16, 77, 5),
    "Wan SCAIL": Family(4, 32, 81, 5),
    "InfiniteTalk": Family(4, 16, 81, 9),
    "LTX": Family(8, 32, 97, 9),
    "Wan S2V": Family(4, 16, 77, -3),
}


@dataclass(frozen=True)
class Fit:
    """What is made of frames, see `fit`.

    count: frames in all. first, length: those of the piece. pieces: how many there are.
    height, width: the size.
    """

    count: int
    first: int
    length: int
    pieces: int
    height: int
    width: int


def fit(family: str, frames: int, height: int, width: int, piece: int = 0) -> Fit:
    """Frames and size as models of a family out of `FAMILIES` take them.

    There are never fewer frames than before: what is missing is the last one once more. All in one
    (piece 0) they fill whole pieces, where one is not enough; piece: only this one, from 1 up.
    Sizes are the next multiples, up or down. Raises `RenderError` for an unknown family, no frames,
    or a piece that there is not.
    """
    if family not in FAMILIES:
        raise RenderError(f"There is no family '{shown(family)}'. Choose {', '.join(FAMILIES)}.")
    if frames < 1 or height < 1 or width < 1:
        raise RenderError("There are no frames to fit. Connect some.")
    rule = FAMILIES[family]
    count, pieces = 1 + rule.group * -(-(frames - 1) // rule.group), 1
    if count > rule.piece:
        pieces += -(-(frames - rule.piece) // (rule.piece - rule.overlap))
        count = rule.piece + (pieces - 1) * (rule.piece - rule.overlap)
    if not 0 <= piece <= pieces:
        raise RenderError(
            f"{frames} frames are {pieces} {'piece' if pieces == 1 else 'pieces'} of {family}, and "
            f"there is no piece {piece}. Give 1 to {pieces}, or 0 for all."
        )
    first, length = 0, count
    if piece and pieces > 1:
        first, length = (piece - 1) * (rule.piece - rule.overlap), rule.piece
    high, wide = (max(round(side / rule.step), 1) * rule.step for side in (height, width))
    return Fit(count, first, length, pieces, high, wide)


def told(family: str, frames: int, height: int, width: int, done: Fit) -> str:
    """What `fit` did, in a sentence or two."""
    rule = FAMILIES[family]
    text = f"{family}: {frames} frames became {done.count} ({rule.group}n+1)"
    if done.count > frames:
        text += f", the last one {done.count - frames} times more"
    if (done.height, done.width) != (height, width):
        text += f"; {width} x {height} became {done.width} x {done.height}"
    text += "."
    if done.pieces > 1:
        joint = f"{rule.overlap} of them shared"
        if rule.overlap < 0:
            joint = f"one every {rule.piece - rule.overlap}"
        text += f" That is {done.pieces} pieces of {rule.piece}, {joint}"
        text += f"; here are {done.length} from frame {done.first} on."
    return text
