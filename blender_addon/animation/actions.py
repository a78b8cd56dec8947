# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves to Actions and back, in bulk: one Action per take, with a slot for each data-block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.curves import reduce_keys, smooth, smoothstep

from ..rigs.curve import DRAWINGS, Curve, Floats

REGIONS: tuple[str, ...] = ("Lips", "Jaw", "Brows", "Eyes", "Cheeks", "Head")
"""Groups that the channels of a take are in; each has a strength slider."""
QUICK = ("Eyes", DRAWINGS)
"""Groups that smoothing leaves alone: a blink or a shift of gaze is quick by nature."""

_NOTHING = 1e-6
"""What a strength of 0 is in practice."""
_LINEAR = 1
"""Number of the keyframe interpolation LINEAR."""


def make_action(name: str, curves: Sequence[Curve], first: int) -> bpy.types.Action:
    """A new Action with a key on every frame from `first` on, or on those that the curves name,
    straight lines between them.

    Every owner among the curves gets a slot of its own, so a face of several meshes and bones is
    one take. Blender numbers the name if it is taken.
    """
    action = bpy.data.actions.new(name)
    for curve in curves:
        fcurve = ensure_fcurve(action, curve)
        write = write_steps if curve.region == DRAWINGS else write_keys
        write(fcurve, curve.keyed_at(first), curve.values)
    return action


def ensure_fcurve(action: bpy.types.Action, curve: Curve) -> bpy.types.FCurve:
    """The F-curve of a property; where there is none, one without keys, in the owner's slot and
    the region's group."""
    bag = ensure_channelbag(action, curve.owner)
    found = bag.fcurves.find(curve.path, index=curve.index)
    if found is not None:
        return found
    fcurve = bag.fcurves.new(curve.path, index=curve.index)
    fcurve.group = bag.groups.get(curve.region) or bag.groups.new(curve.region)
    return fcurve


def address(path: str, index: int) -> str:
    """A property's path and index as one text."""
    return f"{path}[{index}]"


def slot_of(action: bpy.types.Action, owner: bpy.types.ID) -> bpy.types.ActionSlot | None:
    """The slot of an Action that an owner uses, on its NLA or as its active Action."""
    data = owner.animation_data
    if data:
        if data.action == action and data.action_slot:
            return data.action_slot
        for strip in strips(owner):
            if strip.action == action and strip.action_slot:
                return strip.action_slot
    return None


def strips(owner: bpy.types.ID) -> Iterator[bpy.types.NlaStrip]:
    """Every strip on an owner's NLA tracks."""
    data = owner.animation_data
    for track in data.nla_tracks if data else ():
        yield from track.strips


def owners_of(action: bpy.types.Action) -> list[bpy.types.ID]:
    """The data-blocks that an Action moves."""
    return list(dict.fromkeys(user for slot in action.slots for user in slot.users()))


def channelbag(action: bpy.types.Action, owner: bpy.types.ID) -> bpy.types.ActionChannelbag | None:
    """An owner's channels in an Action, if there are any."""
    slot = slot_of(action, owner) or _slot_by_name(action, owner)
    return next((bag for bag in bags(action) if slot and bag.slot_handle == slot.handle), None)


def channels(action: bpy.types.Action, owner: bpy.types.ID) -> list[bpy.types.FCurve]:
    """An owner's F-curves in an Action."""
    bag = channelbag(action, owner)
    return list(bag.fcurves) if bag else []


def ensure_channelbag(action: bpy.types.Action, owner: bpy.types.ID) -> bpy.types.ActionChannelbag:
    """An owner's channels in an Action; slot, layer and strip are made where they lack."""
    slot = slot_of(action, owner) or _slot_by_name(action, owner)
    if slot is None:
        slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    if not action.layers:
        action.layers.new("DreamTalk").strips.new(type="KEYFRAME")
    return action.layers[0].strips[0].channelbag(slot, ensure=True)


def has_keys(action: bpy.types.Action, slot: bpy.types.ActionSlot) -> bool:
    """Whether there is a key for one slot of an Action."""
    return any(
        len(fcurve.keyframe_points)
        for bag in bags(action)
        if bag.slot_handle == slot.handle
        for fcurve in bag.fcurves
    )


def _slot_by_name(action: bpy.types.Action, owner: bpy.types.ID) -> bpy.types.ActionSlot | None:
    """A slot made for an owner that is not in use yet."""
    for slot in action.slots:
        named = slot.target_id_type == owner.id_type and slot.name_display == owner.name
        if named and owner in (slot.users() or [owner]):
            return slot
    return None


