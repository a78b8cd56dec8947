"""`dreamtalk shapes`: a head comes in without shapes and goes out with them, or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.shapes import write_glb_head
from dreamtalk_core.cli import main
from dreamtalk_core.errors import DreamTalkError, NoFaceError
from dreamtalk_core.formats.gltf.container import read_glb, write_glb
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.pipeline.shapes.by_hand import LANDMARKS, NEEDED
from dreamtalk_core.pipeline.shapes.make import make_shapes
from dreamtalk_core.render.head.foreign import load_glb_head
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.rig.head import MATERIALS, load_head

pytestmark = pytest.mark.slow


def bare_head(path: Path) -> None:
    """The built-in head without its shapes, with one of another name."""
    write_glb_head(load_head(), path)
    document, binary = read_glb(path, DreamTalkError)
    (mesh,) = document["meshes"]
    for primitive in mesh["primitives"]:
        primitive["targets"] = primitive["targets"][FACE_NAMES.index("jawOpen") :][:1]
    mesh["extras"]["targetNames"], mesh["weights"] = ["mine"], [0.25]
    write_glb(path, document, bytes(binary))


def test_a_head_gets_its_shapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare, out, places = tmp_path / "köpf 1.glb", tmp_path / "out.glb", tmp_path / "places.json"
    bare_head(bare)
    assert main(["shapes", str(bare), "-o", str(out), "--found", str(places)]) == 0
    assert capsys.readouterr().out.split("\n")[:2] == [str(out), str(places)]
    before, after = (read_glb(path, DreamTalkError)[0] for path in (bare, out))
    for table in ("materials", "images", "nodes", "skins", "animations"):
        assert before[table] == after[table]
    (mesh,) = after["meshes"]
    assert mesh["extras"]["targetNames"] == ["mine", *FACE_NAMES]
    assert mesh["weights"] == [0.25] + [0.0] * len(FACE_NAMES)
    assert {len(primitive["targets"]) for primitive in mesh["primitives"]} == {69}
    chin = json.loads(places.read_text(encoding="utf-8"))["chin"]
    assert np.linalg.norm(np.array(chin) - [0, -0.07, 0.08]) < 0.03, "metres, as the file has it"

    head, made = load_head(), load_glb_head(out)
    own = np.unique(head.triangles[head.material == MATERIALS.index("skin")])
    for name in ("jawOpen", "mouthFunnel", "mouthSmileLeft"):
        wanted = np.abs(head.deltas[INDEX[name]][own]).max()
        assert 0.75 * wanted < np.abs(made.deltas[INDEX[name]]).max() < 1.3 * wanted


def test_what_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = tmp_path / "head.glb"
    head.write_bytes(b"is not even read")
    for options, says in (
        (["-o", str(tmp_path / "out.txt")], "a .glb, or a .vrm"),
        (["-o", str(head)], "it is read as well"),
        (["-o", str(tmp_path / "no folder" / "out.glb")], "does not exist"),
        (["-o", str(tmp_path / "out.glb"), "--found", str(head)], "it is read as well"),
    ):
        assert main(["shapes", str(head), *options]) == 4
        assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["head.glb"]


def test_a_face_that_is_not_found_is_where_a_handful_of_landmarks_say(tmp_path: Path) -> None:
    """A head that looks at the ceiling, without eyes: no look that is taken of it shows a face."""
    blind, places = tmp_path / "blind.glb", tmp_path / "places.json"
    bare_head(blind)
    document, binary = read_glb(blind, DreamTalkError)
    (mesh,) = document["meshes"]
    mesh["primitives"] = mesh["primitives"][:1]
    document["materials"][0] = {"name": "stone", "pbrMetallicRoughness": {"metallicFactor": 1}}
    document["nodes"][1] = {"mesh": 0, "rotation": [-(0.5**0.5), 0, 0, 0.5**0.5]}
    write_glb(blind, document, bytes(binary))
    with pytest.raises(NoFaceError, match="in 'Stone'"):
        make_shapes(blind, name="'Stone'")
    rest = load_template().rest.astype(float)
    lying = 0.001 * rest[:, [0, 2, 1]] * [1, 1, -1]
    rough = lying[[LANDMARKS[name] for name in NEEDED]]
    rough[:, 1] += 0.03  # before the face: it is put onto it
    hand = dict(zip(NEEDED, rough.round(4).tolist(), strict=True))
    places.write_text(json.dumps(hand), encoding="utf-8")
    out = tmp_path / "out.glb"
    assert main(["shapes", str(blind), "-o", str(out), "--landmarks", str(places)]) == 0
    fitted = make_shapes(blind, hand)
    chin = np.array(fitted.landmarks["chin"])
    assert np.linalg.norm(chin - lying[LANDMARKS["chin"]]) < 0.012
    jaw, own = fitted.deltas[INDEX["jawOpen"]][:, 2].max(), load_head().deltas[INDEX["jawOpen"]]
    assert 0.75 < jaw / (-0.001 * own[:, 1].min()) < 1.3, "where down is"


def test_what_has_no_face_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ball, out = tmp_path / "ball.glb", tmp_path / "out.glb"
    bare_head(ball)
    document, binary = read_glb(ball, DreamTalkError)
    document["meshes"][0]["primitives"] = document["meshes"][0]["primitives"][4:5]  # an eyeball
    write_glb(ball, document, bytes(binary))
    assert main(["shapes", str(ball), "-o", str(out)]) != 0
    said = capsys.readouterr().err.strip().splitlines()
    assert any("No face was found" in line or "is none that can be read" in line for line in said)
    assert not out.exists()
