"""Checks of what keys and bones do: empty ones, masked ones, short sliders, parts, feelings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import bpy
import numpy as np
from animation import VOICE, _Event, _Window
from characters import (
    _animate,
    _armature,
    _drawn,
    _frames,
    _mesh,
    _motion,
    _reports,
    _select,
    _speech,
    _start,
)

_VOWELS = ["Fcl_MTH_A", "Fcl_MTH_I", "Fcl_MTH_U", "Fcl_MTH_E", "Fcl_MTH_O"]


def a_jaw_key_that_is_empty(session: Any) -> None:
    """Visemes speak in its place, also where a mask empties it; without visemes it is said."""
    _start(session)
    motion = _speech(session)
    arkit = ["jawOpen", "mouthUpperUpLeft", "mouthFunnel", "mouthSmileLeft", "eyeBlinkLeft"]
    for masked in (False, True):
        face = _mesh("Face", [*arkit, *_VOWELS])
        for name in arkit[:2]:
            _empty(face, name, masked)
        _select(face)
        assert bpy.ops.dreamtalk.match() == {"FINISHED"}
        moved = {own.target for own in face.dreamtalk.rows}
        assert moved == {*_VOWELS, "mouthSmileLeft", "eyeBlinkLeft"}, moved
        drawn = _drawn(session.part("mapping.panel"))
        assert {"Move no vertex: 2", "    jawOpen", "Not needed: 1"} <= set(drawn), drawn
        assert not session.part("rigs.doubts").doubts([face])
        _animate(session, [face], motion)
        keys = face.data.shape_keys.key_blocks
        assert np.ptp(_frames(lambda keys=keys: [keys["Fcl_MTH_A"].value], 120)) > 0.1
        bpy.data.objects.remove(face)
        bpy.context.view_layer.update()
    bare = _mesh("Bare", arkit)
    _empty(bare, "jawOpen", masked=False)
    _select(bare)
    doubts = session.part("rigs.doubts").doubts
    assert "Nothing opens the mouth of 'Bare'" in doubts([bare])[0]
    # A mapping by hand that uses it all the same.
    assert bpy.ops.dreamtalk.mapping_add(source="jawOpen", target="jawOpen") == {"FINISHED"}
    assert any("move no vertex: jawOpen" in line for line in doubts([bare]))
    # Given a shape, it is found by Match.
    bare.data.shape_keys.key_blocks["jawOpen"].points[0].co.z -= 0.5
    assert bpy.ops.dreamtalk.mapping_clear() == {"FINISHED"}
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    assert "jawOpen" in {own.target for own in bare.dreamtalk.rows}
    assert not doubts([bare])


def _empty(face: Any, name: str, masked: bool) -> None:
    """Take a key's shape away, or mask it by a group that no vertex has a weight in."""
    block = face.data.shape_keys.key_blocks[name]
    if masked:
        block.vertex_group = face.vertex_groups.new(name=f"mask {name}").name
        return
    for point, rest in zip(block.points, face.data.shape_keys.reference_key.points, strict=True):
        point.co = rest.co


def a_slider_that_ends_early(session: Any) -> None:
    _start(session)
    face = _mesh("Face", ["jawOpen", "eyeBlinkLeft"])
    face.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.1
    _select(face)
    (doubt,) = session.part("rigs.doubts").doubts([face])
    assert doubt == "The slider of jawOpen of 'Face' ends at 0.1. Set its Range Max to 1."
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    next(own for own in face.dreamtalk.rows if own.target == "jawOpen").scale = 0.1
    assert not session.part("rigs.doubts").doubts([face])


def the_test_button(session: Any) -> None:
    """It tells what moves, and leaves everything as it was."""
    face = _start(session, head=True)
    _select(face)
    keys, bone = face.data.shape_keys.key_blocks, face.parent.pose.bones["head"]
    keys["browInnerUp"].value, bone.rotation_euler[1] = 0.4, 0.2

    def state() -> list[float]:
        return [*(key.value for key in keys), *bone.rotation_euler]

    before = state()
    assert _tells(session, face) == ["mouth", "lids", "head"]
    assert state() == before
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        _empty(face, name, masked=False)
    session.part("rigs.reach").look_again()
    assert _tells(session, face) == ["mouth", "head"]
    assert bpy.ops.dreamtalk.test() == {"FINISHED"}
    assert state() == before
    other = _mesh("Other", ["Key 1"])
    _select(other)
    _reports("None of the 1 shape keys", bpy.ops.dreamtalk.test)


