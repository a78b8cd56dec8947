"""The host's types and ours, without a host: tensors are all that it takes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from dreamtalk_core.errors import RenderError, SpeechError
from nodes.conversions import (
    audio_of,
    check_image,
    check_memory,
    cut_audio,
    digest,
    first_picture,
    frames_audio,
    image_of,
    pictures,
    samples,
    speech_of,
    words,
)


def audio(channels: int = 1, count: int = 48000, batch: int = 1, rate: int = 48000) -> Any:
    """Seeded noise at half of full scale, as the host's AUDIO."""
    waveform = torch.rand(batch, channels, count, generator=torch.Generator().manual_seed(0)) - 0.5
    return {"waveform": waveform, "sample_rate": rate}


# --- AUDIO ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_sound_comes_back_as_it_went(channels: int) -> None:
    given = audio(channels)
    array = samples(given)
    assert array.dtype == np.float32
    assert array.shape == (channels, 48000)
    back = audio_of(array, 48000)
    assert back["waveform"].dtype == torch.float32
    assert torch.equal(back["waveform"], given["waveform"])
    assert back["sample_rate"] == 48000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_sound_of_any_precision(dtype: torch.dtype) -> None:
    given = audio(2)
    exact = given["waveform"][0].numpy()
    given["waveform"] = given["waveform"].to(dtype).requires_grad_()
    array = samples(given)
    assert array.dtype == np.float32
    np.testing.assert_allclose(array, exact, atol=2e-3)


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"waveform": torch.zeros(1, 1, 5)},
        {"waveform": torch.zeros(1, 1, 0), "sample_rate": 48000},
        {"waveform": torch.zeros(0, 1, 5), "sample_rate": 48000},
        {"waveform": torch.zeros(1, 5), "sample_rate": 48000},
    ],
    ids=["none", "nothing", "no rate", "no samples", "no sound", "no batch"],
)
def test_no_sound_is_an_error(given: Any) -> None:
    with pytest.raises(SpeechError, match="This AUDIO is empty"):
        samples(given)
    with pytest.raises(SpeechError, match="This AUDIO is empty"):
        speech_of(given, "The AUDIO")


def test_several_sounds_are_an_error() -> None:
    with pytest.raises(SpeechError, match="a batch of 3 sounds"):
        speech_of(audio(batch=3), "The AUDIO")


@pytest.mark.parametrize("channels", [1, 2, 8, 9, 16])
def test_speech_of_any_number_of_channels(channels: int) -> None:
    speech = speech_of(audio(channels, rate=32000), "The AUDIO")
    assert speech.waveform.shape == (24000,)
    assert speech.duration == Fraction(3, 2)
    assert speech.source == "The AUDIO"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_no_speech(value: float) -> None:
    given = audio()
    given["waveform"][0, 0, 7] = value
    with pytest.raises(SpeechError, match="The AUDIO has samples that are NaN or infinite"):
        speech_of(given, "The AUDIO")


def test_a_rate_that_is_none() -> None:
    with pytest.raises(SpeechError, match="sample rate"):
        speech_of(audio(rate=12), "The AUDIO")


def test_a_part_of_a_sound() -> None:
    given = {**audio(2), "title": "mine"}
    part = cut_audio(given, 0.25, Fraction(1, 4))
    assert torch.equal(part["waveform"], given["waveform"][..., 12000:24000])
    assert (part["sample_rate"], part["title"]) == (48000, "mine")
    late = cut_audio(given, 0.75, 0.5)["waveform"]
    assert late.shape == (1, 2, 24000)
    assert torch.equal(late[..., :12000], given["waveform"][..., 36000:])
    assert not late[..., 12000:].any()


def test_the_sound_of_frames_is_as_long_as_they_are() -> None:
    given = audio(2)
    fps = Fraction(24000, 1001)
    part = frames_audio(given, range(12, 36), fps)
    assert part is not None
    start, stop = round(12 / fps * 48000), round(36 / fps * 48000)
    assert part["waveform"].shape == (1, 2, stop - start)
    known = 48000 - start
    assert torch.equal(part["waveform"][..., :known], given["waveform"][..., start:])
    assert not part["waveform"][..., known:].any()
    assert frames_audio(None, range(5), fps) is None
    with pytest.raises(SpeechError, match="is empty"):
        frames_audio({}, range(5), fps)
    with pytest.raises(SpeechError, match="a batch of 2"):
        frames_audio(audio(batch=2), range(5), fps)


# --- IMAGE and MASK ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 6, 3), (4, 8, 6, 3)])
def test_pictures_come_back_as_they_went(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = image_of(array)
    assert image.dtype == torch.float32
    assert image.shape == (*(1, 4)[len(shape) - 3 : len(shape) - 2], 8, 6, 3)
    assert 0 <= float(image.min()) <= float(image.max()) <= 1
    back = pictures(image)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, array.reshape(back.shape))
    np.testing.assert_array_equal(first_picture(image), back[0])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_have_three_channels(channels: int) -> None:
    image = torch.rand(2, 5, 7, channels, generator=torch.Generator().manual_seed(0))
    image[..., 3:] = 0  # transparent: the colours are taken as they are
    found = pictures(image)
    assert found.shape == (2, 5, 7, 3)
    assert found.flags.c_contiguous
    wanted = np.round(image.numpy()[..., :3] * 255)
    np.testing.assert_array_equal(found, np.broadcast_to(wanted, found.shape))


def test_values_out_of_range_are_clipped() -> None:
    row = torch.tensor([-1.0, 0.0, 0.5, 1.0, 7.0, torch.inf, -torch.inf, torch.nan])
    found = pictures(row.reshape(1, 1, 8, 1))[0, 0, :, 0]
    assert found.tolist() == [0, 0, 128, 255, 255, 255, 0, 0]


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (1, 0, 4, 3), (1, 4, 4, 0), (4, 4, 3)])
def test_no_picture_is_an_error(shape: tuple[int, ...]) -> None:
    for check in (check_image, pictures, first_picture):
        with pytest.raises(RenderError, match="This IMAGE is empty"):
            check(torch.zeros(shape))


def test_a_picture_is_known_by_its_pixels() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    assert digest(picture) == digest(picture.copy())
    other = picture.copy()
    other[0, 0, 0] = 1
    assert len({digest(picture), digest(other), digest(picture.reshape(6, 4, 3))}) == 3


def test_frames_that_would_not_fit_into_memory() -> None:
    sizes = [(512, 512, 3), (512, 512)]
    each = 4 * 512 * 512 * 4
    check_memory(9, sizes, 10 * each)
    with pytest.raises(RenderError, match=r"10 frames of 512 x 512 .* Set 'count' to 9 or less"):
        check_memory(10, sizes, 10 * each)


# --- texts ---------------------------------------------------------------------------------------


def test_words_are_separated_by_commas() -> None:
    assert words(" happy, very sad ,, angry,") == ["happy", "very sad", "angry"]
    assert words(" ") == []
