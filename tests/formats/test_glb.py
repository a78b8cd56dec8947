"""GLB files, parsed back byte by byte."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.formats import glb
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.motion.tongue import FACE_NAMES, TONGUE_NAMES
from dreamtalk_core.rig.head import MATERIALS, load_head

_DTYPES = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """A reader of just what the specification says, written apart from the writer."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        assert size % 4 == 0
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        size_bin, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0"
        assert size_bin % 4 == 0
        self.binary = data[28 + size : 28 + size + size_bin]
        assert 28 + size + size_bin == len(data)
        assert self.json["buffers"] == [{"byteLength": len(self.binary)}]

    def view(self, number: int) -> bytes:
        view = self.json["bufferViews"][number]
        assert view["byteOffset"] % 4 == 0
        return self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def accessor(self, number: int) -> NDArray[Any]:
        entry = self.json["accessors"][number]
        dtype, width = np.dtype(_DTYPES[entry["componentType"]]), _WIDTH[entry["type"]]
        if "bufferView" in entry:
            array = np.frombuffer(self.view(entry["bufferView"]), dtype).reshape(-1, width)
        else:
            array = np.zeros((entry["count"], width), dtype)
        assert len(array) == entry["count"]
        if "sparse" in entry:
            sparse = entry["sparse"]
            rows = np.frombuffer(
                self.view(sparse["indices"]["bufferView"]),
                _DTYPES[sparse["indices"]["componentType"]],
            )
            assert len(rows) == sparse["count"] > 0
            assert (np.diff(rows.astype(int)) > 0).all()
            array = array.copy()
            array[rows] = np.frombuffer(self.view(sparse["values"]["bufferView"]), dtype).reshape(
                -1, width
            )
        for key, function in (("min", np.min), ("max", np.max)):
            if key in entry:
                np.testing.assert_array_equal(np.float32(entry[key]), function(array, axis=0))
        return array[:, 0] if width == 1 else array


def motion(frames: int = 20, fps: object = 25, turning: bool = True) -> Motion:
    rng = np.random.default_rng(4)
    turn = rng.uniform(-170, 170, (frames, 3)) if turning else np.zeros((frames, 3))
    return Motion(ARKIT_NAMES, rng.uniform(0, 1, (frames, 52)), fps, turn)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Glb, Motion, Path]:
    path = tmp_path_factory.mktemp("glb") / "m.glb"
    moving = motion(fps="24000/1001")
    glb.write(path, moving)
    return Glb(path), moving, path


def quaternion_matrix(q: NDArray[np.float32]) -> NDArray[np.float64]:
    x, y, z, w = q.astype(float)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_weights_come_back_bit_for_bit(written: tuple[Glb, Motion, Path]) -> None:
    file, moving, _ = written
    animation = file.json["animations"][0]
    channel = animation["channels"][0]
    assert channel["target"]["path"] == "weights"
    sampler = animation["samplers"][channel["sampler"]]
    assert sampler["interpolation"] == "LINEAR"
    weights = file.accessor(sampler["output"]).reshape(len(moving), 52)
    np.testing.assert_array_equal(weights, moving.weights)
    times = file.accessor(sampler["input"])
    expected = [float(i / Fraction(24000, 1001)) for i in range(len(moving))]
    np.testing.assert_array_equal(times, np.float32(expected))


def test_head_rotation_track(written: tuple[Glb, Motion, Path]) -> None:
    file, moving, _ = written
    animation = file.json["animations"][0]
    channel = animation["channels"][1]
    assert channel["target"]["path"] == "rotation"
    assert file.json["nodes"][channel["target"]["node"]]["name"] == "HeadRotation"
    turns = file.accessor(animation["samplers"][channel["sampler"]]["output"])
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-6)
    for turn, degrees in zip(turns, moving.head_rotation, strict=True):
        np.testing.assert_allclose(quaternion_matrix(turn), rotation_matrix(degrees), atol=1e-5)
    # Neighbours lie on the same side, or importers would turn the long way round.
    assert ((turns[1:] * turns[:-1]).sum(axis=1) >= 0).all()


@pytest.mark.slow
def test_a_still_head_has_no_rotation_track(tmp_path: Path) -> None:
    glb.write(tmp_path / "m.glb", motion(turning=False))
    assert len(Glb(tmp_path / "m.glb").json["animations"][0]["channels"]) == 1


