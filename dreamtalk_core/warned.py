"""What was guessed and may be wrong: reported with Python's warnings, and so at every entry point.

A user of the API gets a `DreamTalkWarning`; the command line, the worker and the nodes catch
them with `collect_warnings` and show them where their user looks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from dreamtalk_core.errors import DreamTalkWarning


def warn(text: str) -> None:
    """Warn of something guessed: what, and what to do about it."""
    # Of whoever called the function that warns.
    warnings.warn(text, DreamTalkWarning, stacklevel=3)


@contextmanager
def collect_warnings(report: Callable[[str], None]) -> Iterator[None]:
    """Our warnings within go to `report`, each text once; those of others go where they went."""
    reported: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", DreamTalkWarning)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, DreamTalkWarning):
                others(message, category, filename, lineno, file, line)
            elif str(message) not in reported:
                reported.add(str(message))
                report(str(message))

        warnings.showwarning = show
        yield
