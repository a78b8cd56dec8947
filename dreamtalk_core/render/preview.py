"""A motion as something to look at: a video of the head with its speech, or a contact sheet."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion import Motion
from dreamtalk_core.progress import Progress
from dreamtalk_core.render.control import KINDS, HeadControls, PortraitControls
from dreamtalk_core.render.head.raster import threads
from dreamtalk_core.render.head.renderer import Background, HeadRenderer
from dreamtalk_core.render.output.draw import draw_lines, draw_polyline, draw_text, text_mask
from dreamtalk_core.render.output.mark import PORTRAIT_MARK, stamp
from dreamtalk_core.render.output.video import check_video_path, write_video
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.rig.head import Head
from dreamtalk_core.speech.audio import Speech

_COLUMNS = 4
"""Heads beside one another, before a new row begins."""

_WINDOW = 4.0
"""Seconds of curves to be seen, the current instant in the middle."""

_PAPER, _INK, _GRID = (22, 25, 30), (214, 219, 226), (58, 64, 73)
_CURVES = (
    (255, 112, 92), (92, 190, 255), (255, 205, 84), (118, 222, 138), (205, 146, 255),
    (255, 150, 205), (120, 226, 220), (230, 176, 120),
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How the head is shown.

    yaw, pitch: degrees that the camera goes round to the character's left, and up. zoom: 1 shows
    head and shoulders. turntable: seconds in which the head turns once (the other way round if it
    is negative), or None.
    background: the studio's gradient, a colour, or None for a transparent picture (MOV, PNG, EXR).
    curves: channels to be drawn under the head, up to eight. head: another one than the built-in.

    Raises `RenderError` for angles or a time that are none.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    zoom: float = 1.0
    turntable: float | None = None
    background: Background = "studio"
    curves: tuple[str, ...] = ()
    head: Head | None = None

    def __post_init__(self) -> None:
        for name, degrees in (("yaw", self.yaw), ("pitch", self.pitch)):
            if not abs(degrees) <= 360:
                raise RenderError(f"{name} is {degrees}; give degrees from -360 to 360.")
        if self.turntable is not None and not 0.1 <= abs(self.turntable) <= 1e6:
            raise RenderError(f"A turn in {self.turntable} seconds? Give 0.1 or more, such as 8.")

    def view(self, seconds: float) -> tuple[float, float]:
        """Where the camera is at a time, as `HeadRenderer.render` wants it."""
        turned = 0.0 if self.turntable is None else 360 * seconds / self.turntable
        return self.pitch, self.yaw + turned


def parse_background(text: str) -> Background:
    """A background from "studio", "none" (transparent) or a colour, "#20c040".

    Raises `RenderError` for anything else.
    """
    plain = text.strip().lower()
    if plain == "studio":
        return "studio"
    if plain == "none":
        return None
    if re.fullmatch("#[0-9a-f]{6}", plain):
        red, green, blue = bytes.fromhex(plain[1:])
        return red, green, blue
    raise RenderError(
        f"There is no background '{shown(text)}'. Use studio, none or a colour as #20c040."
    )


def render_preview(
    motion: Motion | Mapping[str, Motion],
    path: str | os.PathLike[str],
    audio: str | os.PathLike[str] | Speech | None = None,
    size: int = 512,
    progress: Progress | None = None,
    look: Look | None = None,
    codec: str | None = None,
) -> None:
    """Write a video of the head, size x size pixels and the curves' strip, at the motion's rate.

    motion: or several with their names, to be shown side by side; shorter ones hold their last
    frame. All must have one frame rate.
    path, codec: any that `write_video` knows. audio: the recording (or `Speech`) to hear; cut or
    padded to the length of the motion.
    Frames are drawn by one thread per core. Raises what `write_video` raises, and `RenderError`
    for a size that is odd or not within 64 to 4096, motions of different rates, or curves that the
    motion does not have.
    """
    look = look or Look()
    check_video_path(path, codec, alpha=look.background is None)
    named = motion if isinstance(motion, Mapping) else {"": motion}
    if not named:
        raise RenderError("There is no motion to show.")
    tiles = [_Tile(name, one, size, look) for name, one in named.items()]
    motions = list(named.values())
    fps, count = motions[0].fps, max(len(one) for one in motions)
    if any(one.fps != fps for one in motions):
        rates = ", ".join(f"{float(one.fps):g}" for one in motions)
        raise RenderError(f"Motions side by side need one frame rate, not {rates}. Resample them.")

    def draw(frame: int) -> NDArray[np.uint8]:
        return _grid([tile.draw(frame) for tile in tiles])

    _write(path, draw, count, fps, audio, progress, codec)


def render_portrait(
    portrait: PortraitRenderer,
    motion: Motion,
    path: str | os.PathLike[str],
    audio: str | os.PathLike[str] | Speech | None = None,
    progress: Progress | None = None,
    codec: str | None = None,
    stamped: bool = False,
) -> None:
    """Write a video of a portrait that moves, in the size of its picture, at the motion's rate.

    The file says of itself that it is synthetic (see `mark`); stamped: so do the pictures. The rest
    is as in `render_preview`, and so are the errors.
    """
    motion = motion.to_arkit()

    def draw(frame: int) -> NDArray[np.uint8]:
        picture = portrait.render(motion.weights[frame], motion.head_rotation[frame])
        return stamp(picture) if stamped else picture

    check_video_path(path, codec)
    _write(path, draw, len(motion), motion.fps, audio, progress, codec, PORTRAIT_MARK)


def render_controls(
    motion: Motion,
    path: str | os.PathLike[str],
    kind: str,
    size: int = 512,
    progress: Progress | None = None,
    look: Look | None = None,
    codec: str | None = None,
    portrait: PortraitRenderer | None = None,
) -> None:
    """Write the control pictures, of a kind out of `control.KINDS`, as a video.

    Of the head, size x size pixels, or of a portrait, in whose own size `size` and `look` mean
    nothing. In EXR depth and normals are numbers, not colours: see `HeadControls.measure`. Raises
    what `render_preview` raises, and `RenderError` for an unknown kind.
    """
    sequence = check_video_path(path, codec)
    if kind not in KINDS:
        raise RenderError(
            f"There is no control picture '{shown(kind)}'. Choose from {', '.join(KINDS)}."
        )
    look = look or Look()
    if look.head is not None and kind not in ("depth", "normals"):
        raise RenderError(f"Of another head there is depth and normals only, no {kind}.")
    exact = sequence is not None and sequence.suffix == ".exr" and kind in ("depth", "normals")
    arkit = motion.to_arkit()
    head = HeadControls(HeadRenderer(size, look.head, zoom=look.zoom))
    face = None if portrait is None else PortraitControls(portrait)

    def draw(frame: int) -> NDArray[np.uint8] | NDArray[np.float32]:
        weights, turn = arkit.weights[frame], arkit.head_rotation[frame]
        if face is not None:
            return (face.measure if exact else face.draw)(kind, weights, turn)
        view = look.view(frame / float(arkit.fps))
        return (head.measure if exact else head.draw)(kind, weights, turn, view)

    _write(path, draw, len(motion), motion.fps, None, progress, codec)


def _write(
    path: str | os.PathLike[str],
    draw: Callable[[int], NDArray[np.uint8] | NDArray[np.float32]],
    count: int,
    fps: Fraction,
    audio: str | os.PathLike[str] | Speech | None,
    progress: Progress | None,
    codec: str | None,
    mark: str | None = None,
) -> None:
    def counted() -> Generator[NDArray[np.uint8] | NDArray[np.float32], None, None]:
        for done, frame in enumerate(_drawn(draw, count), start=1):
            yield frame
            if progress is not None:
                progress(done, count)

    frames = counted()
    try:
        write_video(path, frames, fps, audio, count / fps, codec, mark)
    finally:
        # Stops the drawing threads now, not when the generator happens to be collected.
        frames.close()


def _drawn(
    draw: Callable[[int], NDArray[np.uint8] | NDArray[np.float32]], count: int
) -> Iterator[NDArray[np.uint8] | NDArray[np.float32]]:
    """Pictures in order, drawn a few ahead in threads (the kernels release the GIL)."""
    workers = threads()
    waiting: deque[Future[NDArray[np.uint8] | NDArray[np.float32]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="preview") as pool:
        try:
            for frame in range(count):
                waiting.append(pool.submit(draw, frame))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class _Tile:
    """One head of a video: its name above, its curves below."""

    def __init__(self, name: str, motion: Motion, size: int, look: Look) -> None:
        self.name, self.look = name, look
        self.renderer = HeadRenderer(size, look.head, look.background, look.zoom)
        self.motion = motion.to_arkit()
        missing = [curve for curve in look.curves if curve not in motion.names]
        if missing or len(look.curves) > len(_CURVES):
            what = (
                f"no channel {shown(', '.join(missing))}"
                if missing
                else "only room for eight curves"
            )
            raise RenderError(f"The curves cannot be drawn: there is {what}.")
        columns = [motion.names.index(curve) for curve in look.curves]
        self.curves = motion.weights[:, columns]

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """The head, [size, size, 3 or 4], or taller with curves; the last frame is held."""
        motion, look = self.motion, self.look
        frame = min(frame, len(motion) - 1)
        view = look.view(frame / float(motion.fps))
        picture = self.renderer.render(motion.weights[frame], motion.head_rotation[frame], view)
        letters = max(12, self.renderer.size // 24)
        if self.name:
            draw_text(picture, self.name, letters // 2, letters // 2, letters, _INK)
        if not look.curves:
            return picture
        strip = _strip(self.curves, look.curves, frame, float(motion.fps), self.renderer.size)
        if picture.shape[2] == 4:
            strip = np.concatenate([strip, np.full_like(strip[..., :1], 255)], axis=2)
        return np.vstack([picture, strip])


def _strip(
    curves: NDArray[np.float32], names: Sequence[str], frame: int, fps: float, width: int
) -> NDArray[np.uint8]:
    """Some seconds of curves [T, C] around a frame, with their names: uint8 [H, width, 3]."""
    height = width // 4 + width // 4 % 2
    letters = max(9, width // 34)
    top, bottom = 1.6 * letters, height - 4.0
    picture = np.full((height, width, 3), _PAPER, np.uint8)
    half = ceil(_WINDOW / 2 * fps)
    first, last = max(frame - half, 0), min(frame + half + 1, len(curves))
    thick = max(1.0, width / 400)
    seconds = np.arange(int((frame - half) / fps), int((frame + half) / fps) + 1)
    marks = width / 2 + (seconds - frame / fps) * width / _WINDOW
    rules = [[(x, top), (x, bottom)] for x in marks[seconds >= 0]]
    rules += [[(0, y), (width, y)] for y in (top, bottom)]
    draw_lines(picture, rules, _GRID, 1.0)
    x = width / 2 + (np.arange(first, last) - frame) * width / (_WINDOW * fps)
    place = letters // 2
    for curve, name, colour in zip(curves[first:last].T, names, _CURVES, strict=False):
        y = bottom - np.clip(curve, 0, 1) * (bottom - top)
        if len(x) > 1:
            draw_polyline(picture, np.stack([x, y], axis=1), colour, thick)
        draw_text(picture, name, place, letters // 5, letters, colour)
        place += text_mask(name, letters).shape[1] + letters
    draw_lines(picture, [[(width / 2, top), (width / 2, bottom)]], _INK, thick)
    return picture


def _grid(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures of one size in rows of `_COLUMNS`; what is left over is empty."""
    columns = min(_COLUMNS, len(pictures))
    empty = [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    cells = [*pictures, *empty]
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return np.vstack(rows)


def contact_sheet(
    motion: Motion,
    times: Sequence[float],
    path: str | os.PathLike[str],
    columns: int = 6,
    size: int = 320,
) -> None:
    """Write a PNG with the head at some times (seconds), row by row.

    Raises `RenderError` if there are no times or fewer than one column; `DreamTalkError` if it
    cannot be written.
    """
    if not times or columns < 1:
        raise RenderError(
            f"A contact sheet needs times and at least one column, not {len(times)} times and "
            f"{columns} columns."
        )
    renderer = HeadRenderer(size)
    motion = motion.to_arkit()
    columns = min(columns, len(times))
    rows = ceil(len(times) / columns)
    sheet = np.full((rows * size, columns * size, 3), 24, np.uint8)
    for i, time in enumerate(times):
        # The frame that is on screen at this time.
        frame = min(max(int(time * motion.fps), 0), len(motion) - 1)
        picture = renderer.render(motion.weights[frame], motion.head_rotation[frame])
        row, column = divmod(i, columns)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = picture
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_png(sheet))
