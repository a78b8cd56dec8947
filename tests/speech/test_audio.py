from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import FrozenInstanceError
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech import audio
from dreamtalk_core.speech.audio import MAX_GAIN_DB, MAX_STEADY_GAIN_DB, TARGET_LEVEL_DB, Speech


def voice(seconds: float = 3.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Speech-like sound [N] in [-1, 1]: a buzz with formant-like bands, in syllables and pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * t + rng.uniform(0, 6)) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 2.2 * t), 0, 1) * (np.sin(2 * np.pi * 0.4 * t) > -0.6)
    sound = buzz * syllables + 0.002 * rng.standard_normal(len(t))
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


def decibel(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def active_level(speech: Speech) -> float:
    blocks = speech.waveform[: len(speech.waveform) // 512 * 512].reshape(-1, 512)
    powers = np.square(blocks, dtype=np.float64).mean(axis=1)
    return float(10 * np.log10(powers[powers > powers.mean() / 10].mean()))


def encode(
    path: Path,
    codec: str,
    samples: np.ndarray,
    rate: int,
    layout: str = "mono",
    video: bool = False,
    skip: tuple[float, float] | None = None,
) -> Path:
    """Write samples [channels, n] with PyAV; `skip` (at, by) moves the clock on."""
    samples = np.atleast_2d(samples).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if video:
            pictures = container.add_stream("mpeg4", rate=25)
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
            for i in range(25):
                picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
                picture.pts, picture.time_base = i, Fraction(1, 25)
                container.mux(pictures.encode(picture))
            container.mux(pictures.encode(None))
        # Interleaved: PyAV 18 cannot make planar frames of 8 channels.
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1).copy(), "flt", layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            stream.format, layout, rate, frame_size=stream.codec_context.frame_size or 1024
        )
        frame.pts, frame.time_base = 0, Fraction(1, rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            if skip and piece.pts >= skip[0] * rate:
                piece.pts += round(skip[1] * rate)
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    n = min(len(a), len(b))
    return float(np.corrcoef(a[:n], b[:n])[0, 1])


@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "layout"),
    [
        (".wav", "pcm_s16le", 44100, "mono"),
        (".wav", "pcm_u8", 8000, "mono"),
        (".wav", "pcm_s24le", 48000, "stereo"),
        (".wav", "pcm_f32le", 22050, "mono"),
        (".wav", "pcm_f64le", 96000, "5.1"),
        (".wav", "pcm_s32le", 16000, "7.1"),
        (".flac", "flac", 44100, "stereo"),
        (".flac", "flac", 48000, "7.1"),
        (".mp3", "libmp3lame", 44100, "stereo"),
        (".m4a", "aac", 48000, "stereo"),
        (".ogg", "libopus", 48000, "mono"),
        (".mkv", "flac", 11025, "mono"),
    ],
)
def test_load_any_container_rate_and_layout(
    tmp_path: Path, suffix: str, codec: str, rate: int, layout: str
) -> None:
    sound = voice(2.0, rate)
    channels = av.AudioLayout(layout).nb_channels
    path = tmp_path / f"eine Zeile, 台词{suffix}"
    encode(path, codec, np.tile(sound, (channels, 1)), rate, layout)
    speech = Speech.load(path)
    assert speech.waveform.dtype == np.float32
    assert speech.source == str(path)
    lossless = codec.startswith(("pcm", "flac"))
    expected = Speech.from_array(sound, rate)
    if lossless:
        assert speech.duration == expected.duration
    else:
        assert float(speech.duration) == pytest.approx(2.0, abs=0.1)
    if suffix != ".ogg":  # opus shifts phases
        assert likeness(speech.waveform, expected.waveform) > (0.98 if lossless else 0.9)
    assert active_level(speech) == pytest.approx(TARGET_LEVEL_DB, abs=1.5)


def test_load_the_sound_of_a_video(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", "aac", voice(1.0, 44100), 44100, video=True)
    assert float(Speech.load(str(path)).duration) == pytest.approx(1.0, abs=0.1)


def test_exact_time_and_pitch_after_resampling() -> None:
    rate = 44100
    click = np.zeros(rate * 2, np.float32)
    at = [4410 * k for k in range(2, 18)]
    click[at] = 0.9
    click += 1e-3 * voice(2.0, rate)
    speech = Speech.from_array(click, rate)
    assert speech.duration == 2
    for k in at:
        middle = round(k * 16000 / rate)
        near = np.abs(speech.waveform[middle - 80 : middle + 80])
        assert abs(int(near.argmax()) - 80) <= 1


@pytest.mark.slow
@given(
    count=st.integers(1, 5000),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000]),
)
def test_length_is_exact(count: int, rate: int) -> None:
    speech = Speech.from_array(np.full(count, 0.1), rate)
    assert len(speech.waveform) == max(1, int(Fraction(count * 16000, rate) + Fraction(1, 2)))


