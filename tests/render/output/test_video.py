"""Videos and sequences: frames, rates, sync, and that a failure leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError, RenderError, SpeechError
from dreamtalk_core.render.output.video import check_video_path, write_video
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.media import pixels

Frame = NDArray[np.uint8]


def frames(count: int, size: int = 64) -> Iterator[Frame]:
    for i in range(count):
        yield np.full((size, size, 3), (40 + 3 * i) % 200, np.uint8)


def write_sound(path: Path, rate: int, channels: int, seconds: float, click: float) -> None:
    """A quiet recording with one click."""
    count = round(seconds * rate)
    samples = np.zeros((channels, count), np.float32)
    samples[:, round(click * rate) : round(click * rate) + rate // 200] = 0.8
    codec = {".flac": "flac", ".mp3": "libmp3lame"}.get(path.suffix, "pcm_s16le")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        layout = "stereo" if channels == 2 else "mono"
        stream.codec_context.layout = layout
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray((samples.T * 32767).astype(np.int16).reshape(1, -1)), "s16", layout
        )
        frame.sample_rate = rate
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read_back(path: Path) -> tuple[list[Frame], NDArray[np.float32], int]:
    """Frames, and the sound [channels, n] with its rate."""
    with av.open(str(path)) as container:
        pictures = [pixels(frame, "rgb24") for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return pictures, np.zeros((1, 0), np.float32), 0
        pieces = list(container.decode(audio=0))
    sound = np.concatenate([piece.to_ndarray() for piece in pieces], axis=1)
    return pictures, sound, pieces[0].sample_rate


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), 60])
def test_frame_count_rate_and_length(tmp_path: Path, fps: Fraction) -> None:
    fps = Fraction(fps)
    sound = tmp_path / "s.wav"
    write_sound(sound, 44100, 1, 2.5, 1.0)
    path = tmp_path / "v.mp4"
    write_video(path, frames(41), fps, sound)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.average_rate == fps
        assert video.frames == 41
        assert video.start_time == 0
        assert audio.start_time == 0
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert audio.codec_context.name == "aac"
        assert video.duration * video.time_base == 41 / fps
        # To the nearest sample.
        assert abs(audio.duration * audio.time_base - 41 / fps) <= Fraction(1, 44100)
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert times == [i / fps for i in range(41)]


@pytest.mark.parametrize(
    ("suffix", "rate", "channels", "expected_rate"),
    [(".wav", 16000, 1, 16000), (".wav", 44100, 2, 44100), (".flac", 48000, 2, 48000)],
)
def test_sound_keeps_its_rate_and_its_place(
    tmp_path: Path, suffix: str, rate: int, channels: int, expected_rate: int
) -> None:
    sound = tmp_path / f"s{suffix}"
    write_sound(sound, rate, channels, 1.5, click=0.7)
    path = tmp_path / "v.mp4"
    write_video(path, frames(50), Fraction(25), sound)
    _, decoded, decoded_rate = read_back(path)
    assert decoded_rate == expected_rate
    assert decoded.shape[0] == channels
    assert np.abs(decoded).argmax(axis=1)[0] / expected_rate == pytest.approx(0.7, abs=0.008)
    # Padded with silence after the recording's end.
    assert decoded.shape[1] >= 2 * expected_rate
    assert np.abs(decoded[:, round(1.6 * expected_rate) :]).max() < 0.01


def test_a_rate_that_aac_lacks_is_converted(tmp_path: Path) -> None:
    sound = tmp_path / "s.wav"
    write_sound(sound, 11000, 1, 1.5, click=0.7)
    path = tmp_path / "v.mp4"
    write_video(path, frames(50), Fraction(25), sound)
    _, decoded, rate = read_back(path)
    assert rate == 11025
    assert np.abs(decoded[0]).argmax() / rate == pytest.approx(0.7, abs=0.01)


def test_long_sound_is_cut_and_speech_is_taken(tmp_path: Path) -> None:
    speech = Speech(np.full(16000 * 5, 0.1, np.float32), "test")
    path = tmp_path / "v.mp4"
    write_video(path, frames(25), Fraction(25), speech)
    with av.open(str(path)) as container:
        audio = container.streams.audio[0]
        assert audio.duration * audio.time_base == 1


def test_pictures_come_back(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    left = np.zeros((64, 96, 3), np.uint8)
    left[:, :48] = (200, 60, 40)
    write_video(path, [left] * 5, Fraction(25))
    pictures, sound, _ = read_back(path)
    assert len(pictures) == 5
    assert sound.size == 0
    np.testing.assert_allclose(pictures[0][32, 20], (200, 60, 40), atol=8)
    np.testing.assert_allclose(pictures[0][32, 80], 0, atol=4)


def test_a_failure_of_the_frames_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"old")

    def broken() -> Iterator[Frame]:
        yield from frames(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, broken(), Fraction(25))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], "no frames"),
        ([np.zeros((64, 64, 2), np.uint8)], "uint8"),
        ([np.zeros((64, 64), np.uint8)], "uint8"),
        ([np.zeros((64, 64, 3), np.float32)], "uint8"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)], "Frame 1"),
    ],
)
def test_frames_that_cannot_be_encoded(tmp_path: Path, pictures: list[Frame], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        write_video(tmp_path / "v.mp4", pictures, Fraction(25))
    assert list(tmp_path.iterdir()) == []


def test_sound_that_cannot_be_read(tmp_path: Path) -> None:
    text = tmp_path / "not sound.wav"
    text.write_text("hello", encoding="utf-8")
    with pytest.raises(SpeechError, match=r"not sound\.wav"):
        write_video(tmp_path / "v.mp4", frames(3), Fraction(25), text)
    silent = tmp_path / "silent.mp4"
    write_video(silent, frames(3), Fraction(25))
    with pytest.raises(SpeechError, match="no sound track"):
        write_video(tmp_path / "v.mp4", frames(3), Fraction(25), silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["not sound.wav", "silent.mp4"]


@pytest.mark.parametrize("name", ["v.avi", "v", "v.mp4.txt", "v.png", "v.exr"])
def test_another_suffix_is_refused_before_any_work(tmp_path: Path, name: str) -> None:
    def never() -> Iterator[Frame]:
        pytest.fail("asked for a frame")
        yield

    with pytest.raises(RenderError, match=r"Use \.mp4, \.mov"):
        write_video(tmp_path / name, never(), Fraction(25))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DreamTalkError, match="does not exist"):
        write_video(tmp_path / "no" / "v.mp4", frames(3), Fraction(25))


def gradient(height: int = 48, width: int = 64, alpha: bool = False) -> Frame:
    """Smooth, so that no codec has an excuse."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [3 * x + 20, 4 * y + 20, 128 + x - y]
    if alpha:
        planes.append(np.where(x < width // 2, 255, 2 * y))
    return np.stack(planes, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "codec", "decoder", "tag"),
    [
        ("v.mp4", "h265", "hevc", "hvc1"),
        ("v.mov", None, "prores", "apch"),
        ("v.mov", "h264", "h264", "avc1"),
    ],
)
def test_other_codecs(tmp_path: Path, name: str, codec: str | None, decoder: str, tag: str) -> None:
    fps = Fraction(30000, 1001)
    sound = tmp_path / "s.wav"
    write_sound(sound, 44100, 2, 2.0, click=0.5)
    path = tmp_path / name
    write_video(path, [gradient()] * 31, fps, sound, codec=codec)
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.codec_tag) == (decoder, tag)
        assert (video.average_rate, video.frames) == (fps, 31)
        # 709, limited range.
        context = video.codec_context
        assert context.colorspace == 1
        # ProRes has no other range, and some ffmpegs do not say so.
        assert context.color_range == 1 or (decoder == "prores" and context.color_range == 0)
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert times == [i / fps for i in range(31)]
    pictures, decoded, rate = read_back(path)
    np.testing.assert_allclose(pictures[20].astype(int), gradient(), atol=9)
    assert rate == 44100
    samples = decoded.reshape(-1, 2).T if name.endswith("mov") else decoded
    # Nothing is added to PCM; AAC comes in whole frames.
    assert 0 <= samples.shape[1] - round(31 / fps * 44100) < (1 if name.endswith("mov") else 1024)
    assert np.abs(samples[0].astype(float)).argmax() / 44100 == pytest.approx(0.5, abs=0.006)


