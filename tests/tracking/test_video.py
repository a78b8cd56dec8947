"""Pictures from files: every kind, the right way up, in time, and errors in our words."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from zlib import compress, crc32

import av
import numpy as np
import pytest

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.tracking.video import Images, open_images, read_image

TICK = Fraction(1, 1000)


def write_video(
    path: Path,
    times: Sequence[int],
    size: tuple[int, int] = (64, 48),
    sound: float | None = None,
    codec: str = "libx264",
) -> Path:
    """Frame i has the brightness 3 i + 20 and is shown from `times` [ms] on; with two seconds of
    silence that begins at `sound` [s]."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "1"}
        stream.codec_context.time_base = TICK
        track = None
        if sound is not None:
            track = container.add_stream("pcm_s16le", rate=8000)
            track.codec_context.layout = "mono"
        for i, time in enumerate(times):
            picture = np.full((size[1], size[0], 3), (3 * i + 20) % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), "s16", "mono")
            frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
            frame.pts = round(sound * 8000)
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return path


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_picture(path: Path, picture: np.ndarray, pixels: str = "rgb24", codec: str = "") -> Path:
    """uint8 [H, W, channels]"""
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream(codec or path.suffix[1:], rate=25)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = pixels
        kind = "rgba" if picture.shape[2] == 4 else "rgb24"
        frame = av.VideoFrame.from_ndarray(picture, format=kind)
        container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return path


def shown(images: Images) -> list[int]:
    """Which frames of `write_video` are shown."""
    return [round((float(image.mean()) - 20) / 3) for image in images]


def corners(size: tuple[int, int] = (32, 48)) -> np.ndarray:
    """Red in the top left corner, green in the top right one; [H, W]."""
    picture = np.full((*size, 3), 128, np.uint8)
    picture[: size[0] // 2, : size[1] // 2] = [255, 0, 0]
    picture[: size[0] // 2, size[1] // 2 :] = [0, 255, 0]
    return picture


def test_steady_video(tmp_path: Path) -> None:
    images = open_images(write_video(tmp_path / "a.mp4", range(0, 1200, 40)))
    assert (images.fps, images.count) == (25, 30)
    assert shown(images) == list(range(30))
    assert shown(images) == list(range(30)), "every loop reads anew"
    picture = next(iter(images))
    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(24), Fraction(60000, 1001)])
def test_rates_are_exact_though_clocks_are_rounded(tmp_path: Path, rate: Fraction) -> None:
    times = [round(i * 1000 / rate) for i in range(60)]
    images = open_images(write_video(tmp_path / "a.mkv", times))
    assert images.fps == rate
    assert shown(images) == list(range(60))


def test_uneven_times_go_on_an_even_grid(tmp_path: Path) -> None:
    """A phone's clock: most frames after a 30th of a second, some late."""
    steps = np.random.default_rng(0).choice([33, 33, 34, 66], 60)
    times = np.concatenate([[0], np.cumsum(steps)])
    images = open_images(write_video(tmp_path / "a.mp4", times.tolist()))
    assert float(images.fps) == pytest.approx(30, rel=2e-3)
    frames = shown(images)
    assert len(frames) == pytest.approx((times[-1] + 33) * 0.03, abs=1)
    # What is on display in the middle of each frame.
    middles = (np.arange(len(frames)) + 0.5) * 1000 / float(images.fps)
    assert frames == (np.searchsorted(times, middles, side="right") - 1).tolist()


def test_a_clock_that_is_set_anew_costs_nothing(tmp_path: Path) -> None:
    times = [*range(0, 800, 40), *range(10_000_000, 10_000_800, 40)]
    assert shown(open_images(write_video(tmp_path / "a.mkv", times))) == list(range(40))


@pytest.mark.parametrize(
    ("sound", "first", "zero"),
    [(0.0, 0, 0), (0.2, 0, 5), (0.0, 200, -5), (1.5, 0, 0), (0.0, 1600, -40)],
)
def test_zero_is_where_the_sound_begins(
    tmp_path: Path, sound: float, first: int, zero: int
) -> None:
    """Unless that is much later: then both begin with the pictures."""
    times = range(first, first + 1200, 40)
    path = write_video(tmp_path / "a.mkv", times, sound=sound)
    assert shown(open_images(path))[:48] == [max(0, i + zero) for i in range(min(48, 30 - zero))]
    speech = Speech.load(path)
    assert float(speech.duration) == pytest.approx(2 + (sound if sound > 1 else 0), abs=0.01)


