"""Styles: extracted, mixed, changing over a line, kept in a file, written as text."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from torch import Tensor, nn

from dreamtalk_core.errors import DreamTalkError, StyleError, shown
from dreamtalk_core.models.denoiser import DenoiserConfig
from dreamtalk_core.models.motion_model import HEAD, ModelConfig, MotionModel
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.style import (
    Heard,
    Style,
    StyleTrack,
    as_track,
    check_fits,
    check_style_path,
    extract_style,
    fingerprint,
    load_style_file,
    mix_styles,
    named_style,
    parse_style,
    parse_style_keys,
)
from dreamtalk_core.style.extract import EXPRESSION, MAX_FRAMES
from dreamtalk_core.style.library import LibraryFolder, StyleLibrary

CHANNELS = len(ARKIT_NAMES) + len(HEAD)
WIDTH = 8


def make_model(seed: int = 0, width: int = WIDTH) -> MotionModel:
    torch.manual_seed(seed)
    config = ModelConfig(
        (*ARKIT_NAMES, *HEAD),
        DenoiserConfig(CHANNELS, features=8, style=width, width=16, content_layers=1, layers=1),
        StyleEncoderConfig(CHANNELS, style=width, width=16, layers=1, heads=2),
    )
    model = MotionModel(config, torch.zeros(CHANNELS), torch.ones(CHANNELS))
    model.styles = {"neutral": torch.zeros(width), "happy": torch.arange(float(width))}
    return model.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return make_model()


def make_motion(frames: int, fps: int = 25, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    return Motion(
        ARKIT_NAMES, rng.random((frames, 52)), fps, rng.normal(0, 3, (frames, 3)).astype(np.float32)
    )


def make_style(name: str, intensity: float = 1.0, model: str = "m1", width: int = WIDTH) -> Style:
    rng = np.random.default_rng(sum(name.encode()))
    return Style(rng.normal(size=width), name, f"clip of {name}", intensity, model)


codes = st.lists(st.floats(-50, 50, width=32), min_size=WIDTH, max_size=WIDTH)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
intensities = st.floats(0, 5)
styles = st.builds(
    Style, codes, names, names, intensities, st.sampled_from(["0123456789ab"])
).filter(lambda style: style.name.strip() == style.name)
shares = st.floats(1e-3, 1e3)


# The style itself.


def test_a_style_never_changes() -> None:
    row = np.ones(WIDTH)
    style = Style(row, "a", "b")
    row[:] = 5
    assert style.code.dtype == np.float32
    np.testing.assert_array_equal(style.code, 1)
    with pytest.raises(ValueError, match="read-only"):
        style.code[0] = 2


@pytest.mark.parametrize("code", [[], [[1.0]], [1.0, math.nan], [math.inf], 3.0])
def test_a_code_is_a_row_of_numbers(code: object) -> None:
    with pytest.raises(StyleError, match="'odd' is not a row of finite numbers"):
        Style(code, "odd", "somewhere")  # type: ignore[arg-type]


@pytest.mark.parametrize("intensity", [-0.1, math.nan, math.inf])
def test_an_intensity_is_a_number_from_0_up(intensity: float) -> None:
    with pytest.raises(StyleError, match="intensity of style 'odd'"):
        Style(np.zeros(3), "odd", "somewhere", intensity)


# From models and clips.


def test_named_styles(model: MotionModel) -> None:
    style = named_style(model, "happy")
    np.testing.assert_array_equal(style.code, np.arange(WIDTH))
    assert (style.name, style.intensity, style.model) == ("happy", 1.0, fingerprint(model))
    with pytest.raises(StyleError, match=r"no style 'jolly'.*happy, neutral"):
        named_style(model, "jolly")


def test_a_clip_is_at_least_a_second_long(model: MotionModel) -> None:
    with pytest.raises(StyleError, match=r"take\.csv lasts 0\.96 s; a style needs at least 1 s"):
        extract_style(model, make_motion(24), "take", "take.csv")
    style = extract_style(model, make_motion(25), "take", "take.csv")
    assert style.code.shape == (WIDTH,)
    assert (style.name, style.source, style.model) == ("take", "take.csv", fingerprint(model))


def test_a_short_clip_is_read_in_one_piece(model: MotionModel) -> None:
    motion = make_motion(MAX_FRAMES)
    head = motion.head_rotation - motion.head_rotation.mean(0)
    values = torch.from_numpy(np.concatenate([motion.weights, head], 1))
    expected = model.style_encoder(model.normalise(values)[None])[0]
    np.testing.assert_allclose(extract_style(model, motion, "a", "b").code, expected, atol=1e-6)


class Average(nn.Module):
    """An encoder whose code of a whole clip is known: the mean of its first channels."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []

    def forward(self, motion: Tensor) -> Tensor:
        self.lengths.append(motion.shape[1])
        return motion[..., :WIDTH].mean(1)


