"""OBJ files as glTF documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError, DreamTalkWarning
from dreamtalk_core.formats.gltf.document import Document
from dreamtalk_core.formats.gltf.obj import read_obj
from dreamtalk_core.formats.gltf.scene import Scene
from dreamtalk_core.formats.png import encode_png

SQUARE = """\
# a comment
mtllib colours of it.mtl
v 0 0 0 1 0 0
v 1 0 0 1 0 0
v 1 1 0 1 0 0
v 0 1 0 0.5 0.5 0.5
vt 0 0
vt 1 0
vt 1 1
vt 0 1
o face
usemtl skin
f 1/1/1 2/2/1 \\
  3/3/1 4/4/1
o eye
f -4//1 -3//1 -2//1
"""


def opened(file: Path) -> Scene:
    return Scene(Document(file, DreamTalkError, read_obj(file, DreamTalkError)))


def test_objects_polygons_colours_and_pictures(tmp_path: Path) -> None:
    file = tmp_path / "köpf 1.obj"
    file.write_text(SQUARE, encoding="utf-8")
    (tmp_path / "colours of it.mtl").write_text("newmtl skin\nKd 1 0 0\nmap_Kd -bm 1 a skin.png\n")
    (tmp_path / "a skin.png").write_bytes(encode_png(np.full((2, 2, 3), 90, np.uint8)))
    scene = opened(file)
    face, eye = scene.primitives()
    assert (face.names[0], eye.names[0]) == ("face", "eye")
    assert len(face.positions) == 4
    assert face.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert face.attribute("TEXCOORD_0", "VEC2").tolist() == [[0, 1], [1, 1], [1, 0], [0, 0]]
    assert face.attribute("COLOR_0", "VEC3").round(3).tolist()[2:] == [[1, 0, 0], [0.218] * 3]
    assert eye.attribute("TEXCOORD_0", "VEC2") is None
    assert eye.triangles.tolist() == [[0, 1, 2]]
    (skin,) = scene.document.table("materials")
    assert skin["name"] == "skin"
    assert "baseColorTexture" in skin["pbrMetallicRoughness"]
    assert bytes(scene.document.image(0)) == (tmp_path / "a skin.png").read_bytes()


def test_what_is_missing_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "head.obj"
    file.write_text(SQUARE)
    with pytest.warns(DreamTalkWarning, match=r"no colours: .*colours of it\.mtl"):
        assert len(opened(file).primitives()) == 2
    outside = tmp_path / "in" / "head.obj"
    outside.parent.mkdir()
    outside.write_text(SQUARE)
    (tmp_path / "secret.png").write_bytes(b"secret")
    (outside.parent / "colours of it.mtl").write_text("newmtl skin\nmap_Kd ../secret.png\n")
    (outside.parent / "b.tga").write_bytes(b"no picture")
    with pytest.warns(DreamTalkWarning, match=r"not beside it: \.\./secret\.png"):
        assert not opened(outside).document.table("images")
    (outside.parent / "colours of it.mtl").write_text("newmtl skin\nmap_Kd b.tga\n")
    with pytest.warns(DreamTalkWarning, match="neither PNG nor JPEG"):
        assert not opened(outside).document.table("images")


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("v 0 0 0\n", DreamTalkError, "has no faces"),
        ("", DreamTalkError, "is empty"),
        ("v 0 0 0\nf 1 2 3\n", ValueError, "corner 2, which there is not"),
        ("v 0 0 0\nf 0 1 1\n", ValueError, "corner 0"),
        ("v 0 0 x\n", ValueError, "float"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, kind: type[Exception], says: str) -> None:
    file = tmp_path / "head.obj"
    file.write_text(text)
    with pytest.raises(kind, match=says):
        read_obj(file, DreamTalkError)
