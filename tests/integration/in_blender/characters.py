"""Checks of what a motion moves: shape keys under all names, bones, visemes, drivers, presets."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np
from asking import refusal
from mathutils import Matrix

FRAMES = 40


def every_scheme(session: Any) -> None:
    """Keys named by each scheme: matched whole, and on every frame what the mapping says."""
    _start(session)
    retarget = session.part("dreamtalk_core.retarget")
    motion = _motion(session)
    for scheme in retarget.SCHEMES:
        wanted = retarget.scheme_mapping(scheme).apply(motion)
        thing = _mesh(scheme, list(reversed(wanted.names)))
        _animate(session, [thing], motion)
        keys = thing.data.shape_keys.key_blocks
        got = _frames(lambda keys=keys, wanted=wanted: [keys[own].value for own in wanted.names])
        assert np.abs(got - wanted.weights).max() < 1e-5, scheme
        # Not every viseme is in every motion.
        spoken = {own.target for own in retarget.scheme_mapping(scheme).rows if "_" in own.source}
        moves = {name for name, curve in zip(wanted.names, got.T, strict=True) if np.ptp(curve)}
        assert set(wanted.names) - moves <= spoken, f"{scheme}: a key does not move"
        assert moves
        _select(thing)
        assert bpy.ops.dreamtalk.match() == {"FINISHED"}
        assert len(thing.dreamtalk.rows) == len(retarget.scheme_mapping(scheme).rows)
        bpy.data.objects.remove(thing)


def names_in_japanese(session: Any) -> None:
    """MMD's keys speak; of others the report says what was not understood, and does nothing."""
    _start(session)
    motion, curves_of = _speech(session), session.part("rigs.motions").curves_of
    thing = _mesh("顔", ["まばたき", "あ", "い", "う", "え", "お", "にこり"])
    _animate(session, [thing], motion)
    keys = thing.data.shape_keys.key_blocks
    values = _frames(lambda: [keys[name].value for name in ("まばたき", "あ", "う", "にこり")], 120)
    assert np.ptp(values[:, :3], axis=0).min() > 0.02
    assert not values[:, 3].any()
    other = _mesh("別の顔", ["にこり", "涙"])
    _refused(session, "None of the 2 shape keys", curves_of, [other], motion)
    assert other.data.shape_keys.animation_data is None


def split_meshes(session: Any) -> None:
    """Head, teeth, tongue and beard share keys: by their parent, their armature or selection."""
    _start(session)
    motion = _motion(session)
    parts = [
        _mesh("Head", ["jawOpen", "eyeBlinkLeft", "mouthClose"]),
        _mesh("Teeth", ["jawOpen"]),
        _mesh("Beard", ["Jaw_Open", "jawOpen"]),
        _mesh("Hat", None),
    ]
    for own in parts:
        own.select_set(True)
    bpy.context.view_layer.objects.active = parts[1]
    assert set(session.part("rigs.characters").objects_of(bpy.context)) == set(parts)
    top = bpy.data.objects.new("Character", None)
    bpy.context.collection.objects.link(top)
    for own in parts:
        own.parent = top
    _select(parts[2])
    objects = session.part("rigs.characters").objects_of(bpy.context)
    assert set(objects) == set(parts)
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    _animate(session, objects, motion)
    for own in parts[:3]:
        keys = own.data.shape_keys.key_blocks
        got = _frames(lambda keys=keys: [keys["jawOpen"].value])[:, 0]
        assert np.abs(got - motion.channel("jawOpen")).max() < 1e-5, own.name
    assert not _frames(lambda: [parts[2].data.shape_keys.key_blocks["Jaw_Open"].value]).any()
    report = session.part("rigs.targets").key_match(objects)
    assert [own.target for own in report.conflicts] == ["Jaw_Open"]