class Expressions(nn.Module):
    """An encoder whose code says of the first expressions what their mean over the clip is."""

    def forward(self, motion: Tensor) -> Tensor:
        return motion[..., EXPRESSION[:WIDTH]].mean(1)


def test_a_face_that_comes_back_weaker_is_asked_for_more_of() -> None:
    model = make_model()
    model.style_encoder = Expressions()  # type: ignore[assignment]
    shares = np.linspace(0.5, 1.2, WIDTH, dtype=np.float32)

    def worn(style: Style) -> np.ndarray:
        face = np.full(52, 0.3, np.float32)
        face[EXPRESSION[:WIDTH]] = shares * style.code
        return face

    weights = np.zeros((50, 52), np.float32)
    weights[:, EXPRESSION[: WIDTH - 1]] = 0.4  # the last is never seen to move
    motion = Motion(ARKIT_NAMES, weights, 25)
    style = extract_style(model, motion, "a", "b", worn)
    wanted = 0.4 * np.ones(WIDTH)
    wanted[-1] = 0
    before, after = wanted - shares * wanted, wanted - worn(style)[EXPRESSION[:WIDTH]]
    assert (np.abs(after) <= 0.5 * np.abs(before) + 1e-6).all()
    assert style.code[-1] == 0
    assert style.clip is not None
    np.testing.assert_array_equal(style.clip.weights, weights)


def test_what_is_said_is_no_expression() -> None:
    names = {ARKIT_NAMES[index] for index in EXPRESSION}
    assert {"browInnerUp", "cheekPuff", "mouthSmileLeft", "eyeSquintRight"} <= names
    assert not names & {"jawOpen", "mouthClose", "mouthPucker", "eyeBlinkLeft", "mouthRollLower"}


@pytest.mark.parametrize("frames", [257, 300, 512, 513, 1001])
def test_every_frame_of_a_long_clip_counts_alike(frames: int) -> None:
    model = make_model()
    model.style_encoder = Average()  # type: ignore[assignment]
    motion = make_motion(frames)
    style = extract_style(model, motion, "long", "long.csv")
    np.testing.assert_allclose(style.code, motion.weights[:, :WIDTH].mean(0), atol=1e-6)
    assert sum(model.style_encoder.lengths) == frames
    assert 100 < min(model.style_encoder.lengths) <= max(model.style_encoder.lengths) <= MAX_FRAMES


def test_a_clip_at_another_rate_has_the_same_style(model: MotionModel) -> None:
    calm = Motion(ARKIT_NAMES, np.full((60, 52), 0.3), 60)
    slow = Motion(ARKIT_NAMES, np.full((25, 52), 0.3), 25)
    np.testing.assert_allclose(
        extract_style(model, calm, "a", "b").code,
        extract_style(model, slow, "a", "b").code,
        atol=1e-5,
    )


# Which model a style belongs to.