def test_resampling_takes_out_what_16_khz_cannot_carry() -> None:
    t = np.arange(48000) / 48000
    low, high = np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 13000 * t)
    mixed = Speech.from_array(0.1 * low + 0.1 * high, 48000).waveform
    spectrum = np.abs(np.fft.rfft(mixed[2000:10000]))
    assert spectrum[500] > 1000 * np.delete(spectrum, range(480, 520)).max()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float64, np.float16])
def test_number_types_mean_the_same(dtype: type) -> None:
    sound = voice()
    kind = np.dtype(dtype)
    if kind.kind == "f":
        samples = sound.astype(dtype)
    else:
        half = 2.0 ** (8 * kind.itemsize - 1)
        samples = np.round(sound.astype(np.float64) * (half - 1))
        samples = (samples + (128 if kind.kind == "u" else 0)).astype(dtype)
    result = Speech.from_array(samples, 16000).waveform
    assert likeness(result, Speech.from_array(sound, 16000).waveform) > 0.995


def test_channels_are_averaged() -> None:
    sound = voice()
    both = Speech.from_array(np.stack([sound, np.zeros_like(sound)]), 16000)
    np.testing.assert_allclose(both.waveform, Speech.from_array(sound, 16000).waveform, atol=1e-5)


def test_rate_and_channels_may_change_midway() -> None:
    first, second = voice(1.0, 48000), voice(1.0, 22050)
    pieces = [(first[None], 48000), (np.stack([second, second]), 22050), (first[None], 48000)]
    joined = np.concatenate(list(audio._mono_16k(iter(pieces), "test")))
    assert len(joined) == 48000
    parts = [part for piece in pieces for part in audio._mono_16k(iter([piece]), "test")]
    np.testing.assert_allclose(joined, np.concatenate(parts), atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.1, 1e-3, 30.0])
def test_speech_of_any_level_comes_out_at_the_target(scale: float) -> None:
    sound = voice(10.0)
    speech = Speech.from_array(sound * np.float32(scale), 16000)
    assert active_level(speech) == pytest.approx(TARGET_LEVEL_DB, abs=0.5)
    assert likeness(speech.waveform, sound) > 0.999


def test_sparse_speech_and_clicks_do_not_mislead_the_level() -> None:
    sound = 0.01 * voice(4.0)
    sparse = np.concatenate([np.zeros(16000 * 60, np.float32), sound])
    plain = Speech.from_array(sound, 16000)
    assert active_level(Speech.from_array(sparse, 16000)) == pytest.approx(
        active_level(plain), abs=1.0
    )
    clicked = sound.copy()
    clicked[30000:30020] = 1.0
    with_click = Speech.from_array(clicked, 16000)
    assert np.abs(with_click.waveform).max() == 1.0
    assert decibel(with_click.waveform[:20000]) == pytest.approx(
        decibel(plain.waveform[:20000]), abs=1.0
    )


def test_dc_is_removed() -> None:
    sound = voice()
    speech = Speech.from_array(0.5 + 0.1 * sound, 16000)
    assert abs(float(speech.waveform.mean())) < 1e-3
    assert likeness(speech.waveform, sound) > 0.999


@pytest.mark.parametrize(("value", "rate"), [(0.0, 44100), (1e-6, 44100), (0.25, 16000)])
def test_digital_silence_stays_silent(value: float, rate: int) -> None:
    speech = Speech.from_array(np.full((2, rate), value), rate)
    assert speech.duration == 1
    assert not speech.waveform.any()


def test_the_gain_is_bounded() -> None:
    rng = np.random.default_rng(0)
    noise = (1e-4 * rng.standard_normal(32000)).astype(np.float32)
    steady = Speech.from_array(noise, 16000)
    assert decibel(steady.waveform) - decibel(noise) == pytest.approx(MAX_STEADY_GAIN_DB, abs=0.1)
    faint = 3e-4 * voice(5.0)
    speech = Speech.from_array(faint, 16000)
    assert decibel(speech.waveform) - decibel(faint) == pytest.approx(MAX_GAIN_DB, abs=0.1)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        ([], 16000, "length is zero"),
        (np.zeros((2, 0)), 16000, "length is zero"),
        ([0.0, np.nan], 16000, "NaN"),
        ([0.0, np.inf], 44100, "NaN"),
        ([0.0, 1e300], 16000, "NaN or infinite"),
        ("text", 16000, "numbers"),
        ([1j], 16000, "numbers"),
        (np.zeros((1, 2, 3)), 16000, "numbers"),
        (np.zeros((16000, 2)), 16000, "Transpose"),
        ([0.1], 0, "sample rate"),
        ([0.1], -16000, "sample rate"),
        ([0.1], 16000.5, "whole number"),
        ([0.1], float("nan"), "whole number"),
        ([0.1], 10**9, "sample rate"),
    ],
)
def test_from_array_refuses(samples: object, rate: float, message: str) -> None:
    with pytest.raises(SpeechError, match=message):
        Speech.from_array(samples, rate)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "waveform",
    [
        np.zeros(0, np.float32),
        np.zeros(3),
        np.zeros((1, 3), np.float32),
        np.array([0, 1.5], np.float32),
        np.array([0, np.nan], np.float32),
    ],
)
def test_the_constructor_refuses(waveform: np.ndarray) -> None:
    with pytest.raises(SpeechError, match="waveform must"):
        Speech(waveform, "test")


