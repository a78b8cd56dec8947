"""Checks of takes: values, layers, ranges, sounds, exports, batches, and what goes wrong."""

from __future__ import annotations

import os
import shutil
import sys
import time
import wave
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from traceback import walk_tb
from types import FunctionType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
from asking import refusal, sample_head

VOICE = Path(__file__).parents[3] / "dreamtalk_core" / "assets" / "demo_voice.flac"


def _motion(session: Any, frames: int, fps: Any = 24, seed: int = 0) -> Any:
    """A motion of all 52 shapes and the head that no two frames have in common."""
    random = np.random.default_rng(seed)
    names = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES
    weights = random.random((frames, len(names)), np.float32)
    head = random.uniform(-20, 20, (frames, 3)).astype(np.float32)
    return session.part("dreamtalk_core.motion").Motion(names, weights, fps, head)


def _seen(face: Any, names: Iterable[str], frames: Iterable[int]) -> Any:
    """Evaluated values [T, C] of shape keys on frames of the scene."""
    rows = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        keys = face.evaluated_get(graph).data.shape_keys.key_blocks
        rows.append([keys[name].value for name in names])
    return np.array(rows, np.float32)


def _shows(face: Any, motion: Any, first: int, within: float = 1e-5) -> None:
    """Every frame of the scene is a frame of the motion."""
    seen = _seen(face, motion.names, range(first, first + len(motion)))
    worst = np.abs(seen - motion.weights).max()
    assert worst <= within, f"{worst} off"


def _put(session: Any, motion: Any, first: int = 1, name: str = "line", **settings: Any) -> Any:
    """A take of a motion on the active character."""
    scene = bpy.context.scene
    for setting, value in settings.items():
        setattr(scene.dreamtalk, setting, value)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    return session.part("animation.putting").put_take(scene, objects, [motion], name, first)


def _job(session: Any, *requests: dict[str, Any]) -> Any:
    return session.part("client.jobs").Job(requests, session.state.service)


def _state() -> dict[str, Any]:
    """What a cancelled or failed operation must not change."""
    scene = bpy.context.scene
    owners = [*bpy.data.objects, *bpy.data.shape_keys]
    editor = scene.sequence_editor
    return {
        "data": {
            kind: sorted(own.name for own in getattr(bpy.data, kind))
            for kind in ("actions", "objects", "meshes", "shape_keys", "sounds", "images")
        },
        "tracks": {
            f"{own.id_type} {own.name}": (
                own.animation_data.action,
                [(track.name, track.mute) for track in own.animation_data.nla_tracks],
            )
            for own in owners
            if own.animation_data and (own.animation_data.action or own.animation_data.nla_tracks)
        },
        "strips": [strip.name for strip in editor.strips] if editor else [],
        "frames": (scene.frame_start, scene.frame_end, scene.frame_current),
        "selected": sorted(own.name for own in bpy.context.selected_objects),
    }


def _refused(action: Any, *words: str) -> None:
    """An operator reports an error that holds these words, and the scene is as it was."""
    before = _state()
    text = refusal(action)
    for word in words:
        assert word in text, text
    assert _state() == before, f"{_state()} was {before}"


# --- values --------------------------------------------------------------------------------------


def spoken(session: Any) -> None:
    """Real speech on the sample head: every frame is the motion, and the lips do as they should."""
    face, scene = sample_head(session), bpy.context.scene
    scene.frame_end = 100
    scene.dreamtalk.sound = str(VOICE)
    scene.dreamtalk.style_from, scene.dreamtalk.style = "NAMED", "happy"
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    take = scene.dreamtalk.take
    output = session.folder / "same.npz"
    service = session.state.service
    recipe = take.dreamtalk.made_from
    recipe.pop("heard")
    service.wait(service.request("animate", output=str(output), **recipe))
    motion = session.part("dreamtalk_core.motion").Motion.load(output)
    assert len(motion) == 332  # 13.84 s at 24 fps
    _shows(face, motion, 1)
    assert scene.frame_end == 332
    (strip,) = scene.sequence_editor.strips
    assert (strip.type, strip.frame_start, scene.sync_mode) == ("SOUND", 1, "AUDIO_SYNC")
    assert abs(strip.frame_final_duration - 332) <= 1

    head = session.part("dreamtalk_core.rig.head").load_head()
    gaps = head.lip_gap_mm(motion.weights)
    widest, shut = int(gaps.argmax()), int(gaps.argmin())
    measured = [_gap_mm(face, head, 1 + frame) for frame in (widest, shut)]
    assert abs(measured[0] - gaps[widest]) < 0.1, (measured, gaps[widest])
    assert measured[0] > 5, measured
    assert measured[1] < 0.1, measured


def _gap_mm(face: Any, head: Any, frame: int) -> float:
    """Opening between the lips of the evaluated mesh, in its own space before the head turns."""
    bpy.context.scene.frame_set(frame)
    face.modifiers["Armature"].show_viewport = False
    mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    heights = _points(mesh)[head.lip_columns][..., 2] * 1000
    return float(np.maximum(heights[:, 0].min(-1) - heights[:, 1].max(-1), 0).mean())


def listened(session: Any) -> None:
    """Another head listens to the take of the first: from where that begins, as the worker has it,
    with lips shut; it can be made again in part, and be undone."""
    face, scene = sample_head(session), bpy.context.scene
    settings = scene.dreamtalk
    settings.sound, settings.start_at, settings.start_frame = str(VOICE), "FRAME", 11
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    said = settings.take
    for owner in (face.data.shape_keys, face.parent):
        for track in owner.animation_data.nla_tracks:
            for strip in track.strips:
                if strip.action == said:
                    strip.frame_start, strip.frame_end = (
                        31,
                        31 + strip.frame_end - strip.frame_start,
                    )
    settings.role, settings.listens_to, settings.toward = "LISTENS", said, 25.0
    _refused(bpy.ops.dreamtalk.animate, "this character itself")

    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    listener = bpy.context.object
    assert listener != face
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    take = settings.take
    assert take.name == f"{VOICE.stem} heard"
    assert session.part("animation.actions").frame_span(take) == (31, 362)
    assert len(scene.sequence_editor.strips) == 1, "the sound is there already"
    recipe = take.dreamtalk.made_from
    assert (recipe["others"], recipe["toward"], recipe["style"]) == ([str(VOICE)], 25.0, "")
    recipe.pop("heard")
    output, service = session.folder / "same.npz", session.state.service
    service.wait(service.request("animate", output=str(output), **recipe))
    motion = session.part("dreamtalk_core.motion").Motion.load(output)
    _shows(listener, motion, 31)
    assert motion.channel("jawOpen").max() < 0.1
    assert motion.head_rotation[60:, 1].mean() > 5, "turned to who speaks"
    before = _seen(face, ["jawOpen"], range(31, 363))
    assert before.max() > 0.2, "who speaks goes on"

    settings.range_start, settings.range_stop, settings.seed = 100, 150, 5
    assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}
    again = _seen(listener, motion.names, range(31, 363))
    changed = np.flatnonzero(np.abs(again - motion.weights).max(1) > 1e-4) + 31
    assert changed.min() >= 90, changed.min()
    assert changed.max() <= 160, changed.max()

    settings.listens_to, settings.sound = None, ""
    _refused(bpy.ops.dreamtalk.animate, "sound file")
    settings.sound = str(VOICE)
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    assert session.part("animation.actions").frame_span(settings.take)[0] == 11


def at_first_sight(session: Any) -> None:
    """The head is at rest before its first take, and again when that is deleted."""
    face = sample_head(session)
    _is_at_rest(face)
    _put(session, motion := _motion(session, 20))
    _shows(face, motion, 1)
    assert bpy.ops.dreamtalk.delete_take() == {"FINISHED"}
    _is_at_rest(face)


def _is_at_rest(face: Any) -> None:
    """No key has a value, and the face is seen as its mesh is."""
    bpy.context.view_layer.update()
    moved = {key.name: key.value for key in face.data.shape_keys.key_blocks if key.value}
    assert not moved, moved
    seen = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    away = np.abs(_points(seen) - _points(face.data)).max()
    assert away < 1e-6, away


def _points(mesh: Any) -> Any:
    """Where the vertices of a mesh are [V, 3]."""
    points = np.empty((len(mesh.vertices), 3), np.float32)
    mesh.vertices.foreach_get("co", points.ravel())
    return points


def the_head_turns(session: Any) -> None:
    face, motion = sample_head(session), _motion(session, 6)
    _put(session, motion, head_ease=0.0)
    rotation = session.part("dreamtalk_core.motion.rotation").rotation_matrix
    to_blender = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)
    for frame, degrees in enumerate(motion.head_rotation, 1):
        bpy.context.scene.frame_set(frame)
        turned = np.array(face.parent.pose.bones["head"].matrix.to_3x3())
        # At rest the bone's axes are those of a motion.
        expected = to_blender @ rotation(degrees)
        assert np.abs(turned - expected).max() < 1e-5, (turned, expected)


