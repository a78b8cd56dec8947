"""Long sound lies in a temporary file rather than in memory, and is an array all the same.

The system reads its pages as they are touched, and may drop them whenever it wants memory. Whoever
has gone through a stretch lets it go at once, so that not even the resident size of the process
grows with the length of a recording.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import SpeechError

Array = NDArray[np.float32]

IN_MEMORY = 1 << 20
"""Samples up to which an array stays in memory: a minute at 16 kHz, so that many short lines at a
time do not need as many files."""


class _Mapping(mmap.mmap):
    """A file of ours: no other mapping may be told to let go, since it may hold changes."""


def spooled(pieces: Iterable[Array]) -> Array:
    """Pieces [n] joined, as a new array [N]; a long one is read-only.

    Its temporary file has no name, or on Windows one that goes with it, so nothing is left behind.
    Raises SpeechError where the folder for temporary files is full.
    """
    limit = IN_MEMORY * 4
    try:
        with tempfile.SpooledTemporaryFile(limit) as file:
            for piece in pieces:
                file.write(piece.tobytes())
            if file.tell() <= limit:
                file.seek(0)
                return np.frombuffer(bytearray(file.read()), np.float32)
            file.flush()
            return np.frombuffer(_Mapping(file.fileno(), 0, access=mmap.ACCESS_READ), np.float32)
    except OSError as error:
        raise SpeechError(
            f"There is no room for a temporary file in {tempfile.gettempdir()} ({error.strerror}). "
            "Make room there, or let the environment variable TMPDIR name another folder."
        ) from error


def let_go(array: NDArray[Any]) -> None:
    """Say that nobody needs a spooled array in memory now; another array stays as it is."""
    base: object = array
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    # Windows has no such call; there the system drops pages when it needs them.
    if isinstance(base, _Mapping) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def in_pieces(array: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    """Views of at most `size` samples along the last axis, each let go when the next is asked."""
    for start in range(0, array.shape[-1], size):
        yield array[..., start : start + size]
        let_go(array)
