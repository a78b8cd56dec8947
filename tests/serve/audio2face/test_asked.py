"""What headers and emotions of Audio2Face-3D mean here."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.serve.audio2face.asked import EMOTIONS, Moods, Wish, read_header
from dreamtalk_core.serve.audio2face.wire import Asked
from dreamtalk_core.style import Style, StyleTrack, as_track, shipped_names
from tests.serve.audio2face.peer import END, header, single, table, whole

NAMES = ("angry", "happy", "neutral", "sad", "disgust", "surprise", "smug", "fear", "tired")


def load(name: str) -> Style:
    """A style whose code says what it is."""
    return Style(np.eye(len(NAMES), dtype=np.float32)[NAMES.index(name)], name, "test")


def wish(*parts: bytes, **asked: object) -> Wish:
    message = Asked.FromString(header(mood=b"".join(parts), **asked))  # type: ignore[arg-type]
    assert message.WhichOneof("part") == "header"
    return read_header(message.header)


def shares(style: Style | StyleTrack) -> dict[str, float]:
    assert isinstance(style, Style)
    return {name: float(x) for name, x in zip(NAMES, style.code, strict=True) if x}


def test_an_end_without_anything_in_it_is_an_end() -> None:
    assert Asked.FromString(END).WhichOneof("part") == "end"
    assert Asked.FromString(b"").WhichOneof("part") is None


def test_all_ten_emotions_are_styles_that_are_shipped() -> None:
    assert len(EMOTIONS) == 10
    for parts in EMOTIONS.values():
        assert set(parts) <= set(shipped_names())
        assert sum(parts.values()) == 1


def test_a_header_without_anything_changes_nothing() -> None:
    plain = wish()
    assert plain.settings == {}
    assert plain.names == FACE_NAMES
    assert (plain.rate, plain.strength, plain.most, plain.ignored) == (16000, 1.0, 3, ())
    weights = np.random.default_rng(1).random((5, 68), np.float32)
    assert np.array_equal(plain.shape(weights), weights)


def test_what_is_usual_there_is_usual_here() -> None:
    face = {"lowerFaceStrength": 1.25, "upperFaceStrength": 1.0, "tongueStrength": 1.3}
    rest = {"skinStrength": 1.0, "lipOpenOffset": 0.0, "blinkStrength": 1.0}
    usual = wish(single(5, 0.6), whole(3, 1), single(4, 0.5), face={**face, **rest})
    assert set(usual.settings.values()) == {1.0}
    assert (usual.strength, usual.ignored) == (1.0, ())


def test_strengths_lids_and_what_there_is_not() -> None:
    face = {"blinkStrength": 0.5, "eyelidOpenOffset": 0.1, "tongueStrength": 0.0, "x": 2.0}
    asked = wish(single(1, 2.0), single(5, 0.3), face=face, multipliers={"jawopen": 3.0, "Y": 2.0})
    assert asked.names == ARKIT_NAMES
    weights = np.ones((1, 52), np.float32)
    made = dict(zip(ARKIT_NAMES, asked.shape(weights)[0], strict=True))
    assert made["eyeBlinkLeft"] == made["eyeBlinkRight"] == pytest.approx(0.4)
    assert made["jawOpen"] == 3
    assert made["mouthClose"] == 1
    assert asked.strength == 0.5
    assert asked.ignored == ("x", "Y", "emotion_contrast")
    assert wish(whole(3, 1), single(4, 0.25)).strength == 0.5
    assert wish(whole(3, 0), single(4, 0.0)).strength == 1


def test_emotions_are_mixed_with_neutral_up_to_one() -> None:
    def mixed(emotions: dict[str, float], *parts: bytes) -> dict[str, float]:
        moods = Moods(wish(*parts), load)
        moods.add(0.0, emotions)
        return pytest.approx(shares(moods.style()), abs=1e-6)

    assert mixed({"joy": 0.25, "unknown": 1.0}) == {"happy": 0.25, "neutral": 0.75}
    assert mixed({"joy": 1.0, "anger": 1.0}) == {"happy": 0.5, "angry": 0.5}
    assert mixed({"grief": 0.5, "sadness": 0.5}) == {"sad": 1}
    assert mixed({"pain": 1.0}) == {"sad": 0.5, "disgust": 0.5}
    assert mixed({}) == {"neutral": 1}
    assert mixed({"joy": 0.0}) == {"neutral": 1}
    many = {"joy": 0.4, "anger": 0.3, "fear": 0.2}
    assert mixed(many, whole(6, 2)) == {"happy": 0.4, "angry": 0.3, "neutral": 0.3}
    moods = Moods(wish(single(5, 1.0)), load)
    moods.add(0.0, {"joy": 1.0})
    assert as_track(moods.style()).keys[0][1].intensity == pytest.approx(1 / 0.6, abs=1e-4)


def track(moods: Moods) -> list[tuple[float, str]]:
    return [
        (time, max(shares(style), key=shares(style).__getitem__))
        for time, style in as_track(moods.style()).keys
    ]


def test_emotions_follow_each_other() -> None:
    moods = Moods(wish(), load)
    assert track(moods) == [(0, "neutral")]
    moods.add(0.0, {"joy": 1.0})
    assert track(moods) == [(0, "happy")]
    moods.add(2.0, {"anger": 1.0})
    moods.add(2.2, {"sadness": 1.0})  # in a hurry
    expected = [(0, "happy"), (2, "happy"), (2.2, "angry"), (2.7, "sad")]
    assert track(moods) == expected
    # Said again with every piece; and what comes late finds its place.
    moods.changed = False
    moods.add(5.0, {"sadness": 1.0})
    assert not moods.changed
    moods.add(1.0, {"fear": 1.0})
    assert track(moods) == [(0, "happy"), (1, "happy"), (1.5, "fear"), (2, "fear"), *expected[2:]]
    # In place of another at the same time.
    moods.add(1.0, {"joy": 1.0})
    assert track(moods)[2] == (1.5, "happy")


def test_a_beginning_is_gone_over_from() -> None:
    asked = wish(beginning=single(1, 1.0) + table(2, {"fear": 1.0}))
    moods = Moods(asked, load, {"fear": 1.0})
    assert track(moods) == [(0, "fear")]
    moods.add(0.0, {"joy": 1.0})
    assert track(moods) == [(0, "fear"), (1.0, "happy")]
    assert wish(beginning=single(1, 0.0001)).transition == 0.2


def test_the_past_is_forgotten_and_the_future_is_bounded() -> None:
    moods = Moods(wish(), load)
    for second in range(1000):
        moods.add(float(second), {"joy": second % 7 / 7})
        moods.forget(second - 4)
    late = as_track(moods.style())
    assert len(late.keys) < 25
    whole_line = Moods(wish(), load)
    for second in range(1000):
        whole_line.add(float(second), {"joy": second % 7 / 7})
    times = np.linspace(995, 1001, 50)
    assert np.array_equal(late.codes(times), as_track(whole_line.style()).codes(times))
    waiting = Moods(wish(), load)
    for second in range(2000):
        waiting.add(float(second), {"joy": second % 7 / 7})
    with pytest.raises(DreamTalkError, match="wait"):
        waiting.add(2000.0, {"anger": 1.0})
