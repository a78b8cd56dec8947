# SPDX-License-Identifier: GPL-3.0-or-later
"""A take's keys in the Dope Sheet, and all that moves a character as keys of one Action."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError

from ..messages import message_of, told
from ..rigs.curve import Curve, Floats, value_of
from ..state import state
from .actions import channels, fcurves, make_action, owners_of, reduce_action, strips
from .lines import chosen_strips
from .moving import shift_of
from .settings import scene_settings
from .sound import found_again, plays, sound_strips
from .take_settings import heard_in, take_settings
from .takes import TakeOperator, chosen_take, objects_with, owners_in
from .together import bind, bound
from .tracks import check_owners, describe, is_muted

_EVERY, _AT_A_TIME = 0.02, 0.1
"""Seconds between two times that Bake goes on, and for how long it does."""
_NOTHING = 1e-6
"""What a key that does not move may differ by."""


def edited(take: bpy.types.Action) -> list[bpy.types.AnimData]:
    """The animation of a take's data-blocks whose strip of it is open for editing."""
    found = [owner.animation_data for owner in owners_of(take)]
    return [data for data in found if data.use_tweak_mode and data.action == take]


def open_keys(take: bpy.types.Action) -> None:
    """Open a take's strips, on all its data-blocks: its keys are in the Dope Sheet then.

    Raises DreamTalkError where another strip is open, or the take is off.
    """
    if is_muted(take):
        raise DreamTalkError(f"'{take.name}' is switched off, so its keys cannot be edited.")
    owners = owners_of(take)
    for owner in owners:
        if owner.animation_data.use_tweak_mode:
            raise DreamTalkError(
                f"Another strip of '{owner.name}' is open. Close it first: press Tab in the "
                "Nonlinear Animation editor."
            )
    for owner in owners:
        data = owner.animation_data
        for track in data.nla_tracks:
            mine = [strip for strip in track.strips if strip.action == take]
            for strip in track.strips:
                strip.select = strip in mine
            track.select = bool(mine)
            if mine:
                data.nla_tracks.active = track
        data.use_tweak_mode = True


def close_keys(take: bpy.types.Action) -> None:
    """Close a take's strips again: what lies above them counts again."""
    for data in edited(take):
        data.use_tweak_mode = False


def bake(
    name: str,
    owners: Iterable[bpy.types.ID],
    frames: range,
    tolerance: float,
) -> Generator[int, None, bpy.types.Action]:
    """All that moves these data-blocks as one Action, active on them; returns it.

    It holds what is seen on every frame: takes, styles, corrections, strengths, the body. Keys that
    straight lines can do without by no more than `tolerance` are left out. The tracks stay, muted.
    Yields how many frames are done; closed before the end it has changed nothing.
    Raises DreamTalkError where nothing moves.
    """
    places = [place for owner in owners for place in _animated(owner)]
    if not places:
        raise DreamTalkError("Nothing moves this character, so there is nothing to bake.")
    values = yield from sampled([place for place, _ in places], frames)
    action = make_action(name, _curves(places, values), frames.start)
    describe(action, "BAKE")
    reduce_action(action, max(tolerance, _NOTHING))
    for owner in dict.fromkeys(owner for (owner, _, _), _ in places):
        data = owner.animation_data
        for track in data.nla_tracks:
            track.mute = True
        data.action = action
        slots = [own for own in action.slots if own.target_id_type == owner.id_type]
        data.action_slot = next(own for own in slots if own.name_display == owner.name)
        data.action_blend_type, data.action_extrapolation = "REPLACE", "HOLD"
        data.action_influence = 1.0
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)
    return action


def sampled(
    places: Sequence[tuple[bpy.types.ID, str, int]], frames: range
) -> Generator[int, None, Floats]:
    """What properties are on frames of the scene [T, P], as it is seen without what is live.

    Yields how many frames are done; the playhead is where it was in the end.
    """
    state().end_live()
    scene, shown = bpy.context.scene, bpy.context.scene.frame_current
    values = np.zeros((len(frames), len(places)), np.float32)
    try:
        for i, frame in enumerate(frames):
            scene.frame_set(frame)
            values[i] = [value_of(*place) for place in places]
            yield i + 1
    finally:
        scene.frame_set(shown)
    return values


Place = tuple[tuple[bpy.types.ID, str, int], str]
"""A property that is animated, as F-curves name it, and the group of its curve."""