def test_one_frame(tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4"):
        images = open_images(write_video(tmp_path / name, [0]))
        assert (images.fps, shown(images)) == (25, [0])


def test_animation(tmp_path: Path) -> None:
    """A GIF whose third frame stays."""
    path = tmp_path / "a.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        stream.codec_context.time_base = Fraction(1, 100)
        for value, time in zip((0, 0xFF, 0, 0xFF, 0), (0, 10, 20, 50, 60), strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64), value, np.uint8), format="rgb8")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    images = open_images(path)
    assert images.fps == 10
    assert [image.max() > 128 for image in images] == [0, 1, 0, 0, 0, 1, 0]


def test_transparent_is_grey(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:, 4:] = [200, 100, 50, 255]
    image = read_image(write_picture(tmp_path / "a.png", picture, "rgba"))
    assert image[0, 0].tolist() == [128, 128, 128]
    assert image[0, 7].tolist() == [200, 100, 50]


@pytest.mark.parametrize("pixels", ["gray", "gray16be", "rgb48be"])
def test_grey_and_deep_pictures(tmp_path: Path, pixels: str) -> None:
    picture = np.full((8, 8, 3), 60, np.uint8)
    image = read_image(write_picture(tmp_path / "a.png", picture, pixels))
    assert image.shape == (8, 8, 3)
    assert image.mean() == pytest.approx(60, abs=1)


@pytest.mark.slow
def test_8k_is_made_smaller(tmp_path: Path) -> None:
    images = open_images(write_video(tmp_path / "a.mkv", [0], (7680, 4320), codec="mjpeg"))
    assert [image.shape for image in images] == [(1080, 1920, 3)]


def test_folder_of_pictures(tmp_path: Path) -> None:
    for i in (9, 10, 1):
        picture = np.full((16 + 2 * i, 16, 3), i, np.uint8)
        (tmp_path / f"frame_{i}.png").write_bytes(encode_png(picture))
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("none of ours")
    images = open_images(tmp_path)
    assert (images.fps, images.count) == (25, 3)
    assert [int(image[0, 0, 0]) for image in images] == [1, 9, 10]
    assert open_images(tmp_path, Fraction(24)).fps == 24


