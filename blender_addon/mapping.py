# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping of a character: kept with it, matched, edited in a table, shared as presets, driven.

It is kept on one of the character's objects (`targets.holder_of`). Until somebody presses Match,
edits a row or loads a preset, nothing is kept, and names are matched anew every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface
from bpy_extras.io_utils import ExportHelper, ImportHelper

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import (
    SCHEMES,
    SOURCES,
    TURNS,
    Mapping,
    Match,
    read_preset,
    write_preset,
)

from . import arkit_keys, drivers, rigs, targets
from .messages import say, told

_SHOWN = 8
"""Names that the panel lists before it only counts them."""


def _sources(_row: MappingRow, _context: bpy.types.Context, text: str) -> list[str]:
    return [name for name in SOURCES if text.lower() in name.lower()]


def _channels(row: MappingRow, _context: bpy.types.Context, text: str) -> list[str]:
    """What a row may move: shape keys by name, bones by path."""
    objects = [own.thing for own in row.id_data.dreamtalk.members if own.thing]
    bones = [
        rigs.bone_path(bone.name)
        for thing in objects
        if thing.type == "ARMATURE"
        for bone in thing.data.bones
    ]
    return [name for name in [*targets.key_names(objects), *bones] if text.lower() in name.lower()]


class MappingRow(bpy.types.PropertyGroup):
    """One row of a character's mapping, as `dreamtalk_core.retarget.Row`."""

    __annotations__ = {
        "source": bpy.props.StringProperty(
            name="Source",
            description="What moves the channel: an ARKit shape, a viseme, an angle in degrees, or "
            "head, eyeLeft, eyeRight to turn a whole bone",
            search=_sources,
        ),
        "target": bpy.props.StringProperty(
            name="Target",
            description="What is moved: a shape key by its name; a bone or a property by its path, "
            'such as pose.bones["jaw"].location[1] (right-click a property > Copy Data Path)',
            search=_channels,
            search_options={"SUGGESTION"},
        ),
        "scale": bpy.props.FloatProperty(
            name="Scale", description="How far it moves at the full shape", default=1.0, step=5
        ),
        "offset": bpy.props.FloatProperty(
            name="Offset", description="Its value while the face is at rest", default=0.0, step=5
        ),
    }


class MappingMember(bpy.types.PropertyGroup):
    """An object of the character."""

    __annotations__ = {"thing": bpy.props.PointerProperty(type=bpy.types.Object)}


class CharacterSettings(bpy.types.PropertyGroup):
    """What is kept with a character: its objects, its mapping, and what drives it."""

    __annotations__ = {
        "members": bpy.props.CollectionProperty(type=MappingMember),
        "rows": bpy.props.CollectionProperty(type=MappingRow),
        "row": bpy.props.IntProperty(name="Row", description="The selected row of the mapping"),
        "controller": bpy.props.PointerProperty(
            type=bpy.types.Object, description="What drives the face, where it is driven"
        ),
    }


def keep(objects: Sequence[bpy.types.Object], mapping: Mapping) -> None:
    """Keep a mapping with a character, in the place of the old one; drivers follow it.

    Raises DreamTalkError where the character is linked and cannot keep anything.
    """
    holder = targets.holder_of(objects)
    if holder.library is not None:
        raise DreamTalkError(
            f"'{holder.name}' is linked from {holder.library.filepath}, so it cannot keep a "
            "mapping here. Make a library override of it first (Object > Library Override > Make)."
        )
    driven = holder.dreamtalk.controller is not None
    if driven:
        drivers.undrive(objects)
    settings = holder.dreamtalk
    settings.members.clear()
    for thing in objects:
        settings.members.add().thing = thing
    settings.rows.clear()
    for row in mapping.rows:
        own = settings.rows.add()
        own.source, own.target = row.source, row.target
        own.scale, own.offset = row.scale, row.offset
    settings.row = min(settings.row, max(0, len(mapping.rows) - 1))
    if driven:
        drivers.drive(objects)


def report_of(objects: Sequence[bpy.types.Object]) -> Match:
    """What the names of a character's shape keys say."""
    return rigs.key_match(targets.key_names(objects))