def thousands_of_keys(session: Any) -> None:
    """52 keys x 3000 frames in less than 0.3 s."""
    face, motion = sample_head(session), _motion(session, 3000)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    curves = session.part("rigs.motions").curves_of(objects, motion)
    assert len(curves) >= 52
    times = []
    for _ in range(3):
        start = time.perf_counter()
        take = session.part("animation.tracks").add_take("long", curves, 1)
        times.append(time.perf_counter() - start)
    print(f"52 keys x 3000 frames: {min(times):.3f} s")
    assert min(times) < 0.3, times
    bpy.context.scene.dreamtalk.take = take
    _shows(face, motion.cut(2900, 3000), 2901)


def odd_times(session: Any) -> None:
    """23.976 frames per second, and a start before frame 0."""
    face, scene = sample_head(session), bpy.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1.001
    settings = session.part("animation.settings")
    assert str(settings.scene_fps(scene)) == "24000/1001"
    motion = _motion(session, 60, 25)
    take = _put(session, motion, first=-25)
    resampled = motion.resample("24000/1001")
    assert len(resampled) == 58
    _shows(face, resampled, -25)
    assert session.part("animation.actions").frame_span(take) == (-25, 32)
    scene.dreamtalk.start_at, scene.dreamtalk.start_frame = "FRAME", -40
    scene.dreamtalk.sound = str(VOICE)
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    assert session.part("animation.actions").frame_span(scene.dreamtalk.take) == (-40, 291)
    (strip,) = scene.sequence_editor.strips
    assert strip.frame_start == -40
    one = _put(session, motion.cut(0, 1), first=500)
    assert session.part("animation.actions").frame_span(one) == (500, 500)


def at_rest_where_no_take_is(session: Any) -> None:
    face, motion = sample_head(session), _motion(session, 20)
    _put(session, motion, 10)
    _put(session, motion, 60)
    for frame in (5, 45, 90, 5):
        assert not _seen(face, motion.names, [frame]).any(), frame
    _shows(face, motion, 10)
    _shows(face, motion, 60)


# --- layers --------------------------------------------------------------------------------------


def a_style_on_its_own_track(session: Any) -> None:
    face, scene = sample_head(session), bpy.context.scene
    neutral, styled = _motion(session, 30, seed=1), _motion(session, 30, seed=2)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    take = session.part("animation.putting").put_take(scene, objects, [styled, neutral], "line", 1)
    _shows(face, styled, 1)
    style = session.part("animation.take_settings").style_of(take)
    style.dreamtalk.intensity = 0.25
    seen = _seen(face, styled.names, range(1, 31))
    expected = 0.75 * neutral.weights + 0.25 * styled.weights
    assert np.abs(seen - expected).max() < 1e-5
    style.dreamtalk.intensity = 0
    _shows(face, neutral, 1)
    bpy.ops.dreamtalk.delete_take()
    assert not [own.name for own in bpy.data.actions]


def corrections_are_added(session: Any) -> None:
    """A key set by hand on the face makes that value; the take below keeps its own."""
    face, scene = sample_head(session), bpy.context.scene
    motion = _motion(session, 40)
    take = _put(session, motion, tolerance=0.0)
    keys = face.data.shape_keys
    keys_before = [tuple(point.co) for point in _curve(take, "jawOpen").keyframe_points]
    scene.frame_set(20)
    assert bpy.ops.dreamtalk.add_correction() == {"FINISHED"}
    _shows(face, motion, 1)
    scene.frame_set(20)
    keys.key_blocks["jawOpen"].value = 0.5
    assert keys.keyframe_insert('key_blocks["jawOpen"].value', frame=20)
    assert abs(_seen(face, ["jawOpen"], [20])[0, 0] - 0.5) < 1e-5
    assert [tuple(point.co) for point in _curve(take, "jawOpen").keyframe_points] == keys_before
    assert bpy.ops.dreamtalk.add_correction() == {"FINISHED"}
    assert abs(_seen(face, ["jawOpen"], [20])[0, 0] - 0.5) < 1e-5, "pushed down, it is the same"
    # A new take comes below corrections.
    other = _motion(session, 40, seed=5)
    _put(session, other)
    added = 0.5 - motion.channel("jawOpen")[19]
    expected = np.clip(other.channel("jawOpen")[19] + added, 0, 1)
    assert abs(_seen(face, ["jawOpen"], [20])[0, 0] - expected) < 1e-5


def corrections_are_local(session: Any) -> None:
    """One key moves the face around its frame, or within the range, and nowhere else."""
    face, scene = sample_head(session), bpy.context.scene
    keys, motion = face.data.shape_keys, _motion(session, 80)
    take = _put(session, motion)
    taken = motion.channel("jawOpen")
    scene.dreamtalk.range_blend = 4
    scene.frame_set(20)
    assert bpy.ops.dreamtalk.add_correction() == {"FINISHED"}
    keys.key_blocks["jawOpen"].value = 0.5
    assert keys.keyframe_insert('key_blocks["jawOpen"].value', frame=20)
    seen = _seen(face, motion.names, range(1, 81))
    jaw = motion.names.index("jawOpen")
    assert abs(seen[19, jaw] - 0.5) < 1e-5
    moved = np.flatnonzero(np.abs(seen - motion.weights).max(1) > 1e-5) + 1
    assert 16 <= moved.min() < 20 < moved.max() <= 24, moved
    # It grows and goes: no jump is larger than the correction's own steps.
    added = (seen[:, jaw] - taken)[14:26]
    assert np.abs(np.diff(added)).max() < 0.5 * np.abs(added).max(), added
    scene.dreamtalk.correct = "RANGE"
    scene.dreamtalk.range_start, scene.dreamtalk.range_stop = 40, 60
    assert bpy.ops.dreamtalk.add_correction() == {"FINISHED"}
    for frame in (45, 55):
        scene.frame_set(frame)
        keys.key_blocks["jawOpen"].value = 0.5
        assert keys.keyframe_insert('key_blocks["jawOpen"].value', frame=frame)
    seen = _seen(face, ["jawOpen"], range(1, 81))[:, 0]
    assert abs(seen[19] - 0.5) < 1e-5, "the other correction stays"
    moved = np.flatnonzero(np.abs(seen - taken) > 1e-5) + 1
    moved = moved[moved > 24]
    assert 41 <= moved.min() < moved.max() <= 59, moved
    # One that nothing was keyed in leaves no track.
    tracks = len(keys.animation_data.nla_tracks)
    bpy.ops.dreamtalk.add_correction()
    bpy.ops.dreamtalk.add_correction()
    assert len(keys.animation_data.nla_tracks) == tracks + 1
    scene.dreamtalk.range_stop = 40
    _refused(bpy.ops.dreamtalk.add_correction, "40 to 40", "empty")
    assert scene.dreamtalk.take == take


def the_head_over_a_body(session: Any) -> None:
    """It is added to what the body does, comes slowly and goes slowly; of two takes one has it."""
    for mode in ("QUATERNION", "XYZ", "ZXY"):
        face = sample_head(session)
        rig = face.parent
        bone = rig.pose.bones["head"]
        bone.rotation_mode = mode
        path = "rotation_quaternion" if mode == "QUATERNION" else "rotation_euler"

        def turned(rig: Any = rig) -> Any:
            graph = bpy.context.evaluated_depsgraph_get()
            return np.array(rig.evaluated_get(graph).pose.bones["head"].matrix.to_3x3())

        body = []
        for frame, angle in ((1, 0.0), (100, 0.6)):
            value = (np.cos(angle / 2), 0, np.sin(angle / 2), 0) if len(mode) > 3 else (0, angle, 0)
            setattr(bone, path, value)
            bone.keyframe_insert(path, frame=frame)
        for frame in range(1, 101):
            bpy.context.scene.frame_set(frame)
            body.append(turned())
        motion = _motion(session, 60)
        nod = type(motion)(motion.names, motion.weights, 24, np.full((60, 3), [12.0, 0, 0]))
        _put(session, nod, first=21, head_ease=0.25)
        seen = _turns(turned)
        for frame in (30, 50, 70):
            own = body[frame - 1].T @ seen[frame - 1]
            assert np.abs(np.degrees(_angle(own)) - 12.0) < 0.5, (mode, frame, own)
        for frame in (1, 20, 21, 80, 81, 100):
            assert np.abs(seen[frame - 1] - body[frame - 1]).max() < 1e-4, (mode, frame)
        steps = [_angle(one.T @ two) for one, two in pairwise(seen)]
        assert np.degrees(max(steps)) < 4.5, mode
        # A second take in the same place: the head turns once.
        second = _put(session, nod, first=21)
        assert np.abs(_turns(turned) - seen).max() < 1e-4
        bpy.ops.dreamtalk.toggle_take(take=second.name)
        assert np.abs(_turns(turned) - seen).max() < 1e-4
        bpy.ops.dreamtalk.toggle_take(take=second.name)
        bpy.ops.dreamtalk.delete_take(take=second.name)
        assert np.abs(_turns(turned) - seen).max() < 1e-4
        # An action of the body that comes later goes below the takes.
        rig.animation_data.action = bpy.data.actions.new("later")
        setattr(bone, path, (1, 0, 0, 0) if len(mode) > 3 else (0, 0, 0))
        bone.keyframe_insert(path, frame=1)
        _put(session, nod, first=21)
        bpy.context.scene.frame_set(50)
        assert abs(np.degrees(_angle(body[0].T @ turned())) - 12.0) < 0.5, mode


