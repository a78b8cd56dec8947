"""Checks of speech from the sequencer: what is heard of a strip, whose it is, what goes along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from asking import refusal

VOICE = Path(__file__).parents[3] / "dreamtalk_core" / "assets" / "demo_voice.flac"


def _head(name: str) -> Any:
    """Another sample head; returns its mesh object."""
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    bpy.context.object.name = name
    return bpy.context.object


def _scene(session: Any) -> Any:
    """An empty scene with the extension installed."""
    session.install()
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    scene = bpy.context.scene
    scene.render.fps = 25
    scene.dreamtalk.style_from, scene.dreamtalk.style = "NAMED", "happy"
    scene.sequence_editor_create()
    return scene


def _strip(scene: Any, name: str, channel: int, at: int, cut: tuple[int, int] = (0, 0)) -> Any:
    """The voice as a strip whose sound begins at a frame, with frames cut off at both ends."""
    strip = scene.sequence_editor.strips.new_sound(name, str(VOICE), channel, at)
    strip.frame_offset_start, strip.frame_offset_end = cut
    return strip


def _refused(*words: str) -> None:
    before = len(bpy.data.actions)
    text = refusal(bpy.ops.dreamtalk.animate)
    assert all(word in text for word in words), text
    assert len(bpy.data.actions) == before


def _seen(face: Any, frames: range) -> Any:
    """Values [T, C] of a face's keys as the scene shows them."""
    rows = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        keys = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys
        rows.append([own.value for own in keys.key_blocks])
    return np.array(rows)


def _spans(session: Any) -> dict[str, tuple[int, int]]:
    """First and last frame of every take as it lies."""
    moving, actions = session.part("animation.moving"), session.part("animation.actions")
    return {
        take.name: tuple(own + moving.shift_of(take) for own in actions.frame_span(take))
        for take in bpy.data.actions
        if take.dreamtalk.kind == "TAKE"
    }


def cut_strips(session: Any) -> None:
    """Two selected strips are two takes, of what is heard of each, where it is heard."""
    scene = _scene(session)
    face = _head("Ada")
    _refused("sound file")
    scene.dreamtalk.sound_from = "STRIPS"
    _refused("No sound strip is selected")
    _strip(scene, "second.wav", 2, 150, (40, 206)).select = True
    _strip(scene, "first", 1, -20, (25, 271)).select = True
    _strip(scene, "other", 3, 1).select = False
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    assert len(scene.sequence_editor.strips) == 3, "no sound is added"
    assert _spans(session) == {"first": (5, 54), "second": (190, 289)}, _spans(session)
    recipe = bpy.data.actions["second"].dreamtalk.made_from
    assert (recipe["start"], recipe["end"]) == (1.6, 5.6)

    # What is shown is what the worker makes of that part.
    recipe.pop("heard")
    output, service = session.folder / "same.npz", session.state.service
    task = service.request("animate", output=str(output), **recipe)
    service.wait(task)
    motion = session.part("dreamtalk_core.motion").Motion.load(output)
    assert len(motion) == 100
    names = [own.name for own in face.data.shape_keys.key_blocks]
    columns = [names.index(name) for name in motion.names]
    seen = _seen(face, range(190, 290))
    assert np.abs(seen[:, columns] - motion.weights).max() < 1e-5

    scene.dreamtalk.range_start, scene.dreamtalk.range_stop = 210, 240
    scene.dreamtalk.take, scene.dreamtalk.seed = bpy.data.actions["second"], 4
    assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}
    changed = np.flatnonzero(np.abs(_seen(face, range(190, 290)) - seen).max(1) > 1e-4) + 190
    assert (changed.min() >= 210, changed.max() <= 240) == (True, True), changed
    assert len(changed) > 20


def dialogue(session: Any) -> None:
    """Lines on channels that are called like characters go to them, whoever is active."""
    scene = _scene(session)
    heads = [_head("Ada"), _head("Bob")]
    scene.dreamtalk.sound_from = "CHANNELS"
    _strip(scene, "a1", 1, 1, (0, 296))
    _refused("called like a character")
    channels = scene.sequence_editor.channels
    channels[1].name, channels[2].name, channels[3].name = "ada", "Bob", "Music"
    _strip(scene, "b1", 2, 60, (0, 286))
    _strip(scene, "a2", 1, 120, (50, 226))
    _strip(scene, "b2", 2, 200, (0, 286)).mute = True
    _strip(scene, "song", 3, 1)
    scene.dreamtalk.role = "LISTENS"
    _refused("Set Character to Speaks")
    scene.dreamtalk.role = "SPEAKS"
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    takes_on = session.part("animation.takes").takes_on
    said = [[take.name for take in takes_on([head, head.parent])] for head in heads]
    assert said == [["a1", "a2"], ["b1"]], said
    assert _spans(session) == {"a1": (1, 50), "b1": (60, 119), "a2": (170, 239)}, _spans(session)
    assert session.part("animation.lines").nameless_channels(scene) == ["Music"]


