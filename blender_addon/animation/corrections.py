# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections: keys by hand that are added to a take, and stay where they are made."""

from __future__ import annotations

import bpy
import numpy as np

from ..rigs.curve import Curve
from .actions import adds_anything, channels, ensure_fcurve, has_keys, owners_of, write_ends
from .take_settings import take_settings
from .tracks import check_owners, describe, new_track


def add_correction(take: bpy.types.Action, start: int, stop: int) -> bpy.types.Action:
    """An additive Action on top of a take, active on its data-blocks: keys go into it.

    It adds nothing at `start` and before and at `stop` and after, so what is keyed between them
    stays there. Blender itself works out the difference when a key is set. A correction that is
    active already goes onto a track of its own; so does any other active Action.
    Raises DreamTalkError as `check_owners` does.
    """
    owners = owners_of(take)
    check_owners(owners)
    for owner in owners:
        push_down(owner)
    action = bpy.data.actions.new(f"{take.name} correction")
    describe(action, "CORRECTION", take_settings(take).first, take)
    for owner in owners:
        data = owner.animation_data
        slot = action.slots.new(id_type=owner.id_type, name=owner.name)
        data.action = action
        data.action_slot = slot
        data.action_blend_type = "ADD"
        for own in channels(take, owner):
            region = own.group.name if own.group else ""
            nothing = Curve(owner, own.data_path, np.zeros(2, np.float32), region, own.array_index)
            write_ends(ensure_fcurve(action, nothing), (start, stop))
    return action


def push_down(owner: bpy.types.ID) -> None:
    """Put the active Action of a data-block onto a new track on top, where it works the same; a
    correction that nothing was keyed in goes."""
    data = owner.animation_data
    action, slot = data.action, data.action_slot
    if action is None:
        return
    blend, extrapolation = data.action_blend_type, data.action_extrapolation
    data.action = None
    data.action_blend_type = "REPLACE"
    empty = take_settings(action).kind == "CORRECTION" and not adds_anything(action)
    if slot is not None and has_keys(action, slot) and not empty:
        new_track(owner, None, action, slot, blend, extrapolation)
