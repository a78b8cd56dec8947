# SPDX-License-Identifier: GPL-3.0-or-later
"""Having panels drawn again: they do not notice by themselves that a bar has moved."""

from __future__ import annotations

import bpy

_REGIONS = {"VIEW_3D": "UI", "PREFERENCES": "WINDOW"}
"""Where something of ours is shown; to draw a heavy scene anew takes long."""


def redraw_panels() -> None:
    """Have the sidebars and the preferences drawn again, and no more."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type == _REGIONS.get(area.type):
                    region.tag_redraw()