def test_prores_keeps_transparency(tmp_path: Path) -> None:
    picture = gradient(alpha=True)
    write_video(tmp_path / "v.mov", [picture] * 3, Fraction(24))
    with av.open(str(tmp_path / "v.mov")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "ap4h"
        frame = list(container.decode(video=0))[2]
    assert "a" in frame.format.name
    read = pixels(frame, "rgba").astype(int)
    np.testing.assert_allclose(read[..., 3], picture[..., 3], atol=1)
    np.testing.assert_allclose(read[..., :3], picture[..., :3], atol=6)


def test_odd_sizes_repeat_their_edge(tmp_path: Path) -> None:
    picture = gradient(47, 63)
    write_video(tmp_path / "v.mp4", [picture] * 2, Fraction(25))
    read = read_back(tmp_path / "v.mp4")[0][0]
    assert read.shape == (48, 64, 3)
    np.testing.assert_allclose(read[:47, :63].astype(int), picture, atol=10)
    np.testing.assert_allclose(read[47, :63].astype(int), picture[46], atol=10)


def read_picture(path: Path, layout: str) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format=layout)


@pytest.mark.parametrize("name", ["shot.####.png", "shot.%04d.png"])
@pytest.mark.parametrize("alpha", [False, True])
def test_png_sequence_with_its_sound(tmp_path: Path, name: str, alpha: bool) -> None:
    (tmp_path / "shot.0007.png").write_text("of an older, longer take")
    (tmp_path / "shot.0001.png").write_text("of an older take")
    (tmp_path / "other.0007.png").write_text("somebody else's")
    pictures = [gradient(33, 35, alpha) + np.uint8(i) for i in range(5)]
    sound = tmp_path / "voice.wav"
    write_sound(sound, 22050, 1, 0.5, click=0.1)
    write_video(tmp_path / name, pictures, Fraction(24000, 1001), sound)
    numbered = [f"shot.{i:04d}.png" for i in range(5)]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*numbered, "other.0007.png", "shot.wav", "voice.wav"]
    )
    for file, picture in zip(numbered, pictures, strict=True):
        np.testing.assert_array_equal(
            read_picture(tmp_path / file, "rgba" if alpha else "rgb24"), picture
        )
    with av.open(str(tmp_path / "shot.wav")) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "pcm_s24le"
        samples = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
    assert samples.shape[1] == round(5 * Fraction(1001, 24000) * 22050)
    assert abs(int(np.abs(samples[0].astype(float)).argmax()) - 2205) < 22050 // 100


