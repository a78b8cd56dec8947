# SPDX-License-Identifier: GPL-3.0-or-later
"""Export a character as glb, USD or FBX, with the options that keep shape-key animation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.files import atomic_write, check_target

from ..messages import message_of
from ..properties import properties
from ..rigs.characters import objects_of
from ..state import state
from .actions import frame_span
from .corrections import push_down
from .moving import shift_of
from .settings import scene_settings
from .takes import owners_in
from .together import apart
from .tracks import is_muted, set_muted, show_only, takes_of

_EXPORTERS = {".glb": ("export_scene", "gltf"), ".fbx": ("export_scene", "fbx")}
"""Suffix -> group and name of the operator; all others are USD."""
FORMATS = (".glb", ".usdc", ".usda", ".usd", ".fbx")


def export_character(
    context: bpy.types.Context, objects: Sequence[bpy.types.Object], path: Path
) -> None:
    """Write a character as it moves in the frames of the scene, whole or not at all.

    The suffix of the path is the format. What is exported is what is seen: all tracks together.
    Raises DreamTalkError for another suffix, as `check_export`, or where the file cannot be
    written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise DreamTalkError(
            f"Cannot export {path.name}: use one of the suffixes {', '.join(FORMATS)}."
        )
    check_export(context.view_layer, objects, suffix)
    check_target(path)
    state().end_live()  # or it would be on every frame
    with _selected(context, objects), atomic_write(path) as draft:
        try:
            if suffix == ".glb":
                _glb(draft)
            elif suffix == ".fbx":
                _fbx(draft)
            else:
                _usd(draft)
        except RuntimeError as error:
            raise DreamTalkError(f"Cannot export {path}: {error}") from error


def check_export(
    layer: bpy.types.ViewLayer, objects: Iterable[bpy.types.Object], suffix: str
) -> None:
    """Raises DreamTalkError where this Blender cannot write files of a kind, or not all of a
    character is seen in the view layer."""
    _check_exporter(suffix)
    for thing in objects:
        if thing.name not in layer.objects or not thing.visible_get(view_layer=layer):
            raise DreamTalkError(
                f"'{thing.name}' is hidden, so it cannot be exported. Show it first."
            )


def _check_exporter(suffix: str) -> None:
    """Raises DreamTalkError where this Blender cannot write files of a kind."""
    group, name = _EXPORTERS.get(suffix, ("wm", "usd_export"))
    if name in dir(getattr(bpy.ops, group)):
        return
    if name == "usd_export":
        raise DreamTalkError("This Blender was built without USD. Choose glTF or FBX as format.")
    raise DreamTalkError(
        f"Blender's exporter of {suffix} is switched off. Switch it on in Preferences > Add-ons."
    )


@contextmanager
def from_zero(
    scene: bpy.types.Scene, objects: Iterable[bpy.types.Object], take: bpy.types.Action
) -> Iterator[None]:
    """For as long as the block lasts: the scene is a take's frames, from 0 on, and called like it,
    which is what files call their animation; of the character's takes only this one is on.

    Raises DreamTalkError where a strip cannot be moved.
    """
    owners = [own for own in owners_in(objects) if getattr(own, "animation_data", None)]
    shift, (first, last) = shift_of(take), frame_span(take)
    with apart(), ExitStack() as back:
        back.callback(setattr, scene, "frame_end", scene.frame_end)
        back.callback(setattr, scene, "frame_start", scene.frame_start)
        back.callback(setattr, scene, "name", scene.name)
        back.callback(scene.frame_set, scene.frame_current)
        scene.name = take.name
        for own in takes_of(owners):
            back.callback(set_muted, own, is_muted(own))
        show_only(take)
        for owner in owners:
            _put_down(owner, back)
        _move(owners, -(first + shift))
        back.callback(_move, owners, first + shift)
        scene.frame_start, scene.frame_end = 0, last - first
        yield


def _put_down(owner: bpy.types.ID, back: ExitStack) -> None:
    """An active Action onto a track, which can be moved."""
    data = owner.animation_data
    action, slot, blend = data.action, data.action_slot, data.action_blend_type
    if action is None or slot is None:
        return
    before = len(data.nla_tracks)
    push_down(owner)

    def restore() -> None:
        for track in list(data.nla_tracks)[before:]:
            data.nla_tracks.remove(track)
        data.action, data.action_slot, data.action_blend_type = action, slot, blend

    back.callback(restore)


def _move(owners: Iterable[bpy.types.ID], frames: int) -> None:
    """All strips to earlier or later frames: those first that make room for the others."""
    for owner in owners:
        for track in owner.animation_data.nla_tracks:
            order = list(track.strips)
            for strip in order if frames < 0 else reversed(order):
                strip.frame_start_ui = strip.frame_start + frames


def _glb(path: Path) -> None:
    bpy.ops.export_scene.gltf(
        filepath=str(path),
        export_format="GLB",
        use_selection=True,
        # Sampled as the scene plays: takes, styles and corrections together.
        export_animation_mode="SCENE",
        export_anim_scene_split_object=False,
        export_force_sampling=True,
        export_frame_range=True,
        export_morph=True,
        export_morph_animation=True,
        # It leaves out keys, and shape keys that stand still.
        export_optimize_animation_size=False,
        export_negative_frame="SLIDE",
    )


def _usd(path: Path) -> None:
    bpy.ops.wm.usd_export(
        filepath=str(path),
        selected_objects_only=True,
        export_animation=True,
        export_shapekeys=True,
        export_armatures=True,
    )


def _fbx(path: Path) -> None:
    bpy.ops.export_scene.fbx(
        filepath=str(path),
        use_selection=True,
        add_leaf_bones=False,
        bake_anim=True,
        # With either of these the exporter drops the animation of shape keys without a word.
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,
    )


@contextmanager
def _selected(context: bpy.types.Context, objects: Iterable[bpy.types.Object]) -> Iterator[None]:
    """These objects selected and no others, for as long as the block lasts."""
    layer = context.view_layer
    before, active = [own for own in layer.objects if own.select_get()], layer.objects.active
    try:
        for thing in layer.objects:
            thing.select_set(False)
        for thing in objects:
            thing.select_set(True)
            layer.objects.active = thing
        yield
    finally:
        for thing in layer.objects:
            thing.select_set(thing in before)
        layer.objects.active = active


@properties()
class DREAMTALK_OT_export(bpy.types.Operator):
    bl_idname = "dreamtalk.export"
    bl_label = "Export Character"
    bl_description = "Write the character with its animation as glb, USD or FBX"

    filepath: str = bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: str = bpy.props.StringProperty(
        default=";".join(f"*{suffix}" for suffix in FORMATS), options={"HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        thing = context.active_object
        self.filepath = (thing.name if thing else "face") + scene_settings(context.scene).format
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        state().end_trial()
        try:
            export_character(context, objects_of(context), path)
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        self.report({"INFO"}, str(path))
        return {"FINISHED"}


CLASSES = (DREAMTALK_OT_export,)
