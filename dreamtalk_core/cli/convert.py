"""`dreamtalk convert`: curves of one format in another, under other names, at another rate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.cli.common import add_timecode
from dreamtalk_core.errors import MotionError

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion


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
    from dreamtalk_core.formats import check_writable
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.speech.timecode import start_of

    for path in options.output:
        check_writable(path)
    motion, provenance = Motion.load_with_provenance(options.motion)
    if options.fps is not None:
        motion = motion.resample(options.fps)
    if options.scheme is not None:
        motion = _renamed(motion, options)
    start = start_of(options.start, options.timecode_rate, motion.fps, options.motion)
    for path in dict.fromkeys(options.output):
        motion.save(path, provenance, start)
        print(path)


def _renamed(motion: Motion, options: argparse.Namespace) -> Motion:
    from dreamtalk_core.motion.tongue import FACE_NAMES
    from dreamtalk_core.retarget import SCHEMES, read_preset, scheme_mapping

    if not set(motion.names) & set(FACE_NAMES):
        raise MotionError(
            f"{options.motion} has no ARKit shapes that could be put under other names, but "
            f"{', '.join(motion.names[:3])}. Leave --scheme out."
        )
    if options.scheme in SCHEMES:
        return scheme_mapping(options.scheme).apply(motion)
    path = Path(options.scheme)
    if not path.is_file():
        raise MotionError(
            f"There is no scheme or mapping file {options.scheme}. There are the schemes "
            f"{', '.join(SCHEMES)}."
        )
    return read_preset(path).apply(motion)
