"""The original checkpoints on the command line: `animate --model FILE.pth`, `render`, `import`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dreamtalk_core.cli.common import Bar
from dreamtalk_core.cli.settings import given
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.parameters import Behaviour, Controls, Sampling

COEFFICIENTS = ".mat"
"""What the original's own coefficients are written as."""


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


def add_options(animate: argparse.ArgumentParser) -> None:
    """What `animate` takes for the original model only."""
    group = animate.add_argument_group("with an original checkpoint as --model")
    group.add_argument(
        "--wav2vec",
        metavar="FOLDER|NAME",
        help="wav2vec2 model: a folder, or a name in the Hugging Face cache",
    )
    group.add_argument(
        "--pose-extension",
        choices=("mirror", "loop"),
        help="how --pose goes on when the speech is longer: back and forth (default), or again",
    )
    group.add_argument(
        "--pose", type=Path, metavar="MAT", help="how the head moves: a clip's .mat or .npz"
    )


def is_asked_for(model: str) -> bool:
    """Whether a model is a file with an original network in it."""
    if not Path(model).suffix:
        return False  # a name: torch need not be loaded to tell that
    from dreamtalk_core.original.checkpoint import is_original

    return is_original(model)


OWN = ("wav2vec", "pose", "pose_extension")
"""What `add_options` adds."""


def named(options: Iterable[str]) -> str:
    """Names of options as they are written."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in options)


def animate_original(options: argparse.Namespace) -> None:
    """`animate` with an original checkpoint: its coefficients (.mat), or curves mapped from them.

    Raises DreamTalkError for options that the original has nothing for.
    """
    from dreamtalk_core.formats import check_writable
    from dreamtalk_core.original.coefficients import Coefficients
    from dreamtalk_core.original.pipeline import OriginalDreamTalk
    from dreamtalk_core.original.wav2vec import MODEL
    from dreamtalk_core.pipeline.dreamtalk import DEFAULT_STYLE

    unknown = [*given(options, (Behaviour, Controls))]
    unknown += [name for name in ("portrait", "preview") if getattr(options, name)]
    if unknown:
        raise DreamTalkError(
            f"{named(unknown)} would have no effect on an original checkpoint. Leave it out; "
            "'dreamtalk preview' draws the curves."
        )
    for path in options.output:
        if path.suffix.lower() != COEFFICIENTS:
            check_writable(path)
    settings = given(options, (Sampling,))
    fps = Sampling(**settings).fps
    talk = OriginalDreamTalk.load(options.model, options.device, options.wav2vec or MODEL)
    style = "neutral" if options.style == DEFAULT_STYLE else options.style
    with Bar("animate") as progress:
        face: Coefficients = talk.animate(
            options.speech,
            style,
            pose=options.pose,
            extension=options.pose_extension or "mirror",
            progress=progress,
            **settings,
        )
    for path in dict.fromkeys(options.output):
        if path.suffix.lower() == COEFFICIENTS:
            face.save(path)
        else:
            face.to_motion().resample(fps).save(path)
        print(path)


def render_original_video(options: argparse.Namespace) -> None:
    """`render --renderer FILE`: the portrait, moved by the original renderer."""
    from dreamtalk_core.motion import Motion
    from dreamtalk_core.original.coefficients import Coefficients, holds_coefficients
    from dreamtalk_core.original.pipeline import OriginalRenderer
    from dreamtalk_core.render.output.video import check_video_path

    ours = ("codec", "control", "crop", "points", "stamp")
    if wrong := [f"--{name}" for name in ours if getattr(options, name)]:
        raise DreamTalkError(f"{', '.join(wrong)} does not go with --renderer. Leave it out.")
    check_video_path(options.output)
    own = holds_coefficients(options.motion)
    motion = Coefficients.load(options.motion) if own else Motion.load(options.motion)
    renderer = OriginalRenderer.load(options.renderer, options.device)
    with Bar("render") as progress:
        renderer.render(
            motion,
            options.portrait,
            options.output,
            options.audio,
            face=options.face,
            progress=progress,
        )
    print(options.output)


def _import(options: argparse.Namespace) -> None:
    from dreamtalk_core.original.checkpoint import import_checkpoint

    kind = import_checkpoint(options.checkpoint, options.output)
    print(f"{kind.name}: every tensor is there")
    print(options.output)
