"""VMC, held against python-osc."""

from __future__ import annotations

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from dreamtalk_core.live import osc, vmc
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import quaternion_matrix, rotation_matrix
from tests.live.faces import face


def messages(frame: Frame, shapes: str = "arkit") -> list[OscMessage]:
    """All messages of a frame, by the independent decoder."""
    bundles = [OscBundle(data) for data in vmc.encode(frame, shapes)]
    return [message for one in bundles for message in one]


def values(frame: Frame, shapes: str = "arkit") -> dict[str, float]:
    found = [m.params for m in messages(frame, shapes) if m.address == "/VMC/Ext/Blend/Val"]
    assert len(found) == len({name for name, _ in found})
    return dict(found)


def back(frame: Frame, shapes: str = "arkit") -> Frame:
    decoder = vmc.Decoder()
    frames = [decoder.decode(data) for data in vmc.encode(frame, shapes)]
    assert frames[:-1] == [None] * (len(frames) - 1)
    assert frames[-1] is not None
    return frames[-1]


def test_perfect_sync_is_found_under_its_names_and_presets_rest() -> None:
    frame = face()
    found = values(frame)
    for name, weight in zip(ARKIT_NAMES, frame.weights, strict=True):
        assert found.pop(name[0].upper() + name[1:]) == pytest.approx(weight, abs=1e-7)
    names = "A I U E O Blink_L Blink_R Joy Angry Sorrow Fun"
    assert found == dict.fromkeys(names.split(), 0.0)


def test_a_frame_is_in_the_order_of_the_protocol_and_fits_a_network() -> None:
    found = [message.address for message in messages(face())]
    assert found[:3] == ["/VMC/Ext/OK", "/VMC/Ext/T", "/VMC/Ext/Bone/Pos"]
    assert found[-1] == "/VMC/Ext/Blend/Apply"
    assert set(found[3:-1]) == {"/VMC/Ext/Blend/Val"}
    assert max(map(len, vmc.encode(face()))) <= 1472


def test_the_head_turns_in_unitys_axes() -> None:
    """Where the nose points and where the left ear is, x the other way round."""
    frame = face()
    (bone,) = (m.params for m in messages(frame) if m.address == "/VMC/Ext/Bone/Pos")
    assert bone[0] == "Head"
    turn = quaternion_matrix(np.array(bone[4:]))
    ours = rotation_matrix(frame.head)
    mirror = np.diag([-1.0, 1.0, 1.0])
    assert np.allclose(turn, mirror @ ours @ mirror, atol=1e-6)
    nose = turn @ (0, 0, 1)
    assert nose[0] < 0 < nose[1]  # to the character's left, x to the right; and up


def test_round_trip() -> None:
    frame = face()
    received = back(frame)
    assert np.array_equal(received.weights, frame.weights)
    assert np.allclose(received.head, frame.head, atol=1e-4)
    assert received.time == 3723.5


@pytest.mark.parametrize("scheme", ["vrm0", "vrm1"])
def test_presets_speak_and_blink(scheme: str) -> None:
    open_ = Frame(np.zeros(52, np.float32))
    open_.weights[[INDEX["jawOpen"], INDEX["eyeBlinkLeft"]]] = 0.6, 1.0
    found = values(open_, scheme)
    aa, left, right = ("A", "Blink_L", "Blink_R") if scheme == "vrm0" else (
        "aa", "blinkLeft", "blinkRight",
    )  # fmt: skip
    assert found[aa] > 0.4
    assert (found[left], found[right]) == (1.0, 0.0)
    received = back(open_, scheme)
    assert received.weights[INDEX["eyeBlinkLeft"]] == 1.0
    assert received.weights[INDEX["jawOpen"]] == pytest.approx(0.6, abs=0.2)


def test_nobody_is_seen() -> None:
    received = back(face(face=False))
    assert not received.face


def test_a_head_alone_completes_no_frame() -> None:
    decoder = vmc.Decoder()
    assert decoder.decode(osc.encode("/VMC/Ext/Bone/Pos", "Head", *[0.0] * 6, 1.0)) is None
    assert decoder.decode(osc.encode("/VMC/Ext/Blend/Val", "JawOpen", 0.5)) is None
    frame = decoder.decode(osc.encode("/VMC/Ext/Blend/Apply"))
    assert frame is not None
    assert frame.weights[INDEX["jawOpen"]] == 0.5


def test_names_without_end_take_no_memory() -> None:
    decoder = vmc.Decoder()
    for i in range(100):
        decoder.decode(osc.encode("/VMC/Ext/Blend/Val", f"shape{i}", 0.5))
    assert not decoder.values


def test_osc_is_that_of_the_library() -> None:
    builder = OscMessageBuilder("/a/b")
    for value in ("Zoë", 3, 0.5, True):
        builder.add_arg(value)
    bundle = OscBundleBuilder(IMMEDIATELY)
    bundle.add_content(builder.build())
    data = bundle.build().dgram
    assert osc.decode(data) == [("/a/b", ("Zoë", 3, 0.5, True))]
    ours = OscMessage(osc.encode("/a/b", "Zoë", 3, 0.5))
    assert (ours.address, ours.params) == ("/a/b", ["Zoë", 3, 0.5])