def _animated(owner: bpy.types.ID) -> list[Place]:
    """What of a data-block is animated by tracks that are on, or by its active Action."""
    data = owner.animation_data
    actions = [strip.action for strip in strips(owner) if strip.action]
    if data.action is not None:
        actions.append(data.action)
    found: dict[tuple[bpy.types.ID, str, int], str] = {}
    for action in actions:
        for own in channels(action, owner):
            group = own.group.name if own.group else ""
            place = (owner, own.data_path, own.array_index)
            if _is_there(*place):
                found.setdefault(place, group)
    return list(found.items())


def _is_there(owner: bpy.types.ID, path: str, index: int) -> bool:
    """Whether a property is there, and a number."""
    try:
        value_of(owner, path, index)
    except (ValueError, TypeError, IndexError):
        return False
    return True


def _curves(places: Sequence[Place], values: np.ndarray) -> list[Curve]:
    return [
        Curve(owner, path, column, group or owner.name, index)
        for ((owner, path, index), group), column in zip(places, values.T, strict=True)
    ]


class DREAMTALK_OT_edit_keys(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.edit_keys"
    bl_label = "Edit Keys"
    bl_description = (
        "Open this take's strips, on the face and its bones, for the Dope Sheet and the Graph "
        "Editor; pressed again, close them. What lies above is not seen in between"
    )

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        if edited(take):
            close_keys(take)
            return
        open_keys(take)
        # Editors of animation show what is selected.
        for thing in objects_with(take, context.scene):
            if thing.name in context.view_layer.objects:
                thing.select_set(True)


class DREAMTALK_OT_bake(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.bake"
    bl_label = "Bake to One Action"
    bl_description = (
        "What is seen of the take's character in the frames of the scene as keys of one Action: "
        "takes, styles, corrections, strengths, the body. Tolerance leaves keys out; the tracks "
        "stay, switched off"
    )

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        for done in self._steps(context, take):
            context.window_manager.progress_update(done)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if context.window is None:
            return self.execute(context)
        state().end_trial()
        self._baking = self._steps(context, chosen_take(context, self.take))
        manager = context.window_manager
        self._timer = manager.event_timer_add(_EVERY, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(told("Baking. Esc stops it."))
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Nothing else is listened to: what is baked must not change meanwhile."""
        if event.type == "ESC":
            self.cancel(context)
            self.report({"INFO"}, told("Cancelled; nothing has changed"))
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}
        until = time.monotonic() + _AT_A_TIME
        try:
            while time.monotonic() < until:
                context.window_manager.progress_update(next(self._baking))
        except StopIteration:
            self.cancel(context)
            return {"FINISHED"}
        except DreamTalkError as error:
            self.cancel(context)
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        return {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Esc, the end, or Blender ends it: the playhead is where it was."""
        self._baking.close()
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)

    def _steps(
        self, context: bpy.types.Context, take: bpy.types.Action
    ) -> Generator[int, None, None]:
        scene, manager = context.scene, context.window_manager
        owners = owners_in(objects_with(take, scene))
        moved = [own for own in owners if getattr(own, "animation_data", None)]
        check_owners(moved)
        frames = range(scene.frame_start, scene.frame_end + 1)
        manager.progress_begin(0, len(frames))
        try:
            tolerance = scene_settings(scene).tolerance
            action = yield from bake(f"{take.name} bake", moved, frames, tolerance)
        finally:
            manager.progress_end()
        count = sum(len(own.keyframe_points) for own in fcurves(action))
        self.report({"INFO"}, told(f"{action.name}: {count} keys"))


class DREAMTALK_OT_bind_sound(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.bind_sound"
    bl_label = "Keep With Sound"
    bl_description = (
        "Where the take or its sound strip is moved, the other goes along; pressed again, each "
        "moves by itself"
    )

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        strips = bound(take, context.scene)
        for strip in strips:
            strip.dreamtalk_take = None
        if strips:
            return
        if heard_in(take):
            file = found_again(heard_in(take), context.scene)
            mine = [own for own in sound_strips(context.scene) if plays(own, file)]
        else:  # it was recorded, or is from a file of curves
            mine = chosen_strips(context.scene)
        if not mine:
            raise DreamTalkError(f"The sound of '{take.name}' is not in the sequencer.")
        first = take_settings(take).first + shift_of(take)
        bind(take, min(mine, key=lambda own: (not own.select, abs(own.frame_start - first))))


CLASSES = (DREAMTALK_OT_edit_keys, DREAMTALK_OT_bake, DREAMTALK_OT_bind_sound)