def test_the_folder_of_a_take(tmp_path: Path) -> None:
    """Live Link Face leaves a video, a thumbnail and tables in a folder."""
    take = tmp_path / "20261130_Slate ü_1"
    take.mkdir()
    write_video(take / "Slate_1_iPhone.mov", range(0, 400, 40))
    write_picture(take / "thumbnail.jpg", np.zeros((8, 8, 3), np.uint8), "yuvj420p", "mjpeg")
    (take / "take.json").write_text("{}", encoding="utf-8")
    images = open_images(take)
    assert images.files == (take / "Slate_1_iPhone.mov",)
    assert len(list(images)) == 10
    write_video(take / "another.mov", range(0, 400, 40))
    with pytest.raises(TrackingError, match=r"2 videos in it\. .*Slate_1_iPhone|another\.mov"):
        open_images(take)


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="no such file"):
        open_images(tmp_path / "a.mp4")
    with pytest.raises(TrackingError, match="no pictures in it"):
        open_images(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(TrackingError, match="empty"):
        open_images(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(TrackingError, match="not a video or picture"):
        open_images(tmp_path / "a.mp4")
    (tmp_path / "a.txt").write_text("To be, or not to be.\n" * 100)
    with pytest.raises(TrackingError, match="not a video or picture"):
        open_images(tmp_path / "a.txt")
    # Found, but there is nothing that decodes it.
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bytes(range(256)))
    with pytest.raises(TrackingError, match="Convert it to"):
        read_image(tmp_path / "a.jxl")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9"/></svg>'
    (tmp_path / "a.svg").write_text(svg)
    with pytest.raises(TrackingError, match="Convert it to"):
        read_image(tmp_path / "a.svg")


@pytest.mark.parametrize("size", [(100_000, 100_000), (15_000, 15_000), (2**31 - 1, 1), (0, 9)])
def test_pictures_that_say_they_are_enormous(tmp_path: Path, size: tuple[int, int]) -> None:
    """A few kilobytes that would be gigabytes of pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))

    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 16, 6, 0, 0, 0))
        + chunk(b"IDAT", compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )
    began = time.perf_counter()
    with pytest.raises(TrackingError, match=r"larger than 200 megapixels|damaged"):
        read_image(tmp_path / "a.png")
    assert time.perf_counter() - began < 5


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(TrackingError, match="no permission"):
        open_images(tmp_path)


# How a viewer shows the four corners of a picture (top left, top right, bottom left, bottom right;
# numbers of what the file has there) for each orientation that a camera may note.
ORIENTATIONS = {
    1: [0, 1, 2, 3],
    2: [1, 0, 3, 2],
    3: [3, 2, 1, 0],
    4: [2, 3, 0, 1],
    5: [0, 2, 1, 3],
    6: [2, 0, 3, 1],
    7: [3, 1, 2, 0],
    8: [1, 3, 0, 2],
}
# The same as matrices of a track: where a pixel at (x, y) goes, (a, b, c, d): (ax + cy, bx + dy).
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
COLOURS = np.array([[230, 20, 20], [20, 220, 20], [20, 20, 230], [230, 230, 230]])


def four_corners() -> np.ndarray:
    """[32, 48], each quarter in a colour of its own."""
    picture = np.zeros((32, 48, 3), np.uint8)
    for i, colour in enumerate(COLOURS):
        picture[i // 2 * 16 :, i % 2 * 24 :][:16, :24] = colour
    return picture


def corners_shown(picture: np.ndarray) -> list[int]:
    spots = (picture[y, x].astype(int) for y in (8, -8) for x in (8, -8))
    return [int(np.abs(COLOURS - spot).sum(axis=1).argmin()) for spot in spots]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_photos_stand_as_any_viewer_shows_them(tmp_path: Path, orientation: int) -> None:
    path = write_picture(tmp_path / "a.jpg", four_corners(), "yuvj444p", "mjpeg")
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    content = path.read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path.write_bytes(content[:2] + segment + content[2:])
    picture = read_image(path)
    assert picture.shape == ((32, 48, 3) if orientation < 5 else (48, 32, 3))
    assert corners_shown(picture) == ORIENTATIONS[orientation]


@pytest.mark.parametrize("orientation", MATRICES)
def test_videos_stand_as_any_player_shows_them(tmp_path: Path, orientation: int) -> None:
    """A phone writes its frames as its sensor lies, and a selfie's mirrored, and says so."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv444p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(four_corners(), "rgb24")))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    # tkhd, version 0: the matrix is 40 bytes behind the version.
    start = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in MATRICES[orientation])
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    pictures = list(open_images(path))
    assert len(pictures) == 3
    for picture in pictures:
        assert picture.shape == ((32, 48, 3) if orientation < 5 else (48, 32, 3))
        assert corners_shown(picture) == ORIENTATIONS[orientation]


def test_only_sound(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="no pictures"):
        open_images(write_sound(tmp_path / "a.wav"))


def test_a_photo_in_tiles(tmp_path: Path) -> None:
    """What a phone's heic looks like to ffmpeg, as far as matters here: many tracks of pictures."""
    path = tmp_path / "a.heic"
    with av.open(str(path), "w", format="matroska") as container:
        streams = [container.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(corners(), format="rgb24")))
            container.mux(stream.encode(None))
    with pytest.raises(TrackingError, match="jpg or png"):
        read_image(path)


def test_damaged_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", range(0, 4000, 40))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TrackingError, match="damaged"):
        list(open_images(path))
    start = content.index(b"mdat") + 4
    noise = np.random.default_rng(0).integers(0, 256, 2000, np.uint8).tobytes()
    path.write_bytes(content[: start + 500] + noise + content[start + 2500 :])
    with pytest.raises(TrackingError, match=r"damaged at about \d\.\d s"):
        list(open_images(path))


@pytest.mark.slow
def test_damaged_h264(tmp_path: Path) -> None:
    """Its decoder paints over what it lacks and goes on, and says so only when it is asked. It has
    no checksums: some noise is a picture to it."""
    path, rng = tmp_path / "a.mp4", np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        still = rng.integers(0, 256, (96, 160, 3), np.uint8)
        for i in range(30):
            moved = np.ascontiguousarray(still[:, i : i + 128])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, "rgb24")))
        container.mux(stream.encode(None))
    assert len(list(open_images(path))) == 30
    content, reported = path.read_bytes(), 0
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    for share in np.linspace(0.05, 0.9, 18):
        damaged, place = bytearray(content), start + int((end - start) * share)
        damaged[place : place + 200] = rng.integers(0, 256, 200, np.uint8).tobytes()
        path.write_bytes(damaged)
        try:
            assert len(list(open_images(path))) == 30
        except TrackingError as error:
            reported += "is damaged at about" in str(error)
    assert reported >= 12


def test_damaged_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(corners())[:40])
    with pytest.raises(TrackingError, match="damaged"):
        read_image(path)