def _turns(turned: Any) -> Any:
    found = []
    for frame in range(1, 101):
        bpy.context.scene.frame_set(frame)
        found.append(turned())
    return np.array(found)


def _angle(turn: Any) -> float:
    """Of a rotation matrix, in radians."""
    return float(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))


def deleted_over_a_body(session: Any) -> None:
    """The face is at rest after its last take, also where it had tracks of others."""
    face, scene = sample_head(session), bpy.context.scene
    keys = face.data.shape_keys
    keys.keyframe_insert('key_blocks["browInnerUp"].value', frame=1)
    action, slot = keys.animation_data.action, keys.animation_data.action_slot
    keys.animation_data.action = None
    strip = keys.animation_data.nla_tracks.new().strips.new("brow", 1, action)
    strip.action_slot = slot
    _put(session, _motion(session, 20))
    scene.frame_set(10)
    assert keys.key_blocks["jawOpen"].value
    assert bpy.ops.dreamtalk.delete_take() == {"FINISHED"}
    _is_at_rest(face)


def _curve(action: Any, name: str) -> Any:
    bags = (bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags)
    return next(own for bag in bags for own in bag.fcurves if f'"{name}"' in own.data_path)


def an_active_action_makes_way(session: Any) -> None:
    """What would hide the take goes below it; what does not stays."""
    face, motion = sample_head(session), _motion(session, 10)
    keys = face.data.shape_keys
    keys.keyframe_insert('key_blocks["jawOpen"].value', frame=1)
    action = keys.animation_data.action
    _put(session, motion)
    _shows(face, motion, 1)
    assert action.name in [track.name for track in keys.animation_data.nla_tracks]
    assert keys.animation_data.action is None


def strengths_are_live(session: Any) -> None:
    face, motion = sample_head(session), _motion(session, 12)
    take = _put(session, motion)
    lips = [name for name in motion.names if name.startswith(("mouth", "tongue"))]
    lips.remove("mouthClose")
    others = [name for name in motion.names if name not in lips]
    take.dreamtalk.lips = 0.5
    frames = range(1, 13)
    seen = _seen(face, lips, frames)
    expected = np.stack([motion.channel(name) for name in lips], 1) * 0.5
    assert np.abs(seen - expected).max() < 1e-5
    seen = _seen(face, others, frames)
    assert np.abs(seen - np.stack([motion.channel(own) for own in others], 1)).max() < 1e-5
    take.dreamtalk.head = 0
    bpy.context.scene.frame_set(3)
    assert np.abs(np.array(face.parent.pose.bones["head"].rotation_euler)).max() < 1e-6
    take.dreamtalk.jaw = 3
    assert _seen(face, ["jawOpen"], frames).max() <= 1
    assert bpy.ops.dreamtalk.reset_strengths() == {"FINISHED"}
    _shows(face, motion, 1)
    assert not _curve(take, "jawOpen").modifiers


def switched_and_chosen(session: Any) -> None:
    face = sample_head(session)
    one, two = _motion(session, 10, seed=1), _motion(session, 10, seed=2)
    first, second = _put(session, one), _put(session, two)
    _shows(face, two, 1)
    assert bpy.ops.dreamtalk.toggle_take() == {"FINISHED"}
    _shows(face, one, 1)
    assert bpy.ops.dreamtalk.show_only_take(take=second.name) == {"FINISHED"}
    _shows(face, two, 1)
    assert bpy.ops.dreamtalk.choose_take(take=first.name) == {"FINISHED"}
    assert bpy.ops.dreamtalk.delete_take() == {"FINISHED"}
    _shows(face, two, 1)
    assert bpy.ops.dreamtalk.delete_take(take=second.name) == {"FINISHED"}
    assert not bpy.data.actions[:]
    assert not face.data.shape_keys.animation_data.nla_tracks[:]


# --- editing -------------------------------------------------------------------------------------


def a_range_is_made_again(session: Any) -> None:
    """The middle is the new motion, what is outside stays bit for bit, and nothing jumps."""
    face, scene = sample_head(session), bpy.context.scene
    settings = scene.dreamtalk
    settings.sound, settings.style_from, settings.style = str(VOICE), "NAMED", "neutral"
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    take = settings.take
    names = [key.name for key in face.data.shape_keys.key_blocks[1:]]
    frames = range(1, 333)
    before = _seen(face, names, frames)
    scene.frame_set(5)
    assert bpy.ops.dreamtalk.add_correction() == {"FINISHED"}
    face.data.shape_keys.key_blocks["browInnerUp"].value = 0.9
    face.data.shape_keys.keyframe_insert('key_blocks["browInnerUp"].value', frame=5)
    bpy.context.scene.frame_set(5)
    settings.style, settings.seed = "angry", 7
    settings.range_start, settings.range_stop, settings.range_blend = 100, 160, 6
    assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}
    correction = face.data.shape_keys.animation_data.action
    assert correction.dreamtalk.kind == "CORRECTION"
    assert len(_curve(correction, "browInnerUp").keyframe_points) == 3, "it, and both ends"
    face.data.shape_keys.animation_data.action = None
    after = _seen(face, names, frames)
    assert np.array_equal(after[:99], before[:99])
    assert np.array_equal(after[160:], before[160:])
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    angry = _seen(face, names, frames)
    assert np.abs(after[105:154] - angry[105:154]).max() < 1e-5
    steps = np.abs(np.diff(after, axis=0)).max()
    usual = max(np.abs(np.diff(own, axis=0)).max() for own in (before, angry))
    assert steps < usual + 0.1, (steps, usual)

    _refused(lambda: _set_and(settings, bpy.ops.dreamtalk.regenerate, 900, 950), "not within")
    # What was heard in the voice is told of what was made by it last.
    made = settings.take.dreamtalk
    assert made.made_from["heard"] == []
    for style_from, start, stop, count in (
        ("AUTO", 100, 160, 1),
        ("AUTO", 120, 140, 1),
        ("NAMED", 120, 140, 1),
        ("NAMED", 1, 400, 0),
    ):
        settings.style_from = style_from
        _set_and(settings, bpy.ops.dreamtalk.regenerate, start, stop)
        assert len(made.made_from["heard"]) == count, (style_from, start, stop)
    scene.render.fps = 30
    _refused(bpy.ops.dreamtalk.regenerate, "24 frames per second", "30")
    scene.render.fps = 24
    imported = _put(session, _motion(session, 10))
    assert imported == settings.take != take
    _refused(bpy.ops.dreamtalk.regenerate, "no speech")


def _set_and(settings: Any, operator: Any, start: int, stop: int) -> None:
    settings.range_start, settings.range_stop = start, stop
    operator()


def keys_in_the_dope_sheet(session: Any) -> None:
    """Edit Keys opens the face and its bones at once, what is edited stays, and closes them."""
    face, scene = sample_head(session), bpy.context.scene
    motion = _motion(session, 30)
    take = _put(session, motion)
    bpy.ops.dreamtalk.add_correction()
    face.data.shape_keys.key_blocks["jawOpen"].value = 0.5
    assert "Close Keys" not in _labels(session)
    assert bpy.ops.dreamtalk.edit_keys() == {"FINISHED"}
    owners = [face.data.shape_keys, face.parent]
    assert [own.animation_data.action for own in owners] == [take, take]
    assert all(own.animation_data.use_tweak_mode for own in owners)
    assert "Close Keys" in _labels(session)
    _curve(take, "browInnerUp").keyframe_points[9].co.y = 0.25
    assert bpy.ops.dreamtalk.edit_keys() == {"FINISHED"}
    assert not any(own.animation_data.use_tweak_mode for own in owners)
    assert abs(_seen(face, ["browInnerUp"], [10])[0, 0] - 0.25) < 1e-5
    assert face.data.shape_keys.animation_data.action.dreamtalk.kind == "CORRECTION"
    assert bpy.ops.dreamtalk.toggle_take() == {"FINISHED"}
    _refused(bpy.ops.dreamtalk.edit_keys, "switched off")
    assert scene.dreamtalk.take == take
    # Deleted while it is open.
    assert bpy.ops.dreamtalk.toggle_take() == {"FINISHED"}
    face.data.shape_keys.animation_data.action = None
    assert bpy.ops.dreamtalk.edit_keys() == {"FINISHED"}
    assert bpy.ops.dreamtalk.delete_take() == {"FINISHED"}
    assert not any(own.animation_data.use_tweak_mode for own in owners)
    _is_at_rest(face)


def _labels(session: Any) -> str:
    """What is written on the buttons of Edit Take."""
    icons = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys()
    seen: list[str] = []
    layout = _Layout(set(icons), seen)
    look = layout.operator
    layout.operator = lambda name, text="", **more: seen.append(text) or look(name, **more)
    panel = session.part("ui.panels").DREAMTALK_PT_edit
    panel.draw(type("Drawn", (), {"layout": layout})(), bpy.context)
    return " | ".join(seen)


