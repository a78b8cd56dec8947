"""`dreamtalk render`: a portrait that speaks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.original import render_original_video
from dreamtalk_core.cli.track import add_face


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    render = commands.add_parser("render", help="video of a portrait that moves")
    render.set_defaults(run=_render)
    render.add_argument("portrait", type=Path, help="photo or painting of a face")
    render.add_argument("motion", type=Path, help="motion file, or coefficients (.mat)")
    render.add_argument("-o", "--output", type=Path, required=True, metavar="MP4")
    render.add_argument("--audio", type=Path, metavar="SPEECH")
    render.add_argument(
        "--renderer",
        type=Path,
        required=True,
        metavar="FILE",
        help="the original renderer.pt, if you hold it, or what 'dreamtalk import' made of it",
    )
    add_face(render)
    render.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")


def _render(options: argparse.Namespace) -> None:
    render_original_video(options)
