"""Checks of files of curves: as a take, in place of one, behind one, into a range of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from asking import refusal, sample_head

VOICE = Path(__file__).parents[3] / "dreamtalk_core" / "assets" / "demo_voice.flac"


def _file(session: Any, frames: int, seed: int = 0, name: str = "take.csv") -> tuple[str, Any]:
    """A file of a motion that no two frames have in common, and the motion as it is read."""
    random, names = np.random.default_rng(seed), session.part("dreamtalk_core.motion.arkit")
    weights = random.random((frames, len(names.ARKIT_NAMES)), np.float32)
    motion = session.part("dreamtalk_core.motion").Motion
    path: Path = session.folder / name
    motion(names.ARKIT_NAMES, weights, 24).save(path)
    return str(path), motion.load(path)


def _curve(session: Any, take: Any, face: Any, name: str = "jawOpen") -> tuple[Any, Any]:
    """Frames and values of a shape key's curve in a take."""
    actions = session.part("animation.actions")
    path, keys = f'key_blocks["{name}"].value', face.data.shape_keys
    (curve,) = [own for own in actions.channels(take, keys) if own.data_path == path]
    return actions.read_keys(curve)


def _seen(face: Any, name: str, frame: int) -> float:
    bpy.context.scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    return float(face.evaluated_get(graph).data.shape_keys.key_blocks[name].value)


def _refused(action: Callable[[], Any], words: str) -> None:
    text = refusal(action)
    assert words in text, text


def amplified(session: Any) -> None:
    """Each shape times its gain, up to 1; whatever the core reads can be chosen, or dropped."""
    face = sample_head(session)
    path, motion = _file(session, 20)
    done = bpy.ops.dreamtalk.import_motion(filepath=path, jawOpen=0.5, mouthFunnel=3.0)
    assert done == {"FINISHED"}
    take = bpy.context.scene.dreamtalk.take
    at, jaw = _curve(session, take, face)
    assert np.array_equal(at, np.arange(1, 21))
    assert np.allclose(jaw, 0.5 * motion.channel("jawOpen"), atol=1e-6)
    _, funnel = _curve(session, take, face, "mouthFunnel")
    assert np.allclose(funnel, np.minimum(3 * motion.channel("mouthFunnel"), 1), atol=1e-6)
    _, brow = _curve(session, take, face, "browInnerUp")
    assert np.allclose(brow, motion.channel("browInnerUp"), atol=1e-6)

    readable = session.part("dreamtalk_core.formats").READABLE
    shown = bpy.ops.dreamtalk.import_motion.get_rna_type().properties["filter_glob"].default
    assert shown == ";".join(f"*{suffix}" for suffix in readable)
    assert bpy.types.DREAMTALK_FH_motion.bl_file_extensions == ";".join(readable)


def every_format(session: Any) -> None:
    """Whatever the core writes and reads is a take in Blender, by its content."""
    face, formats = sample_head(session), session.part("dreamtalk_core.formats").FORMATS
    kinds = [kind for kind in formats if kind.reads and kind.writes]
    assert len(kinds) >= 3
    for kind in kinds:
        path, motion = _file(session, 30, name=f"a take é{kind.ending}")
        if "jawOpen" not in motion.names:  # of another kind of character
            _refused(lambda path=path: bpy.ops.dreamtalk.import_motion(filepath=path), "shape key")
            continue
        assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}, kind.title
        at, jaw = _curve(session, bpy.context.scene.dreamtalk.take, face)
        wanted = motion.resample(24).channel("jawOpen")
        assert np.array_equal(at, np.arange(1, 1 + len(wanted))), kind.title
        assert np.allclose(jaw, wanted, atol=1e-5), kind.title
        print(kind.title)


def overwritten(session: Any) -> None:
    """All of the take, where it is, and its strengths; the other takes stay."""
    face, scene = sample_head(session), bpy.context.scene
    path, _ = _file(session, 40)
    assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}
    other = scene.dreamtalk.take
    scene.dreamtalk.start_at, scene.dreamtalk.start_frame = "FRAME", 101
    assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}
    take = scene.dreamtalk.take
    take.dreamtalk.lips = 0.5
    path, motion = _file(session, 25, 1)
    assert bpy.ops.dreamtalk.import_motion(filepath=path, place="OVERWRITE") == {"FINISHED"}
    assert scene.dreamtalk.take == take
    at, jaw = _curve(session, take, face)
    assert np.array_equal(at, np.arange(101, 126))
    assert np.allclose(jaw, motion.channel("jawOpen"), atol=1e-6)
    assert abs(_seen(face, "mouthFunnel", 110) - 0.5 * motion.channel("mouthFunnel")[9]) < 1e-5
    assert _seen(face, "jawOpen", 130) == 0, "nothing is left of what was longer"
    assert len(_curve(session, other, face)[0]) == 40