def baked_to_one_action(session: Any) -> None:
    """Take, style, correction, strength and body: the same is seen as before, with fewer keys."""
    face, scene = sample_head(session), bpy.context.scene
    rig = face.parent
    bone = rig.pose.bones["head"]
    for frame, angle in ((1, 0.0), (40, 0.5)):
        bone.rotation_euler[1] = angle
        bone.keyframe_insert("rotation_euler", frame=frame)
    smooth = session.part("dreamtalk_core.motion.curves").smooth
    pair = []
    for seed in (1, 2):
        own = _motion(session, 40, seed=seed)
        calm = smooth(own.weights, 24.0, 2.0)
        pair.append(type(own)(own.names, calm, 24, own.head_rotation))
    objects = session.part("rigs.characters").objects_of(bpy.context)
    take = session.part("animation.putting").put_take(scene, objects, pair, "line", 1)
    take.dreamtalk.lips = 0.5
    scene.frame_set(20)
    bpy.ops.dreamtalk.add_correction()
    face.data.shape_keys.key_blocks["jawOpen"].value = 0.9
    face.data.shape_keys.keyframe_insert('key_blocks["jawOpen"].value', frame=20)
    scene.frame_start, scene.frame_end = 1, 45
    names = [key.name for key in face.data.shape_keys.key_blocks[1:]]

    def seen() -> Any:
        heads = [_turned(rig, frame) for frame in range(1, 46)]
        return _seen(face, names, range(1, 46)), np.array(heads)

    before = seen()
    scene.dreamtalk.tolerance = 0.01
    assert bpy.ops.dreamtalk.bake() == {"FINISHED"}
    after = seen()
    assert np.abs(after[0] - before[0]).max() <= 0.01 + 1e-5
    assert np.abs(after[1] - before[1]).max() < 0.05
    (action,) = {own.animation_data.action for own in (face.data.shape_keys, rig)}
    assert action.dreamtalk.kind == "BAKE"
    keys = len(_curve(action, "jawOpen").keyframe_points)
    assert 3 <= keys < 45, keys
    # Without a tolerance it is the same to the last frame.
    bpy.ops.dreamtalk.delete_take()
    scene.dreamtalk.tolerance = 0.0
    own = _motion(session, 20)
    _put(session, own)
    before = seen()
    assert bpy.ops.dreamtalk.bake() == {"FINISHED"}
    after = seen()
    assert np.abs(after[0] - before[0]).max() < 1e-5
    assert np.abs(after[1] - before[1]).max() < 1e-4


def stopped_bake(session: Any) -> None:
    """Esc while a bake runs: nothing has changed."""
    sample_head(session)
    take = _put(session, _motion(session, 30))
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 30
    scene.frame_set(7)
    before = _state()
    owners = session.part("animation.tracks").owners_of(take)
    steps = session.part("animation.editing").bake("stopped", owners, range(1, 31), 0.0)
    assert [next(steps) for _ in range(12)] == list(range(1, 13))
    assert scene.frame_current == 12
    steps.close()
    assert _state() == before


def _turned(rig: Any, frame: int) -> Any:
    """How the head is turned on a frame."""
    bpy.context.scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    return np.array(rig.evaluated_get(graph).pose.bones["head"].matrix.to_3x3())


def fewer_keys(session: Any) -> None:
    face, scene = sample_head(session), bpy.context.scene
    motion = _motion(session, 200)
    smooth = session.part("dreamtalk_core.motion.curves").smooth
    calm = type(motion)(motion.names, smooth(motion.weights, 24.0, 1.0), 24, motion.head_rotation)
    take = _put(session, calm)
    scene.dreamtalk.tolerance = 0.01
    before = len(_curve(take, "jawOpen").keyframe_points)
    assert bpy.ops.dreamtalk.reduce_keys() == {"FINISHED"}
    after = len(_curve(take, "jawOpen").keyframe_points)
    assert after < before / 2, (before, after)
    _shows(face, calm, 1, within=0.01 + 1e-5)
    other = _put(session, calm, tolerance=0.01)
    assert len(_curve(other, "jawOpen").keyframe_points) == after


def smoother(session: Any) -> None:
    face, scene = sample_head(session), bpy.context.scene
    motion = _motion(session, 100)
    _put(session, motion, cutoff=3.0)
    assert bpy.ops.dreamtalk.smooth_keys() == {"FINISHED"}
    seen = _seen(face, motion.names, range(1, 101))
    smooth = session.part("dreamtalk_core.motion.curves").smooth(
        motion.weights, 24.0, scene.dreamtalk.cutoff
    )
    for i, name in enumerate(motion.names):
        expected = motion.weights[:, i] if name.startswith("eye") else smooth[:, i]
        assert np.abs(seen[:, i] - expected).max() < 1e-5, name


def curves_from_a_file(session: Any) -> None:
    """Without any worker."""
    face = sample_head(session)
    session.preferences.python = str(session.folder / "no python")
    motion = _motion(session, 25, 30)
    for suffix, within in ((".npz", 1e-5), (".json", 1e-5), (".csv", 1e-5)):
        path = session.folder / f"curves é{suffix}"
        motion.save(path)
        assert bpy.ops.dreamtalk.import_motion(filepath=str(path)) == {"FINISHED"}
        _shows(face, motion.resample(24), 1, within)
    broken = session.folder / "broken.csv"
    broken.write_text("nothing", encoding="utf-8")
    _refused(lambda: bpy.ops.dreamtalk.import_motion(filepath=str(broken)), "broken.csv")


def styles_from_markers(session: Any) -> None:
    sample_head(session)
    scene, animate = bpy.context.scene, session.part("animation.animate")
    scene.dreamtalk.style_from = "MARKERS"
    scene.dreamtalk.sound = str(VOICE)
    _refused(bpy.ops.dreamtalk.animate, "No timeline marker")
    scene.dreamtalk.style = "neutral"
    for frame, name in (
        (-5, "sad"),
        (0, "Happy*1.5"),
        (49, "angry"),
        (60, "shot 7"),
        (97, "style: x"),
    ):
        scene.timeline_markers.new(name, frame=frame)
    assert animate.style_text(scene, 1) == "Happy*1.5@0, angry@2, x@4"
    assert animate.style_text(scene, -23) == "neutral@0, sad@0.75, Happy*1.5@0.9583, angry@3, x@5"
    scene.timeline_markers.remove(scene.timeline_markers["style: x"])
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    scene.frame_set(30)
    assert bpy.ops.dreamtalk.add_style_marker() == {"FINISHED"}
    assert ("neutral", 30) in [(own.name, own.frame) for own in scene.timeline_markers]


def styles_have_pictures(session: Any) -> None:
    sample_head(session)
    styles, settings = session.state.styles, bpy.context.scene.dreamtalk
    # Before anybody has been asked: a style is chosen, and all have a picture.
    shipped = {entry[0] for entry in styles.entries}
    assert settings.style == "neutral"
    assert {tuple(styles.pictures[name].image_size) for name in shipped} == {(128, 128)}
    assert bpy.ops.dreamtalk.refresh_styles() == {"FINISHED"}
    entries = styles.entries
    assert shipped <= {entry[0] for entry in entries}
    # A menu of pictures hands the number of the chosen one over as a float.
    assert all(int(np.float32(entry[4])) == entry[4] for entry in entries)
    assert all(Path(style["picture"]).is_file() for style in styles.styles)
    motion = session.folder / "somebody.npz"
    calm = session.part("dreamtalk_core.motion.curves").smooth(
        _motion(session, 200).weights, 24.0, 2.0
    )
    type(_motion(session, 2))(_motion(session, 2).names, calm, 24).save(motion)
    assert bpy.ops.dreamtalk.extract_style(filepath=str(motion), name="mine é") == {"FINISHED"}
    assert "mine é" in styles.names
    settings.style, settings.style_from, settings.sound = "mine é", "NAMED", str(VOICE)
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}


# --- the interface -------------------------------------------------------------------------------


class _Layout:
    """Stands for a panel's layout: everything that is asked of it must be there in Blender."""

    def __init__(self, icons: Any, seen: list[str]) -> None:
        self._icons, self._seen = icons, seen

    def __getattr__(self, name: str) -> Any:
        if name in {"row", "column", "box", "split", "column_flow", "grid_flow"}:
            return lambda **_: _Layout(self._icons, self._seen)
        raise AttributeError(name)

    def _look(self, what: str, icon: str = "NONE", **_: Any) -> None:
        assert icon in self._icons, icon
        self._seen.append(what)

    def label(self, text: str = "", **options: Any) -> None:
        self._look(text, **options)

    def progress(self, factor: float, text: str = "", **options: Any) -> None:
        assert 0 <= factor <= 1
        self._look(text, **options)

    def prop(self, data: Any, name: str, **options: Any) -> None:
        assert name in data.bl_rna.properties, name
        self._look(name, **options)

    def operator(self, name: str, **options: Any) -> Any:
        kind, _, operator = name.partition(".")
        known = getattr(getattr(bpy.ops, kind), operator).get_rna_type()
        self._look(name, **options)
        return _Properties(set(known.properties.keys()))

    def operator_menu_enum(self, name: str, *_: Any, **options: Any) -> Any:
        return self.operator(name, **options)

    def template_icon_view(self, data: Any, name: str, **_: Any) -> None:
        self.prop(data, name)

    def template_ID(self, data: Any, name: str, *, new: str, open: str, text: str) -> None:
        for operator in (new, open):
            self.operator(operator)
        self.prop(data, name, text=text)

    def template_list(
        self, _kind: str, _id: str, data: Any, name: str, *rest: Any, **_: Any
    ) -> None:
        self.prop(data, name)
        self.prop(*rest[:2])

    def prop_search(self, data: Any, name: str, *_: Any, **options: Any) -> None:
        options.pop("text", None)
        self.prop(data, name, **options)

    def separator(self, **_: Any) -> None:
        pass

    def panel(self, _id: str, **_: Any) -> tuple[Any, Any]:
        return self, self


