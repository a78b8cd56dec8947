# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with a character's mapping."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import SCHEMES, Mapping, read_preset, write_preset

from .. import PACKAGE
from ..messages import message_of, told
from ..properties import properties
from ..rigs import characters, targets
from ..rigs.poses import is_pose, pose_rows
from ..rigs.reach import look_again
from ..state import state
from . import arkit_keys, drivers
from .data import ensure_stored, store


def preset_folder() -> Path:
    """Where presets are saved unless somebody chooses another place; made when needed."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path="mappings", create=True))


class CharacterTool(bpy.types.Operator):
    """An operator on the active object's character: errors of ours are shown as they are."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        """Do it; returns what to report, or nothing."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        try:
            report = self.run(context, characters.objects_of(context))
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        if report:
            self.report({"INFO"}, told(report))
        return {"FINISHED"}


class DREAMTALK_OT_match(CharacterTool):
    bl_idname = "dreamtalk.match"
    bl_label = "Match"
    bl_description = "Fill the table from the names of the character's shape keys and bones"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        look_again()
        mapping = targets.automatic(objects)
        store(objects, mapping)
        found = targets.key_match(objects)
        scheme = f" ({SCHEMES[found.scheme]})" if found.scheme else ""
        return (
            f"{len(mapping.rows)} rows{scheme}; {len(found.unmatched)} shape keys not matched, "
            f"{len(found.conflicts)} conflicts."
        )


class DREAMTALK_OT_match_poses(CharacterTool):
    bl_idname = "dreamtalk.match_poses"
    bl_label = "Match Poses"
    bl_description = (
        "Move the mouth by Actions of a pose library, or by one with pose markers, that are called "
        "after visemes or shapes; the rest of the table stays"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        found = pose_rows(objects)
        if not found:
            raise DreamTalkError(
                "No Action that moves this character is called after a viseme, such as AA or "
                "viseme_PP, nor is a pose marker in one."
            )
        regions = {targets.region_of(row.source) for row in found}
        regions |= {"Lips", "Jaw"} if regions & {"Lips", "Jaw"} else set()
        kept = [
            row
            for row in targets.table_of(objects).rows
            if not is_pose(row.target) and targets.region_of(row.source) not in regions
        ]
        store(objects, Mapping((*kept, *found)))
        return f"{len(found)} poses found."


@properties()
class DREAMTALK_OT_mapping_add(CharacterTool):
    bl_idname = "dreamtalk.mapping_add"
    bl_label = "Add Row"
    bl_description = "Add a row to the mapping"

    target: str = bpy.props.StringProperty(name="Target", options={"SKIP_SAVE"})
    source: str = bpy.props.StringProperty(name="Source", options={"SKIP_SAVE"})

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        ensure_stored(objects)
        settings = characters.character_of(objects)
        row = settings.rows.add()
        row.source, row.target = self.source or "jawOpen", self.target
        settings.row = len(settings.rows) - 1
        return ""


class DREAMTALK_OT_mapping_remove(CharacterTool):
    bl_idname = "dreamtalk.mapping_remove"
    bl_label = "Remove Row"
    bl_description = "Remove the selected row from the mapping"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        settings = characters.character_of(objects)
        settings.rows.remove(settings.row)
        settings.row = max(0, min(settings.row, len(settings.rows) - 1))
        return ""


class DREAMTALK_OT_mapping_clear(CharacterTool):
    bl_idname = "dreamtalk.mapping_clear"
    bl_label = "Forget Mapping"
    bl_description = "Forget the table and match names anew every time"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        drivers.release(objects)
        settings = characters.character_of(objects)
        settings.rows.clear()
        settings.members.clear()
        return ""


@properties()
class DREAMTALK_OT_mapping_load(CharacterTool, ImportHelper):
    bl_idname = "dreamtalk.mapping_load"
    bl_label = "Load Preset"
    bl_description = "Replace the mapping by one from a file"

    filename_ext = ".json"
    filepath: str = bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: str = bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = str(preset_folder()) + "/"
        return set(super().invoke(context, event))

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        mapping = read_preset(self.filepath)
        store(objects, mapping)
        lost = sum(not targets.places(row.target, objects) for row in mapping.rows)
        return f"{len(mapping.rows)} rows; {lost} of them have no target on this character."


@properties()
class DREAMTALK_OT_mapping_save(CharacterTool, ExportHelper):
    bl_idname = "dreamtalk.mapping_save"
    bl_label = "Save Preset"
    bl_description = "Write the mapping to a file, for other characters and other people"
    bl_options = {"REGISTER"}  # noqa: RUF012

    filename_ext = ".json"
    filepath: str = bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: str = bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = str(preset_folder() / "mapping.json")
        return set(super().invoke(context, event))

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        path = Path(self.filepath)
        mapping = targets.table_of(objects)
        write_preset(path, Mapping(mapping.rows, path.stem))
        return f"Saved {path}."


class DREAMTALK_OT_drive(CharacterTool):
    bl_idname = "dreamtalk.drive"
    bl_label = "Drive"
    bl_description = (
        "Make an empty with a property for every source, and drivers from it to the face: takes "
        "then animate the empty. Heads and eyes that turn as a whole keep their own keys"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        ensure_stored(objects)
        made = drivers.drive(objects)
        return f"{made} drivers made."


class DREAMTALK_OT_release(CharacterTool):
    bl_idname = "dreamtalk.release"
    bl_label = "Release"
    bl_description = "Take the drivers and their empty away: takes animate the face itself again"

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        drivers.release(objects)
        return ""


class DREAMTALK_OT_arkit_keys(CharacterTool):
    bl_idname = "dreamtalk.arkit_keys"
    bl_label = "Make ARKit Keys"
    bl_description = (
        "Add the ARKit shape keys that the meshes lack: the sample head's own, or on other meshes "
        "mixed from the shape keys that the mapping moves"
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        made = arkit_keys.make(objects, targets.mapping_of(objects))
        return f"{made} shape keys made."


CLASSES = (
    DREAMTALK_OT_match,
    DREAMTALK_OT_match_poses,
    DREAMTALK_OT_mapping_add,
    DREAMTALK_OT_mapping_remove,
    DREAMTALK_OT_mapping_clear,
    DREAMTALK_OT_mapping_load,
    DREAMTALK_OT_mapping_save,
    DREAMTALK_OT_drive,
    DREAMTALK_OT_release,
    DREAMTALK_OT_arkit_keys,
)
