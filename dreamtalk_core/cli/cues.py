"""`dreamtalk cues`: the mouths, phones and words of a speech, for drawings and subtitles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import SAID, Bar
from dreamtalk_core.formats.cues import CUES, FILM, check_cues
from dreamtalk_core.formats.cues.said import transcript_of


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    cues = commands.add_parser("cues", help="mouths, phones and words of a speech, by the clock")
    cues.set_defaults(run=_cues)
    cues.add_argument("speech", type=Path, help="sound file, or a video with sound")
    cues.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help=f"{', '.join(CUES)}; may be repeated",
    )
    cues.add_argument(
        "--transcript", default="", metavar="TEXT", help=f"{SAID}, to place its words in time"
    )
    cues.add_argument(
        "--fps",
        default=str(FILM),
        help="frames a second of .dat and .pgo, which count whole ones (default 24)",
    )
    cues.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def _cues(options: argparse.Namespace) -> None:
    from dreamtalk_core.formats.cues import write_cues
    from dreamtalk_core.models.devices import choose_device
    from dreamtalk_core.motion import parse_fps
    from dreamtalk_core.speech.audio import Speech
    from dreamtalk_core.speech.phones import hear_phones
    from dreamtalk_core.speech.phonetics import PhoneticEncoder
    from dreamtalk_core.speech.words import find_words

    fps = parse_fps(options.fps)
    for path in options.output:
        check_cues(path)
    transcript = transcript_of(options.transcript)
    speech = Speech.load(options.speech)
    with Bar("listen") as progress:
        phones = hear_phones(speech, PhoneticEncoder.load(choose_device(options.device)), progress)
    if transcript:
        phones = find_words(phones, transcript)
    for path in dict.fromkeys(options.output):
        write_cues(path, phones, fps, options.speech.name)
        print(path)
