"""Live Link Face, held against pylivelinkface."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pylivelinkface import FaceBlendShape, PyLiveLinkFace

from dreamtalk_core.formats.livelink import read, write
from dreamtalk_core.live import livelink
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from tests.live.faces import face


def decoded(data: bytes) -> PyLiveLinkFace:
    seen, packet = PyLiveLinkFace.decode(data)
    assert seen
    return packet


def test_an_independent_decoder_finds_every_shape_under_its_name() -> None:
    frame = face(name="Zoë")
    packet = decoded(livelink.encode(frame))
    for name, weight in zip(ARKIT_NAMES, frame.weights, strict=True):
        shape = FaceBlendShape[name[0].upper() + name[1:]]
        assert packet.get_blendshape(shape) == pytest.approx(weight, abs=1e-7), name


def test_an_independent_decoder_finds_the_head_and_the_eyes_as_in_a_file(tmp_path: Path) -> None:
    """Signs and units are those of the app's files, which `formats.livelink` writes."""
    frame = face()
    packet = decoded(livelink.encode(frame))
    path = tmp_path / "take.csv"
    write(path, Motion(ARKIT_NAMES, frame.weights[None], Fraction(60), frame.head[None]))
    header, row = (line.split(",") for line in path.read_text().splitlines())
    for name in header[-9:]:
        expected = float(row[header.index(name)])
        assert packet.get_blendshape(FaceBlendShape[name]) == pytest.approx(expected, abs=1e-6)
    assert packet.get_blendshape(FaceBlendShape.HeadYaw) == pytest.approx(math.radians(21.25))
    assert np.allclose(read(path).head_rotation[0], frame.head, atol=1e-4)


@pytest.mark.parametrize("name", ["ë" * 200, "a" + "字" * 100, "\udcff", ""])
def test_every_name_is_one_that_a_receiver_can_read(name: str) -> None:
    """One that is too long is not cut within a character; bytes that are no text are replaced."""
    frame = livelink.decode(livelink.encode(face(name=name)))
    assert frame is not None
    assert frame.name == name.encode(errors="replace").decode()[: len(frame.name)]
    assert np.allclose(frame.weights, face().weights)


def test_time_is_counted_in_sixtieths() -> None:
    packet = decoded(livelink.encode(face(time=3723.5)))
    assert (packet._frames, packet._sub_frame, packet.fps) == (3723.5 * 60, 0.0, 60)


def test_orders_differ_in_the_jaw_and_the_mouth_alone() -> None:
    frame = face()
    as_app = decoded(livelink.encode(frame, "app"))
    as_unreal = decoded(livelink.encode(frame))
    swapped = {
        shape.name
        for shape in FaceBlendShape
        if as_app.get_blendshape(shape) != as_unreal.get_blendshape(shape)
    }
    assert swapped == {"JawLeft", "JawRight", "MouthLeft", "MouthRight"}
    assert as_app.get_blendshape(FaceBlendShape.JawLeft) == as_unreal.get_blendshape(
        FaceBlendShape.JawRight
    )


@pytest.mark.parametrize("order", livelink.ORDERS)
def test_round_trip(order: str) -> None:
    frame = face(name="Zoë")
    back = livelink.decode(livelink.encode(frame, order), order)
    assert back is not None
    assert np.array_equal(back.weights, frame.weights)
    assert np.allclose(back.head, frame.head, atol=1e-5)
    assert (back.time, back.name, back.face) == (3723.5, "Zoë", True)


def test_what_another_sender_packs_is_read() -> None:
    sender = PyLiveLinkFace("Quest")
    sender.set_blendshape(FaceBlendShape.JawLeft, 0.75, no_filter=True)
    sender.set_blendshape(FaceBlendShape.HeadPitch, math.radians(10), no_filter=True)
    frame = livelink.decode(sender.encode())
    assert frame is not None
    assert frame.name == "Quest"
    assert frame.weights[ARKIT_NAMES.index("jawLeft")] == 0.75
    assert frame.weights.sum() == 0.75
    assert np.allclose(frame.head, (-10, 0, 0), atol=1e-5)


def test_nobody_is_seen() -> None:
    data = livelink.encode(face(face=False))
    assert not PyLiveLinkFace.decode(data)[0]
    back = livelink.decode(data)
    assert back is not None
    assert not back.face
    assert back.time == 3723.5
