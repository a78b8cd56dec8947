"""`-` for a file: what another program pipes in, and what the next one is to get.

`piper ... | dreamtalk animate - -o line.csv`; `dreamtalk animate line.wav -o - | ...`. What comes
in is put into a temporary file, since sound is gone through more than once; what goes out is
written as a file is, whole, and only then handed on. What else would be printed goes to standard
error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from shutil import copyfileobj

from dreamtalk_core.cli.ending import stop
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats import suffix_of

STANDARD = "-"
READ = ("speech", "others", "motion")
"""Options, by name, of files that may come from standard input."""
_CURVES = ".csv"
_PIECE = 1 << 20


@contextmanager
def piped(options: argparse.Namespace) -> Iterator[None]:
    """While it lasts, `-` in the options is a file: of what came in, or of what will go out.

    Of outputs, `-` is a Live Link Face CSV; another kind is asked for as `-o-.json`.
    Raises DreamTalkError where nothing comes in, or both a file and `-` are asked for twice.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dreamtalk-")))
        read = [name for name in READ if _is_in(getattr(options, name, None))]
        if len(read) > 1:
            raise DreamTalkError(f"Only one file can come from standard input ({STANDARD}).")
        for name in read:
            _set_in(options, name, _received(folder))
        sent = _outputs(options, folder)
        if len(sent) > 1:
            raise DreamTalkError(f"Only one file can go to standard output ({STANDARD}).")
        if sent:
            stack.enter_context(redirect_stdout(sys.stderr))
        yield
        out = sys.__stdout__
        for path in sent:
            with path.open("rb") as file:
                assert out is not None
                copyfileobj(file, out.buffer)
            out.buffer.flush()


def _is_in(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, Path) and str(one) == STANDARD for one in values)


def _set_in(options: argparse.Namespace, name: str, path: Path) -> None:
    value = getattr(options, name)
    if isinstance(value, list):
        value = [path if str(one) == STANDARD else one for one in value]
    else:
        value = path
    setattr(options, name, value)


def _outputs(options: argparse.Namespace, folder: Path) -> list[Path]:
    """Files in a folder in the place of those outputs that are to go out."""
    outputs = getattr(options, "output", None)
    if not isinstance(outputs, list):
        return []
    sent: list[Path] = []
    for place, path in enumerate(outputs):
        if path.name == str(path) and (path.name == STANDARD or path.name.startswith("-.")):
            outputs[place] = folder / f"out{path.name[1:] or _CURVES}"
            sent.append(outputs[place])
    return sent


def _received(folder: Path) -> Path:
    """A file with all that comes from standard input."""
    if sys.stdin is None or sys.stdin.isatty():
        raise DreamTalkError(
            f"Nothing comes from standard input ({STANDARD}). Pipe a sound into it, or name a file."
        )
    source, path = sys.stdin.buffer, folder / "stdin"
    with path.open("wb") as file:
        while piece := source.read(_PIECE):
            stop.check()
            file.write(piece)
    with path.open("rb") as file:
        begin = file.read(4)
    if not begin:
        raise DreamTalkError(
            f"Standard input ({STANDARD}) was empty. Look what the program before says."
        )
    # Of sound, WAV alone is known by its suffix.
    suffix = ".wav" if begin == b"RIFF" else suffix_of(path)
    return path.rename(path.with_suffix(suffix))