def test_a_fingerprint_outlives_saving(model: MotionModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.safetensors", {})
    again = MotionModel.load(tmp_path / "model.safetensors")
    assert fingerprint(again) == fingerprint(model)
    assert len(fingerprint(model)) == 12
    again.styles["new"] = torch.ones(WIDTH)
    again.denoiser.motion.weight += 1
    assert fingerprint(again) == fingerprint(model), "the code space is the style encoder's"
    again.style_encoder.output.bias[0] += 0.1
    assert fingerprint(again) != fingerprint(model)


def test_a_style_of_another_model_is_refused(model: MotionModel) -> None:
    style = named_style(make_model(seed=1), "happy")
    with pytest.raises(StyleError, match=r"'happy' belongs to another model.*Extract it again"):
        check_fits(style, model)
    track = StyleTrack(((0, named_style(model, "neutral")), (1, named_style(model, "happy"))))
    check_fits(track, model)
    check_fits(Style(np.zeros(WIDTH), "by hand", "somewhere"), model)
    with pytest.raises(StyleError, match="9 numbers"):
        check_fits(Style(np.zeros(9), "by hand", "somewhere"), model)


# Files.


@pytest.mark.slow
@given(style=styles)
def test_a_style_file_keeps_every_bit(
    style: Style, model: MotionModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    style = Style(style.code, style.name, style.source, style.intensity, fingerprint(model))
    path = tmp_path_factory.getbasetemp() / "mürrisch 怒.safetensors"
    style.save(path)
    again = load_style_file(path, model)
    assert again.code.tobytes() == style.code.tobytes()
    assert (again.name, again.source, again.intensity, again.model) == (
        shown(style.name),
        shown(style.source),
        style.intensity,
        style.model,
    )


def test_a_style_file_of_another_model_is_refused(model: MotionModel, tmp_path: Path) -> None:
    path = tmp_path / "rage.safetensors"
    replace(extract_style(model, make_motion(30), "rage", "rage.csv"), clip=None).save(path)
    for other in (make_model(seed=1), make_model(width=4)):
        with pytest.raises(
            StyleError, match=r"rage\.safetensors belongs to another model.*again.*rage\.csv"
        ):
            load_style_file(path, other)


def test_a_style_with_its_clip_is_extracted_anew_for_another_model(
    model: MotionModel, tmp_path: Path
) -> None:
    path = tmp_path / "rage.safetensors"
    motion = make_motion(40)
    replace(extract_style(model, motion, "rage", "rage.csv"), intensity=1.5).save(path)
    other = make_model(seed=1, width=4)
    again = load_style_file(path, other)
    expected = extract_style(other, motion, "rage", "rage.csv").code
    np.testing.assert_allclose(again.code, expected, atol=5e-3)  # the clip is kept in float16
    assert (again.name, again.intensity, again.model) == ("rage", 1.5, fingerprint(other))


def test_a_style_read_anew_is_corrected_as_an_extracted_one(tmp_path: Path) -> None:
    other = make_model(seed=1)
    other.style_encoder = Expressions()  # type: ignore[assignment]

    def worn(style: Style) -> np.ndarray:
        face = np.zeros(52, np.float32)
        face[EXPRESSION[:WIDTH]] = 0.5 * style.code
        return face

    motion = Motion(ARKIT_NAMES, np.full((50, 52), 0.4, np.float32), 25)
    path = tmp_path / "rage.safetensors"
    extract_style(make_model(), motion, "rage", "rage.csv").save(path)
    expected = extract_style(other, motion, "rage", "rage.csv", worn).code
    assert np.abs(expected - extract_style(other, motion, "rage", "rage.csv").code).max() > 0.1
    library = StyleLibrary((LibraryFolder("user", tmp_path),))
    for again in (load_style_file(path, other, worn), library.find("rage", other, worn)):
        np.testing.assert_allclose(again.code, expected, atol=5e-3)


def test_a_style_file_keeps_what_belongs_to_the_style(model: MotionModel, tmp_path: Path) -> None:
    style = extract_style(model, [make_motion(30), make_motion(50, fps=50)], "wüst", "a; b")
    style = replace(
        style,
        tags=("laut", "schnell, hart"),
        thumbnail=b"\x89PNG picture",
        heard=Heard("very angry", 0.625),
    )
    style.save(tmp_path / "a.safetensors")
    again = load_style_file(tmp_path / "a.safetensors", model)
    assert (again.tags, again.thumbnail, again.heard) == (
        style.tags,
        style.thumbnail,
        style.heard,
    )
    assert again.clip is not None
    assert style.clip is not None
    assert (len(again.clip), again.clip.fps) == (55, 25)
    np.testing.assert_allclose(again.clip.weights, style.clip.weights, atol=5e-4)
    np.testing.assert_allclose(again.clip.head_rotation, style.clip.head_rotation, atol=0.01)


def test_what_was_heard_is_told_with_its_doubt() -> None:
    assert str(Heard("angry", 0.83)) == "angry (83 %)"
    assert str(Heard("sad", 0.41)) == "unsure, sad (41 %)"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(StyleError, match=r"\.safetensors"):
        make_style("a").save(tmp_path / "a.npz")
    with pytest.raises(StyleError, match="which model"):
        make_style("a", model="").save(tmp_path / "a.safetensors")
    with pytest.raises(DreamTalkError, match="does not exist"):
        make_style("a").save(tmp_path / "no" / "a.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(DreamTalkError, match="is a folder"):
        check_style_path(tmp_path / "folder.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.safetensors"]


def test_a_name_that_is_no_text_can_be_saved(model: MotionModel, tmp_path: Path) -> None:
    """On Linux a file name may hold bytes that are not UTF-8."""
    style = Style(np.zeros(WIDTH), "t\udce4ke", "t\udce4ke.csv", model=fingerprint(model))
    style.save(tmp_path / "a.safetensors")
    assert load_style_file(tmp_path / "a.safetensors", model).name == "t?ke"


GOOD = {
    "format": "dreamtalk-style",
    "version": "1",
    "name": "a",
    "source": "b",
    "intensity": "1.0",
}


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        ({"format": "dreamtalk-motion-model"}, 0.0, "holds dreamtalk-motion-model, not a style"),
        ({"version": "2"}, 0.0, "version 2; this release reads version 1"),
        ({"intensity": "strong"}, 0.0, "damaged"),
        ({"intensity": "nan"}, 0.0, "damaged"),
        ({}, math.nan, "damaged"),
        ({"model": "another"}, 0.0, "another model"),
    ],
)
def test_odd_style_files_are_refused(
    header: dict[str, str], code: float, words: str, model: MotionModel, tmp_path: Path
) -> None:
    path = tmp_path / "odd.safetensors"
    row = np.full(WIDTH, code, np.float32)
    save_file({"code": row}, path, GOOD | {"model": fingerprint(model)} | header)
    with pytest.raises(StyleError, match=words):
        load_style_file(path, model)


def test_files_that_are_no_style_are_refused(model: MotionModel, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(StyleError, match="no such file"):
        load_style_file(path, model)
    path.write_bytes(b"RIFF")
    with pytest.raises(StyleError, match="damaged or no style file"):
        load_style_file(path, model)
    save_file({"other": np.zeros(3)}, path, GOOD | {"model": fingerprint(model)})
    with pytest.raises(StyleError, match="damaged"):
        load_style_file(path, model)
    save_file({"other": np.zeros(3)}, path)
    with pytest.raises(StyleError, match="something else"):
        load_style_file(path, model)


# Mixing.


def test_a_mix_lies_between() -> None:
    calm = Style(np.zeros(2), "calm", "one", 1.0, "m")
    wild = Style(np.array([4.0, -8.0]), "wild", "two", 2.0, "m")
    mix = mix_styles([(calm, 3), (wild, 1)])
    np.testing.assert_array_equal(mix.code, [1, -2])
    assert mix.intensity == 1.25
    assert mix.name == "calm*0.75+wild*0.25"
    assert (mix.source, mix.model) == ("one; two", "m")
    assert mix_styles([(calm, 1), (wild, 1)], "odd").name == "odd"


@given(st.lists(st.tuples(styles, shares), min_size=1, max_size=5), st.floats(1e-3, 1e3))
def test_order_and_sum_of_shares_do_not_matter(
    parts: list[tuple[Style, float]], factor: float
) -> None:
    mix = mix_styles(parts)
    for other in (parts[::-1], [(style, share * factor) for style, share in parts]):
        again = mix_styles(other)
        np.testing.assert_allclose(again.code, mix.code, rtol=1e-6, atol=1e-5)
        assert again.intensity == pytest.approx(mix.intensity, rel=1e-9)
    stack = np.stack([style.code for style, _ in parts])
    assert (mix.code >= stack.min(0) - 1e-4).all()
    assert (mix.code <= stack.max(0) + 1e-4).all()


@given(styles, styles, shares)
def test_a_share_of_nothing_changes_nothing(one: Style, other: Style, share: float) -> None:
    mix = mix_styles([(one, share), (other, 0)])
    np.testing.assert_array_equal(mix.code, one.code)
    assert mix.intensity == one.intensity


@pytest.mark.parametrize("given_shares", [[], [0, 0], [-1, 2], [math.nan, 1], [math.inf, 1]])
def test_impossible_shares(given_shares: list[float]) -> None:
    parts = [(make_style(f"s{i}"), share) for i, share in enumerate(given_shares)]
    with pytest.raises(StyleError, match="Give numbers from 0 up"):
        mix_styles(parts)


def test_only_styles_of_one_model_mix() -> None:
    one = make_style("one")
    for other in (make_style("other", model="m2"), make_style("other", width=3)):
        with pytest.raises(StyleError, match="'one' and 'other' belong to different models"):
            mix_styles([(one, 1), (other, 1)])
        with pytest.raises(StyleError, match="different models"):
            StyleTrack(((0, one), (1, other)))
    assert mix_styles([(make_style("by hand", model=""), 1), (one, 1)]).model == "m1"


# Styles over time.

tracks = st.dictionaries(
    st.integers(0, 10**6).map(lambda ms: ms / 1000), styles, min_size=1, max_size=5
).map(lambda keys: StyleTrack(tuple(sorted(keys.items(), key=lambda key: key[0]))))


@pytest.mark.slow
@given(tracks)
def test_a_track_is_its_keys_at_their_times_and_holds_outside(track: StyleTrack) -> None:
    times = [time for time, _ in track.keys]
    expected = np.stack([style.code for _, style in track.keys])
    np.testing.assert_array_equal(track.codes(times), expected)
    strengths = np.float32([style.intensity for _, style in track.keys])
    np.testing.assert_array_equal(track.intensities(times), strengths)
    np.testing.assert_array_equal(track.codes([-5, times[-1] + 5]), expected[[0, -1]])
    np.testing.assert_array_equal(track.intensities([-5, times[-1] + 5]), strengths[[0, -1]])
    assert track.codes([]).shape == (0, WIDTH)


@pytest.mark.slow
@given(tracks)
def test_a_track_goes_one_way_between_keys(track: StyleTrack) -> None:
    assume(len(track.keys) > 1)
    (first, one), (last, other) = track.keys[:2]
    times = np.linspace(first, last, 50)
    way = np.sign(other.code - one.code)
    assert (np.diff(track.codes(times), axis=0) * way >= -1e-5).all()
    steps = np.diff(track.intensities(times)) * np.sign(other.intensity - one.intensity)
    assert (steps >= -1e-6).all()


def test_a_track_starts_and_ends_slowly() -> None:
    one, other = Style(np.zeros(1), "a", "", 0.0), Style(np.ones(1), "b", "", 2.0)
    track = StyleTrack(((1, one), (3, other)))
    np.testing.assert_allclose(
        track.codes([0, 1, 1.5, 2, 2.5, 3, 9])[:, 0],
        [0, 0, 0.15625, 0.5, 0.84375, 1, 1],
        rtol=1e-6,
    )
    np.testing.assert_allclose(track.intensities([1.5, 2]), [0.3125, 1.0], rtol=1e-6)
    assert track.codes([2.0]).dtype == track.intensities([2.0]).dtype == np.float32


@given(styles, st.lists(st.floats(0, 1e4), max_size=20))
def test_a_plain_style_is_a_track(style: Style, times: list[float]) -> None:
    track = as_track(style)
    np.testing.assert_array_equal(track.codes(times), np.tile(style.code, (len(times), 1)))
    np.testing.assert_array_equal(track.intensities(times), np.float32(style.intensity))
    assert as_track(track) is track


@pytest.mark.parametrize("times", [[], [1, 1], [2, 1], [-1, 0], [0, math.inf], [math.nan]])
def test_times_of_a_track_rise_from_0(times: list[float]) -> None:
    with pytest.raises(StyleError, match=r"at least one key|must rise from 0 up"):
        StyleTrack(tuple((time, make_style("a")) for time in times))


# Styles as text.


def ask(text: str) -> tuple[Style | StyleTrack, list[str]]:
    """What a text means, and the names that were looked up for it."""
    asked: list[str] = []

    def resolve(name: str) -> Style:
        asked.append(name)
        return make_style(name)

    return parse_style(text, resolve), asked


@pytest.mark.parametrize(
    ("text", "name", "intensity"),
    [
        ("angry", "angry", 1),
        (" angry ", "angry", 1),
        ("angry*1.5", "angry", 1.5),
        ("angry * .5", "angry", 0.5),
        ("angry*0", "angry", 0),
        ("auto", "auto", 1),
        ("fröhlich*2", "fröhlich", 2),
        ("怒り", "怒り", 1),
        ("C:\\x y\\clip.csv*1.2", "C:\\x y\\clip.csv", 1.2),
        ('"C:\\x+y\\take 1, loud*.csv"*1.2', "C:\\x+y\\take 1, loud*.csv", 1.2),
        ('"me@home/a.csv"', "me@home/a.csv", 1),
        ("takes/news-reader_2.safetensors", "takes/news-reader_2.safetensors", 1),
    ],
)
def test_text_of_one_style(text: str, name: str, intensity: float) -> None:
    style, asked = ask(text)
    assert isinstance(style, Style)
    assert asked == [name]
    assert (style.name, style.intensity) == (name, intensity)
    np.testing.assert_array_equal(style.code, make_style(name).code)


@pytest.mark.parametrize(
    "text",
    ["neutral@0, angry*1.5@2", "neutral@0\nangry*1.5@2", "\n neutral@0,\t\n\nangry*1.5@2,\n"],
)
def test_keys_may_stand_in_lines_of_their_own(text: str) -> None:
    style = parse_style_keys(text, make_style)
    assert isinstance(style, StyleTrack)
    assert [(time, key.name, key.intensity) for time, key in style.keys] == [
        (0, "neutral", 1),
        (2, "angry", 1.5),
    ]


def test_a_number_multiplies_the_intensity_that_a_style_brings() -> None:
    style = parse_style("angry*1.5", lambda name: make_style(name, intensity=0.5))
    assert isinstance(style, Style)
    assert style.intensity == 0.75


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("happy*0.7+surprise*0.3", [("happy", 0.7), ("surprise", 0.3)]),
        ("happy + surprise", [("happy", 1), ("surprise", 1)]),
        ("happy*2+sad*1+C:\\x y\\ä.csv*1", [("happy", 2), ("sad", 1), ("C:\\x y\\ä.csv", 1)]),
    ],
)
def test_text_of_a_mix(text: str, parts: list[tuple[str, float]]) -> None:
    style, asked = ask(text)
    assert isinstance(style, Style)
    assert asked == [name for name, _ in parts]
    expected = mix_styles([(make_style(name), share) for name, share in parts])
    np.testing.assert_allclose(style.code, expected.code, rtol=1e-6)
    assert style.intensity == pytest.approx(1)


