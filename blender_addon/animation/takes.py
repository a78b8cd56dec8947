# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with takes: choose, switch, delete, correct, thin out, smooth, make again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import parse_fps

from ..client.job_operator import JobOperator, kept
from ..client.jobs import Result, all_of
from ..messages import message_of, told
from ..properties import properties
from ..rigs.characters import character_of, data_blocks, objects_around, objects_of
from ..rigs.curve import Curve, layered
from ..state import state
from .actions import (
    frame_span,
    owners_of,
    reduce_action,
    replace_range,
    smooth_action,
    strips,
)
from .animate import animate_request
from .corrections import add_correction
from .moving import shift_of
from .putting import split_style, wanted_curves
from .settings import LISTENS, SPEAKS, scene_fps, scene_settings
from .sound import found_again
from .take_settings import (
    heard_in,
    layers_of,
    part_of,
    refresh_strengths,
    reset_strengths,
    style_of,
    take_settings,
)
from .tracks import delete_take, is_muted, set_muted, show_only, takes_of


def owners_in(objects: Iterable[bpy.types.Object]) -> list[bpy.types.ID]:
    """Data-blocks of a character that may have takes: objects, their data and shape keys."""
    found: list[bpy.types.ID] = []
    objects = list(objects)
    controller = character_of(objects).controller if objects else None
    for thing in [*objects, *([controller] if controller else [])]:
        found += data_blocks(thing)
    return list(dict.fromkeys(found))


def takes_on(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Action]:
    """The takes of a character, lowest first."""
    return takes_of(owner for owner in owners_in(objects) if hasattr(owner, "animation_data"))