class _Properties:
    """Stands for an operator's properties, to be set in a panel."""

    def __init__(self, known: set[str]) -> None:
        object.__setattr__(self, "_known", known)

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in self._known, name


def _drawn(session: Any) -> list[str]:
    """What the panels show, in order."""
    icons = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys()
    seen: list[str] = []
    bpy.context.view_layer.update()  # as a window does before it draws
    for panel in (*session.part("ui.panels").CLASSES, *session.part("ui.live_panel").CLASSES):
        owner = type("Drawn", (), {"layout": _Layout(set(icons), seen)})()
        panel.draw(owner, bpy.context)
    return seen


def panels(session: Any) -> None:
    """They can be drawn in every state: no character, no take, takes, a job on its way."""
    face, scene = sample_head(session), bpy.context.scene
    for style in ("AUTO", "NAMED", "FILE", "MARKERS"):
        scene.dreamtalk.style_from = style
        assert "dreamtalk.animate" in _drawn(session)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    pair = [_motion(session, 9, seed=seed) for seed in (1, 2)]
    session.part("animation.putting").put_take(scene, objects, pair, "line", 1, {"speech": "x.wav"})
    drawn = _drawn(session)
    assert {"intensity", "lips", "dreamtalk.regenerate", "1 – 9  x.wav"} <= set(drawn)
    face.data.shape_keys.key_blocks["jawOpen"].mute = True
    assert "jawOpen." in " ".join(_drawn(session))
    session.state.job = _job(session, {})
    assert "dreamtalk.cancel" in _drawn(session)
    session.state.job = None
    _live_panel(session)
    operator = session.part("animation.imports").DREAMTALK_OT_import_motion
    icons = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys()
    seen: list[str] = []
    given = bpy.ops.dreamtalk.import_motion.get_rna_type()
    for place in ("NEW", "RANGE"):
        layout = _Layout(set(icons), seen)
        own = SimpleNamespace(layout=layout, place=place, bl_rna=given)
        operator.draw(own, bpy.context)
    assert {"place", "jawOpen", "mouthSmileLeft", "range_start"} <= set(seen)
    bpy.context.view_layer.objects.active = None
    assert "dreamtalk.add_head" in _drawn(session)
    bpy.ops.mesh.primitive_cube_add(location=(0.0, 0.0, 0.0))
    bpy.context.view_layer.update()
    assert {"dreamtalk.add_head", "dreamtalk.make_shapes"} <= set(_drawn(session))
    # The cube, two metres wide, would hide the head.
    assert bpy.ops.dreamtalk.add_head(show=True) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert bpy.context.object.matrix_world.translation.x > 1.5
    assert "dreamtalk.add_head" not in _drawn(session)


def _live_panel(session: Any) -> None:
    """What it offers before, meanwhile and while something is recorded."""
    settings = bpy.context.scene.dreamtalk_live
    for source in ("VMC", "IFACIALMOCAP", "SPEAK", "LIVE_LINK"):
        settings.source = source
        drawn = _drawn(session)
        assert "dreamtalk.start_live" in drawn
        assert ("phone" in drawn) == (source == "IFACIALMOCAP")
        assert ("port" in drawn) == (source != "SPEAK")
    settings.port = session.free_port()
    assert bpy.ops.dreamtalk.start_live() == {"FINISHED"}
    assert {"dreamtalk.stop_live", "dreamtalk.record", "play"} <= set(_drawn(session))
    settings.punch = True
    assert {"lead", "punch"} <= set(_drawn(session))
    settings.punch, settings.rest = False, "{}"
    live = session.state.live
    session.state.recording = session.part("live.takes").Recording(live, bpy.context)
    drawn = _drawn(session)
    assert "dreamtalk.stop_recording" in drawn
    assert "dreamtalk.record" not in drawn
    session.state.recording = None
    assert bpy.ops.dreamtalk.stop_live() == {"FINISHED"}


def sliders_of_the_table(session: Any) -> None:
    """What `parameters.py` describes is in the panel, as it describes it."""
    session.install()
    settings = session.part("animation.settings")
    properties = bpy.context.scene.dreamtalk.bl_rna.properties
    for own in (settings.SAMPLING | settings.BEHAVIOUR | settings.CONTROLS).values():
        made = properties[settings.SAVED_AS.get(own.name, own.name)]
        assert (made.name, made.description) == (own.label, own.help)
        most = min(own.most, settings._LARGEST)
        assert (made.default, made.hard_min, made.hard_max) == (own.default, own.least, most)


def in_chinese(session: Any) -> None:
    """Messages call buttons as they are labelled, and keys as they are."""
    session.install()
    messages, translations = session.part("messages"), session.part("translations")
    table = translations.table("zh_HANS") | translations.told_by_core("zh_HANS")
    # Blender's module brings no languages.
    translations = SimpleNamespace(pgettext=lambda text, _context: table.get(text, f"{text}?"))
    messages.bpy = SimpleNamespace(app=SimpleNamespace(translations=translations))
    told = messages.told
    assert told("'DreamTalk Head' is hidden, so it cannot be exported. Show it first.") == (
        "“DreamTalk Head”已隐藏，无法导出。请先显示它。"
    )
    assert told(
        "None of the 3 shape keys of 'A b' moves a vertex (the first: x, y). "
        "Give them shapes first."
    ).startswith("“A b”的 3 个形态键")
    # What the core says, with what is put into it.
    assert told(
        "/a b/c.wav is not a sound or video file, or is damaged. Try to play it; convert it to wav "
        "if another program can open it."
    ) == (
        "/a b/c.wav 不是声音或视频文件，或已损坏。请试着播放它；如果别的程序能打开，请转换为 wav。"
    )
    error = ValueError("Choose a style, or press Refresh Styles. Leave it first: press Tab.")
    assert (
        messages.message_of(error)
        == "Choose a style, or press 刷新风格. Leave it first: press Tab."
    )


def a_message_in_the_sidebar(session: Any) -> None:
    """No line of it is longer than the sidebar is wide when it has been opened."""
    session.install()
    seen: list[str] = []
    region, system = SimpleNamespace(width=280), SimpleNamespace(ui_scale=1.0)
    context = SimpleNamespace(region=region, preferences=SimpleNamespace(system=system))
    text = "No character is selected. Click the face (a mesh with shape keys) or its armature."
    session.part("messages").draw_message(_Layout({"INFO", "BLANK1"}, seen), context, text, "INFO")
    assert " ".join(seen) == text
    # Chinese has no spaces, and takes twice the room.
    chinese, wide = "没有选中角色。请单击面部（带形态键的网格）或其骨架。" * 2, []
    session.part("messages").draw_message(
        _Layout({"INFO", "BLANK1"}, wide), context, chinese, "INFO"
    )
    assert "".join(wide) == chinese
    assert len(wide) > 2
    assert max(map(len, wide)) < 18, wide
    # Of 39 letters the last three were lost.
    assert max(map(len, seen)) < 36, seen


def a_python_that_does_not_fit(session: Any) -> None:
    """Blender's own is too new: an error comes before any work, and no Install is offered."""
    session.install()
    os.environ["HOME"], os.environ["PATH"] = str(session.folder), ""
    session.preferences.python = ""
    bpy.context.preferences.system.use_online_access = True
    preferences, runtimes = session.part("client.choice"), session.part("client.runtimes")

    def refusal() -> str:
        try:
            preferences.chosen_runtime(session.state.wheel)
        except preferences.WorkerError as error:
            return str(error)
        raise AssertionError("one was found")

    def drawn() -> list[str]:
        icons = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys()
        seen: list[str] = []
        fields = {"layout": _Layout(set(icons), seen), "bl_rna": session.preferences.bl_rna}
        panel = type("Drawn", (), fields)()
        size = SimpleNamespace(width=600, ui_scale=1)
        context = SimpleNamespace(region=size, preferences=SimpleNamespace(system=size))
        session.part("ui.preferences").DREAMTALK_Preferences.draw(panel, context)
        return seen

    # As it is meant to be: these Pythons fit.
    assert bpy.ops.dreamtalk.install_worker.poll()
    assert "Press Install" in refusal()
    assert "dreamtalk.install_worker" in drawn()

    runtimes.Wheel.pythons = ((3, 98), (3, 99))
    assert not bpy.ops.dreamtalk.install_worker.poll()
    why = "Blender's Python is {}.{}; DreamTalk needs 3.98 to 3.99".format(*sys.version_info)
    assert why in refusal()
    assert "Press Install" not in refusal()
    assert "connection" not in refusal()
    shown = drawn()
    assert why in " ".join(shown)
    assert "dreamtalk.install_worker" not in shown
    assert {"python", "dreamtalk.check_worker"} <= set(shown)