def test_text_of_a_track() -> None:
    track, asked = ask('neutral@0, angry*1.5@2.5,happy+sad@4, "a,b.csv"*2@5,neutral@6')
    assert isinstance(track, StyleTrack)
    assert asked == ["neutral", "angry", "happy", "sad", "a,b.csv"], "each is asked for once"
    assert [time for time, _ in track.keys] == [0, 2.5, 4, 5, 6]
    names = [style.name for _, style in track.keys]
    assert names == ["neutral", "angry", "happy*0.5+sad*0.5", "a,b.csv", "neutral"]
    np.testing.assert_allclose(track.intensities([0, 2.5, 4, 5, 6]), [1, 1.5, 1, 2, 1])


def test_one_key_with_a_time_is_a_track_too() -> None:
    track, _ = ask("C:\\x y\\clip.csv*1.2@2")
    assert isinstance(track, StyleTrack)
    ((time, style),) = track.keys
    assert (time, style.name, style.intensity) == (2, "C:\\x y\\clip.csv", 1.2)


@given(tracks.filter(lambda t: not any('"' in style.name for _, style in t.keys)))
def test_whatever_is_written_in_quotes_comes_back(track: StyleTrack) -> None:
    book = {style.name: style for _, style in track.keys}
    text = ", ".join(f'"{style.name}"*2@{time:.3f}' for time, style in track.keys)
    again = parse_style(text, book.__getitem__)
    assert isinstance(again, StyleTrack)
    for (time, style), (other_time, other) in zip(again.keys, track.keys, strict=True):
        assert (time, style.name) == (other_time, other.name)
        assert style.intensity == 2 * book[other.name].intensity


