# SPDX-License-Identifier: GPL-3.0-or-later
"""Many sound files, a take each: from the panel, and without a window for pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats._limits import files_in

from ..client.job_operator import JobOperator, kept
from ..client.jobs import Result, all_of
from ..messages import message_of, told
from ..properties import properties
from ..rigs.doubts import doubts
from .actions import frame_span
from .animate import animate_requests, character, take_name
from .export import check_export, export_character, from_zero
from .putting import put_sound, put_take
from .settings import first_frame, scene_settings
from .sound import SOUNDS
from .tracks import show_only


def sounds_in(folder: str) -> list[Path]:
    """The sound files of a folder, by name. Raises DreamTalkError where there are none."""
    if not folder.strip():
        raise DreamTalkError("Choose a folder of sound files first.")
    home = Path(bpy.path.abspath(folder))
    if not home.is_dir():
        raise DreamTalkError(f"There is no folder {home}. Choose the folder of sounds again.")
    found = sorted(path for path in files_in(home, DreamTalkError) if path.suffix.lower() in SOUNDS)
    if not found:
        raise DreamTalkError(f"There is no sound file in {home}.")
    return found


@properties()
class DREAMTALK_OT_batch(JobOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.batch"
    bl_label = "Animate All"
    bl_description = "Make a take from every sound file of the folder, with the settings above"
    bl_options: ClassVar[set[str]] = {"UNDO"}

    directory: str = bpy.props.StringProperty(
        name="Folder", description="Empty: the folder in the panel", subtype="DIR_PATH"
    )
    object: str = bpy.props.StringProperty(
        name="Object", description="The character; empty: the active object"
    )

    def plan(self, context: bpy.types.Context) -> list[dict[str, Any]]:
        scene = context.scene
        settings = scene_settings(scene)
        if self.object:
            if self.object not in context.view_layer.objects:
                raise DreamTalkError(f"There is no object '{self.object}' in this scene.")
            context.view_layer.objects.active = context.view_layer.objects[self.object]
        self.sounds = sounds_in(self.directory or settings.folder)
        self.names = [take_name(scene, sound.stem) for sound in self.sounds]
        objects = character(context)
        self.members = [thing.session_uid for thing in objects]
        self.first = first_frame(scene)
        self.exported = settings.export_folder.strip()
        if self.exported and not Path(bpy.path.abspath(self.exported)).is_dir():
            raise DreamTalkError(f"There is no folder {self.exported} to export to. Make it first.")
        if self.exported:
            check_export(scene.view_layers[0], objects, settings.format)
        requests = [
            animate_requests(scene, sound, self.first, alone=False) for sound in self.sounds
        ]
        self.each = len(requests[0])
        return [request for of_one in requests for request in of_one]

    def apply(self, context: bpy.types.Context, results: Sequence[Result]) -> None:
        scene, objects = self.scene, kept(bpy.data.objects, self.members)
        first = self.first
        settings = scene_settings(scene)
        takes, spoken = [], []
        for number, (sound, name) in enumerate(zip(self.sounds, self.names, strict=True)):
            try:
                motions = all_of(results[number * self.each : (number + 1) * self.each])
            except DreamTalkError as error:
                self.report({"WARNING"}, f"{sound.name}: {message_of(error)}")
                continue
            which = number * self.each
            recipe = {**self._job.requests[which], "heard": self._job.heard[which]}
            take = put_take(scene, objects, motions, name, first, recipe)
            takes.append(take)
            spoken.append(sound)
            if settings.layout == "SEQUENCE":
                for note in put_sound(scene, take, sound, first):
                    self.report({"WARNING"}, told(note))
                first = frame_span(take)[1] + 1 + settings.gap
        if not takes:
            raise DreamTalkError("None of the sound files could be animated.")
        if settings.layout == "STACK":
            for note in put_sound(scene, takes[0], spoken[0], self.first):
                self.report({"WARNING"}, told(note))
        if self.exported:
            # What is exported is what the context has.
            with context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
                self._export(context, objects, takes)
        if settings.layout == "STACK":
            show_only(takes[0])
        settings.take = takes[0]
        for doubt in doubts(objects):
            self.report({"WARNING"}, told(doubt))
        self.report({"INFO"}, told(f"{len(takes)} takes of {len(self.sounds)} sound files"))

    def _export(
        self,
        context: bpy.types.Context,
        objects: Sequence[bpy.types.Object],
        takes: Sequence[bpy.types.Action],
    ) -> None:
        scene, folder = context.scene, Path(bpy.path.abspath(self.exported))
        suffix = scene_settings(scene).format
        for take in takes:
            try:
                with from_zero(scene, objects, take):
                    export_character(context, objects, folder / f"{take.name}{suffix}")
            except DreamTalkError as error:
                # The takes are there by now, and stay.
                self.report({"WARNING"}, f"{take.name}: {message_of(error)}")


CLASSES = (DREAMTALK_OT_batch,)