def a_blender_without_exporters(session: Any) -> None:
    """Built without USD, or with an add-on off: a sentence, and nothing is written."""
    sample_head(session)
    _put(session, _motion(session, 5))
    export = session.part("animation.export")
    export.bpy = SimpleNamespace(ops=SimpleNamespace(wm=[], export_scene=[]))
    said = []
    for suffix in (".usdc", ".glb"):
        try:
            export.export_character(bpy.context, [], session.folder / f"face{suffix}")
        except export.DreamTalkError as error:
            said.append(str(error))
    export.bpy = bpy
    assert "without USD" in said[0], said
    assert "exporter of .glb is switched off" in said[1], said
    assert not list(session.folder.glob("face*"))


def the_worker_is_in_the_panel(session: Any) -> None:
    """Its state, or why there is none and the button that makes one."""
    sample_head(session)
    assert "Starts when it is needed" in _drawn(session)
    session.preferences.python = str(session.folder / "nowhere")
    drawn = _drawn(session)
    assert "does not exist" in " ".join(drawn), drawn
    assert "dreamtalk.install_worker" in drawn
    session.preferences.python = str(session.worker)
    service = session.state.service
    task = service.request("hello", protocol=3)
    assert "Starting DreamTalk" in _drawn(session)
    service.wait(task)
    assert "Ready" in _drawn(session)


class _Window:
    """Stands for the context of a Blender with a window, which the module has not got."""

    def __init__(self) -> None:
        self.scene, self.window, self.timers = bpy.context.scene, object(), 0
        self.window_manager = self
        self.windows: tuple[Any, ...] = ()
        self.screen = SimpleNamespace(is_animation_playing=False)
        self.active_object, self.selected_objects = bpy.context.object, []

    def event_timer_add(self, _seconds: float, window: Any) -> Any:
        self.timers += 1
        return self

    def event_timer_remove(self, _timer: Any) -> None:
        self.timers -= 1

    def modal_handler_add(self, _operator: Any) -> None:
        pass


class _Event:
    def __init__(self, kind: str) -> None:
        self.type = kind


def _modal(session: Any, kind: Any = None) -> tuple[Any, _Window]:
    """Animate, or another job, as it runs with a window, without Blender's own part of it; and its
    context."""
    kind = kind or session.part("animation.animate").DREAMTALK_OT_animate

    class Operator(session.part("client.job_operator").JobOperator):
        reported: tuple[set[str], str] = (set(), "")

        def report(self, kind: set[str], text: str) -> None:
            self.reported = kind, text

    for name, own in vars(kind).items():
        if isinstance(own, FunctionType):
            setattr(Operator, name, own)
    return Operator(), _Window()


