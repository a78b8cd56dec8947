# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to the user: what is wrong and what to do."""

from __future__ import annotations

import re
from textwrap import wrap

import bpy

_BUTTON = re.compile(r"(?<=[Pp]ress )(?!Tab\b)[A-Z]\w*(?: [A-Z]\w*)*")
_LETTER, _MARGINS = 6.5, 80
"""Pixels that a letter takes, and that no letter gets: an icon, edges, the tabs of the sidebar."""


def message_of(error: Exception) -> str:
    """The text of an error, with the buttons to press as the language of the interface has them."""
    translate = bpy.app.translations.pgettext
    return _BUTTON.sub(lambda label: str(translate(label[0], "Operator")), str(error))


def draw_message(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str
) -> None:
    """A message over as many lines as it needs: a label is one line, and is cut off."""
    region, scale = context.region, context.preferences.system.ui_scale
    # Without a window there is neither.
    letters = (region.width / scale - _MARGINS) / _LETTER if region and scale else 0
    column = layout.column(align=True)
    column.scale_y = 0.8
    for line in wrap(text, max(25, int(letters))):
        column.label(text=line, icon=icon, translate=False)
        icon = "BLANK1"
