"""What a rig's channels mean."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES, TONGUE_NAMES
from dreamtalk_core.retarget import SCHEMES, Row, match, scheme_mapping
from dreamtalk_core.retarget.visemes import VISEMES


def targets_of(source: str, *names: str) -> list[str]:
    return [row.target for row in match(names).mapping.rows if row.source == source]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_face_of_every_scheme(scheme: str) -> None:
    wanted = scheme_mapping(scheme)
    found = match([*reversed(wanted.targets), "Key 1", "Fat", "T-pose"])
    assert found.scheme == scheme
    assert sorted(found.mapping.rows, key=str) == sorted(wanted.rows, key=str)
    assert found.unmatched == ("Key 1", "Fat", "T-pose")
    assert not found.conflicts


@pytest.mark.parametrize("scheme", ["arkit", "cc3", "cc4", "cc5", "metahuman", "vrcft", "openxr"])
@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.lower,
        lambda name: name.replace("_", " "),
        lambda name: f"Body.{name}",
        lambda name: f"rig:{name}.001",
    ],
    ids=["upper", "lower", "spaces", "mesh", "copy"],
)
def test_spelling_does_not_matter(scheme: str, change) -> None:  # type: ignore[no-untyped-def]
    wanted = scheme_mapping(scheme)
    found = match([change(name) for name in wanted.targets])
    assert {(row.source, row.target) for row in found.mapping.rows} == {
        (row.source, change(row.target)) for row in wanted.rows
    }


@pytest.mark.parametrize(
    "name",
    ["eyeBlink.L", "eyeBlink_L", "EyeBlinkL", "left_eye_blink", "L_EyeBlink", "Head_eyeBlinkLeft"],
)
def test_sides(name: str) -> None:
    assert targets_of("eyeBlinkLeft", name) == [name]
    assert not targets_of("eyeBlinkRight", name)


@pytest.mark.parametrize(
    "name",
    ["open jaw surgery", "leftover", "A", "Key 1", "Basis", "smileyface", "にこり", "", "..."],
)
def test_strangers_are_left_alone(name: str) -> None:
    found = match([name])
    assert not found.mapping.rows
    assert found.unmatched == (name,)
    assert found.scheme == ""


def test_two_schemes_in_one_face() -> None:
    """The larger one has what both have; what only the other has is used, too."""
    names = [*scheme_mapping("cc4").targets, "jawOpen", "eyeBlinkLeft", "tongueOut"]
    found = match(names)
    assert found.scheme == "cc4"
    assert {(conflict.target, conflict.instead) for conflict in found.conflicts} == {
        ("jawOpen", "Jaw_Open"),
        ("eyeBlinkLeft", "Eye_Blink_L"),
    }
    assert Row("tongueOut", "tongueOut") in found.mapping.rows


def test_a_copy_is_a_conflict() -> None:
    found = match(["jaw_open.001", "jawOpen"])
    assert [row.target for row in found.mapping.rows] == ["jawOpen"]
    assert [conflict.target for conflict in found.conflicts] == ["jaw_open.001"]


def test_one_channel_for_both_sides() -> None:
    found = match(["blink", "mouthSmile", "jawOpen"])
    rows = {(row.source, row.target, row.scale) for row in found.mapping.rows}
    assert ("eyeBlinkRight", "blink", 0.5) in rows
    assert ("mouthSmileLeft", "mouthSmile", 0.5) in rows
    both = match(["blink", "blinkLeft", "blinkRight"])
    assert [conflict.target for conflict in both.conflicts] == ["blink"]


def test_visemes_speak_only_where_no_jaw_does() -> None:
    visemes = list(scheme_mapping("readyplayerme").targets)
    alone = match(visemes)
    assert {row.source for row in alone.mapping.rows} == set(VISEMES)
    assert "jawOpen" not in alone.missing
    assert "browInnerUp" in alone.missing
    with_shapes = match([*ARKIT_NAMES, *visemes])
    assert {row.target for row in with_shapes.mapping.rows} == set(ARKIT_NAMES)
    assert set(with_shapes.needless) == set(visemes)
    assert not with_shapes.unmatched


def test_visemes_speak_where_the_jaws_shape_is_empty() -> None:
    """Shapes of sounds would round the lips twice; a smile and the lids stay."""
    visemes = list(scheme_mapping("vroid").targets)
    found = match([name for name in ARKIT_NAMES if name != "jawOpen"] + visemes)
    moved = {row.target for row in found.mapping.rows}
    assert {"Fcl_MTH_A", "Fcl_MTH_U", "mouthSmileLeft", "eyeBlinkLeft", "browInnerUp"} <= moved
    assert {"mouthFunnel", "mouthClose", "mouthLowerDownLeft"} <= set(found.needless)
    assert not moved & set(found.needless)


def test_faces_of_visemes_show_feelings_by_their_finest_channels() -> None:
    vowels = list(scheme_mapping("vrm1").targets)
    fine = ["Fcl_BRW_Angry", "Fcl_BRW_Sorrow", "Fcl_MTH_Fun"]
    found = match([*vowels, "happy", "angry", "sad", "surprised"])
    assert {"happy", "angry", "sad", "surprised"} <= {row.target for row in found.mapping.rows}
    found = match([*vowels, *fine, "happy", "angry", "sad"])
    assert set(fine) <= {row.target for row in found.mapping.rows}
    assert found.unmatched == ("happy", "angry", "sad")
    assert match([*ARKIT_NAMES, "happy"]).unmatched == ("happy",)


def test_a_letter_or_two_are_no_visemes() -> None:
    assert not match(["A", "E", "Fat"]).mapping.rows
    assert len(match(["A", "I", "U", "E", "O"]).mapping.rows) == 5


def test_a_group_is_used_whole_or_the_next() -> None:
    """MetaHuman's lips roll in, or bite where they cannot."""
    bite = [f"CTRL_expressions_mouthLowerLipBite{side}" for side in "LR"]
    roll = [f"CTRL_expressions_mouthLowerLipRollIn{side}" for side in "LR"]
    assert targets_of("mouthRollLower", *bite) == bite
    assert targets_of("mouthRollLower", *bite, *roll) == roll
    assert targets_of("mouthFunnel", "LipFunnelUpperLeft", "LipFunnel") == ["LipFunnel"]


