"""How a head is shown: the camera, the background, the curves below it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.render.head.renderer import Background
from dreamtalk_core.rig.head import Head


@dataclass(frozen=True)
class Look:
    """How the head is shown.

    yaw, pitch: degrees that the camera goes round to the character's left, and up. zoom: 1 shows
    head and shoulders. turntable: seconds in which the head turns once (the other way round if it
    is negative), or None.
    background: the studio's gradient, a colour, or None for a transparent picture (MOV, PNG, EXR).
    curves: channels to be drawn under the head, up to eight. head: another one than the built-in.

    Raises `RenderError` for angles or a time that are none.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    zoom: float = 1.0
    turntable: float | None = None
    background: Background = "studio"
    curves: tuple[str, ...] = ()
    head: Head | None = None

    def __post_init__(self) -> None:
        for name, degrees in (("yaw", self.yaw), ("pitch", self.pitch)):
            if not abs(degrees) <= 360:
                raise RenderError(f"{name} is {degrees}; give degrees from -360 to 360.")
        if self.turntable is not None and not 0.1 <= abs(self.turntable) <= 1e6:
            raise RenderError(f"A turn in {self.turntable} seconds? Give 0.1 or more, such as 8.")

    def view(self, seconds: float) -> tuple[float, float]:
        """Where the camera is at a time, as `HeadRenderer.render` wants it."""
        turned = 0.0 if self.turntable is None else 360 * seconds / self.turntable
        return self.pitch, self.yaw + turned


def parse_background(text: str) -> Background:
    """A background from "studio", "none" (transparent) or a colour, "#20c040".

    Raises `RenderError` for anything else.
    """
    plain = text.strip().lower()
    if plain == "studio":
        return "studio"
    if plain == "none":
        return None
    if re.fullmatch("#[0-9a-f]{6}", plain):
        red, green, blue = bytes.fromhex(plain[1:])
        return red, green, blue
    raise RenderError(
        f"There is no background '{shown(text)}'. Use studio, none or a colour as #20c040."
    )