def unused(objects: Sequence[bpy.types.Object], mapping: Mapping) -> list[str]:
    """Shape keys that no row moves."""
    used = set(mapping.targets)
    return [name for name in targets.key_names(objects) if name not in used]


def preset_folder() -> Path:
    """Where presets are saved unless somebody chooses another place; made when first asked for."""
    return Path(bpy.utils.extension_path_user(__package__, path="mappings", create=True))


class _Tool(bpy.types.Operator):
    """An operator on the active object's character: errors of ours are shown as they are."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        """Do it; returns what to tell."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            said = self.run(context, targets.objects_of(context))
        except DreamTalkError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        if said:
            self.report({"INFO"}, said)
        return {"FINISHED"}


class DREAMTALK_OT_match(_Tool):
    bl_idname = "dreamtalk.match"
    bl_label = "Match"
    bl_description = "Fill the table from the names of the character's shape keys and bones"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        mapping = targets.automatic(objects)
        keep(objects, mapping)
        found = report_of(objects)
        scheme = f" ({SCHEMES[found.scheme]})" if found.scheme else ""
        return (
            f"{len(mapping.rows)} rows{scheme}; {len(found.unmatched)} shape keys not matched, "
            f"{len(found.conflicts)} conflicts."
        )


class DREAMTALK_OT_mapping_add(_Tool):
    bl_idname = "dreamtalk.mapping_add"
    bl_label = "Add Row"
    bl_description = "Add a row to the mapping"

    __annotations__ = {
        "target": bpy.props.StringProperty(name="Target", options={"SKIP_SAVE"}),
        "source": bpy.props.StringProperty(name="Source", options={"SKIP_SAVE"}),
    }

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        _ensure_kept(objects)
        settings = targets.holder_of(objects).dreamtalk
        row = settings.rows.add()
        row.source, row.target = self.source or "jawOpen", self.target
        settings.row = len(settings.rows) - 1
        return ""


class DREAMTALK_OT_mapping_remove(_Tool):
    bl_idname = "dreamtalk.mapping_remove"
    bl_label = "Remove Row"
    bl_description = "Remove the selected row from the mapping"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        settings = targets.holder_of(objects).dreamtalk
        settings.rows.remove(settings.row)
        settings.row = max(0, min(settings.row, len(settings.rows) - 1))
        return ""


class DREAMTALK_OT_mapping_clear(_Tool):
    bl_idname = "dreamtalk.mapping_clear"
    bl_label = "Forget Mapping"
    bl_description = "Forget the table and match names anew every time"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        drivers.release(objects)
        settings = targets.holder_of(objects).dreamtalk
        settings.rows.clear()
        settings.members.clear()
        return ""


class DREAMTALK_OT_mapping_load(_Tool, ImportHelper):
    bl_idname = "dreamtalk.mapping_load"
    bl_label = "Load Preset"
    bl_description = "Replace the mapping by one from a file"

    filename_ext = ".json"
    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_glob": bpy.props.StringProperty(default="*.json", options={"HIDDEN"}),
    }

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = str(preset_folder()) + "/"
        return set(super().invoke(context, event))

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        mapping = read_preset(self.filepath)
        keep(objects, mapping)
        lost = sum(not targets.places(row.target, objects) for row in mapping.rows)
        return f"{len(mapping.rows)} rows; {lost} of them have no target on this character."


class DREAMTALK_OT_mapping_save(_Tool, ExportHelper):
    bl_idname = "dreamtalk.mapping_save"
    bl_label = "Save Preset"
    bl_description = "Write the mapping to a file, for other characters and other people"
    bl_options = {"REGISTER"}  # noqa: RUF012

    filename_ext = ".json"
    __annotations__ = {
        "filepath": bpy.props.StringProperty(subtype="FILE_PATH"),
        "filter_glob": bpy.props.StringProperty(default="*.json", options={"HIDDEN"}),
    }

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = str(preset_folder() / "mapping.json")
        return set(super().invoke(context, event))

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        path = Path(self.filepath)
        mapping = targets.mapping_of(objects)
        write_preset(path, Mapping(mapping.rows, path.stem))
        return f"Saved {path}."