def test_metahuman_without_its_group() -> None:
    names = [name.removeprefix("CTRL_expressions_") for name in scheme_mapping("metahuman").targets]
    found = match(names)
    assert found.scheme == "metahuman"
    assert len(found.mapping.rows) == len(scheme_mapping("metahuman").rows)


def test_a_face_of_thousands_of_keys_is_matched() -> None:
    """How soon: benchmarks/records."""
    names = [*scheme_mapping("metahuman").targets, *(f"corrective_{i}_jaw" for i in range(4000))]
    found = match(names)
    assert len(found.unmatched) == 4000
    assert len(found.mapping.rows) == len(scheme_mapping("metahuman").rows)


def test_nothing_at_all() -> None:
    found = match([])
    assert not found.mapping.rows
    assert found.missing == ARKIT_NAMES


def test_an_unknown_scheme() -> None:
    with pytest.raises(MotionError, match="There is no scheme 'cc9'"):
        scheme_mapping("cc9")


@pytest.mark.parametrize(
    "write",
    [
        lambda name: name,
        lambda name: name[0].upper() + name[1:],
        lambda name: f"Head_{name}",
        str.lower,
    ],
)
def test_a_tongue_under_audio2faces_names(write: Callable[[str], str]) -> None:
    found = match([write(name) for name in FACE_NAMES])
    assert {row.source: row.target for row in found.mapping.rows} == {
        name: write(name) for name in FACE_NAMES
    }


@pytest.mark.parametrize(
    ("channel", "source"),
    [
        ("Tongue_Tip_Up", "tongueTipUp"),
        ("T06_Tongue_Tip_Up", "tongueTipUp"),
        ("Tongue_Twist_L", "tongueRollLeft"),
        ("CTRL_expressions_tongueTwistLeft", "tongueRollLeft"),
        ("TongueCurlUp", "tongueTipUp"),
        ("TongueSquish", "tongueNarrow"),
    ],
)
def test_tongues_of_other_rigs(channel: str, source: str) -> None:
    (row,) = match([channel]).mapping.rows
    assert (row.source, row.target) == (source, channel)


def test_a_rig_without_a_tongue_misses_nothing() -> None:
    assert not match(list(ARKIT_NAMES)).missing
    assert not {row.source for row in match(list(ARKIT_NAMES)).mapping.rows} & set(TONGUE_NAMES)