def test_the_mesh_is_the_head_in_metres(written: tuple[Glb, Motion, Path]) -> None:
    file, _, _ = written
    head = load_head()
    mesh = file.json["meshes"][0]
    assert mesh["extras"]["targetNames"] == list(ARKIT_NAMES)
    assert [file.json["materials"][p["material"]]["name"] for p in mesh["primitives"]] == list(
        MATERIALS
    )
    for kind, primitive in enumerate(mesh["primitives"]):
        triangles = head.triangles[head.material == kind]
        used = np.unique(triangles)
        attributes = {name: file.accessor(n) for name, n in primitive["attributes"].items()}
        np.testing.assert_allclose(attributes["POSITION"] * 1000, head.vertices[used], atol=1e-4)
        np.testing.assert_array_equal(attributes["TEXCOORD_0"], head.uv[used])
        np.testing.assert_array_equal(
            used[file.accessor(primitive["indices"]).reshape(-1, 3)], triangles
        )
        np.testing.assert_allclose(np.linalg.norm(attributes["NORMAL"], axis=1), 1, atol=1e-5)
        assert (attributes["WEIGHTS_0"].sum(axis=1) == 255).all()
        assert len(primitive["targets"]) == 52
        for name in ("jawOpen", "eyeBlinkLeft", "eyeLookOutRight", "tongueOut"):
            target = file.accessor(primitive["targets"][INDEX[name]]["POSITION"])
            np.testing.assert_allclose(target * 1000, head.deltas[INDEX[name]][used], atol=1e-4)


def test_the_texture_is_the_atlas(written: tuple[Glb, Motion, Path]) -> None:
    file, _, _ = written
    data = file.view(file.json["images"][0]["bufferView"])
    with av.open(io.BytesIO(data)) as image:
        picture = next(image.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(picture, load_head().atlas)


@pytest.mark.slow
def test_the_file_is_small_and_the_same_each_time(
    written: tuple[Glb, Motion, Path], tmp_path: Path
) -> None:
    _, moving, path = written
    assert path.stat().st_size < 2_500_000
    moving.save(tmp_path / "again.GLB")
    assert (tmp_path / "again.GLB").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_missing_channels_are_zero_and_others_left_out(tmp_path: Path) -> None:
    some = Motion(("extra", "jawOpen"), np.full((3, 2), 0.5, np.float32), Fraction(25))
    glb.write(tmp_path / "m.glb", some)
    file = Glb(tmp_path / "m.glb")
    weights = file.accessor(file.json["animations"][0]["samplers"][0]["output"]).reshape(3, 52)
    assert (weights[:, INDEX["jawOpen"]] == 0.5).all()
    assert weights.sum() == 1.5


@pytest.mark.slow
def test_reading_and_bad_targets_are_reported(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="only be written"):
        Motion.load(tmp_path / "m.glb")
    with pytest.raises(DreamTalkError, match="does not exist"):
        glb.write(tmp_path / "no" / "m.glb", motion())


def test_writing_needs_only_the_light_layer() -> None:
    code = (
        "import sys, dreamtalk_core.formats.glb, dreamtalk_core.rig.head\n"
        "heavy = {'torch', 'numba', 'cv2', 'av', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)


def test_a_tongue_is_written_with_its_shapes(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).random((5, 68), np.float32)
    Motion(FACE_NAMES, weights, 25).save(tmp_path / "a.glb")
    file = Glb(tmp_path / "a.glb")
    (mesh,) = file.json["meshes"]
    assert mesh["extras"]["targetNames"] == list(FACE_NAMES)
    sampler = file.json["animations"][0]["samplers"][0]
    np.testing.assert_array_equal(file.accessor(sampler["output"]).reshape(-1, 68), weights)
    head = load_head()
    kind = MATERIALS.index("tongue")
    used = np.unique(head.triangles[head.material == kind])
    for i in range(len(TONGUE_NAMES)):
        target = file.accessor(mesh["primitives"][kind]["targets"][52 + i]["POSITION"])
        np.testing.assert_allclose(target * 1000, head.tongue_deltas[i][used], atol=1e-4)