def bags(action: bpy.types.Action) -> Iterator[bpy.types.ActionChannelbag]:
    """The channels of every slot of an Action."""
    for layer in action.layers:
        for strip in layer.strips:
            yield from strip.channelbags


def fcurves(action: bpy.types.Action) -> Iterator[bpy.types.FCurve]:
    """Every F-curve of an Action, whatever its slot."""
    for bag in bags(action):
        yield from bag.fcurves


def write_keys(fcurve: bpy.types.FCurve, frames: ArrayLike, values: ArrayLike) -> None:
    """Put keys [K] in the place of all that an F-curve has, with straight lines between them."""
    co = np.stack([np.asarray(frames, np.float32), np.asarray(values, np.float32)], axis=1)
    points = fcurve.keyframe_points
    points.clear()
    points.add(len(co))
    points.foreach_set("co", co.ravel())
    points.foreach_set("interpolation", np.full(len(co), _LINEAR, np.int32))
    fcurve.update()


def write_steps(fcurve: bpy.types.FCurve, frames: ArrayLike, values: ArrayLike) -> None:
    """As `write_keys`, with a key where the value changes and at the end, and steps between."""
    changes = np.flatnonzero(np.diff(np.asarray(values), prepend=np.nan))
    kept = np.unique([*changes, len(np.asarray(values)) - 1])
    write_keys(fcurve, np.asarray(frames)[kept], np.asarray(values)[kept])
    for point in fcurve.keyframe_points:
        point.interpolation = "CONSTANT"
    fcurve.update()


def has_steps(fcurve: bpy.types.FCurve) -> bool:
    """Whether an F-curve says which drawing is shown."""
    return fcurve.group is not None and fcurve.group.name == DRAWINGS


def write_ends(fcurve: bpy.types.FCurve, frames: Sequence[int]) -> None:
    """Keys of 0 at these frames, which what is keyed between them goes over into slowly."""
    write_keys(fcurve, frames, np.zeros(len(frames)))
    for point in fcurve.keyframe_points:
        point.interpolation = "BEZIER"
        point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
    fcurve.update()


def adds_anything(action: bpy.types.Action) -> bool:
    """Whether any key of an additive Action is not 0."""
    return any(read_keys(own)[1].any() for own in keyed(action))


def read_keys(fcurve: bpy.types.FCurve) -> tuple[Floats, Floats]:
    """Frames [K] and values [K] of an F-curve's keys."""
    co = np.empty(2 * len(fcurve.keyframe_points), np.float32)
    fcurve.keyframe_points.foreach_get("co", co)
    return co[::2], co[1::2]


def sample(fcurve: bpy.types.FCurve) -> tuple[Floats, Floats]:
    """An F-curve on every whole frame from its first key to its last, strengths not counted."""
    frames, values = read_keys(fcurve)
    kinds = np.empty(len(frames), np.int32)
    fcurve.keyframe_points.foreach_get("interpolation", kinds)
    whole = np.arange(np.ceil(frames[0]), np.floor(frames[-1]) + 1, dtype=np.float32)
    if (kinds == _LINEAR).all():
        return whole, np.interp(whole, frames, values).astype(np.float32)
    with _without_modifiers(fcurve):
        return whole, np.array([fcurve.evaluate(frame) for frame in whole], np.float32)


class _without_modifiers:
    """An F-curve as its keys make it, for as long as the block lasts."""

    def __init__(self, fcurve: bpy.types.FCurve) -> None:
        self.active = [modifier for modifier in fcurve.modifiers if not modifier.mute]

    def __enter__(self) -> None:
        for modifier in self.active:
            modifier.mute = True

    def __exit__(self, *_: object) -> None:
        for modifier in self.active:
            modifier.mute = False


def reduce_action(action: bpy.types.Action, tolerance: float) -> tuple[int, int]:
    """Take out the keys that straight lines can do without; returns how many there were and are.

    No frame moves by more than `tolerance`, in the units of the property (a shape key's are 0..1).
    """
    before = after = 0
    for fcurve in keyed(action):
        before += len(fcurve.keyframe_points)
        frames, values = sample(fcurve)
        if len(frames) and not has_steps(fcurve):
            keep = reduce_keys(frames, values, tolerance)
            write_keys(fcurve, frames[keep], values[keep])
        after += len(fcurve.keyframe_points)
    return before, after


