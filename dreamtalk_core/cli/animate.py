"""`dreamtalk animate` and `dreamtalk listen`: curves of a face that speaks, or listens."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import SAID, Bar, add_model, add_outputs, load
from dreamtalk_core.cli.settings import add_settings, given, option
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats.cues import check_cues, is_cues
from dreamtalk_core.formats.cues.said import transcript_of
from dreamtalk_core.parameters import Listener, parameters, tables
from dreamtalk_core.pipeline.load import model_tables

STYLE = (
    "auto (heard from the voice, the default), a name (see 'dreamtalk style list'), a style file, "
    "a video or motion file to take it from, a mix 'happy*0.7+surprise*0.3', or keys over time "
    "'neutral@0, angry*1.5@2.5'"
)


def add(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    animate = commands.add_parser("animate", help="animate a face from speech")
    animate.set_defaults(run=_animate)
    animate.add_argument("speech", type=Path, help="sound file, or a video with sound")
    animate.add_argument("--style", default="auto", metavar="STYLE", help=STYLE)
    animate.add_argument(
        "--portrait",
        type=Path,
        metavar="FACE",
        help="the speaker's resting face, for --style auto: a photo, or a motion tracked from one",
    )
    animate.add_argument(
        "--others",
        type=Path,
        nargs="+",
        default=[],
        metavar="SPEECH",
        help="who else speaks, each on a track of their own: the face listens to them while it is "
        "silent",
    )

    animate.add_argument(
        "--transcript",
        default="",
        metavar="TEXT",
        help=f"{SAID}: corrects lips that are not clearly heard, places words",
    )

    listening = commands.add_parser("listen", help="animate a face that listens to a speech")
    listening.set_defaults(run=_listen, portrait=None, transcript="")
    listening.add_argument(
        "others", type=Path, nargs="+", metavar="speech", help="who speaks, one file for each"
    )
    listening.add_argument(
        "--style",
        default="neutral",
        metavar="STYLE",
        help="of who listens, as for 'animate' (default neutral); auto is how the speaker sounds",
    )
    for parser in (animate, listening):
        add_outputs(parser)
        parser.add_argument(
            "--preview", type=Path, metavar="MP4", help="video of the built-in head"
        )
        add_settings(parser, *tables(), *model_tables())
        add_model(parser)


def _animate(options: argparse.Namespace) -> None:
    if options.portrait and "auto" not in re.split(r"[+*@, ]", options.style.casefold()):
        raise DreamTalkError(
            f"--portrait is heard with --style auto, not with '{options.style}'. Leave one out."
        )
    unheard = [own.name for own in parameters(Listener) if getattr(options, own.name) is not None]
    if unheard and not options.others:
        raise DreamTalkError(
            f"{option(unheard[0])} is for a face that hears somebody else. Give --others, too, or "
            "leave it out."
        )
    _write(options, options.speech)


def _listen(options: argparse.Namespace) -> None:
    _write(options, None)


def _write(options: argparse.Namespace, own: Path | None) -> None:
    """Sample the motion for a speech of its own, or of a face without one, and write it."""
    from dreamtalk_core.pipeline.line import Line, sample_line, write_line
    from dreamtalk_core.pipeline.load import check_settings, kind_of

    settings, kind = given(options), kind_of(options.model)
    check_settings(options.model, settings, option)
    if options.preview:
        from dreamtalk_core.render.output.video import check_video_path

        check_video_path(options.preview)
    for path in options.output:
        if is_cues(path) and own is not None:
            check_cues(path)
        else:
            kind.check_output(path)
    line = Line(
        own,
        tuple(options.output),
        tuple(options.others),
        options.style,
        options.portrait,
        settings,
        options.preview,
        transcript=transcript_of(options.transcript),
        start=options.start,
        timecode_rate=options.timecode_rate,
    )
    # Before the model: a wrong name is told at once.
    speeches = line.load_speeches()
    talk = load(options, **kind.loading_of(settings))
    take = sample_line(talk, kind, line, speeches, Bar)
    for path in write_line(talk, line, take, Bar):
        print(path)
