# SPDX-License-Identifier: GPL-3.0-or-later
"""The Live part of the DreamTalk tab."""

from __future__ import annotations

import bpy

from ..animation.settings import scene_settings
from ..live.settings import SPEAK, live_settings
from ..messages import draw_message, draw_online
from ..state import state
from .panels import _column, _Part


class DREAMTALK_PT_live(_Part, bpy.types.Panel):
    bl_label = "Live"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings, live = _column(self.layout), live_settings(context.scene), state().live
        on = live is not None and live.running
        column = layout.column()
        column.enabled = not on
        column.prop(settings, "source")
        if settings.source == SPEAK:
            column.prop(settings, "sound")
        else:
            column.prop(settings, "port")
        if settings.source == "IFACIALMOCAP":
            column.prop(settings, "phone")
        if settings.source != SPEAK and not bpy.app.online_access:
            draw_message(layout, context, _offline(), "INFO")
            if not on:
                draw_online(layout)
        if on:
            layout.operator("dreamtalk.stop_live", icon="PAUSE", depress=True)
        else:
            layout.operator("dreamtalk.start_live", icon="PLAY")
        if live is not None:
            draw_message(layout, context, live.sentence(), live.icon)
        recording = state().recording
        if recording is not None and recording.ended:
            layout.operator("dreamtalk.stop_recording", text="Make the Take", icon="REC")
        if on:
            _draw_recording(layout, context)


def _draw_recording(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = live_settings(context.scene)
    if settings.source != SPEAK:  # what we make ourselves rests at 0
        row = layout.row(align=True)
        row.operator("dreamtalk.take_rest", icon="USER").forget = False
        if settings.rest:
            row.operator("dreamtalk.take_rest", text="", icon="X").forget = True
    column = layout.column()
    recording = state().recording
    busy = recording is not None and not recording.ended
    column.enabled = not busy
    column.prop(settings, "punch")
    if settings.punch:
        for name in ("range_start", "range_stop", "range_blend"):
            column.prop(scene_settings(context.scene), name)
        column.prop(settings, "lead")
    else:
        column.prop(settings, "play")
    row = layout.row()
    row.scale_y = 1.6
    if busy:
        row.operator("dreamtalk.stop_recording", icon="SNAP_FACE", depress=True)
    else:
        row.operator("dreamtalk.record", icon="REC")


def _offline() -> str:
    return "Online access is off in the preferences: only this computer is listened to."


CLASSES = (DREAMTALK_PT_live,)
