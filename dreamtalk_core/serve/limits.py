"""How much a server takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What is more is refused, in one line that says so.

    file: bytes of an upload. files: bytes of all uploads together; the oldest that nobody needs
    gives way. speech: seconds of a sound. upload, work: seconds that an upload, and a job once it
    is done, may take. queue: jobs that may wait. keep: seconds for which results, and uploads that
    nobody uses, are there. results: finished jobs that are kept at most.
    """

    file: int = 200_000_000
    files: int = 2_000_000_000
    speech: float = 600.0
    upload: float = 120.0
    work: float = 600.0
    queue: int = 20
    keep: float = 1800.0
    results: int = 200