@properties()
class TakeOperator:
    """An operator on the chosen take, or on the one that it is given the name of."""

    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    take: str = bpy.props.StringProperty(
        name="Take", description="Name of the take; empty: the chosen one", options={"HIDDEN"}
    )

    if TYPE_CHECKING:
        report: Callable[[set[str], str], None]

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        try:
            self.work(context, chosen_take(context, self.take))
        except DreamTalkError as error:
            self.report({"ERROR"}, message_of(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def current_take(
    context: bpy.types.Context, objects: Iterable[bpy.types.Object]
) -> bpy.types.Action | None:
    """The chosen take, or the highest of the active character (`objects`) if that is another's."""
    chosen, mine = scene_settings(context.scene).take, takes_on(objects)
    return chosen if chosen in mine or not mine else mine[-1]


def chosen_take(context: bpy.types.Context, name: str = "") -> bpy.types.Action:
    """The take of a name, or the current one. Raises DreamTalkError where there is none."""
    if name:
        action = bpy.data.actions.get(name)
    else:
        try:
            objects = objects_of(context)
        except DreamTalkError:
            objects = []
        action = current_take(context, objects)
    if action is None or take_settings(action).kind != "TAKE":
        raise DreamTalkError(f"There is no take '{name}'." if name else "Choose a take first.")
    return action


def objects_with(take: bpy.types.Action, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The character that a take is on. Raises DreamTalkError where it is on none of the scene."""
    owners = set(owners_of(take))
    for thing in scene.objects:
        if not owners.isdisjoint(data_blocks(thing)):
            return objects_around(thing, scene)
    raise DreamTalkError(f"'{take.name}' is on no character of this scene.")


class DREAMTALK_OT_choose_take(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.choose_take"
    bl_label = "Choose"
    bl_description = "Make this the take that the buttons below work on"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        scene_settings(context.scene).take = take


class DREAMTALK_OT_toggle_take(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.toggle_take"
    bl_label = "Switch"
    bl_description = "Switch this take off or on, on all its tracks"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        set_muted(take, not is_muted(take))


class DREAMTALK_OT_show_only_take(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.show_only_take"
    bl_label = "Only This"
    bl_description = "Switch this take on and the character's other takes off"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        show_only(take)


class DREAMTALK_OT_delete_take(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.delete_take"
    bl_label = "Delete"
    bl_description = "Delete this take and the style on it; corrections and the sound stay"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        delete_take(take)


class DREAMTALK_OT_add_correction(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.add_correction"
    bl_label = "Add Correction"
    bl_description = (
        "An empty layer on top that is added to what is below, around the current frame or over "
        "the range: pose the face there and set keys; everything else stays as it is. Press it "
        "again at another place"
    )

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        settings, frame = scene_settings(context.scene), context.scene.frame_current
        if settings.correct == "RANGE":
            start, stop = settings.range_start, settings.range_stop
        else:
            start, stop = frame - settings.range_blend - 1, frame + settings.range_blend + 1
        if start >= stop:
            raise DreamTalkError(f"The range {start} to {stop} is empty. Set From and To.")
        add_correction(take, start, stop)


class DREAMTALK_OT_reset_strengths(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.reset_strengths"
    bl_label = "Reset"
    bl_description = "Set all strengths back to 1"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        reset_strengths(take)


class DREAMTALK_OT_reduce_keys(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.reduce_keys"
    bl_label = "Reduce Keys"
    bl_description = "Leave out keys of this take that move the face by no more than the tolerance"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        tolerance = scene_settings(context.scene).tolerance
        counts = [reduce_action(layer, tolerance) for layer in layers_of(take)]
        before, after = (sum(column) for column in zip(*counts, strict=True))
        self.report({"INFO"}, told(f"{after} keys of {before} are left"))


class DREAMTALK_OT_smooth_keys(TakeOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.smooth_keys"
    bl_label = "Smooth"
    bl_description = "Take out of this take what is quicker than the cut-off; eyes stay quick"

    def work(self, context: bpy.types.Context, take: bpy.types.Action) -> None:
        fps, cutoff = float(scene_fps(context.scene)), scene_settings(context.scene).cutoff
        for layer in layers_of(take):
            smooth_action(layer, fps, cutoff)


class DREAMTALK_OT_regenerate(JobOperator, bpy.types.Operator):
    bl_idname = "dreamtalk.regenerate"
    bl_label = "Make Range Again"
    bl_description = (
        "Make the frames of the range again, in the style and with the seed that are set now; the "
        "rest of the take and all other tracks stay as they are"
    )
    bl_options: ClassVar[set[str]] = {"UNDO"}

    def plan(self, context: bpy.types.Context) -> list[dict[str, Any]]:
        scene, settings = context.scene, scene_settings(context.scene)
        take = chosen_take(context)
        recipe = take_settings(take).made_from
        if not heard_in(take):
            raise DreamTalkError(
                f"'{take.name}' was made from a file of curves, so there is no speech to make it "
                "again from."
            )
        fps = scene_fps(scene)
        if parse_fps(recipe["fps"]) != fps:
            raise DreamTalkError(
                f"'{take.name}' was made at {float(parse_fps(recipe['fps'])):g} frames per second, "
                f"and the scene now has {float(fps):g}. Set the scene back, or press Animate."
            )
        self.range = settings.range_start - shift_of(take), settings.range_stop - shift_of(take)
        first, last = frame_span(take)
        if self.range[0] > self.range[1] or self.range[1] < first or self.range[0] > last:
            raise DreamTalkError(
                f"The range {settings.range_start} to {settings.range_stop} is not within the take "
                f"({first + shift_of(take)} to {last + shift_of(take)})."
            )
        objects_with(take, scene)
        self.take_uid, self.fps = take.session_uid, fps
        role = SPEAKS if recipe.get("speech") else LISTENS
        sound, first = found_again(heard_in(take), scene), take_settings(take).first
        one = animate_request(scene, sound, first + shift_of(take), role, part_of(take))
        return [one] if style_of(take) is None else [one, {**one, "guidance_scale": 0.0}]

    def apply(self, context: bpy.types.Context, results: Sequence[Result]) -> None:
        motions = all_of(results)
        scene, (take,) = self.scene, kept(bpy.data.actions, [self.take_uid])
        if scene_fps(scene) != self.fps:
            raise DreamTalkError("The frame rate has been changed meanwhile. Nothing has changed.")
        objects = objects_with(take, scene)
        curves = [wanted_curves(objects, motion, scene) for motion in motions]
        blend = scene_settings(scene).range_blend
        neutral, style = split_style(curves)
        layers = layers_of(take)
        lying = [lying_in(*own) for own in zip(layers, (neutral, style), strict=False)]
        for layer, parts in zip(layers, lying, strict=True):
            replace_range(layer, parts, take_settings(take).first, *self.range, blend)
        refresh_strengths(take)
        remember_heard(take, self._job.heard[0], self.range)
        self.report({"INFO"}, told(f"{take.name}: frames {self.range[0]} to {self.range[1]}"))


def lying_in(take: bpy.types.Action, curves: Sequence[Curve]) -> list[Curve]:
    """Curves as the take's own strips hold them: where they replace what lies below, as those on
    bones did in older files, values are as they are; where they are combined with it, `layered`.

    A head is left out where the take has none. Raises DreamTalkError where it has no strip for
    others, so that they would not be seen.
    """
    owners = set(owners_of(take))
    lacking = [own.owner for own in curves if own.owner not in owners and own.region != "Head"]
    if lacking:
        raise DreamTalkError(
            f"'{take.name}' has nothing on '{lacking[0].name}', which new takes of this character "
            "move: it has other parts than before, or is driven in another way. Make a new take."
        )
    curves = [own for own in curves if own.owner in owners]
    combined = {
        owner
        for owner in owners
        for strip in strips(owner)
        if strip.action == take and strip.blend_type == "COMBINE"
    }
    replacing = [own for own in curves if own.owner not in combined]
    return [*replacing, *layered(own for own in curves if own.owner in combined)]


def remember_heard(
    take: bpy.types.Action, heard: Sequence[dict[str, Any]], made: tuple[int, int]
) -> None:
    """Keep with a take what was heard for frames that were made again, beside that of the rest."""
    settings, (first, last) = take_settings(take), frame_span(take)
    recipe = settings.made_from
    whole = made[0] <= first and made[1] >= last
    before = [] if whole else recipe.get("heard", [])
    recipe["heard"] = [*before, *(one for one in heard if one not in before)]
    settings.recipe = json.dumps(recipe, ensure_ascii=False)


CLASSES = (
    DREAMTALK_OT_choose_take,
    DREAMTALK_OT_toggle_take,
    DREAMTALK_OT_show_only_take,
    DREAMTALK_OT_delete_take,
    DREAMTALK_OT_add_correction,
    DREAMTALK_OT_reset_strengths,
    DREAMTALK_OT_reduce_keys,
    DREAMTALK_OT_smooth_keys,
    DREAMTALK_OT_regenerate,
)
