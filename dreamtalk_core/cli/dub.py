"""`dreamtalk dub`: new speech into an existing video."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import Bar, add_model, load
from dreamtalk_core.cli.settings import add_settings, given
from dreamtalk_core.cli.track import add_face
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.parameters import MOUTH_SETTINGS, tables


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    dub = commands.add_parser("dub", help="new speech into an existing video: the mouth follows it")
    dub.set_defaults(run=_dub)
    dub.add_argument("video", type=Path, help="video of somebody, seen from the front")
    dub.add_argument("speech", type=Path, help="sound file, or a video with sound")
    dub.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=".mp4, .mov (ProRes), or numbered pictures: name.####.png",
    )
    dub.add_argument("--codec", help="h264 or h265 (.mp4, .mov), prores (.mov)")
    add_face(dub)
    dub.add_argument(
        "--start",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="where in the video the speech begins (default 0)",
    )
    dub.add_argument(
        "--end", type=float, metavar="SECONDS", help="where it is cut off, if it is longer"
    )
    dub.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="X",
        help="how far the old mouth is replaced, 0 to 1 (default 1)",
    )
    dub.add_argument(
        "--only-speech",
        action="store_true",
        help="in pauses of the speech, leave the mouth as it was filmed",
    )
    dub.add_argument(
        "--style",
        metavar="STYLE",
        help="as for 'animate' (default: as the person speaks in the video, or auto where they "
        "hardly do)",
    )
    dub.add_argument(
        "--stamp", action="store_true", help="write 'AI-generated' on the picture, too"
    )
    add_settings(dub, *tables(), only=MOUTH_SETTINGS)
    add_model(dub)


def _dub(options: argparse.Namespace) -> None:
    from dreamtalk_core.pipeline.dub import Dubbing
    from dreamtalk_core.pipeline.load import kind_of
    from dreamtalk_core.render.output.video import check_video_path
    from dreamtalk_core.speech.audio import Speech

    check_video_path(options.output, options.codec)
    if kind_of(options.model) != kind_of("default"):
        raise DreamTalkError("An original checkpoint moves no mouth in a video. Leave --model out.")
    dubbing = Dubbing(
        face=options.face,
        start=options.start,
        end=options.end,
        strength=options.strength,
        only_speech=options.only_speech,
        stamped=options.stamp,
    )
    speech = Speech.load(options.speech)  # before the model: a wrong name is told at once
    talk = load(options)
    with Bar("dub") as progress:
        talk.dub(
            options.video,
            speech,
            options.output,
            style=options.style,
            dubbing=dubbing,
            sound=options.speech,
            codec=options.codec,
            progress=progress,
            **given(options),
        )
    print(options.output)
