# SPDX-License-Identifier: GPL-3.0-or-later
"""The DreamTalk tab in the sidebar of the 3D view."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy
from bpy.app.translations import pgettext_iface

from dreamtalk_core.errors import DreamTalkError

from ..animation.actions import REGIONS, frame_span
from ..animation.editing import edited
from ..animation.lines import chosen_strips, nameless_channels, said_on_channels
from ..animation.moving import shift_of
from ..animation.settings import (
    BEHAVIOUR,
    CONTROLS,
    FILE,
    LISTENER,
    LISTENS,
    MARKERS,
    NAMED,
    STRIPS,
    scene_settings,
)
from ..animation.sound import sound_strips
from ..animation.take_settings import heard_in, style_of, take_settings
from ..animation.takes import current_take, takes_on
from ..animation.together import bound
from ..animation.tracks import is_muted
from ..client.choice import no_install
from ..mapping import panel as mapping_panel
from ..messages import draw_message, draw_online, message_of, told
from ..rigs.characters import holder_of
from ..rigs.seen import seen_doubts, seen_lack, seen_objects
from ..state import state
from ..translations import OWN

_SHOWN = 8
"""Strips that the panel lists before it only counts them."""


class _Panel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "DreamTalk"


class _Part(_Panel):
    """A part of the panel that can be folded."""

    bl_parent_id = "DREAMTALK_PT_main"
    bl_options: ClassVar[set[str]] = {"DEFAULT_CLOSED"}


class DREAMTALK_PT_main(_Panel, bpy.types.Panel):
    bl_label = "DreamTalk"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = _column(self.layout), scene_settings(context.scene)
        try:
            objects = seen_objects(context)
        except DreamTalkError as error:
            _draw_no_face(layout, context, message_of(error))
            objects = []
        try:
            lack = seen_lack(objects) if objects else ""
            if lack:
                _draw_no_face(layout, context, lack)
            found = seen_doubts(objects)
        except DreamTalkError as error:
            found = [message_of(error)]
        for doubt in found:
            draw_message(layout, context, doubt, "ERROR")
        layout.prop(settings, "role")
        listens = settings.role == LISTENS
        if listens:
            layout.prop(settings, "listens_to")
        if not (listens and settings.listens_to):
            _draw_sound(layout, context, settings)
        if not listens:
            layout.template_ID(
                settings, "transcript", new="text.new", open="text.open", text="Transcript"
            )
        for name in LISTENER if listens else ():
            layout.prop(settings, name, slider=True)
        job = state().job
        if job is not None:
            _progress(layout, job.progress, job.message, "JOB")
            return
        row = layout.row()
        row.scale_y = 1.6
        row.enabled = bool(objects) and state().installation is None
        row.operator("dreamtalk.animate", icon="PLAY")
        row = layout.row(align=True)
        row.enabled = bool(objects)
        row.operator("dreamtalk.import_motion", icon="IMPORT")
        row.operator("dreamtalk.test", icon="HIDE_OFF")
        _draw_worker(layout, context)


def _draw_no_face(layout: Any, context: bpy.types.Context, why: str) -> None:
    """Why what is selected cannot speak, and what can be had that does."""
    draw_message(layout, context, why, "INFO")
    row = layout.row(align=True)
    row.operator("dreamtalk.add_head", icon="USER").show = True
    row.operator("dreamtalk.make_shapes", icon="MOD_MESHDEFORM")


def _draw_sound(layout: Any, context: bpy.types.Context, settings: Any) -> None:
    """Where the speech is: a file, and its start, or strips of the sequencer."""
    layout.prop(settings, "sound_from")
    if settings.sound_from == FILE:
        layout.prop(settings, "sound")
        layout.prop(settings, "start_at")
        if settings.start_at == "FRAME":
            layout.prop(settings, "start_frame")
        return
    try:
        if settings.sound_from == STRIPS:
            names = [own.name for own in chosen_strips(context.scene)]
        else:
            said = said_on_channels(context.scene)
            names = [f"{holder_of(objects).name}: {strip.name}" for strip, objects in said]
            for name in nameless_channels(context.scene):
                message = told(f"No character is called {name}.")
                draw_message(layout, context, message, "INFO")
    except DreamTalkError as error:
        draw_message(layout, context, message_of(error), "INFO")
        return
    column = layout.column(align=True)
    for name in names[:_SHOWN]:
        column.label(text=name, icon="SOUND", translate=False)
    if len(names) > _SHOWN:
        column.label(text=f"+ {len(names) - _SHOWN}", translate=False)


def _draw_worker(layout: Any, context: bpy.types.Context) -> None:
    """Whether there is a Python to compute in, and how to get one."""
    own = state()
    if own.installation is not None:
        draw_message(layout, context, own.installation.message, "SORTTIME")
    elif trouble := own.service.trouble():
        draw_message(layout, context, trouble, "ERROR")
        if not no_install(own.wheel):
            draw_online(layout)
            layout.operator("dreamtalk.install_worker", icon="IMPORT")
    else:
        layout.label(text=own.service.doing, icon="CHECKMARK")


class DREAMTALK_PT_style(_Part, bpy.types.Panel):
    bl_label = "Style"
    bl_translation_context = OWN
    bl_options: ClassVar[set[str]] = set()

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = _column(self.layout), scene_settings(context.scene)
        layout.prop(settings, "style_from", text="From", text_ctxt=OWN)
        if settings.style_from in {NAMED, MARKERS}:
            layout.template_icon_view(settings, "style", show_labels=True, scale=5, scale_popup=5)
            layout.prop(settings, "style", text="Style", text_ctxt=OWN)
        if settings.style_from == MARKERS:
            layout.operator("dreamtalk.add_style_marker", icon="MARKER_HLT")
        if settings.style_from == FILE:
            layout.prop(settings, "style_file", text="File")
        layout.prop(settings, "intensity", slider=True)
        layout.prop(settings, "style_on_track", text="Own Track")
        layout.prop(settings, "seed")
        column = layout.column(align=True)
        column.operator("dreamtalk.refresh_styles", icon="FILE_REFRESH")
        column.operator("dreamtalk.extract_style", icon="ADD")
        task = state().styles.task
        if task is not None and not task.finished:
            _progress(layout, task.progress, task.message, "STYLES")
        elif task is not None and task.state == "FAILED":
            draw_message(layout, context, task.error, "ERROR")
        for warning in task.warnings if task is not None else ():
            draw_message(layout, context, warning, "INFO")


class DREAMTALK_PT_life(_Part, bpy.types.Panel):
    bl_label = "Life and Limits"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = _column(self.layout), scene_settings(context.scene)
        layout.prop(settings, "head")
        layout.prop(settings, "head_ease")
        for table in (BEHAVIOUR, CONTROLS):
            column = layout.column(align=True)
            for name in table:
                column.prop(settings, name, slider=True)
        layout.prop(settings, "tolerance")
        layout.prop(settings, "use_sound")
        layout.prop(settings, "use_range")


class DREAMTALK_PT_takes(_Part, bpy.types.Panel):
    bl_label = "Takes"
    bl_options: ClassVar[set[str]] = set()

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = _column(self.layout), scene_settings(context.scene)
        try:
            objects = seen_objects(context)
        except DreamTalkError:
            objects = []
        found, take = takes_on(objects), current_take(context, objects)
        if not found:
            layout.label(text="No takes yet")
            return
        box = layout.box().column(align=True)
        for own in reversed(found):
            _take_row(box, own, own == take)
        if take is None:
            return
        first, last = frame_span(take)
        by = shift_of(take)
        name = bpy.path.basename(heard_in(take).replace("\\", "/"))
        draw_message(layout, context, f"{first + by} – {last + by}  {name}", "NONE")
        for heard in take_settings(take).made_from.get("heard", []):
            draw_message(layout, context, _heard_text(heard), "SPEAKER")
        column = layout.column(align=True)
        column.operator("dreamtalk.show_only_take", icon="SOLO_ON").take = ""
        held = bool(bound(take, context.scene))
        if held or any(sound_strips(context.scene)):
            icon = "LINKED" if held else "UNLINKED"
            column.operator("dreamtalk.bind_sound", icon=icon, depress=held).take = ""
        column.prop(settings, "correct", text="")
        column.operator("dreamtalk.add_correction", icon="KEYINGSET").take = ""
        style = style_of(take)
        if style is not None:
            layout.prop(take_settings(style), "intensity", text="Style Intensity", slider=True)


def _current(context: bpy.types.Context) -> bpy.types.Action | None:
    try:
        objects = seen_objects(context)
    except DreamTalkError:
        objects = []
    return current_take(context, objects)


def _heard_text(heard: dict[str, Any]) -> str:
    """What was heard in the voice of a take: `Heard: angry (83 %)`, or `Heard (unsure): ...`."""
    sure, percent = heard["probability"] >= 0.5, f"{100 * heard['probability']:.0f} %"
    emotion = pgettext_iface(heard["emotion"])
    return f"{pgettext_iface('Heard' if sure else 'Heard (unsure)')}: {emotion} ({percent})"


def _take_row(layout: Any, take: bpy.types.Action, chosen: bool) -> None:
    row = layout.row(align=True)
    icon = "RADIOBUT_ON" if chosen else "RADIOBUT_OFF"
    row.operator("dreamtalk.choose_take", text="", icon=icon, emboss=False).take = take.name
    row.prop(take, "name", text="")
    muted = is_muted(take)
    icon = "CHECKBOX_DEHLT" if muted else "CHECKBOX_HLT"
    row.operator("dreamtalk.toggle_take", text="", icon=icon, emboss=False).take = take.name
    row.operator("dreamtalk.delete_take", text="", icon="X", emboss=False).take = take.name


class DREAMTALK_PT_strengths(_Part, bpy.types.Panel):
    bl_label = "Strengths"

    def draw(self, context: bpy.types.Context) -> None:
        layout, take = _column(self.layout), _current(context)
        if take is None:
            layout.label(text="No takes yet")
            return
        layout.label(text=take.name, icon="ACTION", translate=False)
        column = layout.column(align=True)
        for region in REGIONS:
            column.prop(take_settings(take), region.lower(), slider=True)
        layout.operator("dreamtalk.reset_strengths", icon="LOOP_BACK")


class DREAMTALK_PT_edit(_Part, bpy.types.Panel):
    bl_label = "Edit Take"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = _column(self.layout), scene_settings(context.scene)
        take = _current(context)
        if take is not None:
            layout.label(text=take.name, icon="ACTION", translate=False)
        column = layout.column(align=True)
        column.prop(settings, "range_start")
        column.prop(settings, "range_stop")
        column.prop(settings, "range_blend")
        layout.operator("dreamtalk.regenerate", icon="FILE_REFRESH")
        layout.prop(settings, "cutoff")
        layout.operator("dreamtalk.smooth_keys", icon="SMOOTHCURVE")
        layout.prop(settings, "tolerance")
        layout.operator("dreamtalk.reduce_keys", icon="KEYFRAME")
        layout.separator()
        if take is not None and edited(take):
            layout.operator("dreamtalk.edit_keys", text="Close Keys", icon="X")
        else:
            layout.operator("dreamtalk.edit_keys", icon="ACTION")
        layout.operator("dreamtalk.bake", icon="ACTION_TWEAK")
        layout.operator("dreamtalk.import_subtitles", icon="MARKER")


class DREAMTALK_PT_mapping(_Part, bpy.types.Panel):
    bl_label = "Mapping"

    def draw(self, context: bpy.types.Context) -> None:
        mapping_panel.draw(self.layout, context)


class DREAMTALK_PT_batch(_Part, bpy.types.Panel):
    bl_label = "Batch and Export"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = _column(self.layout), scene_settings(context.scene)
        layout.prop(settings, "folder")
        layout.prop(settings, "layout")
        if settings.layout == "SEQUENCE":
            layout.prop(settings, "gap")
        layout.prop(settings, "export_folder")
        layout.operator("dreamtalk.batch", icon="RENDER_ANIMATION")
        layout.separator()
        layout.prop(settings, "format")
        layout.operator("dreamtalk.export", icon="EXPORT")


def _column(layout: Any) -> Any:
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def _progress(layout: Any, share: float, message: str, what: str) -> None:
    row = layout.row(align=True)
    row.progress(factor=share, text=message)
    row.operator("dreamtalk.cancel", text="", icon="X").what = what


CLASSES = (
    DREAMTALK_PT_main,
    DREAMTALK_PT_style,
    DREAMTALK_PT_life,
    DREAMTALK_PT_takes,
    DREAMTALK_PT_strengths,
    DREAMTALK_PT_edit,
    DREAMTALK_PT_mapping,
    DREAMTALK_PT_batch,
)