def viseme_rigs(session: Any) -> None:
    """A VRM-like rig of five vowels, and Oculus's fifteen, speak as the 52 shapes do."""
    face = _start(session, head=True)
    motion, rig = _speech(session), session.part("dreamtalk_core.rig.head").load_head()
    lips = rig.lip_columns.ravel()
    wanted = rig.lip_gap_mm(motion.weights)
    for scheme in ("vrm1", "oculus"):
        thing = _viseme_head(session, face, scheme)
        _animate(session, [thing], motion)
        shape = (-1, *rig.lip_columns.shape)

        def heights(thing: Any = thing) -> np.ndarray:
            mesh = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
            co = np.empty(3 * len(mesh.vertices), np.float32)
            mesh.vertices.foreach_get("co", co)
            return co.reshape(-1, 3)[lips, 2] * 1000

        y = _frames(heights, len(motion)).reshape(shape)
        gap = np.maximum(y[:, :, 0].min(-1) - y[:, :, 1].max(-1), 0).mean(1)
        alike = np.corrcoef(gap, wanted)[0, 1]
        print(scheme, "lip gaps alike", alike, "mean error mm", np.abs(gap - wanted).mean())
        assert alike > 0.95
        assert gap[wanted < 0.3].max() < 1.5
        blink = {"vrm1": "blinkLeft"}.get(scheme)
        if blink:
            keys = thing.data.shape_keys.key_blocks
            got = _frames(lambda keys=keys, blink=blink: [keys[blink].value], len(motion))[:, 0]
            assert np.abs(got - motion.channel("eyeBlinkLeft")).max() < 1e-5
        bpy.data.objects.remove(thing)


