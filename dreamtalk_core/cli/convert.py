"""`dreamtalk convert`: curves of one format in another, under other names, at another rate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import add_timecode


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    convert = commands.add_parser(
        "convert",
        help="curves from one file into others",
        description="Curves from one file into others, each in the format that its ending asks "
        "for. What the first one is, its content says.",
    )
    convert.set_defaults(run=_convert)
    convert.add_argument("motion", type=Path, help="motion file of any kind that is read")
    convert.add_argument(
        "output", type=Path, nargs="+", help="what to write; the ending says which format"
    )
    convert.add_argument(
        "--scheme",
        metavar="NAME|FILE",
        help="names of the channels: those of a rig (arkit, metahuman, cc4, mmd, vrm1, ...), or a "
        "mapping file (default: as they are, or what the format has)",
    )
    convert.add_argument("--fps", help="frame rate (default: that of the curves)")
    add_timecode(convert)


def _convert(options: argparse.Namespace) -> None:
    from dreamtalk_core.formats import check_writable, start_in
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.retarget.renaming import renamed
    from dreamtalk_core.speech.timecode import start_of

    for path in options.output:
        check_writable(path)
    motion, provenance = Motion.load_with_provenance(options.motion)
    if options.fps is not None:
        motion = motion.resample(options.fps)
    if options.scheme is not None:
        motion = renamed(motion, options.scheme)
    start = start_of(options.start, options.timecode_rate, motion.fps, options.motion)
    for path in dict.fromkeys(options.output):
        motion.save(path, provenance, start_in(path, options.output, start))
        print(path)
