"""The tables of names, and names made comparable."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget.mapping import SOURCES
from dreamtalk_core.retarget.schemes import (
    SCHEMES,
    endings,
    joined,
    plain,
    shapes,
    spellings,
    viseme_poses,
    visemes,
    words,
)
from dreamtalk_core.retarget.visemes import SILENCE, VISEMES

FACTS = Path(__file__).parents[3] / "shared" / "facts"

COLUMNS = {
    "livelink_csv": "livelink",
    "facecap_glb(_L/_R)": "facecap",
    "reallusion_CC3_STD": "cc3",
    "reallusion_CC4_EXT": "cc4",
    "reallusion_MH_profile(CC5 HD)": "cc5",
    "reallusion_traditional(Axx)": "reallusion",
    "meta_openxr_facs": "openxr",
    "mpfb_faceunits01": "arkit",
    "mpfb_expression_stack": "mpfb",
    "readyplayerme": "arkit",
    "vrm1_preset": "vrm1",
}


@pytest.mark.skipif(not FACTS.is_dir(), reason="needs the project's table of names")
@pytest.mark.parametrize("column", COLUMNS)
def test_tables_agree_with_the_facts(column: str) -> None:
    with (FACTS / "naming.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    table = shapes()[COLUMNS[column]]
    for row in rows:
        # Abbreviated there ("LipFunnelerLB LT RB RT"): full names here.
        wanted = row[column].split()
        stem = re.sub("(LB|LT|RB|RT)$", "", wanted[0]) if wanted else ""
        full = {name if len(name) > 2 else stem + name for name in wanted}
        assert {name for groups in table.get(row["arkit"], ()) for name in groups} == full


def test_every_shape_and_viseme_has_a_row() -> None:
    assert list(shapes()["arkit"]) == list(FACE_NAMES)
    assert len(VISEMES) == 15
    assert set(viseme_poses()) == set(VISEMES) - {SILENCE}
    assert set(shapes()) | set(visemes()) | {"joined"} == set(SCHEMES)


def test_tables_name_nothing_that_is_not_there() -> None:
    for poses in (joined(), viseme_poses()):
        for pose in poses.values():
            assert {name for name, _ in pose} <= set(SOURCES)
            assert all(0 < weight <= 1 for _, weight in pose)
    for kind in (shapes(), visemes()):
        for scheme, table in kind.items():
            assert set(table) <= set(SOURCES), scheme


@pytest.mark.parametrize("scheme", [*shapes(), *visemes()])
def test_no_two_channels_of_a_scheme_look_the_same(scheme: str) -> None:
    named = shapes().get(scheme, {}) | visemes().get(scheme, {})
    listed = {name for groups in named.values() for group in groups for name in group}
    assert len({plain(name) for name in listed}) == len(listed)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Eye_Blink_L", ["eye", "blink", "l"]),
        ("eyeBlinkL", ["eye", "blink", "l"]),
        ("eyeBlink.L", ["eye", "blink", "l"]),
        ("EYE BLINK", ["eye", "blink"]),
        ("CTRL_expressions_mouthFunnelUL", ["ctrl", "expressions", "mouth", "funnel", "ul"]),
        ("A14_Eye_Blink_Left", ["a", "14", "eye", "blink", "left"]),
        ("blendShape1.jawOpen", ["jaw", "open"]),
        ("Wolf3D:Head.jawOpen.001", ["jaw", "open"]),
        ("ｳｨﾝｸ２右", ["ウィンク", "2", "右"]),
        ("", []),
        ("...", []),
    ],
)
def test_words(name: str, parts: list[str]) -> None:
    assert list(words(name)) == parts


def test_sides_are_written_in_many_ways() -> None:
    assert {"eyeblinkl", "eyeblinkleft", "leyeblink", "lefteyeblink"} <= spellings("eyeBlinkLeft")
    # Two sides mean two things, and keep their places.
    assert spellings("Eye_L_Look_R") == {"eyellookr", "eyeleftlookright"}


def test_a_prefix_may_go_but_not_the_meaning() -> None:
    assert "eyeblinkleft" in endings("Head_eyeBlinkLeft")
    assert endings("Big_A") == ["biga"]
