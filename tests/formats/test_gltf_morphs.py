"""Morph targets are added to whatever a GLB is made of."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats.gltf.container import read_glb, write_glb
from dreamtalk_core.formats.gltf.document import Document
from dreamtalk_core.formats.gltf.morphs import write_with_shapes
from dreamtalk_core.formats.gltf.scene import Scene

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def triangle(path: Path, inline: bool = False, inner: Any = None, **mesh: Any) -> None:
    """A GLB of one triangle with a morph target; inline: its bytes stand in the document; inner:
    what else stands with the primitive."""
    data = CORNERS.tobytes() + (2 * CORNERS).tobytes()
    buffer: dict[str, Any] = {"byteLength": len(data)}
    if inline:
        buffer["uri"] = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    accessor = {"componentType": 5126, "count": 3, "type": "VEC3"}
    primitive = {"attributes": {"POSITION": 0}, "targets": [{"POSITION": 1}], "extras": inner}
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive], **mesh}],
        "accessors": [{**accessor, "bufferView": number} for number in (0, 1)],
        "bufferViews": [{"buffer": 0, "byteOffset": 36 * n, "byteLength": 36} for n in (0, 1)],
        "buffers": [buffer],
    }
    write_glb(path, document, b"" if inline else data)


@pytest.mark.parametrize(
    ("given", "kept", "weights"),
    [
        ({}, "target_0", 0.0),
        ({"inline": True}, "target_0", 0.0),
        ({"extras": {"targetNames": ["mine"]}, "weights": [0.5]}, "mine", 0.5),
        ({"extras": {"targetNames": None}}, "target_0", 0.0),
        ({"extras": {"targetNames": [{}]}}, "{}", 0.0),
        ({"extras": "mine", "weights": []}, "target_0", 0.0),
        ({"inner": {"targetNames": ["mine"]}}, "mine", 0.0),
    ],
)
def test_what_was_there_stays(
    tmp_path: Path, given: dict[str, Any], kept: str, weights: float
) -> None:
    triangle(tmp_path / "a.glb", **given)
    scene = Scene(Document(tmp_path / "a.glb", DreamTalkError))
    (primitive,) = scene.primitives()
    deltas = np.zeros((1, 3, 3), np.float32)
    deltas[0, 1] = (0, 0, 3)
    write_with_shapes(tmp_path / "b.glb", scene.document, [(primitive, deltas)], ["jawOpen"])
    again = Scene(Document(tmp_path / "b.glb", DreamTalkError))
    (mesh,) = read_glb(tmp_path / "b.glb", DreamTalkError)[0]["meshes"]
    assert mesh["extras"]["targetNames"] == [kept, "jawOpen"]
    assert mesh["weights"] == [weights, 0.0]
    targets = [target["POSITION"] for target in mesh["primitives"][0]["targets"]]
    values = [again.document.accessor(number, "VEC3") for number in (0, *targets)]
    np.testing.assert_allclose(values, [CORNERS, 2 * CORNERS, deltas[0]])
