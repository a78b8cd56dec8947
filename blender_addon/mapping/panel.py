# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a character's mapping, and a report on its names."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from bpy.app.translations import pgettext_iface

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import SCHEMES, SOURCES, TURNS, Match

from ..messages import draw_message, message_of
from ..rigs import characters, targets
from ..rigs.properties import MappingRow
from ..rigs.reach import still_keys
from ..rigs.seen import seen_objects
from .data import unused
from .face_shapes import DREAMTALK_OT_landmarks, DREAMTALK_OT_make_shapes
from .operators import (
    DREAMTALK_OT_arkit_keys,
    DREAMTALK_OT_drive,
    DREAMTALK_OT_mapping_add,
    DREAMTALK_OT_mapping_clear,
    DREAMTALK_OT_mapping_load,
    DREAMTALK_OT_mapping_remove,
    DREAMTALK_OT_mapping_save,
    DREAMTALK_OT_match,
    DREAMTALK_OT_match_poses,
    DREAMTALK_OT_release,
)

_SHOWN = 8
"""Names that the panel lists before it only counts them."""


class DREAMTALK_UL_mapping(bpy.types.UIList):
    """The table: whether the row is on the character, its source, its target."""

    bl_idname = "DREAMTALK_UL_mapping"

    def draw_item(  # type: ignore[no-untyped-def]
        self, context, layout, data, item, icon, active_data, active_property, index
    ) -> None:
        objects = [own.thing for own in data.members if own.thing]
        there = item.source in SOURCES and bool(targets.places(item.target, objects))
        line = layout.row(align=True)
        line.label(text="", icon="CHECKMARK" if there else "ERROR")
        # The numbers are below the table: a sidebar is narrow.
        names = line.split(factor=0.5, align=True)
        names.label(text=item.source, translate=False)
        names.label(text=item.target, translate=False)


def _draw_make_shapes(layout: bpy.types.UILayout) -> None:
    row = layout.row(align=True)
    row.operator(DREAMTALK_OT_make_shapes.bl_idname, icon="MOD_MESHDEFORM")
    row.operator(DREAMTALK_OT_landmarks.bl_idname, text="", icon="EMPTY_AXIS")


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The mapping of the active object's character, for a panel."""
    try:
        objects = seen_objects(context)
    except DreamTalkError as error:
        draw_message(layout, context, message_of(error), "INFO")
        _draw_make_shapes(layout)
        return
    settings = characters.character_of(objects)
    found = targets.key_match(objects)
    _draw_report(layout, context, objects, found)
    if any(action.dreamtalk.kind == "NONE" for action in bpy.data.actions):
        layout.operator(DREAMTALK_OT_match_poses.bl_idname, icon="ACTION")
    buttons = layout.row(align=True)
    buttons.operator(DREAMTALK_OT_match.bl_idname, icon="VIEWZOOM")
    buttons.operator(DREAMTALK_OT_mapping_load.bl_idname, text="", icon="IMPORT")
    buttons.operator(DREAMTALK_OT_mapping_save.bl_idname, text="", icon="EXPORT")
    buttons.operator(DREAMTALK_OT_mapping_clear.bl_idname, text="", icon="X")
    if settings.rows:
        table = layout.row()
        table.template_list(
            DREAMTALK_UL_mapping.bl_idname, "", settings, "rows", settings, "row", rows=6
        )
        side = table.column(align=True)
        side.operator(DREAMTALK_OT_mapping_add.bl_idname, text="", icon="ADD")
        side.operator(DREAMTALK_OT_mapping_remove.bl_idname, text="", icon="REMOVE")
        if settings.row < len(settings.rows):
            _draw_row(layout, settings.rows[settings.row])
    if any(targets.is_drawing(name, objects) for name in {row.target for row in settings.rows}):
        layout.prop(settings, "hold")
    layout.operator("dreamtalk.draw_mouth", icon="GREASEPENCIL")
    layout.operator(DREAMTALK_OT_arkit_keys.bl_idname, icon="SHAPEKEY_DATA")
    _draw_make_shapes(layout)
    if settings.controller is None:
        layout.operator(DREAMTALK_OT_drive.bl_idname, icon="DRIVER")
        layout.operator("dreamtalk.controls", icon="POSE_HLT")
    else:
        layout.operator("dreamtalk.controls_to_keys", icon="KEYINGSET")
        layout.operator(DREAMTALK_OT_release.bl_idname, icon="X")


def _draw_report(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    objects: Sequence[bpy.types.Object],
    found: Match,
) -> None:
    try:
        mapping = targets.table_of(objects)
        moved = targets.mapping_of(objects)
    except DreamTalkError as error:
        draw_message(layout, context, message_of(error), "ERROR")
        return
    still, free = still_keys(objects), unused(objects, moved)
    lost = [row for row in mapping.rows if not targets.places(row.target, objects)]
    box = layout.column(align=True)
    scheme = SCHEMES.get(found.scheme, "Names not recognised") if found.scheme_of else "Bones"
    icon = "SHAPEKEY_DATA" if found.scheme_of else "OUTLINER_OB_ARMATURE"
    draw_message(box, context, scheme, icon)
    for text, names, icon in (
        ("Matched", [row.target for row in mapping.rows if row not in lost], "CHECKMARK"),
        ("Not on the character", [row.target for row in lost], "ERROR"),
        ("Conflicts", [f"{own.target} = {own.instead}" for own in found.conflicts], "ERROR"),
        ("Move no vertex", still, "INFO"),
        ("Not needed", [name for name in found.needless if name in free], "DOT"),
    ):
        count = len(dict.fromkeys(names))
        if count:
            box.label(text=_counted(text, count), icon=icon, translate=False)
            if icon in {"ERROR", "INFO"}:
                for name in list(dict.fromkeys(names))[:_SHOWN]:
                    box.label(text=f"    {name}", translate=False)
    settled = {*still, *found.needless, *(own.target for own in found.conflicts)}
    left = [name for name in free if name not in settled]
    if left:
        box.label(text=_counted("Not matched", len(left)), icon="DOT", translate=False)
        for name in left[:_SHOWN]:
            row = box.row()
            row.label(text=f"    {name}", translate=False)
            row.operator(
                DREAMTALK_OT_mapping_add.bl_idname, text="", icon="ADD", emboss=False
            ).target = name


def _counted(text: str, count: int) -> str:
    return f"{pgettext_iface(text)}: {count}"


def _draw_row(layout: bpy.types.UILayout, row: MappingRow) -> None:
    column = layout.column(align=True)
    column.prop(row, "source")
    column.prop(row, "target")
    column.prop(row, "scale")
    if row.source not in TURNS:
        column.prop(row, "offset")


CLASSES = (DREAMTALK_UL_mapping,)
