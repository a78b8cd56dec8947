"""How the head is shown: the inputs that the nodes which draw it share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from comfy_api.latest import io

from .host import check_file, input_files, input_path
from .schema import ADVANCED

if TYPE_CHECKING:
    from dreamtalk_core.rig.head import Head

BUILT_IN = "built-in"


def size_input(default: int = 512) -> io.Input:
    """Of the picture."""
    return io.Int.Input(
        "size",
        default=default,
        min=64,
        max=4096,
        step=2,
        tooltip="Width and height of the picture in pixels.",
    )


def camera_inputs() -> list[io.Input]:
    """From where the head is seen."""
    return [
        io.Float.Input(
            "yaw",
            default=0.0,
            min=-180.0,
            max=180.0,
            step=5.0,
            tooltip="Degrees that the camera goes round to the character's left.",
            **ADVANCED,
        ),
        io.Float.Input(
            "pitch",
            default=0.0,
            min=-90.0,
            max=90.0,
            step=5.0,
            tooltip="Degrees that the camera goes up.",
            **ADVANCED,
        ),
        io.Float.Input(
            "zoom",
            default=1.0,
            min=0.25,
            max=8.0,
            step=0.05,
            tooltip="1 shows head and shoulders, 2 the face twice as large.",
            **ADVANCED,
        ),
        io.Float.Input(
            "turntable",
            default=0.0,
            min=0.0,
            max=600.0,
            step=1.0,
            tooltip="Seconds in which the camera goes round once; 0 keeps it where it is.",
            **ADVANCED,
        ),
    ]


def background_input(more: str = "") -> io.Input:
    """more: what else it may be, in a sentence."""
    return io.String.Input(
        "background",
        default="studio",
        tooltip=f"'studio' for a calm grey gradient, or a colour such as #20c040.{more}",
    )


def head_input() -> io.Input:
    """Whose head."""
    return io.Combo.Input(
        "head",
        options=[BUILT_IN, *input_files({".glb", ".vrm"})],
        default=BUILT_IN,
        tooltip="The built-in head, or a .glb or .vrm file in the input folder whose morph targets "
        "are ARKit's shapes (jawOpen and so on), or visemes.",
        **ADVANCED,
    )


def head_path(name: str | None) -> Path | None:
    """The file of a head; None for the built-in one, or one that is not known yet."""
    return None if name is None or name == BUILT_IN else input_path(name)


def load_head_file(name: str) -> Head | None:
    """None for the built-in head. Raises RenderError for a file that holds no head."""
    from dreamtalk_core.render.head.foreign import load_glb_head

    path = head_path(name)
    return None if path is None else load_glb_head(path)


def check_look(background: str | None, head: str | None, video: bool) -> bool | str:
    """For `validate_inputs`; a video cannot be see-through."""
    found = check_file(head_path(head))
    return check_background(background, video) if found is True else found


def check_background(text: str | None, video: bool) -> bool | str:
    """Whether a text stands for a background, or what to say of it."""
    # Not connected, and not changed: what draws need not be loaded yet.
    if text is None or text == "studio":
        return True
    from dreamtalk_core.errors import RenderError
    from dreamtalk_core.render.head.look import parse_background

    try:
        nothing = parse_background(text) is None
    except RenderError as error:
        return str(error)
    if nothing and video:
        return "A video has no transparency: use Head Frames, or another background than 'none'."
    return True
