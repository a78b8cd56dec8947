"""The original checkpoints on the command line: `import`, `render --renderer`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import Bar
from dreamtalk_core.cli.settings import given, option
from dreamtalk_core.errors import DreamTalkError


def add(commands: Any) -> None:
    """Add `import` to argparse's subparsers."""
    importing = commands.add_parser(
        "import", help="check an original DreamTalk checkpoint and make it a .safetensors"
    )
    importing.set_defaults(run=_import)
    importing.add_argument(
        "checkpoint", type=Path, help="denoising_network.pth or renderer.pt, if you hold them"
    )
    importing.add_argument("output", type=Path, metavar="SAFETENSORS")


def render_original_video(options: argparse.Namespace, face: str | int) -> None:
    """`render --renderer FILE`: the portrait, moved by the original renderer."""
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.original.coefficients import Coefficients, holds_coefficients
    from dreamtalk_core.original.portrait import OriginalRenderer
    from dreamtalk_core.render.output.video import check_video_path

    ours = ("codec", "control", "crop", "points", "stamp", "style")
    wrong = [f"--{name}" for name in ours if getattr(options, name)]
    if wrong := [*wrong, *map(option, given(options))]:
        raise DreamTalkError(f"{', '.join(wrong)} does not go with --renderer. Leave it out.")
    check_video_path(options.output)
    (path,) = options.motion
    motion = Coefficients.load(path) if holds_coefficients(path) else Motion.load(path)
    renderer = OriginalRenderer.load(options.renderer, options.device)
    with Bar("render") as progress:
        renderer.render(
            motion,
            options.portrait,
            options.output,
            options.audio,
            face=face,
            progress=progress,
        )
    print(options.output)


def _import(options: argparse.Namespace) -> None:
    from dreamtalk_core.original.checkpoint import import_checkpoint

    kind = import_checkpoint(options.checkpoint, options.output)
    print(f"{kind.name}: every tensor is there")
    print(options.output)
