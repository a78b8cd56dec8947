"""The tongue from phones: of made-up ones, and against EMO-DB's labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.tongue import judge
from dreamtalk_core.animation.postprocess import Voice, postprocess
from dreamtalk_core.animation.tongue import DELAY, FARTHEST, SHAPES, put_tongue, tongue_curves
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES, TONGUE_NAMES
from dreamtalk_core.parameters import Behaviour, Controls, Sampling
from dreamtalk_core.speech.articulation import FEATURES, articulation
from tests.animation.speaker import still

FRAMES = 50
CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


def heard(**at: int) -> dict[str, np.ndarray]:
    """A phone in each row that is named, nothing else; `heard(l=40)`."""
    rows = np.zeros((2 * FRAMES + 1, len(FEATURES)))
    for phone, row in at.items():
        rows[row] = articulation((phone,))[0]
    return dict(zip(FEATURES, rows.T, strict=True))


def shape(phones: dict[str, np.ndarray], name: str) -> np.ndarray:
    return tongue_curves(phones, FRAMES)[:, SHAPES.index(name)]


@pytest.mark.parametrize(
    ("phone", "most", "least"),
    [
        ("l", "tongueTipUp", "tongueOut"),
        ("n", "tongueTipUp", "tongueOut"),
        ("t", "tongueTipUp", "cheekPuff"),
        ("s", "tongueTipUp", "tongueOut"),
        ("\u03b8", "tongueOut", "tongueTipDown"),
        ("k", "tongueUp", "tongueTipUp"),
        ("\u0279", "tongueRollUp", "tongueTipUp"),
        ("i", "tongueUp", "tongueIn"),
        ("u", "tongueIn", "tongueStretch"),
        ("a", "tongueDown", "tongueUp"),
        ("p", "cheekPuff", "tongueTipUp"),
    ],
)
def test_a_phone_is_made_at_its_place(phone: str, most: str, least: str) -> None:
    phones = heard(**{phone: 50})
    moment = round((1 - DELAY) * 25 - 0.5)
    assert shape(phones, most)[moment] > 0.25
    assert shape(phones, most).argmax() in (moment - 1, moment, moment + 1)
    assert shape(phones, least).max() < 0.1


def test_silence_is_at_rest() -> None:
    assert not tongue_curves(heard(), FRAMES).any()
    curves = tongue_curves(heard(l=50), FRAMES)
    away = np.abs((np.arange(FRAMES) + 0.5) / 25 - (1 - DELAY)) > FARTHEST + 0.04
    assert not curves[away].any()
    assert not shape(heard(m=50), "cheekPuff").any()


def test_neighbours_share_the_tongue_and_p_leaves_it_alone() -> None:
    alone, beside = shape(heard(i=50), "tongueUp"), shape(heard(i=50, p=54), "tongueUp")
    np.testing.assert_allclose(alone[:25], beside[:25], atol=0.1)
    between = shape(heard(a=48, k=52), "tongueUp")
    assert 0 < between[23] < shape(heard(k=52), "tongueUp").max()


def test_frames_do_not_depend_on_where_a_take_is_cut() -> None:
    rows = np.random.default_rng(0).random((3 * 4096, len(FEATURES))) ** 8
    phones = dict(zip(FEATURES, rows.T, strict=True))
    whole = tongue_curves(phones, 6000)
    part = tongue_curves({name: row[:2000] for name, row in phones.items()}, 900)
    np.testing.assert_allclose(whole[:900], part, atol=1e-6)
    late = {name: row[8000:9001] for name, row in phones.items()}
    np.testing.assert_allclose(whole[4010:4490], tongue_curves(late, 500)[10:490], atol=1e-6)


def test_any_rate_shows_the_same_tongue() -> None:
    phones = heard(l=50, a=58)
    fine, coarse = tongue_curves(phones, 120, 60.0), tongue_curves(phones, 50, 25.0)
    at = (np.arange(50) + 0.5) / 25
    for one, other in zip(fine.T, coarse.T, strict=True):
        np.testing.assert_allclose(np.interp(at, (np.arange(120) + 0.5) / 60, one), other, atol=0.1)


def test_the_tongue_comes_out_between_parted_lips_only() -> None:
    phones = heard(θ=50)
    shut = put_tongue(still(FRAMES, jawOpen=0.3, mouthClose=0.3), phones)
    parted = put_tongue(still(FRAMES, jawOpen=0.3), phones)
    assert not shut.channel("tongueOut").any()
    assert parted.channel("tongueOut").max() > 0.3


def test_strength_and_off() -> None:
    phones, silent = heard(l=50), np.full(FRAMES, -60, np.float32)
    voice = Voice(silent, np.full(FRAMES, np.nan, np.float32), phones)

    def made(**behaviour: float) -> Motion:
        return postprocess(
            still(FRAMES, jawOpen=0.3), voice, Sampling(), Behaviour(**behaviour), Controls()
        )

    whole, half, off = made(), made(tongue=0.5), made(tongue=0)
    assert whole.names == FACE_NAMES
    assert off.names == ARKIT_NAMES
    np.testing.assert_array_equal(whole.weights[:, :52], off.weights)
    tip = whole.channel("tongueTipUp")
    np.testing.assert_allclose(half.channel("tongueTipUp"), tip / 2, atol=1e-6)
    weak = postprocess(still(FRAMES), voice, Sampling(), Behaviour(), Controls(lips=0.5))
    np.testing.assert_allclose(weak.channel("tongueTipUp"), tip / 2, atol=1e-6)
    assert len(TONGUE_NAMES) == 16


@pytest.mark.slow
def test_the_tip_is_up_where_the_labels_say() -> None:
    if not (CORPUS / "emodb" / "phones").is_dir():
        pytest.skip("needs ../shared/corpus/emodb with its phone labels")
    torch.set_num_threads(1)
    found = judge(CORPUS, every=12)
    assert found.hits > 0.85
    assert found.false_alarms < 0.18
    assert abs(found.lag) < 0.02
