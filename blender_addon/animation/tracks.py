# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on the NLA: each an Action on a track of its own, styles and corrections added on top.

From below: a rest track, so that the face is at rest where no take is; takes, each followed by its
additive style; corrections, keyed by hand, additive as well. A take that spans several data-blocks
(meshes, an armature) is one Action with a slot for each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import bpy

from dreamtalk_core.errors import DreamTalkError

from ..rigs.curve import Curve
from .actions import address, channelbag, has_keys, make_action, owners_of, strips
from .take_settings import Kind, TakeSettings, layers_of, take_settings

_GENERATED: set[Kind] = {"REST", "TAKE", "STYLE"}


def add_take(
    name: str,
    curves: Sequence[Curve],
    first: int,
    recipe: Mapping[str, Any] | None = None,
    style: Sequence[Curve] = (),
) -> bpy.types.Action:
    """A new take from curves, with its first value on frame `first`; returns its Action.

    It comes above the takes that there are and below corrections. style: curves to be added on top
    (their values are differences), on a track of their own.
    Raises DreamTalkError where a take would not show or cannot be made; then nothing has changed.
    """
    if not curves:
        raise DreamTalkError("Nothing on this character takes the motion. Look at its mapping.")
    owners = _owners(curves)
    check_owners(owners)
    undo = _Undo()
    try:
        for owner in owners:
            _push_active_down(owner, curves, undo)
        _ensure_rest(owners, curves, undo)
        action = undo.add(make_action(name, curves, first))
        settings = _describe(action, "TAKE", first)
        settings.recipe = json.dumps(dict(recipe or {}), ensure_ascii=False)
        settings.rests = json.dumps(_rests(curves))
        _add_tracks(action, owners, undo, "REPLACE", "NOTHING")
        if style:
            layer = undo.add(make_action(f"{action.name} style", style, first))
            _describe(layer, "STYLE", first, action)
            _add_tracks(layer, _owners(style), undo, "ADD", "NOTHING")
    except BaseException:
        undo.run()
        raise
    return action


def check_owners(owners: Iterable[bpy.types.ID]) -> None:
    """Raises DreamTalkError, saying what to do, where a take cannot be made or would not show."""
    for owner in owners:
        what = f"'{owner.name}'"
        if owner.library is not None:
            # Blender overrides objects and armatures, but no shape keys.
            advice = (
                "Make it local (Object > Relations > Make Local > Selected Objects and Data). Or, "
                "to keep the link, press Drive in the Mapping panel of that file, and make a "
                "library override here: its empty can be animated"
                if owner.id_type == "KEY"
                else "Make a library override of it first (Object > Library Override > Make)"
            )
            raise DreamTalkError(
                f"{what} is linked from {owner.library.filepath}, so it cannot be animated here. "
                f"{advice}."
            )
        data = owner.animation_data
        if data is None:
            continue
        if data.use_tweak_mode:
            raise DreamTalkError(
                f"A strip of {what} is in tweak mode, which hides the tracks above it. Leave it "
                "first: press Tab in the Nonlinear Animation editor."
            )
        if not data.use_nla and data.nla_tracks:
            raise DreamTalkError(
                f"The NLA of {what} is switched off, so a take would not show. Switch it on in the "
                "Nonlinear Animation editor: the tick box beside the name."
            )
        solo = next((track.name for track in data.nla_tracks if track.is_solo), None)
        if solo is not None:
            raise DreamTalkError(
                f"The track '{solo}' of {what} is alone (the star), so a take would not show. "
                "Take the star away in the Nonlinear Animation editor."
            )


def _owners(curves: Iterable[Curve]) -> list[bpy.types.ID]:
    return list(dict.fromkeys(curve.owner for curve in curves))


def _rests(curves: Iterable[Curve]) -> dict[str, float]:
    return {address(own.path, own.index): own.rest for own in curves if own.rest}


def _describe(
    action: bpy.types.Action, kind: Kind, first: int = 0, take: bpy.types.Action | None = None
) -> TakeSettings:
    settings = take_settings(action)
    settings.kind, settings.first, settings.take = kind, first, take
    return settings


class _Undo:
    """What has been made so far, to be taken away again if the rest cannot be made."""

    def __init__(self) -> None:
        self.actions: list[bpy.types.Action] = []
        self.steps: list[Any] = []

    def add(self, action: bpy.types.Action) -> bpy.types.Action:
        self.actions.append(action)
        return action

    def run(self) -> None:
        for step in reversed(self.steps):
            step()
        for action in self.actions:
            bpy.data.actions.remove(action)


def _push_active_down(owner: bpy.types.ID, curves: Iterable[Curve], undo: _Undo) -> None:
    """Put an active Action that would hide the take onto a track below it, as Push Down does."""
    data = owner.animation_data or owner.animation_data_create()
    action, slot = data.action, data.action_slot
    if action is None or slot is None or data.action_blend_type != "REPLACE":
        return
    bag = channelbag(action, owner)
    mine = {(curve.path, curve.index) for curve in curves if curve.owner == owner}
    hides = bag and any((own.data_path, own.array_index) in mine for own in bag.fcurves)
    if not hides:
        return
    extrapolation = data.action_extrapolation
    data.action = None
    track = _new_track(owner, None, action, slot, "REPLACE", extrapolation)

    def restore() -> None:
        data.nla_tracks.remove(track)
        data.action, data.action_slot = action, slot

    undo.steps.append(restore)