def test_exr_is_linear_and_premultiplied(tmp_path: Path) -> None:
    picture = gradient(30, 40, alpha=True)
    write_video(tmp_path / "a_##.exr", [picture] * 2, Fraction(24))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a_00.exr", "a_01.exr"]
    with av.open(str(tmp_path / "a_01.exr")) as container:
        frame = next(container.decode(video=0))
    # Half floats stay so in newer versions of ffmpeg. Green is the first plane, alpha the last.
    number = np.float16 if "f16" in frame.format.name else np.float32
    assert frame.format.name.startswith("gbrap")
    green, alpha = (
        np.frombuffer(memoryview(frame.planes[i]), number).reshape(30, -1)[:, :40] for i in (0, 3)
    )
    np.testing.assert_allclose(alpha, picture[..., 3] / 255, atol=1e-3)
    light = ((picture[..., 1] / 255 + 0.055) / 1.055) ** 2.4
    np.testing.assert_allclose(green, light * alpha, atol=1e-3)


def test_float_pictures_come_back_from_exr_to_the_bit(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).normal(size=(21, 19, 3)).astype(np.float32) * 1000
    write_video(tmp_path / "d.#.exr", [picture], Fraction(24))
    with av.open(str(tmp_path / "d.0.exr")) as container:
        frame = next(container.decode(video=0))
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
        read = np.frombuffer(memoryview(plane), np.float32).reshape(21, -1)[:, :19]
        np.testing.assert_array_equal(read, picture[..., channel])
    with pytest.raises(RenderError, match="uint8"):
        write_video(tmp_path / "d.#.png", [picture], Fraction(24))


@pytest.mark.parametrize("name", ["v.#.png", "v.#.exr"])
def test_a_failure_leaves_the_old_sequence(tmp_path: Path, name: str) -> None:
    old = tmp_path / name.replace("#", "1")
    old.write_bytes(b"old")

    def broken() -> Iterator[Frame]:
        yield from frames(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / name, broken(), Fraction(25))
    assert old.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize(
    ("name", "codec", "alpha", "message"),
    [
        ("v.mp4", "prores", False, "h264, h265"),
        ("v.mp4", "vp9", False, "h264, h265"),
        ("v.#.png", "h264", False, "no codec"),
        ("v.mp4", None, True, "no transparency. Use .mov"),
        ("v.mov", "h264", True, "no transparency"),
    ],
)
def test_what_a_format_cannot_hold(
    tmp_path: Path, name: str, codec: str | None, alpha: bool, message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        check_video_path(tmp_path / name, codec, alpha)
    with pytest.raises(RenderError, match=message):
        write_video(tmp_path / name, [gradient(alpha=alpha)], Fraction(25), codec=codec)
    assert list(tmp_path.iterdir()) == []
