"""What the commands share."""

from __future__ import annotations

import argparse
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tqdm import tqdm

from dreamtalk_core.cli.ending import stop
from dreamtalk_core.errors import DreamTalkError, WriteError, shown
from dreamtalk_core.files import check_not_read

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import Pipeline

SAID = "what is said, as text or as a file of it (.txt, .srt, .vtt)"


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="default",
        metavar="NAME|FILE",
        help="weights: default, research (for research only), or a file",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Files of curves to write."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="curves: .csv (Live Link Face), .json, .npz, .glb (animated head), or of another "
        "program: .a2f.json, .anim (Unity), .tres (Godot), .ma (Maya), .vmd and more, see the page "
        "on files; may be repeated",
    )
    add_timecode(parser)


def add_timecode(parser: argparse.ArgumentParser) -> None:
    """Where curves begin, for formats that tell it."""
    parser.add_argument(
        "--start",
        metavar="TC",
        help="timecode of the first frame in .csv (Live Link Face): HH:MM:SS:FF, or HH:MM:SS;FF if "
        "drop-frame; source: that of the recording (a broadcast WAV's time reference, a video's)",
    )
    parser.add_argument(
        "--timecode-rate",
        metavar="RATE",
        help="frames a second that this timecode counts; own: those of the curves, as it does with "
        "--start (default 60, as the app does)",
    )


def load(options: argparse.Namespace, **settings: Any) -> Pipeline:
    """The pipeline of --model; settings: for its loading."""
    from dreamtalk_core.pipeline.load import load

    return load(options.model, options.device, **settings)


WRITTEN = ("output", "preview", "drawn", "numbered", "page", "json", "openjd", "found")
"""Options that name what a command writes; all others that name a file are read."""


def guard_files(options: argparse.Namespace) -> None:
    """Raises WriteError where a command would write a file that it reads, or, with
    --no-clobber, one that is there; DreamTalkError where what it reads is no file."""
    values = vars(options)
    written = [
        target for name in WRITTEN for path in _paths(values.get(name)) for target in _all(path)
    ]
    read = [path for name, value in values.items() if name not in WRITTEN for path in _paths(value)]
    for path in read:
        _check_no_device(path)
    check_not_read(written, read)
    there = [target for target in written if options.no_clobber and target.is_file()]
    if there:
        raise WriteError(
            f"{shown(there[0])} is there already. Give another name, or leave --no-clobber out."
        )


def _check_no_device(path: Path) -> None:
    """Raises DreamTalkError for what can be read for ever, or once, and for no name at all."""
    if "\0" in str(path):
        raise DreamTalkError(f"No file can be called {shown(path)}. Check the name.")
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):  # not there, or no name: the command tells that best
        return
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise DreamTalkError(f"{shown(path)} is a device or a pipe. Give the name of a file.")


def _paths(value: object) -> Iterator[Path]:
    """What may be a file's name in the value of an option, such as "take.csv*0.5"."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, str) and "\0" not in value:
        for part in {value, *re.split(r"[+,]|[*@][^+,]*", value)}:
            if len(part) < 4096:
                yield Path(part.strip())
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _paths(one)


def _all(output: Path) -> Iterator[Path]:
    """The files that an output stands for: of numbered pictures those that are there, and sound."""
    yield output
    if "#" in output.name or "%" in output.name:
        from dreamtalk_core.render.output.sequence import sequence_of

        sequence = sequence_of(output)
        if sequence is not None and sequence.folder.is_dir():
            yield from sequence.frames().values()
            yield sequence.sound


class Bar:
    """A progress bar that the core can drive: called with (done, total)."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Callable[[int, int], None]:
        return self.update

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def update(self, done: int, total: int) -> None:
        stop.check()
        # Not before there is progress: a mistake in the arguments is told in one line.
        if self.bar is None:
            form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
            self.bar = tqdm(desc=self.title, total=total, bar_format=form, disable=None)
        self.bar.update(done - self.bar.n)
