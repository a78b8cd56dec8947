"""Files that callers have sent."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import anyio

from dreamtalk_core.errors import DreamTalkError, WriteError
from dreamtalk_core.serve.jobs import BusyError, UnknownError
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.temporaries import remove


class TooLargeError(DreamTalkError):
    """A file has more bytes than are taken."""


class TooSlowError(DreamTalkError):
    """A file took longer to arrive than it may."""


class Uploads:
    """Files in a folder, by ids that nobody can guess.

    used: whether a job still needs a file.
    """

    def __init__(self, folder: Path, limits: Limits, used: Callable[[Path], bool]) -> None:
        self._folder, self._limits, self._used = folder, limits, used
        self._lock = threading.Lock()
        self._files: dict[str, tuple[float, int]] = {}
        """When each was last asked for, and its bytes; the oldest first."""
        self._arriving = 0  # bytes of those that are not whole yet
        folder.mkdir(parents=True)

    async def take(self, body: AsyncIterator[bytes], declared: int | None = None) -> str:
        """Keep what arrives; its id. declared: bytes that the caller says will come.

        Raises TooLargeError, TooSlowError, BusyError or WriteError where there is no room,
        DreamTalkError for nothing.
        """
        if declared is not None and declared > self._limits.file:
            raise self._too_large()
        self.sweep()
        number = token_hex(16)
        path, size = self._folder / number, 0
        try:
            with anyio.fail_after(self._limits.upload):
                async with await anyio.open_file(path, "wb") as file:
                    async for piece in body:
                        size += len(piece)
                        self._arriving += len(piece)
                        if size > self._limits.file:
                            raise self._too_large()
                        self._make_room()
                        await file.write(piece)
            if not size:
                raise DreamTalkError("The file is empty. Send its bytes as the body.")
        except BaseException as error:
            remove(path)
            if isinstance(error, TimeoutError):
                raise TooSlowError(
                    f"The file took longer than {self._limits.upload:g} seconds to arrive."
                ) from error
            if isinstance(error, OSError):
                raise WriteError(f"The file cannot be kept: {error.strerror}.") from error
            raise
        finally:
            self._arriving -= size
        with self._lock:
            self._files[number] = time.monotonic(), size
        return number

    def find(self, number: str) -> Path:
        """The file of an id. Raises UnknownError."""
        with self._lock:
            if number not in self._files:
                raise UnknownError("There is no such file, or no longer. Send it again.")
            _, size = self._files.pop(number)
            self._files[number] = time.monotonic(), size
            return self._folder / number

    def remove(self, number: str) -> None:
        """Delete a file. Raises UnknownError."""
        self.find(number)
        self.forget(number)

    def forget(self, number: str) -> None:
        """Delete a file, if it is there; one that a disk will not let go of is swept later."""
        with self._lock, suppress(OSError):
            (self._folder / number).unlink(missing_ok=True)
            self._files.pop(number, None)

    def sweep(self) -> None:
        """Delete what nobody has asked for in a while, or what there is no room for."""
        oldest = time.monotonic() - self._limits.keep
        room = self._limits.files - self._arriving
        size = self._size()
        for number, (moment, own) in list(self._files.items()):
            if (moment < oldest or size > room) and not self._used(self._folder / number):
                self.forget(number)
                size -= own

    def _size(self) -> int:
        with self._lock:
            return sum(size for _, size in self._files.values())

    def _make_room(self) -> None:
        """Raises BusyError where there is none for what arrives."""
        if self._size() + self._arriving > self._limits.files:
            self.sweep()
            if self._size() + self._arriving > self._limits.files:
                raise BusyError("There is no room for more files. Try again in a while.")

    def close(self) -> None:
        """Delete everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The file has more than the {self._limits.file} bytes that are taken here."
        )