def _tells(session: Any, face: Any) -> list[str]:
    moved: list[str] = []
    objects = session.part("rigs.characters").objects_of(bpy.context)
    for _ in session.part("animation.trial").trial(objects, [0.3, 1.0, 0.3], moved):
        assert face.data.shape_keys is not None
    return moved


def a_test_that_is_broken_off(session: Any) -> None:
    """Pressed twice, ended by another operator, or by what an undo takes away: the face is as it
    was, and no timer is left."""
    face = _start(session, head=True)
    _select(face)
    keys, window = face.data.shape_keys.key_blocks, _Window()
    keys["browInnerUp"].value = 0.4
    face_name, before = face.name, [key.value for key in keys]

    def press() -> Any:
        operator = _Test(session)
        assert operator.invoke(window, None) == {"RUNNING_MODAL"}
        for _ in range(6):
            assert operator.modal(window, _Event("TIMER")) == {"PASS_THROUGH"}
        assert session.state.trial is not None
        assert keys["jawOpen"].value > 0.3
        return operator

    first, second = press(), press()
    assert first.modal(window, _Event("TIMER")) == {"FINISHED"}
    assert (window.timers, first.said) == (1, [])
    while (state := second.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
        pass
    assert (state, second.said) == ({"FINISHED"}, ["Mouth, lids and head move."])
    assert ([key.value for key in keys], window.timers) == (before, 0)
    third = press()
    assert third.modal(window, _Event("ESC")) == {"FINISHED"}
    assert ([key.value for key in keys], window.timers) == (before, 0)

    changing = [name for name in dir(bpy.ops.dreamtalk) if "UNDO" in _options(name)]
    assert len(changing) > 15, changing
    taking = {"controls", "drive"}  # whose drivers hold the keys from then on
    for name in ("match", "export", "animate", *(own for own in changing if own not in taking)):
        _select(face)
        operator = press()
        with suppress(RuntimeError):
            getattr(bpy.ops.dreamtalk, name)()
        assert session.state.trial is None, name
        assert keys["jawOpen"].value == 0, name
        assert operator.modal(window, _Event("TIMER")) == {"FINISHED"}
        assert window.timers == 0
        _select(face)
        assert bpy.ops.dreamtalk.match() == {"FINISHED"}

    # One step of undo that changes the rig, and one that changes the keys as well.
    for changed in (1, 2):
        bpy.ops.ed.undo_push(message="before")
        face = bpy.data.objects[face_name]
        face.parent.location.x = changed
        keys = face.data.shape_keys.key_blocks
        if changed == 2:
            keys["browInnerUp"].value = 0.2
        bpy.ops.ed.undo_push(message="after")
        _select(face)
        window.scene, window.active_object = bpy.context.scene, face
        operator = press()
        bpy.ops.ed.undo()
        while (state := operator.modal(window, _Event("TIMER"))) == {"PASS_THROUGH"}:
            pass
        assert (state, window.timers, session.state.trial) == ({"CANCELLED"}, 0, None)
        keys = bpy.data.objects[face_name].data.shape_keys.key_blocks
        assert [keys[name].value for name in ("jawOpen", "eyeBlinkLeft")] == [0, 0]


def saved_in_a_test(session: Any) -> None:
    """What is saved while the Test runs is the character as it was."""
    session.install()
    assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    name = bpy.context.object.name
    bpy.context.object.data.shape_keys.key_blocks["jawOpen"].value = 0.1
    objects = session.part("rigs.characters").objects_of(bpy.context)
    session.state.trial = session.part("animation.trial").trial(objects, [1.0], [])
    next(session.state.trial)
    assert abs(bpy.context.object.data.shape_keys.key_blocks["jawOpen"].value - 0.7) < 1e-6
    file = str(session.folder / "in a test.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    assert session.state.trial is None
    bpy.ops.wm.open_mainfile(filepath=file)
    keys = bpy.data.objects[name].data.shape_keys.key_blocks
    assert abs(keys["jawOpen"].value - 0.1) < 1e-6


def _options(name: str) -> set[str]:
    found = getattr(bpy.types, f"DREAMTALK_OT_{name}", None)
    return getattr(found, "bl_options", set())


def _Test(session: Any) -> Any:
    """The operator Test without Blender's own part of it; what it reports is in `said`."""
    test, said = session.part("animation.trial").DREAMTALK_OT_test, []
    names = ("invoke", "modal", "cancel", "execute", "_begin", "_tell", "_failed")
    own = {name: vars(test)[name] for name in names}
    return type(
        "Test", (), {**own, "said": said, "report": lambda _, __, text: said.append(text)}
    )()


def only_a_head_bone(session: Any) -> None:
    """A take of the head alone is a warning."""
    _start(session)
    rig = _armature("Rig", {"head": ((0, 0, 1), (0, 0, 1.3), None)}, np.eye(3))
    _select(rig)
    (doubt,) = session.part("rigs.doubts").doubts([rig])
    assert "Nothing opens the mouth of 'Rig'" in doubt


def teeth_and_beards(session: Any) -> None:
    """A jaw bone moves what has no keys; where it cannot, the part is named."""
    _start(session)
    doubts, targets = session.part("rigs.doubts").doubts, session.part("rigs.targets")
    characters = session.part("rigs.characters")
    bones = {
        "head": ((0, 0, 1), (0, 0, 1.3), None),
        "jaw": ((0, 0, 1), (0, -0.1, 1), "head"),
    }
    rig = _armature("Rig", bones, np.eye(3))
    face, teeth, beard = _mesh("Face", ["jawOpen"]), _mesh("Teeth", None), _mesh("My_Beard", None)
    for own in (face, teeth):
        own.parent = rig
        own.modifiers.new("Armature", "ARMATURE").object = rig
        own.vertex_groups.new(name="jaw")
    teeth.vertex_groups["jaw"].add(range(12), 1.0, "REPLACE")
    for own in (beard, face):
        own.select_set(True)
    bpy.context.view_layer.objects.active = face
    objects = characters.objects_of(bpy.context)
    assert set(objects) == {rig, face, teeth, beard}
    rows = [own for own in targets.automatic(objects).rows if own.source == "jawOpen"]
    assert {own.target for own in rows} > {"jawOpen"}, rows
    assert [line for line in doubts(objects) if "Teeth" in line] == []
    assert any("'My_Beard' does not follow the jaw" in line for line in doubts(objects))
    # The jaw's bone moves the face as well: it would open twice.
    face.vertex_groups["jaw"].add([0, 1], 0.5, "REPLACE")
    session.part("rigs.reach").look_again()
    rows = [own for own in targets.automatic(objects).rows if own.source == "jawOpen"]
    assert [own.target for own in rows] == ["jawOpen"]
    assert any("'Teeth' follows the bone jaw" in line for line in doubts(objects))
    # Who belongs to another character is not taken along.
    other = _armature("Other", {"head": ((0, 0, 1), (0, 0, 1.3), None)}, np.eye(3))
    beard.modifiers.new("Armature", "ARMATURE").object = other
    bpy.context.view_layer.objects.active = face
    face.select_set(True)
    assert beard.select_get()
    assert beard not in characters.objects_of(bpy.context)


def a_face_of_vowels_that_feels(session: Any) -> None:
    """VRoid's own shapes: a lasting smile is shown as one, and turns no vowel into I."""
    _start(session)
    motion = _motion(session, 120)
    weights = np.zeros_like(motion.weights)
    jaw = 0.4 * np.clip(np.sin(2 * np.pi * 2.1 * motion.times), 0, 1)
    weights[:, motion.names.index("jawOpen")] = jaw
    for side in ("Left", "Right"):
        weights[:, motion.names.index(f"mouthSmile{side}")] = 0.7
    happy = type(motion)(motion.names, weights, motion.fps)
    face = _mesh("Face", [*_VOWELS, "Fcl_MTH_Fun", "Fcl_BRW_Angry", "Fcl_EYE_Close"])
    _animate(session, [face], happy)
    keys = face.data.shape_keys.key_blocks
    seen = _frames(lambda: [keys[name].value for name in (*_VOWELS, "Fcl_MTH_Fun")], 120)
    a, i = seen[:, 0], seen[:, 1]
    assert a.mean() > 3 * i.mean(), (a.mean(), i.mean())
    assert np.abs(seen[:, 5] - 0.7).max() < 1e-5


def bones_that_rest_turned(session: Any) -> None:
    """An offset of the mapping holds where no take is, and is not added twice where one is."""
    for mode in ("XYZ", "QUATERNION"):
        _start(session)
        bones = {"head": ((0, 0, 1), (0, 0, 1.3), None), "jaw": ((0, 0, 1), (0, -0.1, 1), "head")}
        rig = _armature("Rig", bones, np.eye(3))
        rig.pose.bones["jaw"].rotation_mode = mode
        _select(rig)
        assert bpy.ops.dreamtalk.match() == {"FINISHED"}
        row = next(own for own in rig.dreamtalk.rows if own.source == "jawOpen")
        row.offset, row.scale = 0.2, 0.5
        motion = _speech(session)
        _animate(session, [rig], motion)

        def angle(rig: Any = rig) -> list[float]:
            graph = bpy.context.evaluated_depsgraph_get()
            bone = rig.evaluated_get(graph).pose.bones["jaw"]
            turned = bone.matrix_basis.to_3x3()
            return [np.arccos(np.clip((np.trace(np.array(turned)) - 1) / 2, -1, 1))]

        seen = _frames(angle, 130)[:, 0]
        wanted = 0.2 + 0.5 * motion.channel("jawOpen")
        assert np.abs(seen[:120] - wanted).max() < 1e-3, mode
        assert np.abs(seen[121:] - 0.2).max() < 1e-3, mode


def a_range_of_an_older_take(session: Any) -> None:
    """Its bones had absolute values on strips that replace: made again, they do not jump."""
    _start(session)
    bones = {"head": ((0, 0, 1), (0, 0, 1.3), None), "jaw": ((0, 0, 1), (0, -0.1, 1), "head")}
    rig, settings = _armature("Rig", bones, np.eye(3)), bpy.context.scene.dreamtalk
    rig.pose.bones["jaw"].rotation_mode = "XYZ"
    _select(rig)
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    row = next(own for own in rig.dreamtalk.rows if own.source == "jawOpen")
    row.offset, row.scale = 0.2, 0.5
    settings.sound, settings.style_from, settings.style = str(VOICE), "NAMED", "neutral"
    settings.range_start, settings.range_stop, settings.head_ease = 50, 100, 0.0
    assert bpy.ops.dreamtalk.animate() == {"FINISHED"}
    actions, take = session.part("animation.actions"), settings.take
    strip = next(own for own in actions.strips(rig) if own.action == take)

    def turn() -> Any:
        graph = bpy.context.evaluated_depsgraph_get()
        return np.array(rig.evaluated_get(graph).pose.bones["jaw"].matrix_basis).ravel()

    def turns() -> Any:
        return _frames(turn, 120)

    wanted = turns()
    assert strip.blend_type == "COMBINE"
    index, rest = next(
        (own.index, own.rest)
        for own in session.part("rigs.motions").curves_of([rig], _motion(session))
        if '"jaw"' in own.path and own.rest
    )
    for older in (False, True):
        if older:
            strip.blend_type = "REPLACE"
            for own in actions.channels(take, rig):
                frames, values = actions.read_keys(own)
                if '"jaw"' in own.data_path and own.array_index == index:
                    actions.write_keys(own, frames, values + rest)
            assert np.abs(turns() - wanted).max() < 1e-3
        assert bpy.ops.dreamtalk.regenerate() == {"FINISHED"}
        assert np.abs(turns() - wanted).max() < 1e-3, older