class DREAMTALK_OT_drive(_Tool):
    bl_idname = "dreamtalk.drive"
    bl_label = "Drive"
    bl_description = (
        "Make an empty with a property for every source, and drivers from it to the face: takes "
        "then animate the empty. Heads and eyes that turn as a whole keep their own keys"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        _ensure_kept(objects)
        made = drivers.drive(objects)
        return f"{made} drivers made."


class DREAMTALK_OT_release(_Tool):
    bl_idname = "dreamtalk.release"
    bl_label = "Release"
    bl_description = "Take the drivers and their empty away: takes animate the face itself again"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        drivers.release(objects)
        return ""


class DREAMTALK_OT_arkit_keys(_Tool):
    bl_idname = "dreamtalk.arkit_keys"
    bl_label = "Make ARKit Keys"
    bl_description = (
        "Add the ARKit shape keys that the meshes lack: the sample head's own, or on other meshes "
        "mixed from the shape keys that the mapping moves"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        made = arkit_keys.make(objects, targets.mapping_of(objects))
        return f"{made} shape keys made."


def _ensure_kept(objects: Sequence[bpy.types.Object]) -> None:
    if not targets.holder_of(objects).dreamtalk.rows:
        keep(objects, targets.automatic(objects))


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


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The mapping of the active object's character, for a panel."""
    try:
        objects = targets.objects_of(context)
    except DreamTalkError as error:
        say(layout, context, told(error), "INFO")
        return
    settings = targets.holder_of(objects).dreamtalk
    found = report_of(objects)
    _draw_report(layout, context, objects, found)
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
    layout.operator(DREAMTALK_OT_arkit_keys.bl_idname, icon="SHAPEKEY_DATA")
    if settings.controller is None:
        layout.operator(DREAMTALK_OT_drive.bl_idname, icon="DRIVER")
    else:
        layout.operator(DREAMTALK_OT_release.bl_idname, icon="X")


def _draw_report(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    objects: Sequence[bpy.types.Object],
    found: Match,
) -> None:
    try:
        mapping = targets.mapping_of(objects)
    except DreamTalkError as error:
        say(layout, context, told(error), "ERROR")
        return
    lost = [row for row in mapping.rows if not targets.places(row.target, objects)]
    box = layout.column(align=True)
    box.label(
        text=SCHEMES.get(found.scheme, "Names not recognised") if found.scheme_of else "Bones",
        icon="OUTLINER_OB_ARMATURE" if not found.scheme_of else "SHAPEKEY_DATA",
    )
    for text, names, icon in (
        ("Matched", [row.target for row in mapping.rows if row not in lost], "CHECKMARK"),
        ("Not on the character", [row.target for row in lost], "ERROR"),
        ("Conflicts", [f"{own.target} = {own.instead}" for own in found.conflicts], "ERROR"),
    ):
        count = len(dict.fromkeys(names))
        if count:
            box.label(text=_counted(text, count), icon=icon, translate=False)
            if icon == "ERROR":
                for name in list(dict.fromkeys(names))[:_SHOWN]:
                    box.label(text=f"    {name}", translate=False)
    left = [name for name in unused(objects, mapping) if name not in _targets(found)]
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


def _targets(found: Match) -> Iterator[str]:
    return (own.target for own in found.conflicts)


def _draw_row(layout: bpy.types.UILayout, row: MappingRow) -> None:
    column = layout.column(align=True)
    column.prop(row, "source")
    column.prop(row, "target")
    column.prop(row, "scale")
    if row.source not in TURNS:
        column.prop(row, "offset")


CLASSES = (
    MappingRow,
    MappingMember,
    CharacterSettings,
    DREAMTALK_UL_mapping,
    DREAMTALK_OT_match,
    DREAMTALK_OT_mapping_add,
    DREAMTALK_OT_mapping_remove,
    DREAMTALK_OT_mapping_clear,
    DREAMTALK_OT_mapping_load,
    DREAMTALK_OT_mapping_save,
    DREAMTALK_OT_drive,
    DREAMTALK_OT_release,
    DREAMTALK_OT_arkit_keys,
)


def register() -> None:
    bpy.types.Object.dreamtalk = bpy.props.PointerProperty(type=CharacterSettings)


def unregister() -> None:
    del bpy.types.Object.dreamtalk
