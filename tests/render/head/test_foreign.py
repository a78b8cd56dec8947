"""Heads out of GLB files: the built-in one, written and read again, must look as before."""

from __future__ import annotations

import json
import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkWarning, RenderError
from dreamtalk_core.formats import glb
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.control.pictures import ControlPictures
from dreamtalk_core.render.head import split_head
from dreamtalk_core.render.head.foreign import load_glb_head
from dreamtalk_core.render.head.look import Look
from dreamtalk_core.render.head.pictures import HeadPictures
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.job import render
from dreamtalk_core.retarget import match
from dreamtalk_core.retarget.visemes import solve
from dreamtalk_core.rig.head import load_head

pytestmark = pytest.mark.slow

STILL = Motion(ARKIT_NAMES, np.zeros((2, 52), np.float32), Fraction(25))
POSES = (
    ({}, (0, 0, 0)),
    ({"jawOpen": 0.6, "mouthSmileLeft": 0.8}, (0, 0, 0)),
    ({"eyeBlinkLeft": 1.0, "eyeLookOutRight": 0.8, "browInnerUp": 1.0}, (5, -18, 6)),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("glb") / "head.glb"
    glb.write(path, STILL)
    return path


def changed(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A GLB with another document before the same data."""
    data = source.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    head = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON")
    target.write_bytes(head + text + rest)
    return target


def pictures(renderer: HeadRenderer) -> list[NDArray[np.int64]]:
    result = []
    for shapes, rotation in POSES:
        weights = np.zeros(52, np.float32)
        for name, value in shapes.items():
            weights[INDEX[name]] = value
        result.append(renderer.render(weights, rotation).astype(int))
    return result


@pytest.fixture(scope="module")
def built_in() -> list[NDArray[np.int64]]:
    return pictures(HeadRenderer(192))


def test_our_own_head_looks_the_same(written: Path, built_in: list[NDArray[np.int64]]) -> None:
    head = load_glb_head(written)
    np.testing.assert_allclose(head.eye_centres, load_head().eye_centres, atol=1.0)
    for mine, theirs in zip(built_in, pictures(HeadRenderer(192, head)), strict=True):
        assert np.abs(mine - theirs).mean() < 1.2


def test_place_size_axes_and_spelling_do_not_matter(
    written: Path, tmp_path: Path, built_in: list[NDArray[np.int64]]
) -> None:
    def change(document: dict[str, Any]) -> None:
        mesh = document["meshes"][0]
        mesh["extras"]["targetNames"] = [
            "blendShape1." + name.replace("Left", "_L") if name[-4:] == "Left" and "eye" in name
            else f"Face_{name}" for name in mesh["extras"]["targetNames"]
        ]  # fmt: skip
        # No skin; z up, looking along y, thirty times as large, far away.
        node = document["nodes"][1]
        del node["skin"]
        document["nodes"].append(
            {
                "children": [1],
                "rotation": [0.5**0.5, 0, 0, 0.5**0.5],
                "scale": [30, 30, 30],
                "translation": [100, -3, 7],
            }
        )
        document["scenes"][0]["nodes"] = [len(document["nodes"]) - 1]
        del document["animations"]

    path = changed(written, tmp_path / "moved.glb", change)
    theirs = pictures(HeadRenderer(192, load_glb_head(path)))
    assert np.abs(built_in[0] - theirs[0]).mean() < 1.5
    assert np.abs(built_in[1] - theirs[1]).mean() < 1.5
    # The neck bends elsewhere without a skin, the face is where it was.
    assert np.abs(built_in[2] - theirs[2])[30:130].mean() < 4


def test_eyes_of_their_own_turn(written: Path, tmp_path: Path) -> None:
    def without_gaze(document: dict[str, Any]) -> None:
        names = document["meshes"][0]["extras"]["targetNames"]
        names[:] = [name.replace("eyeLook", "unknown") for name in names]

    head = load_glb_head(changed(written, tmp_path / "eyes.glb", without_gaze))
    built_in = load_head()
    for (first, last), (a, b) in zip(head.eyes, built_in.eyes, strict=True):
        assert last - first >= (b - a) / 2
    np.testing.assert_allclose(head.eye_centres, built_in.eye_centres, atol=1.0)
    weights = np.zeros(52, np.float32)
    weights[[INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 1
    picture, expected = (
        HeadRenderer(192, one).render(weights).astype(int) for one in (head, built_in)
    )
    straight = HeadRenderer(192, built_in).render(np.zeros(52, np.float32)).astype(int)
    # The built-in lids follow the gaze a little, these do not: they have no shape for it.
    change = np.abs(picture - expected)[75:100, 50:140].mean()
    assert change < 0.6 * np.abs(straight - expected)[75:100, 50:140].mean()


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("jawOpen", "jawOpen"),
        ("mouthLeft", "mouthLeft"),
        ("jaw_left", "jawLeft"),
        ("browDown_R", "browDownRight"),
        ("Mesh.eyeBlink_L", "eyeBlinkLeft"),
        ("CC_Base_MouthSmileLeft", "mouthSmileLeft"),
        ("blink", "eyeBlinkLeft eyeBlinkRight"),
        ("viseme_aa", None),
        ("L", None),
    ],
)
def test_spellings(name: str, means: str | None) -> None:
    sources = {row.source for row in match([name]).mapping.rows}
    assert sources == set((means or "").split())


Document = dict[str, Any]


def without_arkit(document: Document) -> Document:
    """The names of the targets are taken away; where the mesh is."""
    mesh: Document = document["meshes"][0]
    mesh["extras"]["targetNames"] = [f"Shape {i}" for i in range(len(ARKIT_NAMES))]
    return mesh


def visemes(document: Document) -> None:
    names = without_arkit(document)["extras"]["targetNames"]
    for name, shape in (
        ("viseme_aa", "jawOpen"), ("viseme_U", "mouthPucker"), ("viseme_O", "mouthFunnel"),
        ("viseme_PP", "mouthPressLeft"), ("viseme_I", "mouthStretchLeft"),
    ):  # fmt: skip
        names[INDEX[shape]] = name


VRM_SHAPES = {"a": "jawOpen", "u": "mouthPucker", "o": "mouthFunnel", "e": "mouthStretchLeft"}


def vrm_0(document: Document) -> None:
    """Looks along -z, with the expressions of version 0."""
    without_arkit(document)
    shapes = {**VRM_SHAPES, "blink_l": "eyeBlinkLeft", "blink_r": "eyeBlinkRight"}
    binds: list[Document] = [
        {"presetName": name, "binds": [{"mesh": 0, "index": INDEX[shape], "weight": 100}]}
        for name, shape in shapes.items()
    ]
    binds.append({"presetName": "unknown", "name": "Odd", "binds": []})
    document["extensions"] = {"VRM": {"blendShapeMaster": {"blendShapeGroups": binds}}}
    del document["nodes"][1]["skin"]
    document["nodes"][1]["rotation"] = [0, 1, 0, 0]


def vrm_1(document: Document) -> None:
    """With the expressions of version 1, and one that shuts both eyes."""
    without_arkit(document)
    preset = {
        spoken: {"morphTargetBinds": [{"node": 1, "index": INDEX[shape], "weight": 1}]}
        for spoken, shape in zip(("aa", "ou", "oh", "ee"), VRM_SHAPES.values(), strict=True)
    }
    preset["blink"] = {
        "morphTargetBinds": [
            {"node": 1, "index": INDEX[f"eyeBlink{side}"], "weight": 1}
            for side in ("Left", "Right")
        ]
    }
    document["extensions"] = {"VRMC_vrm": {"expressions": {"preset": preset, "custom": {}}}}


@pytest.mark.parametrize("change", [visemes, vrm_0, vrm_1])
def test_heads_without_arkit_speak(
    written: Path,
    tmp_path: Path,
    built_in: list[NDArray[np.int64]],
    change: Callable[[Document], None],
) -> None:
    renderer = HeadRenderer(192, load_glb_head(changed(written, tmp_path / "a.glb", change)))
    rest, opened = np.zeros(52, np.float32), np.zeros(52, np.float32)
    opened[INDEX["jawOpen"]] = 0.5
    calm, speaking = (renderer.render(shapes).astype(int) for shapes in (rest, opened))
    # The head is where the built-in one is, though by other signs.
    assert np.abs(calm - built_in[0]).mean() < 10
    mouth, brow = np.abs(speaking - calm)[120:150, 70:120], np.abs(speaking - calm)[40:75, 60:130]
    assert mouth.mean() > 8
    assert brow.mean() < 1


@pytest.mark.parametrize("change", [vrm_0, vrm_1])
def test_vrm_heads_blink(written: Path, tmp_path: Path, change: Callable[[Document], None]) -> None:
    renderer = HeadRenderer(192, load_glb_head(changed(written, tmp_path / "a.glb", change)))
    shut = np.zeros(52, np.float32)
    shut[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1
    calm, shown = (renderer.render(shapes).astype(int) for shapes in (np.zeros(52), shut))
    assert np.abs(shown - calm)[75:100, 60:130].mean() > 5
    assert np.abs(shown - calm)[120:150].mean() < 1


@pytest.mark.parametrize("change", [vrm_0, vrm_1])
def test_an_expression_of_targets_that_are_not_there_is_left_out(
    written: Path, tmp_path: Path, change: Callable[[Document], None]
) -> None:
    def changes(document: Document) -> None:
        change(document)
        if change is vrm_0:
            groups = document["extensions"]["VRM"]["blendShapeMaster"]["blendShapeGroups"]
            groups[0]["binds"][0]["index"] = 10**9
        else:
            preset = document["extensions"]["VRMC_vrm"]["expressions"]["preset"]
            preset["happy"] = {"morphTargetBinds": [{"node": 1, "index": 10**9, "weight": 1}]}

    with pytest.warns(DreamTalkWarning, match="is left out"):
        load_glb_head(changed(written, tmp_path / "a.glb", changes))


def test_what_expressions_move_is_limited(written: Path, tmp_path: Path) -> None:
    def many(document: Document) -> None:
        vrm_1(document)
        preset = document["extensions"]["VRMC_vrm"]["expressions"]["preset"]
        preset["aa"]["morphTargetBinds"] *= 60_000

    with pytest.raises(RenderError, match="morph targets"):
        load_glb_head(changed(written, tmp_path / "a.glb", many))


@pytest.mark.parametrize("value", [-1, True, 0.5, "0", None, [0]])
def test_every_index_of_an_expression_is_checked(
    written: Path, tmp_path: Path, value: object
) -> None:
    def first(document: Document) -> None:
        vrm_0(document)
        groups = document["extensions"]["VRM"]["blendShapeMaster"]["blendShapeGroups"]
        groups[0]["binds"][0]["index"] = value

    def second(document: Document, key: str) -> None:
        vrm_1(document)
        preset = document["extensions"]["VRMC_vrm"]["expressions"]["preset"]
        preset["aa"]["morphTargetBinds"][0][key] = value

    for change in (
        first,
        lambda document: second(document, "index"),
        lambda document: second(document, "node"),
    ):
        with pytest.raises(RenderError, match="damaged"):
            load_glb_head(changed(written, tmp_path / "a.glb", change))


def test_a_video_of_another_head(written: Path, tmp_path: Path) -> None:
    look = Look(head=load_glb_head(written), curves=("jawOpen",))
    render(HeadPictures(STILL, 64, look), tmp_path / "v.mp4")
    render(ControlPictures(STILL, "depth", 64, look), tmp_path / "d.mp4")
    with pytest.raises(RenderError, match="depth and normals only"):
        render(ControlPictures(STILL, "mouth", 64, look), tmp_path / "m.mp4")


@pytest.mark.parametrize("pictures", [HeadPictures, partial(ControlPictures, kind="depth")])
def test_visemes_are_solved_once_for_a_video(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Callable[..., Any]
) -> None:
    head = load_glb_head(changed(written, tmp_path / "a.glb", visemes))
    weights = np.zeros((3, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = [0, 0.3, 0.6]
    frames = []
    monkeypatch.setattr(
        split_head, "solve", lambda rows, *how: frames.append(len(rows)) or solve(rows, *how)
    )
    moving = Motion(ARKIT_NAMES, weights, Fraction(25))
    shown = pictures(moving, size=64, look=Look(head=head))
    drawn = [shown.draw(frame) for frame in range(3)]
    assert frames == [3]
    # A frame by itself looks the same.
    for frame in range(3):
        alone = pictures(moving.cut(frame, frame + 1), size=64, look=Look(head=head))
        np.testing.assert_array_equal(alone.draw(0), drawn[frame])
    assert np.abs(drawn[0].astype(int) - drawn[2]).max() > 20


def test_what_cannot_be_read(written: Path, tmp_path: Path) -> None:
    def fails(path: Path, message: str) -> None:
        with pytest.raises(RenderError, match=message):
            load_glb_head(path)

    fails(tmp_path / "missing.glb", "no such file")
    fails(tmp_path, "is a folder")
    text = tmp_path / "text.glb"
    text.write_text("hello there, this is no model at all")
    fails(text, "no GLB|not a GLB")
    cut = tmp_path / "cut.glb"
    cut.write_bytes(written.read_bytes()[:400_000])
    fails(cut, "damaged")

    def compress(document: dict[str, Any]) -> None:
        document["extensionsRequired"] = ["EXT_meshopt_compression"]

    def forget(document: dict[str, Any]) -> None:
        document["meshes"][0]["extras"] = {}

    def few(document: dict[str, Any]) -> None:
        names = document["meshes"][0]["extras"]["targetNames"]
        names[:] = [name if "brow" in name else "x" for name in names]

    def wild(document: dict[str, Any]) -> None:
        primitive = document["meshes"][0]["primitives"][0]
        document["accessors"][primitive["attributes"]["POSITION"]]["count"] = 5
        document["accessors"][primitive["indices"]]["count"] = 9

    fails(changed(written, tmp_path / "a.glb", compress), "without compression")
    fails(changed(written, tmp_path / "b.glb", forget), "0 morph targets with ARKit's names")
    fails(changed(written, tmp_path / "c.glb", few), "where its face is")
    fails(changed(written, tmp_path / "d.glb", wild), "damaged")


def test_damaged_documents_are_reported(written: Path, tmp_path: Path) -> None:
    """Numbers turned into other numbers, at random: an error of ours, or a head."""
    data = written.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    digits = [i for i in range(20, 20 + size) if chr(data[i]).isdigit()]
    rng = np.random.default_rng(0)
    for trial in range(12):
        broken = bytearray(data)
        for place in rng.choice(digits, 40, replace=False):
            broken[place] = ord("0") + int(rng.integers(10))
        path = tmp_path / f"{trial}.glb"
        path.write_bytes(broken)
        try:
            head = load_glb_head(path)
        except RenderError:
            continue
        assert head.triangles.max() < len(head.vertices)


# --- what others made: every index, count and length in it may be wrong


def refused(path: Path) -> str:
    """What is said of a file: in one line, soon, and without much memory."""
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(RenderError) as raised:
            load_glb_head(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000_000
    assert time.process_time() - began < 10
    assert "\n" not in str(raised.value)
    return str(raised.value)


def indices(document: Document) -> list[tuple[Any, Any]]:
    """(where, key) of all that refers to something else, or counts, and is used for a head."""
    mesh = document["meshes"][0]
    primitive = mesh["primitives"][0]
    face = primitive["attributes"]
    position = document["accessors"][face["POSITION"]]
    view = document["bufferViews"][position["bufferView"]]
    node = next(node for node in document["nodes"] if "mesh" in node)
    skin = document["skins"][node["skin"]]
    return [
        (document, "scene"),
        (document["scenes"][0]["nodes"], 0),
        (document["nodes"][0].setdefault("children", [0]), 0),
        (node, "mesh"),
        (node, "skin"),
        (skin["joints"], 0),
        (skin, "inverseBindMatrices"),
        *((face, name) for name in ("POSITION", "JOINTS_0", "WEIGHTS_0")),
        (primitive, "indices"),
        (primitive, "material"),
        (primitive["targets"][0], "POSITION"),
        (position, "bufferView"),
        (position, "byteOffset"),
        (position, "count"),
        (position, "componentType"),
        (position, "type"),
        (view, "buffer"),
        (view, "byteOffset"),
        (view, "byteLength"),
        (view, "byteStride"),
    ]


WRONG = [-1, 10**9, 10**12, 10**30, True, 0.5, 1.0, "0", None, [0], {}]


def test_every_index_of_a_foreign_scene_is_checked(written: Path, tmp_path: Path) -> None:
    places = len(indices(document_of(written)))
    harmless = []
    for place in range(places):
        for value in WRONG:

            def change(document: Document, place: int = place, value: Any = value) -> None:
                where, key = indices(document)[place]
                where[key] = value

            path = changed(written, tmp_path / "a.glb", change)
            with suppress(RenderError):
                load_glb_head(path)
                harmless.append((place, value))
    assert not harmless


def test_a_texture_that_cannot_be_read_is_reported(written: Path, tmp_path: Path) -> None:
    def spoil(document: Document) -> None:
        document["images"][0] = {"uri": "data:image/png;base64,bm90aGluZw=="}
        document["materials"][0]["name"] = "Face \x1b[2J"

    with pytest.warns(
        DreamTalkWarning, match=r"material Face \\x1b\[2J cannot be read"
    ) as warnings:
        load_glb_head(changed(written, tmp_path / "head.glb", spoil))
    assert len(warnings) == len(document_of(written)["materials"])


def document_of(path: Path) -> Document:
    data = path.read_bytes()
    document: Document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    return document


def test_circles_end(written: Path, tmp_path: Path) -> None:
    """Nodes and joints that are below themselves: as if that child were not there."""

    def circle(document: Document) -> None:
        for number, node in enumerate(document["nodes"]):
            node["children"] = [*range(len(document["nodes"])), number] * 1000

    load_glb_head(changed(written, tmp_path / "a.glb", circle))


def little_data(document: Document) -> Document:
    mesh: Document = document["meshes"][0]["primitives"][0]
    return mesh


def trillion(document: Document) -> None:
    entry = document["accessors"][little_data(document)["attributes"]["POSITION"]]
    entry.pop("bufferView")
    entry["count"] = 10**12


def many_sparse(document: Document) -> None:
    entry = document["accessors"][little_data(document)["attributes"]["POSITION"]]
    entry["sparse"] = {
        "count": 500_000_000,
        "indices": {"bufferView": 0, "componentType": 5125},
        "values": {"bufferView": 0},
    }


def sparse_rows(document: Document) -> None:
    entry = document["accessors"][little_data(document)["attributes"]["POSITION"]]
    entry["sparse"] = {
        "count": 3,
        "indices": {"bufferView": entry["bufferView"], "componentType": 5125},
        "values": {"bufferView": entry["bufferView"]},
    }


def many_nodes(document: Document) -> None:
    document["nodes"] = [{}] * 200_000


def many_copies(document: Document) -> None:
    node = next(node for node in document["nodes"] if "mesh" in node)
    first = len(document["nodes"])
    document["nodes"] += [{"mesh": node["mesh"]}] * 2000
    document["scenes"][0]["nodes"] += range(first, first + 2000)


def many_primitives(document: Document) -> None:
    document["meshes"][0]["primitives"] *= 600


def many_targets(document: Document) -> None:
    little_data(document)["targets"] *= 3000


def wide_factor(document: Document) -> None:
    material = document["materials"][little_data(document)["material"]]
    material["pbrMetallicRoughness"] = {"baseColorFactor": [[[[0.5]]]] * 3000}


def wild_node(document: Document) -> None:
    document["nodes"][0]["scale"] = [1e300, 1e300, 1e300]


def no_tables(document: Document) -> None:
    document["nodes"] = "mesh"


def texts(document: Document) -> None:
    document["nodes"] = ["mesh"] * 3


def outside(document: Document) -> None:
    document["buffers"][0]["uri"] = "file:///etc/passwd\x1b[31m" + "x" * 10_000


def bad_uri(document: Document) -> None:
    document["buffers"][0]["uri"] = "data:,%%%%=" + "A" * 5


@pytest.mark.parametrize(
    "change",
    [
        trillion, many_sparse, sparse_rows, many_nodes, many_copies, many_primitives, many_targets,
        wide_factor, wild_node, no_tables, texts, outside, bad_uri,
    ],
)  # fmt: skip
def test_scenes_that_lie(written: Path, tmp_path: Path, change: Callable[[Document], None]) -> None:
    refused(changed(written, tmp_path / "a.glb", change))


def chunked(document: bytes, binary: bytes = b"", **lies: int) -> bytes:
    body = struct.pack("<I4s", lies.get("json", len(document)), b"JSON") + document
    body += struct.pack("<I4s", lies.get("bin", len(binary)), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, lies.get("length", 12 + len(body))) + body


@pytest.mark.parametrize(
    "content",
    [
        b"glTF\2\0\0\0",
        chunked(b"{}", length=0),
        chunked(b"{}", length=2**32 - 1),
        chunked(b"{}", json=2**32 - 1),
        chunked(b"{}", bin=2**32 - 1),
        chunked(b"[" * 200_000),
        chunked(b'{"nodes":' * 200_000),
        chunked(b'{"nodes": [' + b"{}," * 300_000 + b"{}]}"),
        chunked(b"[]"),
        chunked(b"\xff\xfe{}"),
        chunked(b'{"scene": NaN}'),
        chunked(b'{"scene": ' + b"1" * 5000 + b"}"),
        chunked(b"{}").replace(b"JSON", b"LIES"),
        chunked(b"{}"),
    ],
    ids=lambda content: f"{content[:40]!r} {len(content)}",
)
def test_chunks_that_lie(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.glb").write_bytes(content)
    refused(tmp_path / "a.glb")


def test_wrong_bytes_are_reported_or_harmless(written: Path, tmp_path: Path) -> None:
    whole = written.read_bytes()
    size = struct.unpack_from("<I", whole, 12)[0]
    rng = random.Random(0)
    for _ in range(60):
        content = bytearray(whole)
        content[rng.randrange(20 + size)] = rng.randrange(256)
        (tmp_path / "a.glb").write_bytes(content)
        with suppress(RenderError):
            load_glb_head(tmp_path / "a.glb")
