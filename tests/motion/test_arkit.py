from __future__ import annotations

from itertools import chain

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, MIRROR, REGIONS


def test_there_are_52_different_names() -> None:
    assert len(ARKIT_NAMES) == len(set(ARKIT_NAMES)) == 52
    assert [INDEX[name] for name in ARKIT_NAMES] == list(range(52))


def test_order_is_apples() -> None:
    assert ARKIT_NAMES[:2] == ("eyeBlinkLeft", "eyeLookDownLeft")
    assert ARKIT_NAMES[14:19] == ("jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose")
    assert ARKIT_NAMES[-1] == "tongueOut"


def test_order_is_the_corpus_order(shared) -> None:
    text = (shared / "corpus" / "arkit_order.txt").read_text(encoding="utf-8")
    assert tuple(text.split()) == ARKIT_NAMES


def test_every_name_is_in_exactly_one_region() -> None:
    assert sorted(chain.from_iterable(REGIONS.values())) == sorted(ARKIT_NAMES)
    assert REGIONS["gaze"] == tuple(name for name in ARKIT_NAMES if "Look" in name)
    assert REGIONS["jaw"] == ("jawForward", "jawLeft", "jawRight", "jawOpen")


def test_mirror_pairs_left_with_right() -> None:
    for i, partner in enumerate(MIRROR):
        assert MIRROR[partner] == i
        expected = ARKIT_NAMES[i].replace("Left", "\0").replace("Right", "Left")
        assert ARKIT_NAMES[partner] == expected.replace("\0", "Right")
    assert MIRROR[INDEX["jawOpen"]] == INDEX["jawOpen"]
    assert MIRROR[INDEX["mouthSmileLeft"]] == INDEX["mouthSmileRight"]
