"""Metrics against curves whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dreamtalk_core.evaluation import metrics
from dreamtalk_core.motion.arkit import INDEX

Curve = NDArray[np.float64]


def weights(**channels: Curve) -> Curve:
    length = len(next(iter(channels.values())))
    curves = np.zeros((length, 52))
    for name, curve in channels.items():
        curves[:, INDEX[name]] = curve
    return curves


def speech_like(length: int = 200, seed: int = 0) -> Curve:
    """A smooth random curve between 0 and 1."""
    noise = np.random.default_rng(seed).normal(size=length + 40)
    curve = np.convolve(noise, np.hanning(9), mode="same")[20:-20]
    scaled: Curve = (curve - curve.min()) / (curve.max() - curve.min())
    return scaled


def test_aperture_is_jaw_opening_without_what_closed_lips_hide() -> None:
    curve = speech_like()
    closed = weights(jawOpen=curve, mouthClose=curve)
    assert np.allclose(metrics.aperture(closed), 0)
    assert np.allclose(metrics.aperture(weights(jawOpen=curve)), curve)


@given(st.floats(0.05, 5), st.floats(-2, 2), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_correlations_do_not_depend_on_scale_and_offset(
    scale: float, offset: float, seed: int
) -> None:
    curve = speech_like(seed=seed)
    gap = scale * curve + offset
    assert metrics.lip_gap_correlation(weights(jawOpen=curve), gap) == pytest.approx(1)
    assert metrics.narrowing_correlation(weights(mouthPucker=curve), gap) == pytest.approx(-1)
    assert metrics.narrowing_correlation(weights(mouthPucker=curve), -gap) == pytest.approx(1)


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_correlation_agrees_with_numpy(seed: int) -> None:
    a, b = speech_like(seed=seed), speech_like(seed=seed + 1000)
    assert metrics.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_a_still_signal_has_no_correlation() -> None:
    curve = speech_like()
    assert np.isnan(metrics.lip_gap_correlation(np.zeros((200, 52)), curve))
    assert np.isnan(metrics.lip_gap_correlation(weights(jawOpen=curve), np.full(200, 0.3)))


def test_signals_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        metrics.correlation(np.zeros(10), np.zeros(11))
    with pytest.raises(ValueError, match="ARKit order"):
        metrics.aperture(np.zeros((10, 51)))


def test_amplitude_ratio() -> None:
    curve = speech_like()
    half = weights(jawOpen=0.2 + 0.5 * curve)
    assert metrics.amplitude_ratio(half, weights(jawOpen=curve)) == pytest.approx(0.5)
    assert metrics.amplitude_ratio(np.zeros((200, 52)), half) == 0
    assert np.isnan(metrics.amplitude_ratio(half, np.zeros((200, 52))))


def test_power_spectrum_finds_a_tone_and_its_power() -> None:
    times = np.arange(256) / 25
    tone = np.sin(2 * np.pi * 6.25 * times)[:, None]
    frequencies, power = metrics.power_spectrum(tone, 25)
    assert frequencies[power[:, 0].argmax()] == pytest.approx(6.25)
    # One-sided sum over the main lobe: half the tone's power (the other half is at -f), times N.
    assert power.sum() * 2 / 32 == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("length", [16, 20, 33, 500])
def test_high_frequency_ratio_is_the_ratio_of_energies(length: int) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=length)
    tracked = weights(jawOpen=noise)
    assert metrics.high_frequency_ratio(tracked, tracked) == pytest.approx(1)
    assert metrics.high_frequency_ratio(2 * tracked, tracked) == pytest.approx(4)


def test_high_frequency_ratio_sees_fast_motion_of_the_mouth_only() -> None:
    times = np.arange(250) / 25
    slow, fast = np.sin(2 * np.pi * 2 * times), 0.1 * np.sin(2 * np.pi * 10 * times)
    tracked = weights(jawOpen=slow + fast)
    assert metrics.high_frequency_ratio(weights(jawOpen=slow), tracked) < 1e-3
    assert metrics.high_frequency_ratio(weights(jawOpen=9 * slow + fast), tracked) < 1.1
    blinking = weights(jawOpen=slow + fast, eyeBlinkLeft=fast)
    assert metrics.high_frequency_ratio(blinking, tracked) == pytest.approx(1)
    everything = range(52)
    assert metrics.high_frequency_ratio(blinking, tracked, channels=everything) == pytest.approx(
        2, rel=1e-3
    )


def test_high_frequency_ratio_needs_enough_frames_and_some_energy() -> None:
    curve = weights(jawOpen=speech_like(15))
    assert np.isnan(metrics.high_frequency_ratio(curve, curve))
    curve = weights(jawOpen=speech_like(40))
    assert np.isnan(metrics.high_frequency_ratio(curve, np.zeros((40, 52))))


@given(st.integers(-10, 10), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_best_lag_finds_the_shift_and_late_is_positive(shift: int, seed: int) -> None:
    long = speech_like(300, seed)
    gap = long[50:250]
    late = long[50 - shift : 250 - shift]
    assert metrics.best_lag(weights(jawOpen=late), gap) == shift


def test_best_lag_of_a_short_or_still_clip_is_unknown() -> None:
    short = speech_like(22)
    assert np.isnan(metrics.best_lag(weights(jawOpen=short), short))
    assert np.isnan(metrics.best_lag(np.zeros((100, 52)), speech_like(100)))


@given(st.floats(0.5, 1.5), st.floats(-0.06, 0.06))
@settings(max_examples=40, deadline=None)
def test_parting_delay_is_that_of_a_ramp(burst: float, delay: float) -> None:
    """Lips closed until burst + delay, then opening over 80 ms, sampled finely."""
    fps = 200
    times = (np.arange(2 * fps) + 0.5) / fps
    opening = np.clip((times - burst - delay) / 0.08, 0, 1) * 0.3 + 0.02
    # Before, the mouth is open, or there were no closure.
    opening = np.where(times < burst + delay - 0.1, 0.32, opening)
    # The range that is searched ends 0.12 s after the burst, be the lips wide open by then or not.
    tenth = 0.1 * min(0.08, 0.12 - delay)
    found = metrics.lip_parting_delay(opening, burst, fps)
    assert found == pytest.approx(delay + tenth, abs=0.006)


def test_parting_needs_an_opening_and_room_around_the_burst() -> None:
    times = (np.arange(50) + 0.5) / 25
    assert np.isnan(metrics.lip_parting_delay(np.full(50, 0.2), 1.0))
    closing = np.clip(1.0 - times, 0, 1)
    assert np.isnan(metrics.lip_parting_delay(closing, 1.2))
    opening = np.clip(times - 0.05, 0, 1)
    assert np.isnan(metrics.lip_parting_delay(opening, 0.05))
    assert np.isnan(metrics.lip_parting_delay(opening, 1.95))


def closing_mouth() -> Curve:
    """Open, a closure of three frames at 20, open, a pause from 40 to 60, open."""
    gap = np.full(80, 0.2)
    gap[20:23] = 0.01
    gap[40:60] = 0.01
    return gap


def test_only_closures_within_speech_count() -> None:
    assert metrics.tracked_closures(closing_mouth()) == [(20, 23)]
    assert metrics.tracked_closures(np.full(80, 0.2)) == []
    assert metrics.tracked_closures(np.full(80, 0.01)) == []


def test_closure_recall() -> None:
    gap = closing_mouth()
    assert metrics.closure_recall(weights(jawOpen=gap), gap) == 1
    ignorant = np.where(np.arange(80) < 30, 0.2, gap)
    assert metrics.closure_recall(weights(jawOpen=ignorant), gap) == 0
    assert metrics.closure_recall(np.zeros((80, 52)), gap) == 0
    # Closed throughout the first half: never opens around the closure, so does not close at it.
    shut = np.where(np.arange(80) < 38, 0.0, 0.3)
    assert metrics.closure_recall(weights(jawOpen=shut), gap) == 0
    assert np.isnan(metrics.closure_recall(weights(jawOpen=gap), np.full(80, 0.2)))


def test_seam_ratio() -> None:
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(2000, 52)).cumsum(axis=0)
    boundaries = range(100, 2000, 100)
    assert metrics.seam_ratio(curves, boundaries) == pytest.approx(1, abs=0.15)
    curves[500:] += 10
    assert metrics.seam_ratio(curves, [500]) == pytest.approx(10, rel=0.15)
    assert metrics.seam_ratio(curves, [499]) < 1.3
    assert np.isnan(metrics.seam_ratio(curves, []))
    assert np.isnan(metrics.seam_ratio(curves, [0, 2000]))
    assert np.isnan(metrics.seam_ratio(np.zeros((9, 52)), [4]))


def test_bootstrap_interval() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = metrics.bootstrap_interval([*values, np.nan])
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.15)
    assert metrics.bootstrap_interval(values) == (low, high)
    assert metrics.bootstrap_interval([0.3], np.median) == (pytest.approx(0.3), pytest.approx(0.3))
    assert np.isnan(metrics.bootstrap_interval([np.nan])).all()


def face(**shapes: float) -> NDArray[np.float64]:
    weights = np.zeros((50, 52))
    for name, value in shapes.items():
        weights[:, INDEX[name]] = value
    return weights


def test_lip_error_is_what_the_head_moves_by() -> None:
    assert metrics.lip_vertex_error(face(jawOpen=0.4), face(jawOpen=0.4)) == 0
    small = metrics.lip_vertex_error(face(jawOpen=0.1), face())
    assert metrics.lip_vertex_error(face(), face(jawOpen=0.4)) == pytest.approx(4 * small)
    # The lower lip travels, the upper one hardly: less than half of a jaw's 20 to 40 mm.
    assert 3 < metrics.lip_vertex_error(face(), face(jawOpen=1)) < 20
    assert metrics.lip_vertex_error(face(), face(browInnerUp=1)) < 0.05


def test_upper_face_deviation_tells_stiller_from_livelier() -> None:
    blinking = face()
    blinking[::10, INDEX["eyeBlinkLeft"]] = blinking[::10, INDEX["eyeBlinkRight"]] = 1
    assert metrics.upper_face_deviation(blinking, blinking) == 0
    still = metrics.upper_face_deviation(face(browInnerUp=0.5), blinking)
    assert still < -0.1
    assert metrics.upper_face_deviation(blinking, face()) == pytest.approx(-still)
    talking = face()
    talking[::2, INDEX["jawOpen"]] = 1
    assert abs(metrics.upper_face_deviation(talking, face())) < 0.1


def test_takes_are_apart_where_they_differ() -> None:
    lips, upper = metrics.take_distance(face(browInnerUp=0.5), face())
    assert lips < 0.02
    assert upper > 0.2
    lips, upper = metrics.take_distance(face(jawOpen=0.5), face())
    assert lips > 1
    assert upper < 0.1


@pytest.mark.parametrize(
    ("start", "end", "shut"),
    [
        (0.40, 0.44, True),  # frame 10, the shut one
        (0.43, 0.50, True),  # begins within it
        (0.30, 0.41, True),  # ends within it
        (0.41, 0.415, True),  # shorter than a frame
        (0.42, 0.42, True),  # a moment
        (0.44, 0.60, False),
        (0.30, 0.40, False),
        (0.99, 1.50, False),  # after the last frame
    ],
)
def test_shut_lips_are_found_in_the_frames_that_overlap(
    start: float, end: float, shut: bool
) -> None:
    gap = np.full(25, 5.0)
    gap[10] = 0.9
    assert metrics.shut_within(gap, start, end) is shut


def syllables(times: list[float], seconds: float = 4.0) -> NDArray[np.float64]:
    """A voice that sets in at each time, for 0.15 s."""
    wave = 1e-4 * np.random.default_rng(0).standard_normal(int(seconds * 16_000))
    for time in times:
        start = round(time * 16_000)
        wave[start : start + 2400] += 0.3 * np.sin(2 * np.pi * 150 * np.arange(2400) / 16_000)
    return wave


def test_accents_are_where_the_voice_sets_in() -> None:
    times = [0.5, 1.1, 1.8, 2.6, 3.3]
    np.testing.assert_allclose(metrics.voice_accents(syllables(times)), times, atol=0.03)
    assert len(metrics.voice_accents(np.zeros(16_000))) == 0
    assert len(metrics.voice_accents(np.zeros(10))) == 0


def test_a_head_that_stops_at_the_accents_is_aligned() -> None:
    times = [0.5, 1.1, 1.8, 2.6, 3.3]
    frames = (np.arange(100) + 0.5) / 25
    # It turns from each accent to the next, and stands still for a moment at each.
    phase = np.interp(frames, [0.0, *times, 4.0], np.arange(len(times) + 2.0))
    head = np.zeros((100, 3))
    head[:, 1] = phase - np.sin(2 * np.pi * phase) / (2 * np.pi)
    score, gain = metrics.beat_alignment(head, syllables(times))
    assert score > 0.8
    assert gain > 0.4
    late, loss = metrics.beat_alignment(np.roll(head, 6, axis=0), syllables(times))
    assert late < score - 0.3
    assert loss < gain - 0.3


def test_a_still_head_has_no_beats() -> None:
    assert np.isnan(metrics.beat_alignment(np.zeros((100, 3)), syllables([1.0]))).all()
    turning = np.random.default_rng(0).normal(size=(100, 3))
    assert np.isnan(metrics.beat_alignment(turning, np.zeros(64_000))).all()
    assert len(metrics.head_beats(np.zeros((2, 3)))) == 0
