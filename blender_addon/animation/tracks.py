# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on the NLA: each an Action on a track of its own, styles and corrections added on top.

From below: a rest track, so that the face is at rest where no take is; takes, each followed by its
additive style; corrections, keyed by hand, additive as well. A take that spans several data-blocks
(meshes, an armature) is one Action with a slot for each. On an armature it is combined with what
lies below, such as the animation of a body; of takes at the same time the highest has the bones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import bpy

from dreamtalk_core.errors import DreamTalkError

from ..rigs.curve import Curve, is_armature, layered, set_value
from .actions import (
    address,
    channels,
    make_action,
    owners_of,
    strips,
)
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
        lying = layered(curves)
        action = undo.add(make_action(name, lying, first))
        settings = describe(action, "TAKE", first)
        settings.recipe = json.dumps(dict(recipe or {}), ensure_ascii=False)
        settings.rests = json.dumps(_rests(lying))
        _add_tracks(action, owners, undo, "REPLACE", "NOTHING")
        if style:
            layer = undo.add(make_action(f"{action.name} style", style, first))
            describe(layer, "STYLE", first, action)
            _add_tracks(layer, _owners(style), undo, "ADD", "NOTHING")
        cover(owners)
    except BaseException:
        undo.run()
        raise
    return action


def check_owners(owners: Iterable[bpy.types.ID]) -> None:
    """Raises DreamTalkError, saying what to do, where a take cannot be made or would not show."""
    for owner in owners:
        what = f"'{owner.name}'"
        if owner.library is not None:
            file = owner.library.filepath
            if owner.id_type != "KEY":
                raise DreamTalkError(
                    f"{what} is linked from {file}, so it cannot be animated here. Make a library "
                    "override of it first (Object > Library Override > Make)."
                )
            # Blender overrides objects and armatures, but no shape keys.
            raise DreamTalkError(
                f"{what} is linked from {file}, so it cannot be animated here. Make it local "
                "(Object > Relations > Make Local > Selected Objects and Data). Or, to keep the "
                "link, press Drive in the Mapping panel of that file, and make a library override "
                "here: its empty can be animated."
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


def describe(
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
    mine = {(curve.path, curve.index) for curve in curves if curve.owner == owner}
    hides = any((own.data_path, own.array_index) in mine for own in channels(action, owner))
    if not hides:
        return
    extrapolation = data.action_extrapolation
    data.action = None
    takes = [i for i, track in enumerate(data.nla_tracks) if _kinds(track) & {"TAKE", "STYLE"}]
    below = data.nla_tracks[takes[0] - 1] if takes and takes[0] else None
    track = new_track(owner, below, action, slot, "REPLACE", extrapolation)

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
        describe(action, "REST")
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
        take = (blend, extrapolation) == ("REPLACE", "NOTHING")
        mixed = "COMBINE" if take and is_armature(owner) else blend
        track = new_track(owner, above, action, slot, mixed, extrapolation)
        undo.steps.append(lambda tracks=tracks, track=track: tracks.remove(track))


def _kinds(track: bpy.types.NlaTrack) -> set[Kind]:
    return {take_settings(strip.action).kind for strip in track.strips if strip.action}


def new_track(
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


def cover(owners: Iterable[bpy.types.ID]) -> None:
    """Where takes on an armature lie over each other, the highest that is on has the bones: added
    up, a head would turn twice as far."""
    for owner in owners:
        above: list[bpy.types.NlaStrip] = []
        for track in reversed(owner.animation_data.nla_tracks if owner.animation_data else ()):
            for strip in track.strips:
                if strip.blend_type == "COMBINE" and _kinds(track) == {"TAKE"}:
                    strip.mute = any(
                        own.frame_start < strip.frame_end and strip.frame_start < own.frame_end
                        for own in above
                    )
                    above += [] if track.mute else [strip]


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


def is_muted(take: bpy.types.Action) -> bool:
    """Whether a take is switched off on every track."""
    return all(track.mute for _, track in _tracks_of(take))


def set_muted(take: bpy.types.Action, muted: bool) -> None:
    """Switch a take, with its style, off or on."""
    for _, track in _tracks_of(take):
        track.mute = muted
    cover(owners_of(take))


def show_only(take: bpy.types.Action) -> None:
    """Switch a take on, and the other takes on its data-blocks off."""
    for other in takes_of(owners_of(take)):
        set_muted(other, other != take)


def delete_take(take: bpy.types.Action) -> None:
    """Take a take away, with its style; when it was the last one, the rest track goes as well, and
    the face is put to rest."""
    owners, rests = owners_of(take), json.loads(take_settings(take).rests or "{}")
    animated = [
        (owner, own.data_path, own.array_index) for owner in owners for own in channels(take, owner)
    ]
    for owner in owners:
        owner.animation_data.use_tweak_mode = False  # or Blender keeps what is open
    for data, track in list(_tracks_of(take)):
        data.nla_tracks.remove(track)
    for action in layers_of(take):
        bpy.data.actions.remove(action)
    if takes_of(owners):
        cover(owners)
        return
    _delete_rest(owners)
    for owner, path, index in animated:
        with suppress(ValueError):  # what is not there any more
            set_value(owner, path, index, rests.get(address(path, index), 0.0))


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
