"""`dreamtalk serve` and `dreamtalk mcp`: doors for other programs."""

from __future__ import annotations

import argparse
import math
import os
from typing import Any

from dreamtalk_core.cli.common import add_model
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.serve.limits import Limits

TOKEN = "DREAMTALK_TOKEN"
"""The environment variable that holds a token: what stands on a command line all can read."""


def add(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    limits = Limits()
    parser = commands.add_parser(
        "serve", help="answer other programs over HTTP (needs: pip install dreamtalk[serve])"
    )
    parser.set_defaults(run=_serve)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen (default 127.0.0.1: only this machine); beyond this machine callers "
        f"need a token: that of {TOKEN}, or one that is made and printed",
    )
    parser.add_argument("--port", type=int, default=8180, metavar="N", help="default 8180; 0: any")
    parser.add_argument(
        "--page", action="store_true", help="with a page for the browser: drop a sound, see it said"
    )
    parser.add_argument(
        "--grpc",
        type=int,
        nargs="?",
        const=52000,
        metavar="PORT",
        help="answer clients of Audio2Face-3D (Unreal, Maya), too, at this port (default 52000; "
        "needs: pip install dreamtalk[grpc])",
    )
    for name, value, unit, text in (
        ("--max-file", limits.file / 1e6, "MB", "the largest upload"),
        ("--max-speech", limits.speech, "SECONDS", "the longest sound"),
        ("--max-work", limits.work, "SECONDS", "what a job may take"),
        ("--keep", limits.keep, "SECONDS", "how long results stay"),
    ):
        parser.add_argument(
            name, type=float, default=value, metavar=unit, help=f"{text} (default {value:g})"
        )
    parser.add_argument(
        "--max-queue",
        type=int,
        default=limits.queue,
        metavar="N",
        help=f"jobs that may wait (default {limits.queue})",
    )
    add_model(parser)

    agents = commands.add_parser(
        "mcp", help="give agents tools, over MCP on stdio (needs: pip install dreamtalk[mcp])"
    )
    agents.set_defaults(run=_serve_agents)
    add_model(agents)


def _serve_agents(options: argparse.Namespace) -> None:
    from dreamtalk_core.serve.studio import Studio, check_extra

    check_extra("mcp", "mcp")
    from dreamtalk_core.serve.agents import serve_agents

    serve_agents(lambda: Studio(options.model, options.device, math.inf))


def _serve(options: argparse.Namespace) -> None:
    from dreamtalk_core.serve.server import serve
    from dreamtalk_core.serve.studio import Studio

    limits = Limits(
        file=int(_positive("--max-file", options.max_file) * 1e6),
        speech=_positive("--max-speech", options.max_speech),
        work=_positive("--max-work", options.max_work),
        keep=_positive("--keep", options.keep),
        queue=int(_positive("--max-queue", options.max_queue)),
    )
    serve(
        lambda: Studio(options.model, options.device, limits.speech),
        options.host,
        options.port,
        limits,
        token=os.environ.get(TOKEN) or None,
        page=options.page,
        grpc=options.grpc,
    )


def _positive(option: str, value: float) -> float:
    if not 0 < value < 1e9:
        raise DreamTalkError(f"{option} is {value:g}. Give a number above 0.")
    return value