def smooth_action(action: bpy.types.Action, fps: float, cutoff_hz: float) -> None:
    """Take out of an Action what is faster than a cut-off; nothing is delayed. Eyes stay quick."""
    for fcurve in keyed(action):
        if fcurve.group is not None and fcurve.group.name in QUICK:
            continue
        frames, values = sample(fcurve)
        if len(frames):
            write_keys(fcurve, frames, smooth(values[:, None], fps, cutoff_hz)[:, 0])


def replace_range(
    action: bpy.types.Action, curves: Iterable[Curve], first: int, start: int, stop: int, blend: int
) -> None:
    """Give an Action the curves' values on frames start to stop (included), and keep the rest.

    first: the frame that curves begin at which name none. Within `blend` frames inside both ends
    the old values go over into the new ones, so that nothing jumps; an end of the take is not
    blended. Frames before and after keep their keys as they are, bit for bit; where there are few,
    one more right before the range and behind it keeps what they show.
    """
    for curve in curves:
        fcurve = ensure_fcurve(action, curve)
        new_frames = curve.keyed_at(first)
        inside = (new_frames >= start) & (new_frames <= stop)
        if not inside.any():
            continue
        frames, values = new_frames[inside], curve.values[inside]
        old_frames, old_values = read_keys(fcurve)
        if len(old_frames):
            whole, old = sample(fcurve)
            blend = 0 if has_steps(fcurve) else blend
            share = _fade(frames, start, stop, blend, float(whole[0]), float(whole[-1]))
            mixed = (1 - share) * np.interp(frames, whole, old) + share * values
            values = mixed.astype(np.float32)
            outside = (old_frames < frames[0]) | (old_frames > frames[-1])
            # Where keys are far apart, what lies between the range and the next one stays, too.
            beside = np.array([np.ceil(frames[0]) - 1, np.floor(frames[-1]) + 1], np.float32)
            beside = beside[(beside > whole[0]) & (beside < whole[-1])]
            beside = beside[~np.isin(beside, old_frames)]
            frames = np.concatenate([old_frames[outside], frames, beside])
            values = np.concatenate([old_values[outside], values, np.interp(beside, whole, old)])
            order = np.argsort(frames, kind="stable")
            frames, values = frames[order], values[order]
        (write_steps if has_steps(fcurve) else write_keys)(fcurve, frames, values)


def _fade(
    frames: Floats, start: int, stop: int, blend: int, first: float, last: float
) -> NDArray[np.float64]:
    """[K] share of the new values: 0 to 1 and back over `blend` frames, slowly at both ends."""
    rising = (frames - start + 1) / (blend + 1) if start > first else np.ones(len(frames))
    falling = (stop - frames + 1) / (blend + 1) if stop < last else np.ones(len(frames))
    return smoothstep(np.minimum(rising, falling).astype(np.float64))


def set_strength(
    action: bpy.types.Action, region: str, strength: float, rests: Mapping[str, float]
) -> None:
    """Scale the channels of a region around rest, live: the keys stay as they are.

    It is an Envelope modifier on each F-curve; 1 takes it away. rests: values at rest that are not
    0, by `address`.
    """
    for fcurve in fcurves(action):
        if fcurve.group is None or fcurve.group.name != region or _is_turn_scalar(fcurve):
            continue
        for modifier in [own for own in fcurve.modifiers if own.type == "ENVELOPE"]:
            fcurve.modifiers.remove(modifier)
        if strength != 1:
            modifier = fcurve.modifiers.new("ENVELOPE")
            # What lies between the defaults is stretched to what lies between the point's min and
            # max, -1 and 1 as it is made. To set these, as one would, crashes Blender (4.5, 5.0).
            wide = 1 / max(strength, _NOTHING)
            modifier.default_min, modifier.default_max = -wide, wide
            modifier.reference_value = rests.get(address(fcurve.data_path, fcurve.array_index), 0.0)
            modifier.control_points.add(0)


def _is_turn_scalar(fcurve: bpy.types.FCurve) -> bool:
    """Whether it is a quaternion's w. Blender makes unit length, so to scale x, y and z will do."""
    return fcurve.array_index == 0 and fcurve.data_path.endswith("rotation_quaternion")


def keyed(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """The F-curves of an Action that have keys."""
    return [fcurve for fcurve in fcurves(action) if len(fcurve.keyframe_points)]


def frame_span(take: bpy.types.Action) -> tuple[int, int]:
    """First and last frame of a take, as its keys are numbered."""
    ends = [read_keys(fcurve)[0][[0, -1]] for fcurve in fcurves(take) if fcurve.keyframe_points]
    return round(min(first for first, _ in ends)), round(max(last for _, last in ends))