def with_a_window(session: Any) -> None:
    """The modal operator: it lets events pass, ends by itself, and can be stopped."""
    sample_head(session)
    scene = bpy.context.scene
    scene.dreamtalk.sound = str(VOICE)

    for stop in ("ESC", "button"):
        before = _state()
        operator, window = _modal(session)
        assert operator.begin(window) == {"RUNNING_MODAL"}
        assert window.timers == 1
        second, _ = _modal(session)
        assert second.begin(window) == {"CANCELLED"}
        assert "busy" in second.reported[1]
        assert operator.modal(window, _Event("MOUSEMOVE")) == {"PASS_THROUGH"}
        assert operator.modal(window, _Event("TIMER")) == {"PASS_THROUGH"}
        if stop == "button":
            assert bpy.ops.dreamtalk.cancel() == {"FINISHED"}
        kind = "ESC" if stop == "ESC" else "TIMER"
        assert operator.modal(window, _Event(kind)) == {"CANCELLED"}
        assert window.timers == 0
        assert session.state.job is None
        assert _state() == before

    operator, window = _modal(session)
    operator.begin(window)
    shares = []
    while (state := operator.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
        shares.append(session.state.job.progress)
        time.sleep(0.01)
    assert state == {"FINISHED"}, operator.reported
    assert shares == sorted(shares)
    assert window.timers == 0
    assert len(session.part("animation.takes").takes_on([bpy.context.object])) == 1

    scene.dreamtalk.sound = str(session.folder / "no sound.wav")
    Path(scene.dreamtalk.sound).write_text("no sound", encoding="utf-8")
    operator, before = _modal(session)[0], _state()
    operator.begin(window)
    while (state := operator.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
        time.sleep(0.01)
    assert state == {"CANCELLED"}
    assert "no sound.wav" in operator.reported[1]
    assert window.timers == 0
    assert _state() == before


def jobs_remember_where_they_began(session: Any) -> None:
    """Another scene, another character and other names at the end do not matter."""
    face, scene = sample_head(session), bpy.context.scene
    scene.dreamtalk.sound = str(VOICE)
    operator, window = _modal(session)
    assert operator.begin(window) == {"RUNNING_MODAL"}
    # Esc that stops playback is none of its business.
    window.screen.is_animation_playing = True
    assert operator.modal(window, _Event("ESC")) == {"PASS_THROUGH"}
    other = bpy.data.scenes.new("Other")
    other.render.fps = 60
    bpy.context.window.scene = other
    window.scene = other
    face.name, scene.name = "Renamed", "Renamed too"
    while (state := operator.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
        time.sleep(0.01)
    assert state == {"FINISHED"}, operator.reported
    (take,) = session.part("animation.takes").takes_on([face])
    assert session.part("animation.actions").frame_span(take) == (1, 332)
    assert scene.dreamtalk.take == take
    assert other.dreamtalk.take is None
    assert len(scene.sequence_editor.strips) == 1
    assert other.sequence_editor is None
    bpy.context.window.scene = scene
    operator, window = _modal(session)
    operator.begin(window)
    bpy.data.objects.remove(face)
    while (state := operator.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
        time.sleep(0.01)
    assert state == {"CANCELLED"}
    assert "deleted meanwhile" in operator.reported[1]


def each_bar_has_its_own_x(session: Any) -> None:
    sample_head(session)
    bpy.context.scene.dreamtalk.sound = str(VOICE)
    operator, window = _modal(session)
    operator.begin(window)
    styles, service = session.state.styles, session.state.service
    styles.task = service.request("styles", folder=str(session.folder))
    assert bpy.ops.dreamtalk.cancel(what="STYLES") == {"FINISHED"}
    assert styles.task.state == "CANCELLED"
    assert operator.modal(window, _Event("TIMER")) == {"PASS_THROUGH"}
    styles.task = service.request("styles", folder=str(session.folder))
    assert bpy.ops.dreamtalk.cancel(what="JOB") == {"FINISHED"}
    assert operator.modal(window, _Event("TIMER")) == {"CANCELLED"}
    assert styles.task.state == "RUNNING"
    service.cancel(styles.task)


def takes_of_their_own_characters(session: Any) -> None:
    """A range is made again, and strengths turn, on the character of the take."""
    face, scene = sample_head(session), bpy.context.scene
    settings = scene.dreamtalk
    settings.sound, settings.style_from, settings.style = str(VOICE), "NAMED", "neutral"
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    first = settings.take
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    second_face = bpy.context.object
    second = _put(session, _motion(session, 40))
    takes = session.part("animation.takes")
    settings.take = first
    # The first one's take is chosen, but the second character is the active one.
    assert takes.chosen_take(bpy.context) == second
    assert f"{second.name}" in _drawn(session)
    bpy.context.view_layer.objects.active = face
    assert takes.chosen_take(bpy.context) == first
    bpy.context.view_layer.objects.active = None
    settings.range_start, settings.range_stop, settings.style = 100, 120, "angry"
    names = [key.name for key in face.data.shape_keys.key_blocks[1:]]
    before = [_seen(own, names, range(1, 131)) for own in (face, second_face)]
    assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}
    after = [_seen(own, names, range(1, 131)) for own in (face, second_face)]
    assert np.abs(after[0][104:115] - before[0][104:115]).max() > 0.05
    assert np.array_equal(after[1], before[1])


def panels_do_not_walk_over_the_scene(session: Any) -> None:
    """The character is looked for when something changes, not at each drawing."""
    face = sample_head(session)
    mesh = bpy.data.meshes.new("cube")
    for i in range(2000):
        bpy.context.collection.objects.link(bpy.data.objects.new(f"cube {i}", mesh))
    _put(session, _motion(session, 5))
    seen, calls = session.part("rigs.seen"), []
    find = seen.objects_of
    seen.objects_of = lambda context: calls.append(1) or find(context)
    _drawn(session)
    assert len(calls) == 1
    times = []
    for _ in range(5):
        start = time.perf_counter()
        _drawn(session)
        times.append(time.perf_counter() - start)
    bpy.context.scene.frame_set(3)
    _drawn(session)
    assert len(calls) == 1
    characters, asked = session.part("rigs.characters"), []
    settings = characters.character_settings
    characters.character_settings = lambda thing: asked.append(thing) or settings(thing)
    assert face.select_get()
    find(bpy.context)
    characters.character_settings = settings
    assert len(asked) == len(set(asked)) <= len(bpy.context.scene.objects), len(asked)
    print(f"drawn in {1000 * min(times):.1f} ms with 2000 objects")
    beard = bpy.data.objects["cube 7"]
    beard.parent = face.parent
    _drawn(session)
    assert len(calls) == 2
    assert beard in seen.seen_objects(bpy.context)
    bpy.context.view_layer.objects.active = beard
    assert set(seen.seen_objects(bpy.context)) == {face, face.parent, beard}


def an_error_that_panels_show(session: Any) -> None:
    """It is raised anew at each drawing: one that is kept grows with every frame it went by."""
    sample_head(session)
    bpy.context.view_layer.objects.active = None
    seen, depths = session.part("rigs.seen"), []
    for _ in range(4):
        try:
            seen.seen_objects(bpy.context)
        except session.part("dreamtalk_core.errors").DreamTalkError as error:
            depths.append((len(list(walk_tb(error.__traceback__))), str(error)[:12]))
    assert depths[1:] == 3 * [(2, "No character")], depths


def ten_minutes(session: Any) -> None:
    """The interface is never held up, and the keys of ten minutes are there in a moment."""
    face = sample_head(session)
    sound = session.folder / "ten minutes.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        noise = np.random.default_rng(0).integers(-3000, 3000, 600 * 16000)
        file.writeframes(noise.astype("<i2").tobytes())
    request = session.part("animation.animate").animate_request(bpy.context.scene, sound, 1)
    job = _job(session, request)
    longest, until, done = 0.0, time.perf_counter() + 6, False
    while not done and time.perf_counter() < until:
        start = time.perf_counter()
        done = job.step()
        longest = max(longest, time.perf_counter() - start)
        time.sleep(0.02)
    print(f"longest step {longest:.3f} s, {job.progress:.0%} done in 6 s")
    # Far below the six seconds that it takes; starting the worker is the longest step.
    assert longest < 2
    job.cancel()
    motion = _motion(session, 14400)
    start = time.perf_counter()
    _put(session, motion)
    took = time.perf_counter() - start
    print(f"52 keys x 14400 frames: {took:.2f} s")
    assert took < 10
    _shows(face, motion.cut(14390, 14400), 14391)


# --- many, and out of Blender --------------------------------------------------------------------


def a_batch(session: Any) -> None:
    """A take for each sound, one after the other; a bad file is reported and stops nothing."""
    face, scene = sample_head(session), bpy.context.scene
    folder, out = session.folder / "lines", session.folder / "out"
    folder.mkdir()
    out.mkdir()
    for name in ("a línea.flac", "b.flac"):
        shutil.copy(VOICE, folder / name)
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "notes.txt").write_text("not a sound", encoding="utf-8")
    objects = session.part("rigs.characters").objects_of(bpy.context)
    off, on = _put(session, _motion(session, 9), 900), _put(session, _motion(session, 9), 900)
    tracks = session.part("animation.tracks")
    tracks.set_muted(off, True)
    scene.frame_end = 250
    scene.dreamtalk.gap = 10
    scene.dreamtalk.folder, scene.dreamtalk.export_folder = str(folder), str(out)
    bpy.context.view_layer.objects.active = None
    assert bpy.ops.dreamtalk.batch(object=face.name) == {"FINISHED"}
    takes = session.part("animation.takes").takes_on([face])
    assert [take.name for take in takes[2:]] == ["a línea", "b"]
    spans = [session.part("animation.actions").frame_span(take) for take in takes[2:]]
    assert spans == [(1, 332), (343, 674)]
    # Other takes are as they were, and so is where everything lies.
    assert [tracks.is_muted(own) for own in takes] == [True, False, False, False]
    assert takes[:2] == [off, on]
    assert [session.part("animation.moving").shift_of(own) for own in takes] == [0] * 4
    assert scene.name == "Scene"
    names = [key.name for key in face.data.shape_keys.key_blocks[1:]]
    shown = _seen(face, names, range(343, 675))
    assert [strip.frame_start for strip in scene.sequence_editor.strips] == [1, 343]
    assert sorted(path.name for path in out.iterdir()) == ["a línea.glb", "b.glb"]
    assert scene.frame_end == 674
    actions = set(bpy.data.actions)
    bpy.ops.import_scene.gltf(filepath=str(out / "b.glb"))
    assert np.abs(_reimported(face, names, range(332)) - shown).max() < 1e-5, "from 0 on"
    assert any(own.name.startswith("b") for own in set(bpy.data.actions) - actions)
    for own in set(bpy.data.objects) - {face, *objects}:
        bpy.data.objects.remove(own)
    bpy.context.view_layer.objects.active = face
    for own in (off, on):
        tracks.delete_take(own)
    scene.dreamtalk.layout = "STACK"
    scene.dreamtalk.export_folder = ""
    assert bpy.ops.dreamtalk.batch() == {"FINISHED"}
    shown = [own for own in bpy.data.actions if own.dreamtalk.kind == "TAKE"]
    assert len(shown) == 4
    _refused(lambda: bpy.ops.dreamtalk.batch(directory=str(out)), "no sound file")
    _refused(lambda: bpy.ops.dreamtalk.batch(directory=str(out / "gone")), "no folder")


def a_batch_that_cannot_be_exported(session: Any) -> None:
    """It is said before anything is made; what fails later is a warning, and the takes stay."""
    face, scene = sample_head(session), bpy.context.scene
    folder, out = session.folder / "lines", session.folder / "out"
    folder.mkdir()
    (out / "a.glb").mkdir(parents=True)
    shutil.copy(VOICE, folder / "a.flac")
    scene.dreamtalk.folder, scene.dreamtalk.export_folder = str(folder), str(out)
    for hide in ("hide_viewport", "hide_set"):
        setattr(face, hide, True) if hide == "hide_viewport" else face.hide_set(True)
        _refused(lambda: bpy.ops.dreamtalk.batch(object=face.name), "hidden")
        face.hide_viewport = False
        face.hide_set(False)
    export = session.part("animation.export")
    export.bpy = SimpleNamespace(ops=SimpleNamespace(wm=[], export_scene=[]))
    _refused(bpy.ops.dreamtalk.batch, "exporter of .glb is switched off")
    export.bpy = bpy
    assert bpy.ops.dreamtalk.batch() == {"FINISHED"}
    takes = session.part("animation.takes").takes_on([face])
    assert [take.name for take in takes] == ["a"]
    assert scene.dreamtalk.take == takes[0]
    assert (scene.name, [own.name for own in out.iterdir()]) == ("Scene", ["a.glb"])
    # Takes are called as the settings were when it began.
    scene.dreamtalk.export_folder = ""
    operator, window = _modal(session, session.part("animation.batch").DREAMTALK_OT_batch)
    operator.directory = operator.object = ""
    assert operator.begin(window) == {"RUNNING_MODAL"}
    scene.dreamtalk.role = "LISTENS"
    while (state := operator.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
        time.sleep(0.01)
    assert state == {"FINISHED"}, operator.reported
    names = [take.name for take in session.part("animation.takes").takes_on([face])]
    assert names == ["a", "a.001"], names


def _reimported(face: Any, names: Iterable[str], frames: Iterable[int]) -> Any:
    new = [own for own in bpy.data.objects if own.type == "MESH" and own.data.shape_keys]
    return _seen(next(own for own in new if own != face), names, frames)


def _written(session: Any, suffix: str) -> tuple[Any, Any, Path]:
    """A take with a correction on the head, exported; the face, what it shows, and the file."""
    face, scene = sample_head(session), bpy.context.scene
    motion = _motion(session, 24)
    _put(session, motion, first=1)
    scene.frame_start, scene.frame_end = 1, 24
    bpy.ops.dreamtalk.add_correction()
    scene.frame_set(10)
    face.data.shape_keys.key_blocks["jawOpen"].value = 0.25
    face.data.shape_keys.keyframe_insert('key_blocks["jawOpen"].value', frame=10)
    shown = _seen(face, motion.names, range(1, 25))
    path = session.folder / f"fäce 1{suffix}"
    before = _state()
    assert bpy.ops.dreamtalk.export(filepath=str(path)) == {"FINISHED"}
    bpy.context.scene.frame_set(before["frames"][2])
    assert _state() == before
    assert [own.name for own in session.folder.iterdir() if own.suffix == suffix] == [path.name]
    return face, (motion.names, shown), path


def batches_in_every_format(session: Any) -> None:
    """From frame 0 on, and with the take's name where the format has one; corrections as well."""
    face, scene = sample_head(session), bpy.context.scene
    objects = session.part("rigs.characters").objects_of(bpy.context)
    take = _put(session, _motion(session, 12), 50, name="line 7")
    scene.frame_set(55)
    bpy.ops.dreamtalk.add_correction()
    face.data.shape_keys.key_blocks["jawOpen"].value = 0.25
    face.data.shape_keys.keyframe_insert('key_blocks["jawOpen"].value', frame=55)
    names = [key.name for key in face.data.shape_keys.key_blocks[1:53]]
    shown, before = _seen(face, names, range(50, 62)), _state()
    export = session.part("animation.export")
    for suffix in (".fbx", ".usdc"):
        path = session.folder / f"line{suffix}"
        with export.from_zero(scene, objects, take):
            export.export_character(bpy.context, objects, path)
        assert _state() | {"frames": ()} == before | {"frames": ()}
        assert np.abs(_seen(face, names, range(50, 62)) - shown).max() < 1e-6
        things, actions = set(bpy.data.objects), set(bpy.data.actions)
        if suffix == ".fbx":
            bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
            made = set(bpy.data.actions) - actions
            assert any("line 7" in own.name for own in made), made
        else:
            bpy.ops.wm.usd_import(filepath=str(path))
        seen = _reimported(face, names, range(12))
        assert np.abs(seen - shown).max() < 1e-4, suffix
        for own in set(bpy.data.objects) - things:
            bpy.data.objects.remove(own)
        bpy.context.view_layer.update()
        before = _state()


def a_moved_project(session: Any) -> None:
    """Sounds are stored relative to the file, and found in another folder or by their name."""
    sample_head(session)
    home, away = session.folder / "project", session.folder / "moved"
    home.mkdir()
    shutil.copy(VOICE, home / "líne.flac")
    bpy.ops.wm.save_as_mainfile(filepath=str(home / "shot.blend"))
    settings = bpy.context.scene.dreamtalk
    settings.sound = str(home / "líne.flac")
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    assert settings.take.dreamtalk.made_from["speech"] == "//líne.flac"
    heard = session.part("animation.take_settings").heard_in(settings.take)
    assert bpy.path.basename(heard) == "líne.flac"
    bpy.ops.wm.save_mainfile()
    home.rename(away)
    bpy.ops.wm.open_mainfile(filepath=str(away / "shot.blend"))
    settings = bpy.context.scene.dreamtalk
    settings.range_start, settings.range_stop = 100, 110
    assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}
    # The sound goes elsewhere.
    (away / "sounds").mkdir()
    (away / "líne.flac").rename(away / "sounds" / "líne.flac")
    _refused(bpy.ops.dreamtalk.regenerate, "líne.flac", "where it is now")
    settings.sound = "//sounds/líne.flac"
    assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}


def glb_there_and_back(session: Any) -> None:
    face, (names, shown), path = _written(session, ".glb")
    bpy.ops.import_scene.gltf(filepath=str(path))
    # It counts frames from 0, at the start of the file.
    seen = [_reimported(face, names, range(start, start + 24)) for start in (0, 1)]
    assert min(np.abs(own - shown).max() for own in seen) < 1e-5


def usd_there_and_back(session: Any) -> None:
    face, (names, shown), path = _written(session, ".usdc")
    bpy.ops.wm.usd_import(filepath=str(path))
    assert np.abs(_reimported(face, names, range(1, 25)) - shown).max() < 1e-5


def fbx_there_and_back(session: Any) -> None:
    face, (names, shown), path = _written(session, ".fbx")
    bpy.ops.import_scene.fbx(filepath=str(path))
    seen = [_reimported(face, names, range(start, start + 24)) for start in (0, 1, 2)]
    # It holds percents, and its importer takes keys to the nearest frame.
    assert min(np.abs(own - shown).max() for own in seen) < 1e-4


def exports_that_cannot_be(session: Any) -> None:
    face = sample_head(session)
    _put(session, _motion(session, 5))
    export = bpy.ops.dreamtalk.export
    _refused(lambda: export(filepath=str(session.folder / "face.abc")), ".glb")
    _refused(lambda: export(filepath=str(session.folder / "gone" / "face.glb")), "does not exist")
    (session.folder / "folder.glb").mkdir()
    _refused(lambda: export(filepath=str(session.folder / "folder.glb")), "folder")
    face.hide_set(True)
    _refused(lambda: export(filepath=str(session.folder / "face.glb")), "hidden")
    assert not (session.folder / "face.glb").exists()


# --- what goes wrong -----------------------------------------------------------------------------


def refusals(session: Any) -> None:
    """A clear report for each, and the scene as it was."""
    face, scene = sample_head(session), bpy.context.scene
    animate, keys = bpy.ops.dreamtalk.animate, face.data.shape_keys
    _refused(animate, "Choose a sound file")
    scene.dreamtalk.sound = str(session.folder / "gone.wav")
    _refused(animate, "There is no file", "gone.wav")
    scene.dreamtalk.sound = str(session.folder)
    _refused(animate, "is a folder")
    text = session.folder / "text.wav"
    text.write_text("no sound in here", encoding="utf-8")
    scene.dreamtalk.sound = str(text)
    _refused(animate, "text.wav")
    scene.dreamtalk.sound = str(VOICE)
    scene.dreamtalk.style_from = "FILE"
    _refused(animate, "no style file")
    scene.dreamtalk.style_from = "AUTO"

    bpy.ops.object.mode_set(mode="EDIT")
    _refused(animate, "edit mode")
    bpy.ops.object.mode_set(mode="OBJECT")

    _put(session, _motion(session, 5))
    keys.animation_data.use_nla = False
    _refused(animate, "switched off")
    keys.animation_data.use_nla = True
    track = keys.animation_data.nla_tracks[0]
    track.is_solo = True
    _refused(animate, "alone")
    track.is_solo = False

    plain = bpy.data.objects.new("Würfel", bpy.data.meshes.new("Würfel"))
    scene.collection.objects.link(plain)
    bpy.context.view_layer.objects.active = plain
    _refused(animate, "Würfel", "no shape keys")
    plain.data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    for name in ("基本", "口元", "眉毛"):
        plain.shape_key_add(name=name)
    _refused(animate, "Würfel", "2 shape keys", "口元, 眉毛")
    driven = plain.shape_key_add(name="jawOpen")
    driven.data[0].co.z -= 1
    driven.driver_add("value")
    assert "drivers" in session.part("rigs.doubts").doubts([plain])[0]
    bpy.context.view_layer.objects.active = None
    _refused(animate, "No character")


def linked_data(session: Any) -> None:
    face = sample_head(session)
    library = session.folder / "character ü.blend"
    bpy.data.libraries.write(str(library), {face, face.parent})
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.objects = there.objects
    for thing in here.objects:
        bpy.context.scene.collection.objects.link(thing)
    linked = next(own for own in here.objects if own.type == "MESH")
    bpy.context.view_layer.objects.active = linked
    bpy.context.scene.dreamtalk.sound = str(VOICE)
    _refused(bpy.ops.dreamtalk.animate, "linked", "override")
    # As the message says.
    for thing in here.objects:
        thing.select_set(True)
    bpy.ops.object.make_local(type="SELECT_OBDATA")
    local = bpy.context.object
    _put(session, motion := _motion(session, 5))
    _shows(local, motion, 1)


def cancelled(session: Any) -> None:
    """At any moment: the scene is as it was, and nothing lies about."""
    sample_head(session)
    scene = bpy.context.scene
    scene.dreamtalk.sound = str(VOICE)
    request = session.part("animation.animate").animate_request(scene, VOICE, 1)
    for steps in (0, 1, 3, 10, 30):
        before = _state()
        job = _job(session, request, request)
        for _ in range(steps):
            job.step()
            time.sleep(0.02)
        job.cancel()
        assert _state() == before
    assert not list(Path(bpy.app.tempdir).rglob("dreamtalk-*.npz"))

    def stop(share: float) -> None:
        if share > 0.2:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        _job(session, request).run(stop)
    assert _state() == before
    assert not session.state.service.running()
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}