def test_is_immutable() -> None:
    mine = np.zeros(4, np.float32)
    speech = Speech(mine, "test")
    mine[:] = 1
    assert not speech.waveform.any()
    with pytest.raises(ValueError, match="read-only"):
        speech.waveform[0] = 1
    with pytest.raises(FrozenInstanceError):
        speech.source = "other"  # type: ignore[misc]


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no such file"):
        Speech.load(tmp_path / "gone.wav")
    with pytest.raises(SpeechError, match="is a folder"):
        Speech.load(tmp_path)
    with pytest.raises(SpeechError, match="no such file"):
        Speech.load("http://127.0.0.1:9/a.wav")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.wav", b"", "is empty"),
        ("text.wav", b"Not a sound at all.\n" * 40, "not a sound or video"),
        ("zeros.mp3", bytes(5000), "not a sound or video|damaged|no sound"),
        ("header.flac", b"fLaC", "not a sound or video|damaged"),
        (
            "list.m3u8",
            b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.aac\n",
            "not a sound or video|no",
        ),
    ],
)
def test_files_that_are_no_sound(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SpeechError, match=message):
        Speech.load(path)


def test_a_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    with pytest.raises(SpeechError, match="no sound track"):
        Speech.load(path)


def test_a_sound_file_of_zero_length(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", "pcm_s16le", voice(0.1), 16000)
    content = bytearray(path.read_bytes())
    start = content.index(b"data")
    content[start + 4 : start + 8] = bytes(4)
    path.write_bytes(content[: start + 8])
    with pytest.raises(SpeechError, match="length is zero"):
        Speech.load(path)


def test_nan_samples_in_a_file(tmp_path: Path) -> None:
    sound = voice(1.0)
    sound[8000] = np.nan
    path = encode(tmp_path / "a.wav", "pcm_f32le", voice(1.0), 16000)
    content = path.read_bytes()
    start = content.index(b"data") + 8
    path.write_bytes(content[:start] + sound.tobytes())
    with pytest.raises(SpeechError, match="NaN"):
        Speech.load(path)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".flac", "flac"), (".mp3", "libmp3lame"), (".m4a", "aac")]
)
def test_damage_midway_is_named_with_its_place(tmp_path: Path, suffix: str, codec: str) -> None:
    path = encode(tmp_path / f"a{suffix}", codec, voice(6.0, 44100), 44100)
    content = path.read_bytes()
    middle = len(content) // 2
    noise = np.random.default_rng(1).bytes(9000)
    path.write_bytes(content[:middle] + noise + content[middle + 9000 :])
    with pytest.raises(SpeechError, match=r"damaged at about [1-4]\.\d s"):
        Speech.load(path)


def test_a_truncated_flac_is_damaged(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", "flac", voice(4.0), 16000)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(SpeechError, match="damaged at about"):
        Speech.load(path)


def test_a_gap_in_the_clock_of_a_recording_becomes_silence(tmp_path: Path) -> None:
    sound = voice(2.0, 48000)
    path = encode(tmp_path / "a.mkv", "pcm_s16le", sound, 48000, skip=(1.0, 0.5))
    speech = Speech.load(path)
    assert float(speech.duration) == pytest.approx(2.5, abs=0.03)
    assert np.abs(speech.waveform[16800:23600]).max() < 0.01


def test_long_recordings_are_not_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "_PIECE", 1 << 14)
    piece = voice(2.0, 48000)[None]
    tracemalloc.start()
    try:
        waveform = Speech._collect(((piece, 48000) for _ in range(150)), "test").waveform
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(waveform) == 300 * 16000
    assert peak < 0.5 * waveform.nbytes


def test_needs_neither_torch_nor_librosa() -> None:
    program = "import sys, dreamtalk_core.speech.audio as a; print(*sorted(sys.modules))"
    names = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split()
    assert not {"torch", "librosa", "scipy", "numba"} & set(names)


def test_real_recordings_come_out_alike(shared: Path) -> None:
    levels = {}
    for name in ("German1.wav", "acknowledgement_english.m4a", "noisy_audio_meeting_snr_10.wav"):
        speech = Speech.load(shared / "media" / "speech" / name)
        levels[name] = active_level(speech)
    assert levels == pytest.approx(dict.fromkeys(levels, TARGET_LEVEL_DB), abs=1.5)
