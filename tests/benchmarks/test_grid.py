"""The burst finder on a made-up sentence whose bursts are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpora.grid import (
    CLASSES,
    SLOTS,
    SOUNDS,
    align,
    class_posteriors,
    energy_rise,
    find_bursts,
    grid_sentence,
)

PHONES = (
    *sorted({phone for group in CLASSES.values() for phone in group.split()}),
    "<wb>",
    "<blank>",
)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bbaf3s", "bin blue at f three soon"),
        ("grid_s1_pgbe2n", "place green by e two now"),
        ("grid_vid2speech_lbizzp", "lay blue in z zero please"),
    ],
)
def test_a_grid_name_spells_its_sentence(name: str, sentence: str) -> None:
    assert grid_sentence(name) == tuple(sentence.split())


@pytest.mark.parametrize("name", ["wild_1", "grid_800ms_ex1", "bbaw3s", "bbaf0s", "xbbaf3s", ""])
def test_other_names_spell_none(name: str) -> None:
    assert grid_sentence(name) is None


def test_every_word_has_its_sounds() -> None:
    words = {word for slot in SLOTS for word in slot.values()}
    assert words == set(SOUNDS)
    assert set("".join(SOUNDS.values())) == set(CLASSES)


def posteriors_of(peaks: list[tuple[int, str]], length: int) -> NDArray[np.float32]:
    """Posteriors of a recogniser that hears a phone at each given frame and blank elsewhere."""
    scores = np.full((length, len(PHONES)), 1e-6)
    scores[:, -1] = 1
    for frame, phone in peaks:
        scores[frame, -1] = 0.1
        scores[frame, PHONES.index(phone)] = 0.9
    return np.log(scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def test_alignment_follows_the_sounds_in_order() -> None:
    posteriors = class_posteriors(
        posteriors_of([(5, "b"), (9, "u"), (14, "b"), (20, "aɪ")], 30), PHONES, "PVPV"
    )
    assert align(posteriors, "PVPV").tolist() == [5, 9, 14, 20]


def test_alignment_survives_a_sound_that_was_not_found() -> None:
    posteriors = class_posteriors(
        posteriors_of([(5, "p"), (9, "l"), (20, "s")], 30), PHONES, "PLVS"
    )
    frames = align(posteriors, "PLVS").tolist()
    assert frames[:2] == [5, 9]
    assert frames[3] == 20
    assert 9 < frames[2] < 20


def test_two_equal_sounds_are_kept_apart() -> None:
    posteriors = class_posteriors(posteriors_of([(5, "s"), (6, "z")], 9), PHONES, "SS")
    first, second = align(posteriors, "SS")
    # Without a pause between them they were one sound; so only one spike can be used.
    assert second - first >= 2
    assert {first, second} & {5, 6}


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        align(np.zeros((3, 4)), "SSV")


def test_energy_rise_peaks_at_an_onset() -> None:
    rng = np.random.default_rng(0)
    speech = 1e-4 * rng.normal(size=16000)
    speech[8000:] += 0.1 * rng.normal(size=8000)
    rise = energy_rise(speech.astype(np.float32))
    assert len(rise) == 1000
    assert rise.argmax() == pytest.approx(500, abs=3)
    assert rise.max() > 40


def test_digital_silence_never_rises() -> None:
    assert energy_rise(np.zeros(16000, np.float32)).max() < 1


def test_bursts_are_found_to_a_few_milliseconds() -> None:
    words = grid_sentence("bgbf2s")
    assert words is not None
    times = dict(zip(words, [0.5, 0.9, 1.2, 1.5, 1.8, 2.2], strict=True))
    rng = np.random.default_rng(0)
    # A hum, as through a voiced closure, that stops nowhere; noise bursts that decay into it.
    clock = np.arange(3 * 16000) / 16000
    speech = 0.05 * np.sin(2 * np.pi * 120 * clock) + 1e-4 * rng.normal(size=len(clock))
    for word in ("bin", "by"):
        since = clock - times[word]
        decay = np.exp(-np.clip(since, 0, None) / 0.03)
        speech += np.where(since >= 0, 0.1 * decay, 0) * rng.normal(size=len(clock))
    peaks, example = [], {sound: group.split()[0] for sound, group in CLASSES.items()}
    for word in words:
        start = round(50 * times[word]) + 2
        peaks += [(start + 2 * i, example[sound]) for i, sound in enumerate(SOUNDS[word])]

    bursts = find_bursts(speech.astype(np.float32), words, posteriors_of(peaks, 151), PHONES)

    assert [burst.word for burst in bursts] == ["bin", "by"]
    for burst in bursts:
        assert burst.time == pytest.approx(times[burst.word], abs=0.004)
        assert burst.rise > 10


def test_a_burst_that_cannot_be_found_is_left_out() -> None:
    words = ("bin", "red", "at", "a", "two", "now")
    sounds = "".join(SOUNDS[word] for word in words)
    example = {sound: group.split()[0] for sound, group in CLASSES.items()}
    peaks = [(20 + 4 * i, example[sound]) for i, sound in enumerate(sounds)]
    assert find_bursts(np.zeros(48000, np.float32), words, posteriors_of(peaks, 151), PHONES) == []