def a_broken_step_is_taken_back(session: Any) -> None:
    """If a take cannot be laid in full, none of it stays."""
    face, tracks = sample_head(session), session.part("animation.tracks")
    face.data.shape_keys.keyframe_insert('key_blocks["jawOpen"].value', frame=1)
    before = _state()
    add_tracks, calls = tracks._add_tracks, []

    def breaks(action: Any, owners: Any, undo: Any, blend: str, extrapolation: str) -> None:
        calls.append(blend)
        add_tracks(action, owners, undo, blend, extrapolation)
        if blend == "REPLACE" and extrapolation == "NOTHING":
            raise OSError("as it were")

    tracks._add_tracks = breaks
    with suppress(OSError):
        _put(session, _motion(session, 5))
    tracks._add_tracks = add_tracks
    assert calls
    assert _state() == before, (_state(), before)


def saved_and_opened(session: Any) -> None:
    """Takes, sliders and settings are in the .blend."""
    face, motion = sample_head(session), _motion(session, 10)
    take = _put(session, motion)
    take.dreamtalk.lips = 0.5
    path = session.folder / "scène.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    path.chmod(0o444)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    face, take = bpy.data.objects["DreamTalk Head"], bpy.context.scene.dreamtalk.take
    assert take.dreamtalk.lips == 0.5
    bpy.context.view_layer.objects.active = face
    assert bpy.ops.dreamtalk.reset_strengths() == {"FINISHED"}
    _shows(face, motion, 1)
    # A read-only file can be worked in; Blender itself says so when it is saved.
    _put(session, motion, 40)
    _shows(face, motion, 40)
