# SPDX-License-Identifier: GPL-3.0-or-later
"""A face that is driven: an empty with a property for every source, and drivers from it.

The expressions are sums of products, which Blender evaluates itself, so they work where Python
scripts of a file may not run.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import ANGLES, TURNS, Row

from ..rigs import characters, targets
from ..rigs.properties import character_settings
from ..rigs.shape_keys import has_keys

_LONGEST = 255
"""Characters of a driver's expression that Blender stores."""


def drive(objects: Sequence[bpy.types.Object]) -> int:
    """Make the empty and the drivers of a character's mapping; returns how many drivers.

    Bones with driven angles go over to Euler angles, because a driver cannot make quaternions.
    Raises DreamTalkError where nothing can be driven, or a channel is already driven by others;
    then nothing has changed.
    """
    mapping = targets.mapping_of(objects)
    wanted: dict[str, list[Row]] = {}
    for row in mapping.rows:
        # What is drawn cannot be mixed: it keeps its own keys.
        if row.source not in TURNS and not targets.is_drawing(row.target, objects):
            wanted.setdefault(row.target, []).append(row)
    ways = [(own, rows) for name, rows in wanted.items() for own in targets.places(name, objects)]
    if not ways:
        raise DreamTalkError("No row of the mapping can be driven. Press Match, or add rows.")
    holder = characters.holder_of(objects)
    settings = character_settings(holder)
    for place, rows in ways:
        _check(place, rows, settings.controller)
    undrive(objects)
    controller = settings.controller or _empty(holder)
    for source in dict.fromkeys(row.source for _, rows in ways for row in rows):
        if source not in controller:
            controller[source] = 0.0
        limit = 1.0 if source not in ANGLES else 180.0
        controller.id_properties_ui(source).update(
            min=0.0 if limit == 1.0 else -limit,
            max=limit,
            soft_min=-limit * (limit > 1),
            soft_max=limit,
        )
    for place, rows in ways:
        if place.path.endswith(".rotation_euler"):
            bone = place.owner.path_resolve(place.path.removesuffix(".rotation_euler"))
            if len(bone.rotation_mode) > 3:
                bone.rotation_mode = "XYZ"
        _add(place, rows, controller)
    settings.controller = controller
    return len(ways)


def _empty(holder: bpy.types.Object) -> bpy.types.Object:
    controller = bpy.data.objects.new(f"{holder.name} Face", None)
    controller.empty_display_size = 0.05
    (holder.users_collection or [bpy.context.scene.collection])[0].objects.link(controller)
    controller.parent = holder
    return controller


def release(objects: Sequence[bpy.types.Object]) -> None:
    """Take the drivers that `drive` made away, and their empty with its takes."""
    undrive(objects)
    settings = characters.character_of(objects)
    controller, settings.controller = settings.controller, None
    if controller is not None:
        data = controller.data
        bpy.data.objects.remove(controller)
        if data is not None:
            bpy.data.armatures.remove(data)


def undrive(objects: Sequence[bpy.types.Object]) -> None:
    """Take the drivers that `drive` made away; their empty and its takes stay."""
    controller = characters.character_of(objects).controller
    if controller is None:
        return
    owners = [*objects, *(own.data.shape_keys for own in objects if has_keys(own))]
    for owner in dict.fromkeys(owners):
        data = owner.animation_data
        for curve in list(data.drivers) if data else ():
            if _uses(curve, controller):
                data.drivers.remove(curve)


def _uses(curve: bpy.types.FCurve, controller: bpy.types.Object | None) -> bool:
    return any(
        target.id == controller
        for variable in curve.driver.variables
        for target in variable.targets
    )


def _check(place: targets.Place, rows: Sequence[Row], controller: bpy.types.Object | None) -> None:
    data = place.owner.animation_data
    if place.owner.library is not None:
        raise DreamTalkError(
            f"'{place.owner.name}' is linked from {place.owner.library.filepath}, so it cannot be "
            "driven here. Make a library override of the character first."
        )
    taken = any(
        (own.data_path, own.array_index) == (place.path, place.index) and not _uses(own, controller)
        for own in (data.drivers if data else ())
    )
    if taken:
        raise DreamTalkError(
            f"{place.path} of '{place.owner.name}' has a driver already. Take it away, or take the "
            "row out of the mapping."
        )
    if len(_expression(rows)) > _LONGEST:
        raise DreamTalkError(
            f"{rows[0].target} has {len(rows)} rows, too many for a driver. Take some away, or do "
            "without drivers: takes then have the keys themselves."
        )


def _expression(rows: Sequence[Row]) -> str:
    terms = [f"{row.scale:.6g}*{_name(i)}" for i, row in enumerate(rows)]
    offset = sum(row.offset for row in rows)
    return "+".join([f"{offset:.6g}", *terms] if offset else terms).replace("+-", "-")


def _name(i: int) -> str:
    return f"v{i}"


def _add(place: targets.Place, rows: Sequence[Row], controller: bpy.types.Object) -> None:
    value = place.owner.path_resolve(place.path)
    index = place.index if hasattr(value, "__len__") else -1
    driver = place.owner.driver_add(place.path, index).driver
    driver.type = "SCRIPTED"
    for i, row in enumerate(rows):
        variable = driver.variables.new()
        variable.name, variable.type = _name(i), "SINGLE_PROP"
        variable.targets[0].id = controller
        variable.targets[0].data_path = f'["{row.source}"]'
    driver.expression = _expression(rows)