def test_a_file_that_exists_needs_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "me@home, take+1.csv"
    path.touch()
    style, asked = ask(str(path))
    assert isinstance(style, Style)
    assert asked == [str(path)]


@pytest.mark.parametrize(
    ("text", "piece", "words"),
    [
        ("", "''", "a style is missing"),
        ("   ", "''", "a style is missing"),
        ("angry*", "'angry*'", "'' is not a number"),
        ("*1.5", "'*1.5'", "a style is missing"),
        ('""', "'\"\"'", "a style is missing"),
        ("happy+", "'happy+'", "a style is missing"),
        ("neutral@0,", "''", "a style is missing"),
        ("neutral@0, happy++sad@1", "'happy++sad@1'", "a style is missing"),
        ("angry*much", "'angry*much'", "'much' is not a number"),
        ("angry*-1", "'angry*-1'", "'-1' is not a number"),
        ("angry*1e5", "'angry*1e5'", "'1e5' is not a number"),
        ("angry*nan", "'angry*nan'", "'nan' is not a number"),
        ("angry*1*2", "'angry*1*2'", "more than one *"),
        ("angry*1,5", "'angry*1'", "a decimal point"),
        ("angry@soon", "'angry@soon'", "'soon' is not a time"),
        ("angry@-1", "'angry@-1'", "'-1' is not a time"),
        ("angry@1@2", "'angry@1@2'", "more than one @"),
        ("me@home/a.csv", "'me@home/a.csv'", "stands in double quotes"),
        ("neutral, angry@2", "'neutral'", "each needs its time"),
        ("neutral@0, angry", "'angry'", "each needs its time"),
        ("happy*0.7+sad", "'happy*0.7+sad'", "a share, or none"),
        ('"a.csv', "'\"a.csv'", "not closed"),
        ('a"b"', "'a\"b\"'", "around a whole name"),
        ('"a" "b"', '\'"a" "b"\'', "around a whole name"),
        ('"', "'\"'", "not closed"),
        ("neutral@2, angry@2", "2, 2 s", "must rise"),
        ("neutral@2, angry@1", "2, 1 s", "must rise"),
        ("happy*0+sad*0", "happy: 0, sad: 0", "at least one"),
    ],
)
def test_text_that_cannot_be_read(text: str, piece: str, words: str) -> None:
    with pytest.raises(StyleError) as caught:
        ask(text)
    message = str(caught.value)
    assert piece in message
    assert words in message
    assert "such as" in message or "Write it as" in message


def test_nothing_is_looked_up_before_all_is_understood() -> None:
    def resolve(name: str) -> Style:
        raise AssertionError(name)

    for text in ("neutral@0, angry@soon", "neutral@1, angry@0", "happy*1+sad"):
        with pytest.raises(StyleError):
            parse_style(text, resolve)


@given(st.text('ab"@*+,.1 \\', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        style, _ = ask(text)
    except StyleError:
        return
    assert np.isfinite(as_track(style).codes(np.arange(5.0))).all()


def test_examples_in_the_errors_are_right() -> None:
    for text in (
        "angry*1.5",
        "angry@2.5",
        "neutral@0, angry@2.5",
        "happy*0.7+surprise*0.3",
        '"my take, loud.csv"*1.5',
        "neutral@0, happy+surprise@2.5",
    ):
        ask(text)


def test_an_unknown_name_is_reported_by_whoever_looks_it_up(model: MotionModel) -> None:
    with pytest.raises(StyleError, match="no style 'jolly'"):
        parse_style("neutral@0, jolly@1", lambda name: named_style(model, name))