def heads_of_all_kinds(session: Any) -> None:
    """A head bone that lies anyhow, in an armature that stands anyhow, turns as the motion does."""
    _start(session)
    motion = _motion(session)
    rotation = session.part("dreamtalk_core.motion.rotation").rotation_matrix
    for frame in (
        np.eye(3),
        [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    ):
        for mode in ("QUATERNION", "XYZ", "ZXY", "YZX", "AXIS_ANGLE"):
            stands = np.array(frame, float)
            bones = {
                "spine": ((0, 0, 0), (0, 0, 1), None),
                "mixamorig:Head": ((0, 0, 1), (0.1, 0.2, 1.3), "spine"),
                "Eye.L": ((0.03, -0.1, 1.1), (0.03, -0.2, 1.15), "mixamorig:Head"),
                "Eye.R": ((-0.03, -0.1, 1.1), (-0.03, -0.2, 1.1), "mixamorig:Head"),
            }
            rig = _armature("Rig", bones, stands, roll=0.7)
            for bone in rig.pose.bones:
                bone.rotation_mode = mode
            mesh = _mesh("Face", ["jawOpen"])
            mesh.parent = rig
            _select(mesh)
            objects = session.part("rigs.characters").objects_of(bpy.context)
            _animate(session, objects, motion)
            # Character axes (left, up, front) in the armature.
            axes = stands @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
            eyes = session.part("dreamtalk_core.retarget.mapping").eye_angles(motion.weights)
            for i in (0, 7, FRAMES - 1):
                bpy.context.scene.frame_set(1 + i)
                turn = rotation(motion.head_rotation[i])
                _same_turn(rig, "mixamorig:Head", axes @ turn @ axes.T)
                look = rotation([eyes["eyePitchLeft"][i], eyes["eyeYawLeft"][i], 0])
                _same_turn(rig, "Eye.L", axes @ turn @ look @ axes.T)
            bpy.data.objects.remove(mesh)
            bpy.data.objects.remove(rig)


def the_sample_head(session: Any) -> None:
    """52 keys, and the head's bone by its angles exactly."""
    face = _start(session, head=True)
    motion = _motion(session)
    _select(face)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    _animate(session, objects, motion)
    keys, rig = face.data.shape_keys.key_blocks, face.parent
    got = _frames(lambda: [keys[name].value for name in motion.names])
    assert np.abs(got - motion.weights).max() < 1e-5
    turned = _frames(lambda: list(rig.pose.bones["head"].rotation_euler))
    assert np.abs(np.degrees(turned) - motion.head_rotation).max() < 1e-3


def a_rigify_face(session: Any) -> None:
    """A human made by Blender's own Rigify: jaw, lids, corners of the mouth and eyes move."""
    _start(session)
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    meta = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rig = next(own for own in bpy.data.objects if own.type == "ARMATURE" and own != meta)
    _faces(session, rig)


def a_driven_face(session: Any) -> None:
    """Driven from an empty, the same values come out as baked; released, nothing is left."""
    face = _start(session, head=True)
    motion, targets = _motion(session), session.part("rigs.targets")
    _select(face)
    objects = session.part("rigs.characters").objects_of(bpy.context)
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    rows = face.parent.dreamtalk.rows
    row = next(own for own in rows if own.target == "jawOpen")
    row.scale, row.offset = 0.5, 0.25
    extra = rows.add()
    extra.source, extra.target, extra.scale = "headYaw", "jawLeft", 0.01
    rig = face.parent
    rig["Grin"] = 0.0
    grin = rows.add()
    grin.source, grin.target, grin.scale = "mouthSmileLeft", '["Grin"]', 2.0
    bone = rows.add()
    bone.source, bone.target = "jawOpen", 'pose.bones["neck"].location[1]'
    bone.scale = -0.01
    wanted = targets.mapping_of(objects).values(motion)
    others = face.data.shape_keys.driver_add('key_blocks["tongueOut"].value')
    _reports("has a driver already", bpy.ops.dreamtalk.drive)
    assert rig.dreamtalk.controller is None
    assert list(face.data.shape_keys.animation_data.drivers) == [others]
    face.data.shape_keys.driver_remove('key_blocks["tongueOut"].value')
    assert bpy.ops.dreamtalk.drive() == {"FINISHED"}
    controller = rig.dreamtalk.controller
    curves = session.part("rigs.motions").curves_of(objects, motion)
    assert {own.owner for own in curves} == {controller, rig}
    _animate(session, objects, motion)
    keys = face.data.shape_keys

    def state() -> list[float]:
        depsgraph = bpy.context.evaluated_depsgraph_get()
        evaluated = rig.evaluated_get(depsgraph)
        return [
            *(keys.key_blocks[name].value for name in ("jawOpen", "eyeBlinkLeft", "jawLeft")),
            evaluated["Grin"],
            evaluated.pose.bones["neck"].location[1],
        ]

    got = _frames(state)
    assert np.abs(got[:, 0] - (0.25 + 0.5 * motion.channel("jawOpen"))).max() < 1e-5
    assert np.abs(got[:, 1] - motion.channel("eyeBlinkLeft")).max() < 1e-5
    assert np.abs(got[:, 2] - wanted["jawLeft"].clip(0, 1)).max() < 1e-5
    assert np.abs(got[:, 3] - wanted['["Grin"]']).max() < 1e-5
    assert np.abs(got[:, 4] + 0.01 * motion.channel("jawOpen")).max() < 1e-6
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    assert rig.dreamtalk.controller == controller, "its takes would be lost"
    got = _frames(lambda: [keys.key_blocks["jawOpen"].value])
    assert np.abs(got[:, 0] - motion.channel("jawOpen")).max() < 1e-5
    assert bpy.ops.dreamtalk.release() == {"FINISHED"}
    assert not keys.animation_data.drivers
    assert not rig.animation_data.drivers
    assert not [own for own in bpy.data.objects if own.type == "EMPTY"]
    assert session.part("rigs.motions").curves_of(objects, motion)[0].owner == keys


def a_table_by_hand(session: Any) -> None:
    """Rows are added, changed, saved, forgotten, loaded; what is wrong is reported."""
    _start(session)
    targets, motion = session.part("rigs.targets"), _motion(session)
    thing = _mesh("Face", ["Key 1", "A smirk", "jawOpen"])
    _select(thing)
    assert bpy.ops.dreamtalk.mapping_add(target="A smirk", source="mouthSmileRight") == {"FINISHED"}
    settings = thing.dreamtalk
    assert [own.target for own in settings.rows] == ["jawOpen", "A smirk"]
    settings.rows[1].scale, settings.rows[1].offset = 0.5, 0.1
    _animate(session, [thing], motion)
    key = thing.data.shape_keys.key_blocks["A smirk"]
    wanted = 0.1 + 0.5 * motion.channel("mouthSmileRight")
    assert np.abs(_frames(lambda: [key.value])[:, 0] - wanted).max() < 1e-5
    mine = session.part("mapping.data")
    assert mine.unused([thing], targets.mapping_of([thing])) == ["Key 1"]

    file = session.folder / "mein Gesicht ä.json"
    assert bpy.ops.dreamtalk.mapping_save(filepath=str(file)) == {"FINISHED"}
    assert json.loads(file.read_text(encoding="utf-8"))["name"] == "mein Gesicht ä"
    before = targets.mapping_of([thing]).rows
    assert bpy.ops.dreamtalk.mapping_remove() == {"FINISHED"}
    assert len(settings.rows) == 1
    assert bpy.ops.dreamtalk.mapping_clear() == {"FINISHED"}
    assert not settings.rows
    assert bpy.ops.dreamtalk.mapping_load(filepath=str(file)) == {"FINISHED"}
    again = targets.mapping_of([thing]).rows
    assert [own.target for own in again] == [own.target for own in before]
    assert np.allclose([own.scale for own in again], [own.scale for own in before])

    file.write_text('{"format": "dreamtalk-mapping"', encoding="utf-8")
    _reports("cut off", bpy.ops.dreamtalk.mapping_load, filepath=str(file))
    _reports("Cannot", bpy.ops.dreamtalk.mapping_load, filepath=str(session.folder / "none.json"))
    _reports(
        "Cannot write",
        bpy.ops.dreamtalk.mapping_save,
        filepath=str(session.folder / "no" / "x.json"),
    )
    assert targets.mapping_of([thing]).rows == again
    settings.rows[0].source = "nonsense"
    _refused(session, "'nonsense'", session.part("rigs.motions").curves_of, [thing], motion)


def the_panel(session: Any) -> None:
    """It draws for every state of a character; the table's buttons and names are what they are."""
    _start(session)
    panel = session.part("mapping.panel")
    bpy.context.view_layer.objects.active = None
    assert "No character is selected." in _drawn(panel)
    face = _mesh("Face", ["Jaw_Open", "jawOpen", "Mystery"])
    _select(face)
    drawn = _drawn(panel)
    assert "Conflicts: 1" in drawn
    assert "    Jaw_Open = jawOpen" in drawn
    assert "    Mystery" in drawn
    assert "dreamtalk.drive" in drawn
    assert "template_list" not in drawn
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    face.dreamtalk.rows[0].target = "gone"
    drawn = _drawn(panel)
    assert "template_list" in drawn
    assert "    gone" in drawn
    face.dreamtalk.rows[0].target = "jawOpen"
    assert bpy.ops.dreamtalk.drive() == {"FINISHED"}
    assert "dreamtalk.release" in _drawn(panel)
    for row in face.dreamtalk.rows:
        layout = _Layout([])
        panel.DREAMTALK_UL_mapping.draw_item(
            None, bpy.context, layout, face.dreamtalk, row, 0, face.dreamtalk, "row", 0
        )
        assert "CHECKMARK" in layout.drawn


def what_cannot_be(session: Any) -> None:
    """No character, no keys, edit mode, linked data: an error, and nothing is changed."""
    _start(session)
    curves_of, motion = session.part("rigs.motions").curves_of, _motion(session)
    bpy.context.view_layer.objects.active = None
    _refused(
        session, "No character is selected", session.part("rigs.characters").objects_of, bpy.context
    )
    bare = _mesh("Bare", None)
    _select(bare)
    _refused(session, "has no shape keys", curves_of, [bare], motion)
    face = _mesh("Face", ["jawOpen"])
    _select(face)
    bpy.ops.object.mode_set(mode="EDIT")
    _refused(session, "edit mode", curves_of, [face], motion)
    bpy.ops.object.mode_set(mode="OBJECT")
    library = session.folder / "bibliothèque.blend"
    bpy.data.libraries.write(str(library), {face})
    bpy.data.objects.remove(face)
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.objects = there.objects
    linked = here.objects[0]
    bpy.context.collection.objects.link(linked)
    _select(linked)
    _reports("is linked from", bpy.ops.dreamtalk.match)
    assert not linked.dreamtalk.rows


def arkit_keys(session: Any) -> None:
    """The sample head gets back what it lost; a CC4 face gets its shapes from its own."""
    face = _start(session, head=True)
    motion = _motion(session)
    for name in ("jawOpen", "tongueOut"):
        face.shape_key_remove(face.data.shape_keys.key_blocks[name])
    _select(face)
    assert bpy.ops.dreamtalk.arkit_keys() == {"FINISHED"}
    keys = face.data.shape_keys.key_blocks
    assert set(motion.names) <= set(keys.keys())
    assert not any(keys[name].value for name in ("jawOpen", "tongueOut"))
    rig = session.part("dreamtalk_core.rig.head").load_head()
    moved = _points(keys["jawOpen"]) - _points(face.data.shape_keys.reference_key)
    shape = rig.deltas[motion.names.index("jawOpen")]
    assert np.abs(moved[:, 2] * 1000 - shape[:, 1]).max() < 1e-2
    _reports("no ARKit keys to make", bpy.ops.dreamtalk.arkit_keys)

    mapping = session.part("dreamtalk_core.retarget").scheme_mapping("cc4")
    names = mapping.targets
    other = _mesh("CC", list(names))
    _select(other)
    assert bpy.ops.dreamtalk.arkit_keys() == {"FINISHED"}
    keys = other.data.shape_keys.key_blocks
    assert len(keys) == 1 + len(names) + len(mapping.sources)
    rest = _points(other.data.shape_keys.reference_key)
    parts = [name for name in names if name.startswith("Mouth_Funnel")]
    assert len(parts) == 4
    mixed = sum(_points(keys[name]) - rest for name in parts)
    assert np.abs(_points(keys["mouthFunnel"]) - rest - mixed).max() < 1e-6


# --- what the checks are made of ----------------------------------------------------------------


def _start(session: Any, head: bool = False) -> Any:
    """An empty scene; with the sample head if wanted, whose mesh object is returned."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    session.install()
    if head:
        assert bpy.ops.dreamtalk.add_head() == {"FINISHED"}
    return bpy.context.object


def _motion(session: Any, frames: int = FRAMES) -> Any:
    """Every channel and angle moves, each in its own way."""
    names = session.part("dreamtalk_core.motion.tongue").FACE_NAMES
    time = np.arange(frames)[:, None] / 25
    phase = np.arange(len(names)) * 0.7
    weights = 0.5 + 0.5 * np.sin(2 * np.pi * (0.6 + 0.01 * phase) * time + phase)
    head = np.sin(time * [3, 4, 5]) * [10, 25, 8]
    return session.part("dreamtalk_core.motion").Motion(names, weights, 25, head)


def _speech(session: Any) -> Any:
    """Mouths as they speak: open and round and shut, the jaw and the lips together."""
    motion = _motion(session, 120)
    weights = np.zeros_like(motion.weights)
    column = motion.names.index
    time = motion.times
    jaw = 0.35 * np.clip(np.sin(2 * np.pi * 2.1 * time), 0, 1)
    round_ = np.clip(np.sin(2 * np.pi * 0.7 * time), 0, 1)
    weights[:, column("jawOpen")] = jaw
    weights[:, column("mouthFunnel")] = 0.4 * round_ * (jaw > 0) * jaw
    weights[:, column("mouthPucker")] = 0.5 * round_ * jaw
    for side in ("Left", "Right"):
        weights[:, column(f"mouthLowerDown{side}")] = 0.4 * jaw
        weights[:, column(f"mouthUpperUp{side}")] = 0.2 * jaw
        weights[:, column(f"mouthSmile{side}")] = 0.3 * (1 - round_) * jaw
        weights[:, column(f"eyeBlink{side}")] = motion.channel(f"eyeBlink{side}")
    return type(motion)(motion.names, weights, motion.fps)


def _mesh(name: str, keys: list[str] | None) -> Any:
    """A mesh with shape keys of its own deltas; without any where `keys` is None."""
    points = np.random.default_rng(1).normal(size=(12, 3))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], [(0, 1, 2)])
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(thing)
    for i, key in enumerate([] if keys is None else ["Basis", *keys]):
        block = thing.shape_key_add(name=key, from_mix=False)
        block.points[i % 12].co.z += 0.1 * (i > 0)
        block.value = 0.0
    return thing


def _armature(name: str, bones: dict[str, Any], stands: Any, roll: float = 0.0) -> Any:
    """An armature of bones (head, tail, parent) whose space is turned by `stands` [3, 3]."""
    data = bpy.data.armatures.new(name)
    thing = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, (head, tail, parent) in bones.items():
        edit_bone = data.edit_bones.new(bone)
        edit_bone.head, edit_bone.tail, edit_bone.roll = (
            stands @ np.array(head),
            stands @ np.array(tail),
            roll,
        )
        edit_bone.parent = data.edit_bones.get(parent or "")
    bpy.ops.object.mode_set(mode="OBJECT")
    return thing


def _viseme_head(session: Any, face: Any, scheme: str) -> Any:
    """The sample head with the keys of a viseme scheme, made from its own shapes."""
    retarget = session.part("dreamtalk_core.retarget")
    visemes = session.part("dreamtalk_core.retarget.visemes")
    rig = session.part("dreamtalk_core.rig.head").load_head()
    index = session.part("dreamtalk_core.motion.arkit").INDEX
    to_blender = session.part("rigs.sample_head").to_blender
    thing = bpy.data.objects.new(scheme, face.data.copy())
    bpy.context.collection.objects.link(thing)
    thing.shape_key_clear()
    thing.shape_key_add(name="Basis", from_mix=False)
    rest = to_blender(rig.vertices)
    for row in retarget.scheme_mapping(scheme).rows:
        if row.source in index:
            moves = rig.deltas[index[row.source]]
        else:
            moves = np.tensordot(visemes.pose_weights([row.source])[0], rig.deltas, 1)
        key = thing.shape_key_add(name=row.target, from_mix=False)
        key.points.foreach_set("co", (rest + to_blender(moves)).astype(np.float32).ravel())
        key.value = 0.0
    return thing


def _faces(session: Any, rig: Any) -> None:
    targets, rigs = session.part("rigs.targets"), session.part("rigs.bones")
    motion = _motion(session)
    _select(rig)
    assert bpy.ops.dreamtalk.match() == {"FINISHED"}
    rows = rig.dreamtalk.rows
    sources = {own.source for own in rows}
    print(len(rows), "rows", sorted(sources))
    wanted = {"jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "mouthClose", "browInnerUp", "head"}
    assert wanted <= sources
    for row in rows:
        assert targets.places(row.target, [rig]), row.target
    assert np.abs(rigs.character_axes(rig) - [[1, 0, 0], [0, 0, -1], [0, 1, 0]]).max() < 1e-6

    def place(bone: str) -> np.ndarray:
        posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        return np.array(posed.pose.bones[bone].head)

    def moved(name: str, bone: str) -> np.ndarray:
        """Which way (left, up, front) a shape moves a bone, in millimetres of the character."""
        names = [name] if isinstance(name, str) else name
        still = type(motion)(("jawOpen",), [[0.0]], 25).to_arkit()
        full = type(motion)(tuple(names), [[1.0] * len(names)], 25).to_arkit()
        for one in (still, full):
            for curve in session.part("rigs.motions").curves_of([rig], one):
                _set(curve)
            bpy.context.view_layer.update()
            where = place(bone)
            if one is still:
                rest = where
        way = (where - rest) * 1000
        return np.array([way[0], way[2], -way[1]])

    for source, bone, axis, sign in (
        ("jawOpen", "DEF-jaw" if "DEF-jaw" in rig.pose.bones else "jaw_master", 1, 0),
        ("jawOpen", "ORG-chin" if "ORG-chin" in rig.pose.bones else "chin", 1, -1),
        ("mouthSmileLeft", "DEF-lip.T.L.001", 1, 1),
        ("eyeBlinkLeft", "DEF-lid.T.L.002", 1, -1),
        ("browInnerUp", "DEF-brow.T.L.003", 1, 1),
    ):
        if bone in rig.pose.bones:
            way = moved(source, bone)
            print(source, bone, way)
            assert sign == 0 or way[axis] * sign > 0.5, (source, bone, way)


class _Layout:
    """Stands for a panel's layout, which the module without a window has not: what is put there."""

    def __init__(self, drawn: list[str]) -> None:
        self.__dict__["drawn"] = drawn

    def __setattr__(self, name: str, value: Any) -> None:
        self.drawn.append(str(value))

    def __getattr__(self, kind: str) -> Any:
        def put(*arguments: Any, **named: Any) -> _Layout:
            if kind == "prop":
                assert arguments[1] in arguments[0].bl_rna.properties
            if kind == "operator":
                assert arguments[0].partition(".")[2] in dir(bpy.ops.dreamtalk)
            self.drawn.extend([kind, *(str(own) for own in (*arguments, *named.values()))])
            return _Layout(self.drawn)

        return put


def _drawn(panel: Any) -> list[str]:
    """All that the mapping's panel shows."""
    layout = _Layout([])
    panel.draw(layout, bpy.context)
    return layout.drawn


def _set(curve: Any) -> None:
    owner, path = curve.owner.path_resolve(curve.path), curve.path
    if hasattr(owner, "__len__"):
        owner[curve.index] = float(curve.values[0])
    else:
        before, _, name = path.rpartition(".")
        setattr(curve.owner.path_resolve(before), name, float(curve.values[0]))


def _animate(session: Any, objects: list[Any], motion: Any) -> None:
    """A take of the motion from frame 1 on, as the buttons make it."""
    curves = session.part("rigs.motions").curves_of(objects, motion)
    session.part("animation.tracks").add_take("take", curves, 1)


def _frames(read: Any, frames: int = FRAMES) -> np.ndarray:
    """What `read` gives on every frame."""
    found = []
    for i in range(frames):
        bpy.context.scene.frame_set(1 + i)
        found.append(np.array(read(), float))
    return np.array(found)


def _same_turn(rig: Any, bone: str, wanted: np.ndarray) -> None:
    """A pose bone has turned from its rest by a matrix of the armature's space."""
    posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones[bone]
    rest = rig.data.bones[bone].matrix_local.to_3x3()
    turned = posed.matrix.to_3x3() @ rest.inverted()
    # Blender combines small turns in single precision: .003 degrees.
    assert np.abs(np.array(turned) - np.array(Matrix(wanted.tolist()))).max() < 5e-5, bone


def _points(block: Any) -> np.ndarray:
    co = np.empty(3 * len(block.points), np.float32)
    block.points.foreach_get("co", co)
    return co.reshape(-1, 3)


def _select(thing: Any) -> None:
    for own in bpy.context.view_layer.objects:
        own.select_set(own == thing)
    bpy.context.view_layer.objects.active = thing


def _refused(session: Any, part: str, call: Any, *arguments: Any) -> None:
    """A call raises an error of ours that says `part`."""
    message = ""
    try:
        call(*arguments)
    except session.part("dreamtalk_core.errors").DreamTalkError as error:
        message = str(error)
    assert part in message, message


def _reports(part: str, operator: Any, **arguments: Any) -> None:
    """An operator that reports an error raises it in a script."""
    message = refusal(lambda: operator(**arguments))
    assert part in message, message
