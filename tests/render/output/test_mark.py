"""The synthetic-media mark: there for programs, seen by eyes, harmless to the file."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ElementTree
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core.render.output.mark import PORTRAIT_MARK, SOURCE_TYPE, stamp
from dreamtalk_core.render.output.video import write_video

GREY = np.full((64, 96, 3), 128, np.uint8)


def check_packet(packet: bytes, text: str) -> None:
    """An XMP packet with the text and the IPTC's term, at their proper places."""
    root = ElementTree.fromstring(packet.decode("utf-8"))
    source = root.find(".//{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    description = root.find(
        ".//{http://purl.org/dc/elements/1.1/}description//"
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
    )
    assert source is not None
    assert description is not None
    assert (source.text, description.text) == (SOURCE_TYPE, text)


@pytest.mark.parametrize("name", ["v.mp4", "v.mov"])
def test_videos(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_video(path, [GREY] * 3, Fraction(25), mark=PORTRAIT_MARK)
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == PORTRAIT_MARK
        assert len(list(container.decode(video=0))) == 3
    data, place, boxes = path.read_bytes(), 0, []
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        boxes.append(kind)
        content = data[place + 8 : place + size]
        place += size
    assert place == len(data)
    assert boxes[-1] == b"uuid"
    assert content[:16].hex() == "be7acfcb97a942e89c71999491e3afac"
    check_packet(content[16:], PORTRAIT_MARK)


def test_png(tmp_path: Path) -> None:
    text = "made <by> nobody & é"
    write_video(tmp_path / "v.#.png", [GREY] * 2, Fraction(25), mark=text)
    data, place, found = (tmp_path / "v.1.png").read_bytes(), 8, {}
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + size]
        assert zlib.crc32(kind + content) == struct.unpack_from(">I", data, place + 8 + size)[0]
        if kind == b"iTXt":
            keyword, _, rest = content.partition(b"\0")
            found[keyword] = rest[4:]
        place += 12 + size
    assert found[b"Comment"].decode("utf-8") == text
    check_packet(found[b"XML:com.adobe.xmp"], text)
    with av.open(str(tmp_path / "v.1.png")) as image:
        np.testing.assert_array_equal(next(image.decode(video=0)).to_ndarray(format="rgb24"), GREY)


def test_exr(tmp_path: Path) -> None:
    write_video(tmp_path / "v.#.exr", [GREY], Fraction(25), mark="made é")
    write_video(tmp_path / "plain.#.exr", [GREY], Fraction(25))
    data = (tmp_path / "v.0.exr").read_bytes()
    text = "made é".encode()
    assert b"comments\0string\0" + struct.pack("<i", len(text)) + text in data

    def planes(name: str) -> list[bytes]:
        with av.open(str(tmp_path / name)) as container:
            return [bytes(plane) for plane in next(container.decode(video=0)).planes]

    assert planes("v.0.exr") == planes("plain.0.exr")


@pytest.mark.parametrize("shape", [(512, 512, 3), (1080, 1920, 4), (64, 40, 3), (8, 8, 3)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_stamp_is_readable_and_stays_in_its_corner(shape: tuple[int, ...], grey: int) -> None:
    picture = np.full(shape, grey, np.uint8)
    stamped = stamp(picture)
    assert (picture == grey).all()
    changed = (stamped != picture).any(axis=2)
    height, width = shape[:2]
    rows, columns = np.nonzero(changed)
    if height < 100:
        return  # Too small to read, but no failure.
    assert rows.min() > 0.9 * height
    assert columns.min() > 0.6 * width
    corner = stamped[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, :3]
    # White on dark, whatever is below.
    assert corner.max() > 230
    assert np.median(corner) < 110


def test_without_a_mark_nothing_is_written(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", [GREY], Fraction(25))
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert "comment" not in container.metadata
    assert b"xmpmeta" not in (tmp_path / "v.mp4").read_bytes()
