"""One render job: pictures of a motion and its sound, written to a file or a sequence.

Every entry point renders with this: the command line, the nodes, `DreamTalk.render`, the original
renderer. What is drawn comes from a room of its own: `head.pictures`, `portrait.pictures`,
`control.pictures`, `original.render`; what is written is `output`'s.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from typing import Protocol

from dreamtalk_core.progress import Progress
from dreamtalk_core.render.output.sound import Audible
from dreamtalk_core.render.output.video import Frame, check_video_path, write_video


class Pictures(Protocol):
    """The pictures of a motion.

    fps: their rate. see_through: whether they have an alpha channel. mark: what the file says of
    itself, see `output.mark`, or None.
    """

    @property
    def fps(self) -> Fraction: ...

    @property
    def see_through(self) -> bool: ...

    @property
    def mark(self) -> str | None: ...

    def __len__(self) -> int: ...

    def frames(self, exact: bool) -> Generator[Frame, None, None]:
        """All of them in order; exact: as numbers rather than colours, where there are any.

        Closing it stops the drawing.
        """


def render(
    pictures: Pictures,
    path: str | os.PathLike[str],
    audio: Audible | None = None,
    progress: Progress | None = None,
    codec: str | None = None,
) -> None:
    """Write pictures and sound, whole or not at all.

    path, codec: any that `write_video` knows. audio: the recording, `Speech` or `Mix` to hear; cut
    or padded to the length of the pictures. progress: called with (frames done, in all); what it
    raises ends the job.
    Raises what `write_video` raises, before anything is drawn where that can be told.
    """
    sequence = check_video_path(path, codec, alpha=pictures.see_through)
    exact = sequence is not None and sequence.suffix == ".exr"
    # Closed: stops the drawing threads now, not when the generator happens to be collected.
    with closing(pictures.frames(exact)) as frames:
        counted = _counted(frames, len(pictures), progress)
        write_video(path, counted, pictures.fps, audio, None, codec, pictures.mark)


def _counted(frames: Iterator[Frame], count: int, progress: Progress | None) -> Iterator[Frame]:
    for done, frame in enumerate(frames, start=1):
        yield frame
        if progress is not None:
            progress(done, max(done, count))
