"""Files that lie, swell, nest or never end: one line of ours, at once and in little memory."""

from __future__ import annotations

import bz2
import io
import json
import os
import re
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.corpus import read_pairs
from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.formats._limits import files_in, parse_json, read_arrays
from dreamtalk_core.motion import Motion
from dreamtalk_core.original.coefficients import Coefficients, holds_coefficients
from dreamtalk_core.retarget.presets import read_preset

MEMORY = 200_000_000
"""Bytes that a file of a few megabytes may take to be refused."""
SECONDS = 10.0


def refused(read: Callable[[Path], object], path: Path) -> str:
    """What is said of a file: an error of ours, in one line, soon, without much memory."""
    began = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(DreamTalkError) as raised:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY
    assert time.perf_counter() - began < SECONDS
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) <= 1000
    return message


# --- numpy archives


def array_file(shape: object, kind: str = "<f4", data: bytes = b"", version: int = 1) -> bytes:
    """An .npy whose header says what one likes."""
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def archive(path: Path, packing: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    """A motion as an archive, some members of it replaced by what is given."""
    whole = {}
    for name, value in {
        "format": "dreamtalk-motion",
        "version": 1,
        "names": ["jawOpen"],
        "fps": "25/1",
        "weights": np.zeros((2, 1), np.float32),
        "head_rotation": np.zeros((2, 3), np.float32),
    }.items():
        stream = io.BytesIO()
        np.save(stream, np.array(value))
        whole[name] = stream.getvalue()
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in (whole | members).items():
            file.writestr(f"{name}.npy", content)
    return path


def test_an_honest_archive_is_read(tmp_path: Path) -> None:
    assert len(Motion.load(archive(tmp_path / "a.npz"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "member",
    [
        array_file((10**12, 1)),
        array_file((10**12, 0)),
        array_file((0, 10**12)),
        array_file((2**62, 2**62)),
        array_file((-1, 1)),
        array_file((2, 1), data=b"\0" * 7),
        array_file((2, 1), data=b"\0" * 9),
        array_file((10**12,), "<U0"),
        array_file((1,), "<U1000000000"),
        array_file((2, 1), "|O", b"\0" * 16),
        array_file((2, 1), "<M8[s]", b"\0" * 16),
        array_file((2, 1), "<c8", b"\0" * 16),
        array_file((2, 1), "no such kind"),
        array_file((1.5, 1), data=b"\0" * 8),
        array_file("two", data=b"\0" * 8),
        array_file((2, 1), data=b"\0" * 8, version=3),
        array_file((2, 1), data=b"\0" * 8, version=9),
        b"\x93NUMPY\1\0\xff\xff{'descr'",
        b"\x93NUMPY\2\0\xff\xff\xff\xff" + b"(" * 100_000,
        b"\x93NUMPY\1\0\x10\x27" + b"[" * 10_000,
        b"no array",
        b"",
    ],
    ids=lambda member: str(member[:60]),
)
def test_headers_that_lie(tmp_path: Path, member: bytes) -> None:
    path = archive(tmp_path / "a.npz", weights=member)
    assert "damaged" in refused(Motion.load, path)
    assert "damaged" in refused(lambda p: read_arrays(p, DreamTalkError), path)


@pytest.mark.parametrize("stated", [3 << 30, 1000])
def test_an_archive_that_swells(tmp_path: Path, stated: int) -> None:
    """Three megabytes that would be three gigabytes, whether or not the zip owns up to it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(array_file((stated // 4,))) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = start + block * (3 << 6) + packer.flush()
    common = struct.pack("<HHHHHLLL", 20, 0, 8, 0, 0, 0, len(data), stated) + struct.pack("<H", 11)
    local = b"PK\x03\x04" + common + struct.pack("<H", 0) + b"weights.npy" + data
    entry = b"PK\x01\x02\x14\0" + common + bytes(16) + b"weights.npy"
    end = b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, len(entry), len(local), 0)
    path = tmp_path / "a.npz"
    path.write_bytes(local + entry + end)
    message = refused(Motion.load, path)
    assert ("unpacked" in message) == (stated > 1000), message


@pytest.mark.parametrize(
    ("what", "at"), [("encrypted", 8), ("of another packing", 10)], ids=lambda x: str(x)
)
def test_flags_of_a_zip(tmp_path: Path, what: str, at: int) -> None:
    path = archive(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")
    content[place + at] = 1 if what == "encrypted" else 99
    path.write_bytes(content)
    assert refused(Motion.load, path)


def test_other_packings_and_their_damage(tmp_path: Path) -> None:
    for packing in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        path = archive(tmp_path / "a.npz", packing)
        assert "packed" in refused(Motion.load, path)
    content = bytearray(path.read_bytes())
    content[content.index(bz2.compress(b"")[:3]) + 9] ^= 0xFF
    path.write_bytes(content)
    assert refused(Motion.load, path)


@pytest.mark.slow
def test_names_twice_and_too_many(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("weights.npy", array_file((1, 1), data=bytes(4)))
    assert "twice" in refused(Motion.load, path)
    with zipfile.ZipFile(path, "w") as file:
        for number in range(70_000):
            file.writestr(f"{number}.npy", b"")
    assert refused(Motion.load, path)


@pytest.mark.slow
def test_every_wrong_byte_of_an_archive_is_reported_or_harmless(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz")
    whole = path.read_bytes()
    for at in range(0, len(whole), 5):
        content = bytearray(whole)
        content[at] ^= 0xFF
        path.write_bytes(content)
        for read in (Motion.load, holds_coefficients, Coefficients.load):
            with suppress(DreamTalkError):
                read(path)


# --- JSON


def document(**members: object) -> str:
    return json.dumps(
        {
            "format": "dreamtalk-motion",
            "version": 1,
            "fps": "25/1",
            "channels": ["jawOpen"],
            "weights": [[0.5]],
        }
        | members
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        document(weights=[[1]]).replace("[[1]]", f"[[{'1' * 400}]]"),
        document(weights=[[1]]).replace("[[1]]", f"[[{'1' * 5000}]]"),
        document(weights=[[1]]).replace("[[1]]", f"[[{'1' * 5_000_000}]]"),
        document(weights=[[1]]).replace("[[1]]", "[[1e999]]"),
        document(weights=[[1]]).replace("[[1]]", "[[-Infinity]]"),
        document(weights=[[True]], head_rotation=[[1, 2, float("nan")]]),
        document(frame_count=10**400),
        document(fps=10**18, version=[[1]] * 1000),
        document(weights=[[0.5], [0.5, 0.5]]),
        document(weights=[[0.5], []]),
        document(weights=[[], []]),
        document(weights=[[0.5], 0.5]),
        document(weights=[[0.5], [[0.5]]]),
        document(weights=[[None]]),
        document(weights=[["0.5"]]),
        document(weights=[[{}]]),
        document(weights=[0.5, "]", 0.5]),
        document(weights=[["a]b"]]),
        document(weights=[[0.5]] * 3)[:-20],
        document(channels=["a\x1b[31m\u202e\n" * 100_000]),
        document(channels=["jawOpen"] * 2, weights=[[0, 0]]),
        document(channels=[f"c{i % 99_999}" for i in range(100_000)], weights=[[0.0] * 100_000]),
        document(channels=[[["a"]]]),
        document(extra=1).replace('"extra"', '"fps"'),
        document()[:-1] + "," * 1_000_000 + "}",
        document() + "[]",
        document(weights=1).replace('"weights": 1', '"weights": ' + "[" * 200_000),
        document(extra=1).replace('"extra": 1', '"extra": ' + "[" * 200_000),
        document(extra=1).replace('"extra": 1', '"extra": ' + '{"a":' * 200_000),
        document(extra=1).replace('"extra": 1', '"extra": [' + "[]," * 500_000 + "[]]"),
        document(weights=1).replace('"weights": 1', '"weights": [[' + "[]," * 500_000 + "[]]]"),
        document(weights=1).replace('"weights": 1', '"weights": [[' + "1e5," * 500_000 + "1]]"),
        "[" * 200_000,
        "{" * 10,
        '{"format"',
        "null",
        "\0",
        "{}",
    ],
    ids=lambda text: text[-40:] if len(text) < 300 else f"{text[100:140]} {len(text)}",
)
def test_documents_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    refused(Motion.load, path)
    refused(read_preset, path)


def test_many_channels_take_no_time(tmp_path: Path) -> None:
    """Every name is held against every other in one go."""
    names = [f"c{i}" for i in range(9_999)]
    path = tmp_path / "a.json"
    path.write_text(document(channels=names, weights=[[0.0] * len(names)] * 2), encoding="utf-8")
    began = time.perf_counter()
    assert Motion.load(path).names == tuple(names)
    assert time.perf_counter() - began < 2


def test_json_is_strict() -> None:
    assert parse_json('{"a": [1, 2.5, "b", null]}', "it", MotionError) == {"a": [1, 2.5, "b", None]}
    for text in ('{"a": 1, "a": 2}', "[NaN]", "1" * 30, "[" * 100_000, b"\xff\xfe", "", "[1] 2"):
        with pytest.raises(MotionError, match=r"^it is not .*JSON"):
            parse_json(text, "it", MotionError)


# --- CSV

HEADER = "Timecode,BlendshapeCount,JawOpen"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{'9' * 400}:00:00:00.000,1,0\n",
        f"{HEADER}\n00:00:00:{'9' * 400}.000,1,0\n",
        f"{HEADER}\n00:00:00:00.{'0' * 400},1,0\n",
        f"{HEADER}\n{'x' * 3_000_000},1,0\n",
        f'{HEADER}\n"{"x" * 3_000_000}\n',
        f'{HEADER}\n"' + "x\n" * 1_500_000,
        f"{HEADER}\n{',' * 5_000_000}",
        f"{HEADER},{','.join(map(str, range(100_000)))}\n" * 3,
        f"{HEADER}\n00:00:00:00.000,1,{'9' * 400}\n",
        f"{HEADER}\n00:00:00:00.000,1,1e999\n",
        f"{HEADER}\n00:00:00:00.000,1,nan\n",
        f"{HEADER}\n00:00:00:00.000,1,\0\n",
        f"{HEADER}\n\0\0\0",
        f"{HEADER}\n\x1b[31m,1,0\n",
        f"{HEADER}\n999999999:999999999:999999999:59.000,1,0\n00:00:00:00.0,1,0\n",
        f"{HEADER}\n00:00:00:00.000,1,0\n999999999:00:00:00.000,1,0\n",
        f"{HEADER}\n00:00:00:00.000,1,0\n00:00:00:00.001,1,0\n999999999:00:00:00.000,1,0\n",
        "\0" * 100_000,
        "," * 500_000,
        '"' * 99_999,
    ],
    ids=lambda text: f"{text[30:70]!r} {len(text)}",
)
def test_takes_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    refused(Motion.load, path)


# --- what is no file

READERS: list[tuple[str, Callable[[Path], object]]] = [
    ("a.json", Motion.load),
    ("a.csv", Motion.load),
    ("a.npz", Motion.load),
    ("a.npz", Coefficients.load),
    ("a.mat", Coefficients.load),
    ("a.json", read_preset),
]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(("name", "read"), READERS)
def test_pipes_devices_and_folders_are_no_files(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / name)
    assert "pipe" in refused(read, tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    assert "device" in refused(read, tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    assert "folder" in refused(read, tmp_path / name)
    for none in ("gone/" + name, name + "/" + name, "n" * 300 + name, "\0" + name):
        assert "Cannot read" in refused(read, tmp_path / none)


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As somebody without permission sees it; tests may run as one who has every permission."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.json"
    path.write_text(document(), encoding="utf-8")
    monkeypatch.setattr(Path, "open", denied)
    monkeypatch.setattr(Path, "read_bytes", denied)
    monkeypatch.setattr(Path, "read_text", denied)
    assert "no permission" in refused(Motion.load, path)
    assert "no permission" in refused(read_preset, path)
    monkeypatch.setattr(Path, "iterdir", denied)
    assert "no permission" in refused(lambda p: files_in(p, MotionError), tmp_path)
    assert "no permission" in refused(lambda p: list(read_pairs(p, "", "", {})), tmp_path)


MAYA = '//Maya ASCII\ncurrentUnit -l cm -t pal;\ncreateNode animCurveTU -n "a";\n%s\n// End of it\n'
GODOT = (
    '[gd_resource type="Animation"]\ntracks/0/path = NodePath("H:blend_shapes/x")\n'
    "tracks/0/keys = %s}\nstep = 0.04\n"
)
UNITY = "%%YAML 1.1\nAnimationClip:\n%s\n"


@pytest.mark.parametrize(
    ("name", "frame", "piece"),
    [
        ("a.ma", MAYA, '\tsetAttr -s 1 ".ktv[0]"\n'),
        ("a.tres", GODOT, "PackedFloat32Array("),
        ("a.tres", GODOT, '"values": ['),
        ("a.tres", GODOT.replace("x", "%s", 1).replace("= %s", "= {"), ":blend_shapes/"),
        ("a.anim", UNITY.replace("%s", "a:%sb"), " "),
    ],
)
def test_what_begins_again_and_again(name: str, frame: str, piece: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(frame % (piece * (900_000 // len(piece))))
    refused(Motion.load, path)


def test_as_many_names_as_morphs(tmp_path: Path) -> None:
    morphs = np.zeros(150_000, [("name", "S15"), ("frame", "<u4"), ("weight", "<f4")])
    morphs["name"] = [b"%d" % number for number in range(len(morphs))]
    head = b"Vocaloid Motion Data 0002".ljust(50, b"\0") + struct.pack("<2I", 0, len(morphs))
    (tmp_path / "a.vmd").write_bytes(head + morphs.tobytes() + bytes(16))
    assert "names" in refused(Motion.load, tmp_path / "a.vmd")


def test_rotations_that_are_no_quaternions(tmp_path: Path) -> None:
    motion = Motion(("jawOpen",), np.zeros((3, 1)), 25, np.arange(9).reshape(3, 3))
    motion.save(tmp_path / "a.anim")
    text = (tmp_path / "a.anim").read_text()
    (tmp_path / "b.anim").write_text(re.sub(r"value: \{.*?\}", "value: 3", text, count=1))
    assert "no quaternion" in refused(Motion.load, tmp_path / "b.anim")
