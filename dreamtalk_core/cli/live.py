"""`dreamtalk live`: a face that speaks now, in other programs."""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
import threading
from contextlib import ExitStack, closing, suppress
from typing import Any

from dreamtalk_core.cli.common import add_model, load
from dreamtalk_core.cli.ending import stop
from dreamtalk_core.cli.settings import add_settings, given, option
from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.parameters import tables

LOOKAHEAD = 160
"""Milliseconds that wait for what is said next."""
_FRAME = 40  # milliseconds
_MOST = 1000
CONTEXT = 50
"""Frames of the past that are heard again with every frame: enough for the mouth, and every frame
takes a third less than with twice as many."""


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "live",
        help="animate a face in other programs while somebody speaks",
        description="Lines typed while it runs: 'style NAME' changes the style, 'quit' ends.",
    )
    parser.set_defaults(run=_live)
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="SOUND",
        help="mic, mic:NAME, a file, or raw sound (16 kHz, mono, 16 bits) on stdin (-) or from "
        "whoever connects (tcp://127.0.0.1:PORT)",
    )
    parser.add_argument(
        "--to",
        action="append",
        required=True,
        metavar="ADDRESS",
        help="livelink://HOST:11111, vmc://HOST:39539, ifacialmocap://HOST:49983, "
        "vts://HOST:8001, or ws://127.0.0.1:8765 to listen for clients; may be repeated",
    )
    parser.add_argument(
        "--other",
        metavar="SOUND",
        help="who else speaks: the face listens to them while it is silent itself",
    )
    parser.add_argument("--style", default="neutral", help="as for 'animate', but not auto")
    parser.add_argument(
        "--look-ahead",
        type=int,
        default=LOOKAHEAD,
        metavar="MS",
        help="milliseconds that wait for what is said next: less is sooner, more is better "
        f"(default {LOOKAHEAD}, in steps of {_FRAME})",
    )
    parser.add_argument("--name", default="DreamTalk", help="what receivers call the face")
    add_settings(parser, *tables())
    add_model(parser)


def _live(options: argparse.Namespace) -> None:
    from dreamtalk_core.pipeline.live.outlets import open_outlet
    from dreamtalk_core.pipeline.live.pacer import Pacer
    from dreamtalk_core.pipeline.live.show import Show
    from dreamtalk_core.pipeline.live.sources import open_source
    from dreamtalk_core.pipeline.stream import MotionStream

    if not 0 <= options.look_ahead <= _MOST:
        raise DreamTalkError(f"--look-ahead is 0 to {_MOST} milliseconds.")
    if "-" in (options.source, options.other) and options.source == options.other:
        raise DreamTalkError("Only one of --from and --other can be stdin.")
    with ExitStack() as open_:
        outlets = [
            open_.enter_context(closing(open_outlet(text, _tell, options.name)))
            for text in options.to
        ]
        talk = load(options)
        settings = given(options)
        stream = MotionStream(
            talk,
            options.style,
            lookahead=round(options.look_ahead / _FRAME),
            context=CONTEXT,
            **settings,
        )
        # The first piece takes longest, and is nobody's to wait for.
        MotionStream(talk, options.style, context=CONTEXT).feed([0.0] * 32_000)
        own = open_.enter_context(closing(open_source(options.source, _tell)))
        other = None
        if options.other:
            other = open_.enter_context(closing(open_source(options.other, _tell)))
        lines = _lines() if "-" not in (options.source, options.other) else None
        with Pacer(outlets, options.name) as pacer:
            _tell(f"live, {option('look_ahead')} {options.look_ahead} ms; Ctrl-C ends")
            Show(stream, own, pacer, other, lines, _tell).run(stop.check)


def _lines() -> queue.SimpleQueue[str]:
    """What is typed while the command runs."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        rest = b""
        with suppress(OSError, ValueError, AttributeError):  # there may be no stdin
            number = sys.stdin.fileno()
            # Not by sys.stdin: it is locked while it waits, and Python cannot end then.
            while data := os.read(number, 1 << 12):
                *whole, rest = (rest[-1000:] + data).split(b"\n")
                for line in whole:
                    lines.put(line.decode(errors="replace"))

    # Behind an "&" of a shell there is nothing to read, and asking for it would stop everything.
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    threading.Thread(target=read, daemon=True).start()
    return lines


def _tell(text: str) -> None:
    with suppress(OSError, ValueError):
        print(f"dreamtalk: {shown(text, 1000)}", file=sys.stderr, flush=True)