def _ensure_rest(owners: Iterable[bpy.types.ID], curves: Sequence[Curve], undo: _Undo) -> None:
    """A track at the bottom with the face at rest, where an owner has no track of any kind yet."""
    bare = [owner for owner in owners if not owner.animation_data.nla_tracks]
    still = [
        Curve(own.owner, own.path, own.values[:1] * 0 + own.rest, own.region, own.index, own.rest)
        for own in curves
        if own.owner in bare
    ]
    if still:
        action = undo.add(make_action("DreamTalk rest", still, 0))
        _describe(action, "REST")
        _add_tracks(action, bare, undo, "REPLACE", "HOLD")


def _add_tracks(
    action: bpy.types.Action,
    owners: Iterable[bpy.types.ID],
    undo: _Undo,
    blend: str,
    extrapolation: str,
) -> None:
    """Put an Action on a new track of every owner, above the takes and below corrections."""
    for owner in owners:
        tracks = owner.animation_data.nla_tracks
        generated = [track for track in tracks if _kinds(track) & _GENERATED]
        slot = next(
            slot
            for slot in action.slots
            if (slot.target_id_type, slot.name_display) == (owner.id_type, owner.name)
        )
        above = generated[-1] if generated else None
        track = _new_track(owner, above, action, slot, blend, extrapolation)
        undo.steps.append(lambda tracks=tracks, track=track: tracks.remove(track))


def _kinds(track: bpy.types.NlaTrack) -> set[Kind]:
    return {take_settings(strip.action).kind for strip in track.strips if strip.action}


def _new_track(
    owner: bpy.types.ID,
    above: bpy.types.NlaTrack | None,
    action: bpy.types.Action,
    slot: bpy.types.ActionSlot,
    blend: str,
    extrapolation: str,
) -> bpy.types.NlaTrack:
    tracks = owner.animation_data.nla_tracks
    track = tracks.new(prev=above) if above else tracks.new()
    track.name = action.name
    start = action.frame_range[0]
    strip = track.strips.new(action.name, int(start), action)
    strip.action_slot = slot
    strip.blend_type, strip.extrapolation = blend, extrapolation
    return track


def takes_of(owners: Iterable[bpy.types.ID]) -> list[bpy.types.Action]:
    """The takes on these data-blocks, lowest first."""
    found = (strip.action for owner in owners for strip in strips(owner) if strip.action)
    return list(dict.fromkeys(action for action in found if take_settings(action).kind == "TAKE"))


def _tracks_of(take: bpy.types.Action) -> Iterator[tuple[bpy.types.AnimData, bpy.types.NlaTrack]]:
    for action in layers_of(take):
        for owner in owners_of(action):
            data = owner.animation_data
            for track in list(data.nla_tracks) if data else ():
                if any(strip.action == action for strip in track.strips):
                    yield data, track


def shift_of(take: bpy.types.Action) -> int:
    """By how many frames the take's strip has been moved since it was made."""
    for owner in owners_of(take):
        for strip in strips(owner):
            if strip.action == take:
                return round(strip.frame_start - strip.action_frame_start)
    return 0


def is_muted(take: bpy.types.Action) -> bool:
    """Whether a take is switched off on every track."""
    return all(track.mute for _, track in _tracks_of(take))


def set_muted(take: bpy.types.Action, muted: bool) -> None:
    """Switch a take, with its style, off or on."""
    for _, track in _tracks_of(take):
        track.mute = muted


def show_only(take: bpy.types.Action) -> None:
    """Switch a take on, and the other takes on its data-blocks off."""
    for other in takes_of(owners_of(take)):
        set_muted(other, other != take)


def delete_take(take: bpy.types.Action) -> None:
    """Take a take away, with its style; when it was the last one, the rest track goes as well, and
    leaves the face at rest."""
    owners = owners_of(take)
    for data, track in list(_tracks_of(take)):
        data.nla_tracks.remove(track)
    for action in layers_of(take):
        bpy.data.actions.remove(action)
    if not takes_of(owners):
        # What is no longer animated has the value that was seen last.
        bpy.context.view_layer.update()
        _delete_rest(owners)


def _delete_rest(owners: Iterable[bpy.types.ID]) -> None:
    used: set[bpy.types.Action] = set()
    for owner in owners:
        for track in list(owner.animation_data.nla_tracks):
            if _kinds(track) == {"REST"}:
                used |= {strip.action for strip in track.strips}
                owner.animation_data.nla_tracks.remove(track)
    for action in used:
        if not action.users:
            bpy.data.actions.remove(action)


def add_correction(take: bpy.types.Action) -> bpy.types.Action:
    """An empty additive Action on top of a take, active on its data-blocks: keys go into it.

    Blender itself works out the difference when a key is set. A correction that is active already
    goes onto a track of its own; so does any other active Action.
    Raises DreamTalkError as `check_owners` does.
    """
    owners = owners_of(take)
    check_owners(owners)
    for owner in owners:
        push_down(owner)
    action = bpy.data.actions.new(f"{take.name} correction")
    _describe(action, "CORRECTION", take_settings(take).first, take)
    for owner in owners:
        data = owner.animation_data
        slot = action.slots.new(id_type=owner.id_type, name=owner.name)
        data.action = action
        data.action_slot = slot
        data.action_blend_type = "ADD"
    return action


def push_down(owner: bpy.types.ID) -> None:
    """Put the active Action of a data-block onto a new track on top, where it works the same."""
    data = owner.animation_data
    action, slot = data.action, data.action_slot
    if action is None:
        return
    blend, extrapolation = data.action_blend_type, data.action_extrapolation
    data.action = None
    data.action_blend_type = "REPLACE"
    if slot is not None and has_keys(action, slot):
        _new_track(owner, None, action, slot, blend, extrapolation)
