"""Checks of mouths that are drawn: Grease Pencil and image sequences, in steps that are held."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import bpy
import numpy as np
from asking import refusal


def _mouths(session: Any) -> Any:
    """A mouth that opens wide and shuts, twice a second, and is shut for a while at the end."""
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    weights = np.zeros((60, len(names)), np.float32)
    weights[:40, names.index("jawOpen")] = 0.3 - 0.3 * np.cos(np.arange(40) * 2 * np.pi / 10)
    return session.part("dreamtalk_core.motion").Motion(names, weights, 24)


def _drawn(session: Any, read: Any, first: int) -> None:
    """What `read` says is shown is held, opens with the mouth and rests with it; edits keep it."""
    scene, motion = bpy.context.scene, _mouths(session)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    holder = session.part("rigs.characters").character_of(objects)
    takes = session.part("animation.takes")
    assert len({own.target for own in holder.rows}) == 1
    rest, wide, shut = (own - 1 + first for own in (9, 4, 1))

    def shown() -> list[int]:
        found = []
        for frame in range(1, 61):
            scene.frame_set(frame)
            found.append(read())
        return found

    for hold in (1, 3):
        holder.hold = hold
        take = session.part("animation.putting").put_take(scene, objects, [motion], "line", 1)
        seen = shown()
        assert min(len(list(run)) for _, run in groupby(seen)) >= hold, seen
        assert set(seen) <= set(range(first, 9 + first)), seen
        assert seen[5] == seen[15] == wide, seen
        assert set(seen[45:]) <= {rest, shut}, seen
        (curve,) = session.part("rigs.motions").curves_of(objects, motion)
        assert [round(own) for own in curve.values] == seen
        (fcurve,) = session.part("animation.actions").fcurves(take)
        assert len(fcurve.keyframe_points) < 40
        assert {point.interpolation for point in fcurve.keyframe_points} == {"CONSTANT"}
        assert takes.takes_on(objects) == [take]
        assert takes.objects_with(take, scene) == objects
        # Neither strengths nor smoothing nor fewer keys mix drawings.
        take.dreamtalk.lips = 0.3
        for tool in ("smooth_keys", "reduce_keys"):
            assert getattr(bpy.ops.dreamtalk, tool)() == {"FINISHED"}
        assert shown() == seen
        assert bpy.ops.dreamtalk.bake() == {"FINISHED"}
        assert shown() == seen
        assert bpy.ops.dreamtalk.test() == {"FINISHED"}
        for owner in session.part("animation.actions").owners_of(take):
            owner.animation_data.action = None
        bpy.ops.dreamtalk.delete_take()
        assert read() == rest


def grease_pencil(session: Any) -> None:
    session.install()
    kind = "grease_pencils_v3" if hasattr(bpy.data, "grease_pencils_v3") else "grease_pencils"
    pencil = getattr(bpy.data, kind).new("Mouth")
    layer = pencil.layers.new("Lines")
    for frame in range(1, 10):
        layer.frames.new(frame)
    thing = bpy.data.objects.new("Mouth", pencil)
    bpy.context.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    assert bpy.ops.dreamtalk.draw_mouth() == {"FINISHED"}
    assert bpy.ops.dreamtalk.draw_mouth() == {"FINISHED"}
    (modifier,) = thing.modifiers
    _drawn(session, lambda: modifier.offset, 1)


def _sequence(thing: Any) -> Any:
    """Give a plane a material with an image sequence; returns its node."""
    material = bpy.data.materials.new("Drawn")
    material.use_nodes = True
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.new("drawn", 4, 4)
    node.image.source = "SEQUENCE"
    thing.data.materials.append(material)
    return node


def image_sequence(session: Any) -> None:
    session.install()
    bpy.ops.mesh.primitive_plane_add()
    thing = bpy.context.object
    assert "Nothing is drawn here" in refusal(bpy.ops.dreamtalk.draw_mouth)
    node = _sequence(thing)
    assert bpy.ops.dreamtalk.draw_mouth() == {"FINISHED"}
    assert node.image_user.frame_duration == 1
    _drawn(session, lambda: node.image_user.frame_offset, 0)


def two_planes(session: Any) -> None:
    """Two of one character, whose nodes are called alike: only the one that was clicked is a mouth,
    until the other is as well."""
    session.install()
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.collection.objects.link(rig)
    nodes = []
    for name in ("Eyes", "Mouth"):
        bpy.ops.mesh.primitive_plane_add()
        bpy.context.object.name, bpy.context.object.parent = name, rig
        nodes.append(_sequence(bpy.context.object))
    eyes, mouth = nodes
    assert eyes.name == mouth.name
    scene, put = bpy.context.scene, session.part("animation.putting").put_take
    assert bpy.ops.dreamtalk.draw_mouth() == {"FINISHED"}
    objects = session.part("rigs.characters").objects_of(bpy.context)
    assert len(objects) == 3
    put(scene, objects, [_mouths(session)], "line", 1)
    seen = []
    for frame in range(1, 61):
        scene.frame_set(frame)
        seen.append((eyes.image_user.frame_offset, mouth.image_user.frame_offset))
    assert {own for own, _ in seen} == {0}
    assert len({own for _, own in seen}) > 1
    bpy.context.view_layer.objects.active = bpy.data.objects["Eyes"]
    assert bpy.ops.dreamtalk.draw_mouth() == {"FINISHED"}
    put(scene, objects, [_mouths(session)], "both", 1)
    for frame in range(1, 61, 5):
        scene.frame_set(frame)
        assert eyes.image_user.frame_offset == mouth.image_user.frame_offset == seen[frame - 1][1]


def recorded(session: Any) -> None:
    """Of frames that come 60 a second a drawing is held for as many frames of the scene as well."""
    session.install()
    bpy.ops.mesh.primitive_plane_add()
    node = _sequence(bpy.context.object)
    assert bpy.ops.dreamtalk.draw_mouth() == {"FINISHED"}
    bpy.context.object.dreamtalk.hold = 4
    bpy.context.scene.dreamtalk_live.port = session.free_port()
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    live, index = session.state.live, session.part("dreamtalk_core.motion.arkit").INDEX
    recording = session.part("live.takes").Recording(live, bpy.context)
    arrival = session.part("live.receiver").Arrival
    for i in range(180):
        weights = np.zeros(len(index), np.float32)
        weights[index["jawOpen"]] = 0.6 * (i // 6 % 2)
        frame = session.part("dreamtalk_core.live.frame").Frame(weights)
        recording.arrivals.append(arrival(frame, i / 60))
    recording.end()
    recording.apply()
    assert bpy.ops.dreamtalk.stop_live() == {"FINISHED"}
    seen = []
    for frame in range(1, 72):
        bpy.context.scene.frame_set(frame)
        seen.append(node.image_user.frame_offset)
    held = [len(list(run)) for _, run in groupby(seen)]
    assert len(held) > 3, seen
    assert min(held[:-1]) >= 4, seen


def blinks_and_numbers(session: Any) -> None:
    """An eye that is drawn open and shut: a property of the user's own that is a whole number."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    rig = bpy.context.object.parent
    rig["eye"] = 5
    objects = session.part("rigs.characters").objects_of(bpy.context)
    retarget = session.part("dreamtalk_core.retarget")
    row = retarget.Row("eyeBlinkLeft", '["eye"]', 1.0, 5.0)
    session.part("mapping.data").store(objects, retarget.Mapping((row,)))
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    weights = np.zeros((20, len(names)), np.float32)
    weights[8:12, names.index("eyeBlinkLeft")] = 0.9
    motion = session.part("dreamtalk_core.motion").Motion(names, weights, 24)
    (curve,) = session.part("rigs.motions").curves_of(objects, motion)
    assert curve.values.tolist() == [5] * 8 + [6] * 4 + [5] * 8
    assert curve.rest == 5