def appended(session: Any) -> None:
    """Behind the last frame, where the strip may have been moved; both parts are seen."""
    face, scene = sample_head(session), bpy.context.scene
    path, first = _file(session, 40)
    assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}
    take = scene.dreamtalk.take
    for owner in (face.data.shape_keys, face.parent):
        for strip in session.part("animation.actions").strips(owner):
            if strip.action == take:
                strip.frame_end, strip.frame_start = 50, 11
    scene.frame_end = 50
    path, second = _file(session, 30, 1)
    assert bpy.ops.dreamtalk.import_motion(filepath=path, place="APPEND") == {"FINISHED"}
    at, jaw = _curve(session, take, face)
    assert np.array_equal(at, np.arange(1, 71))
    both = np.concatenate([first.channel("jawOpen"), second.channel("jawOpen")])
    assert np.allclose(jaw, both, atol=1e-6)
    for frame in (11, 50, 51, 80):
        assert abs(_seen(face, "jawOpen", frame) - both[frame - 11]) < 1e-5, frame
    assert scene.frame_end == 80


def into_a_range(session: Any) -> None:
    """Only its frames, blended at both ends; the others keep their keys, bit for bit."""
    face, scene = sample_head(session), bpy.context.scene
    path, _ = _file(session, 60)
    assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}
    settings, take = scene.dreamtalk, scene.dreamtalk.take
    before = _curve(session, take, face)
    path, second = _file(session, 50, 1)
    settings.range_start, settings.range_stop, settings.range_blend = 20, 40, 3
    assert bpy.ops.dreamtalk.import_motion(filepath=path, place="RANGE") == {"FINISHED"}
    at, jaw = _curve(session, take, face)
    assert np.array_equal(at, before[0])
    outside = (at < 20) | (at > 40)
    assert np.array_equal(jaw[outside], before[1][outside])
    middle = (at >= 23) & (at <= 37)
    wanted = second.channel("jawOpen")[at[middle].astype(int) - 1]
    assert np.allclose(jaw[middle], wanted, atol=1e-6)
    settings.range_start, settings.range_stop = 70, 80
    _refused(
        lambda: bpy.ops.dreamtalk.import_motion(filepath=path, place="RANGE"),
        "holds nothing of both",
    )
    assert np.array_equal(_curve(session, take, face)[1], jaw)


def into_a_range_of_few_keys(session: Any) -> None:
    """Outside the range nothing moves, however far apart the keys are there."""
    face, scene = sample_head(session), bpy.context.scene
    names, path = session.part("dreamtalk_core.motion.arkit").ARKIT_NAMES, session.folder / "a.npz"
    ramp = np.repeat(np.linspace(0, 1, 61, dtype=np.float32)[:, None], len(names), axis=1)
    session.part("dreamtalk_core.motion").Motion(names, ramp, 24).save(path)
    scene.dreamtalk.tolerance = 0.001
    assert bpy.ops.dreamtalk.import_motion(filepath=str(path)) == {"FINISHED"}
    take, settings = scene.dreamtalk.take, scene.dreamtalk
    assert len(_curve(session, take, face)[0]) < 5
    path, _ = _file(session, 50, 1)
    settings.range_start, settings.range_stop, settings.range_blend = 20, 40, 0
    assert bpy.ops.dreamtalk.import_motion(filepath=path, place="RANGE") == {"FINISHED"}
    for frame in (2, 10, 19, 41, 50, 60):
        assert abs(_seen(face, "jawOpen", frame) - (frame - 1) / 60) < 2e-3, frame


def kept_with_a_sound(session: Any) -> None:
    """A take that was imported is kept with the sound strip that is selected, and let go again."""
    sample_head(session)
    scene, (path, _) = bpy.context.scene, _file(session, 40)
    assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}
    take = scene.dreamtalk.take
    strips = scene.sequence_editor_create().strips
    strip = strips.new_sound("voice", str(VOICE), 1, 5)
    strip.select = False
    _refused(bpy.ops.dreamtalk.bind_sound, "No sound strip is selected")
    strip.select = True
    assert bpy.ops.dreamtalk.bind_sound() == {"FINISHED"}
    assert strip.dreamtalk_take == take
    strip.frame_start = 15
    bpy.context.view_layer.update()
    assert session.part("animation.moving").shift_of(take) == 10
    assert bpy.ops.dreamtalk.import_motion(filepath=path, place="OVERWRITE") == {"FINISHED"}
    assert session.part("animation.moving").shift_of(take) == 10
    assert strip.dreamtalk_take == take, "the sound is that of the place, not of the curves"
    assert bpy.ops.dreamtalk.bind_sound() == {"FINISHED"}
    assert strip.dreamtalk_take is None


def channels_of_other_names(session: Any) -> None:
    """They go to the shape keys of these names, and are named where there are none."""
    face = sample_head(session)
    face.shape_key_add(name="あ", from_mix=False).value = 0.0
    names, path = ("あ", "jawOpen", "ピカピカ"), str(session.folder / "avatar.json")
    weights = np.random.default_rng(0).random((20, 3), np.float32)
    session.part("dreamtalk_core.motion").Motion(names, weights, 24).save(path)
    assert bpy.ops.dreamtalk.import_motion(filepath=path) == {"FINISHED"}
    take = bpy.context.scene.dreamtalk.take
    for name, values in (("あ", weights[:, 0]), ("jawOpen", weights[:, 1])):
        assert np.allclose(_curve(session, take, face, name)[1], values, atol=1e-6), name
