# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to the user: what is wrong and what to do, in the language of the interface."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import east_asian_width

import bpy

from .state import state

_BUTTON = re.compile(r"(?<=[Pp]ress )(?!Tab\b)[A-Z]\w*(?: [A-Z]\w*)*")
_LETTER, _MARGINS = 6.5, 80
"""Pixels that a letter takes, and that no letter gets: an icon, edges, the tabs of the sidebar."""


def told(text: str) -> str:
    """A message as the language of the interface has it, with what was put into it.

    One that no table has stays as it is, but for the buttons to press.
    """
    translate = bpy.app.translations.pgettext
    for pattern, message in state().sentences():
        parts = pattern.fullmatch(text)
        if parts is not None:
            own = str(translate(message, "*"))
            if own != message:
                # A name is no message, whatever it is.
                return own.format(*(told(part) if " " in part else part for part in parts.groups()))
    return _BUTTON.sub(lambda label: str(translate(label[0], "Operator")), text)


def message_of(error: Exception) -> str:
    """The text of an error, as `told` tells it."""
    return told(str(error))


def draw_message(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str
) -> None:
    """A message over as many lines as it needs: a label is one line, and is cut off."""
    region, scale = context.region, context.preferences.system.ui_scale
    # Without a window there is neither.
    letters = (region.width / scale - _MARGINS) / _LETTER if region and scale else 0
    column = layout.column(align=True)
    column.scale_y = 0.8
    for line in _lines(told(text), max(25, int(letters))):
        column.label(text=line, icon=icon, translate=False)
        icon = "BLANK1"


def draw_online(layout: bpy.types.UILayout) -> None:
    """Blender's own button that allows the network, while it is not allowed."""
    if not bpy.app.online_access:
        layout.operator(
            "extensions.userpref_allow_online", text="Allow Online Access", icon="INTERNET"
        )


def _lines(text: str, width: int) -> Iterator[str]:
    """A text in lines of so many letters; those of Chinese take two, and part anywhere."""
    line = ""
    for word in re.findall(r"[^\s\u2e80-\uffff]+|[\u2e80-\uffff]|\s+", text):
        if line and _wide(line + word.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += word if line else word.lstrip()
    if line.strip():
        yield line.rstrip()


def _wide(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