def together(session: Any) -> None:
    """A take goes with its sound, the sound with its take; corrections too; not if unwanted."""
    scene = _scene(session)
    face = _head("Ada")
    scene.dreamtalk.style_on_track = True
    scene.dreamtalk.sound = str(VOICE)
    scene.dreamtalk.start_at, scene.dreamtalk.start_frame = "FRAME", 10
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    take, (strip,) = scene.dreamtalk.take, scene.sequence_editor.strips
    scene.frame_set(50)
    assert bpy.ops.dreamtalk.add_correction() == {"FINISHED"}
    correction = face.data.shape_keys.animation_data.action
    keys = session.part("animation.actions").read_keys
    at = keys(session.part("animation.actions").keyed(correction)[0])[0]

    def starts() -> set[int]:
        owners = (face.data.shape_keys, face.parent)
        strips = [
            own for owner in owners for t in owner.animation_data.nla_tracks for own in t.strips
        ]
        mine = [own for own in strips if own.action.dreamtalk.kind in ("TAKE", "STYLE")]
        assert len(mine) >= 3
        return {round(own.frame_start) for own in mine}

    strip.frame_start = 40
    bpy.context.view_layer.update()
    assert starts() == {40}
    moved = keys(session.part("animation.actions").keyed(correction)[0])[0]
    assert (moved - at == 30).all(), (moved, at)

    # One strip of the take in the Nonlinear Animation editor: the others, and the sound.
    tracks = face.data.shape_keys.animation_data.nla_tracks
    mine = next(own for track in tracks for own in track.strips if own.action == take)
    mine.frame_start_ui = 25
    bpy.context.view_layer.update()
    assert (starts(), strip.frame_start) == ({25}, 25), (starts(), strip.frame_start)

    # Trimmed, it stays; of a strip that is split the part that stays holds the take.
    strip.frame_offset_start = 12
    half = strip.split(frame=100, split_method="SOFT")
    half.frame_start += 200
    bpy.context.view_layer.update()
    assert (starts(), strip.frame_start) == ({25}, 25)

    # Exports move takes for a while.
    objects = session.part("rigs.characters").objects_of(bpy.context)
    with session.part("animation.export").from_zero(scene, objects, take):
        bpy.context.view_layer.update()
        assert strip.frame_start == 25
    bpy.context.view_layer.update()
    assert (starts(), strip.frame_start) == ({25}, 25)

    bpy.ops.wm.save_as_mainfile(filepath=str(session.folder / "kept.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(session.folder / "kept.blend"))
    scene, face = bpy.context.scene, bpy.data.objects["Ada"]
    take, strip = scene.dreamtalk.take, scene.sequence_editor.strips[0]
    strip.frame_start = -5
    bpy.context.view_layer.update()
    assert starts() == {-5}

    bpy.context.view_layer.objects.active = face
    assert bpy.ops.dreamtalk.bind_sound() == {"FINISHED"}
    strip.frame_start = 5
    bpy.context.view_layer.update()
    assert starts() == {-5}, "each by itself"
    assert bpy.ops.dreamtalk.bind_sound() == {"FINISHED"}
    strip.frame_start = 6
    bpy.context.view_layer.update()
    assert starts() == {-4}, "as far as they were apart"
    assert bpy.ops.dreamtalk.delete_take() == {"FINISHED"}
    strip.frame_start = 7
    bpy.context.view_layer.update()


SUBTITLES = """1\r
00:00:01,000 --> 00:00:03,000\r
<i>I am</i> happy!\r
\r
2\r
00:01:00.500 --> 00:01:01,000 align:start\r
sad\r
"""


def words(session: Any) -> None:
    """Subtitles are markers, from where the take begins; none of them is a style."""
    scene, file = _scene(session), session.folder / "Wörter.srt"
    file.write_bytes(b"\xef\xbb\xbf" + SUBTITLES.encode())
    scene.dreamtalk.start_at, scene.dreamtalk.start_frame = "FRAME", 11
    assert bpy.ops.dreamtalk.import_subtitles(filepath=str(file)) == {"FINISHED"}
    found = {own.name: own.frame for own in scene.timeline_markers}
    # Two seconds over nine letters, from 1 s on.
    assert found == {"“I”": 36, "“am”": 42, "“happy!”": 53, "“sad”": 1523}, found
    scene.dreamtalk.style_from, scene.dreamtalk.sound = "MARKERS", str(VOICE)
    _head("Ada")
    _refused("No timeline marker is called after a style")
    for content, word in ((b"nothing", "no subtitles"), (b"\xff\xfe\x00", "UTF-8")):
        file.write_bytes(content)
        text = refusal(lambda: bpy.ops.dreamtalk.import_subtitles(filepath=str(file)))
        assert word in text, text
    assert len(scene.timeline_markers) == 4


SAID = """1
00:00:00,300 --> 00:00:03,300
Thank you for calling Super Awesome Company,

2
00:00:03,400 --> 00:00:06,700
Waldo's premier provider of perfect products.
"""


def transcript(session: Any) -> None:
    """A text goes to the worker with its sound: of subtitles what is said in a strip's part."""
    before: set[Any] = set()
    scene, text = _scene(session), bpy.data.texts.new("said.srt")
    _head("Ada")
    scene.dreamtalk.sound, scene.dreamtalk.transcript = str(VOICE), text

    def said() -> str:
        assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
        made = {own for own in bpy.data.actions if own.dreamtalk.made_from} - before
        before.update(made)
        (take,) = made
        return str(take.dreamtalk.made_from.get("transcript", ""))

    text.write("Thank you for calling.")
    assert said() == "Thank you for calling."
    text.from_string(SAID)
    assert said().split() == SAID.split()[4:11] + SAID.split()[-6:]
    # From 3.4 s on, 40 frames.
    strip = _strip(scene, "Voice", 1, 1, (85, 0))
    strip.frame_final_duration = 83
    scene.dreamtalk.sound_from = "STRIPS"
    for own in scene.sequence_editor.strips:
        own.select = own == strip
    assert said() == "Waldo's premier provider of perfect products."
    scene.dreamtalk.role = "LISTENS"
    assert said() == ""
