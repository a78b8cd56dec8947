"""Ours beside the library's: `python benchmarks/libraries.py` (after `pip install .[dev]`).

For what librosa or OpenCV has too and this package still does by itself: the first call in a new
process, which imports librosa, and later ones, on one thread, in milliseconds; and how far apart
the results are. Where a library is no slower from the first call on, and no worse, ours can go.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from dreamtalk_core import Speech  # noqa: E402
from dreamtalk_core.motion import MODEL_FPS  # noqa: E402
from dreamtalk_core.render.portrait import eyes  # noqa: E402
from dreamtalk_core.render.portrait.warp import sample  # noqa: E402
from dreamtalk_core.speech import prosody  # noqa: E402
from dreamtalk_core.speech.audio import SAMPLE_RATE  # noqa: E402
from dreamtalk_core.speech.phonetics import PhoneticEncoder  # noqa: E402
from dreamtalk_core.tracking.crop import Region, crop  # noqa: E402
from dreamtalk_core.tracking.video import read_image  # noqa: E402

VOICE = ROOT / "dreamtalk_core" / "assets" / "demo_voice.flac"
FACE = VOICE.with_name("demo_portrait.jpg")
PHOTO_SIDE = 3000
LATER = 5
"""Calls after the first, of which the fastest counts."""

Make = Callable[[Path], Callable[[], np.ndarray]]
"""Makes what is measured, in a folder; its result is an array."""


class Case(NamedTuple):
    """What is measured on both sides."""

    what: str
    ours: Make
    library: Make


def minute() -> np.ndarray:
    """The demo voice over and over: a minute at 16 kHz."""
    return np.resize(Speech.load(VOICE).waveform, 60 * SAMPLE_RATE)


FRAMES = 60 * MODEL_FPS


def our_loudness(_: Path) -> Callable[[], np.ndarray]:
    wave = minute()
    return lambda: prosody.measure_loudness(wave, FRAMES)


def librosa_loudness(_: Path) -> Callable[[], np.ndarray]:
    hop, window = SAMPLE_RATE // MODEL_FPS, 1024
    wave = np.pad(minute(), ((window - hop) // 2, window))

    def measure() -> np.ndarray:
        import librosa

        rms = librosa.feature.rms(y=wave, frame_length=window, hop_length=hop, center=False)
        power = rms[0, :FRAMES] ** 2
        level = 10 * np.log10(power / np.percentile(power, prosody.LOUD_PERCENTILE) + 1e-12)
        return np.maximum(level, prosody.FLOOR_DB)

    return measure


def our_pitch(_: Path) -> Callable[[], np.ndarray]:
    wave = minute()
    return lambda: prosody.measure_pitch(wave, FRAMES)[0].ravel()


def librosa_pitch(_: Path) -> Callable[[], np.ndarray]:
    wave = np.pad(minute(), (1024 // 2 - 80, 1024))

    def measure() -> np.ndarray:
        import librosa

        hertz = librosa.yin(
            wave,
            fmin=prosody.LOWEST_HZ,
            fmax=prosody.HIGHEST_HZ,
            sr=SAMPLE_RATE,
            frame_length=1024,
            hop_length=SAMPLE_RATE // 100,
            center=False,
        )
        return hertz[: 4 * FRAMES]

    return measure


def our_cepstra(_: Path) -> Callable[[], np.ndarray]:
    wave = minute()
    prosody_of = prosody.measure_prosody(wave)
    return lambda: prosody.describe_voice(wave, prosody_of)[:, -8:]


def librosa_cepstra(_: Path) -> Callable[[], np.ndarray]:
    hop, size, bands = SAMPLE_RATE // 100, 512, 26
    wave = np.pad(minute(), ((size - hop) // 2, size))

    def measure() -> np.ndarray:
        import librosa

        mel = librosa.feature.melspectrogram(
            y=wave,
            sr=SAMPLE_RATE,
            n_fft=size,
            hop_length=hop,
            window=np.hanning(size),
            center=False,
            n_mels=bands,
            fmin=50,
            fmax=7500,
            htk=True,
            norm=None,
        )
        level = np.log(mel[:, : 4 * FRAMES] + 1e-6)
        cepstra = librosa.feature.mfcc(S=level, n_mfcc=9, norm=None)[1:] / (2 * bands)
        return cepstra.reshape(8, FRAMES, 4).mean(2).T

    return measure


def our_mel(_: Path) -> Callable[[], np.ndarray]:
    encoder, wave = PhoneticEncoder.load(), torch.from_numpy(minute())[None]

    def measure() -> np.ndarray:
        spectrum = torch.stft(wave, 400, 160, window=encoder.window, return_complex=True)
        mel = (encoder.mel @ spectrum.abs().square()).clamp(min=1e-10).log()
        return mel[0].numpy()

    return measure


def librosa_mel(_: Path) -> Callable[[], np.ndarray]:
    encoder, wave = PhoneticEncoder.load(), minute()

    def measure() -> np.ndarray:
        import librosa

        window = encoder.window.numpy()
        spectrum = librosa.stft(
            wave, n_fft=400, hop_length=160, window=window, pad_mode="reflect", center=True
        )
        mel = encoder.mel.numpy() @ np.abs(spectrum) ** 2
        return np.log(np.maximum(mel, 1e-10))

    return measure


REGION = Region(380, 380, 500, 500, 0.2)


def our_crop(_: Path) -> Callable[[], np.ndarray]:
    image = read_image(FACE)
    return lambda: crop(image, REGION, 256, black_border=False)


def opencv_crop(_: Path) -> Callable[[], np.ndarray]:
    image = read_image(FACE)
    corner, right, below = REGION.place(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    matrix = np.column_stack([(right - corner) / 256, (below - corner) / 256, corner])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    return lambda: cv2.warpAffine(image, matrix, (256, 256), flags=how, borderMode=edge)


STEPS, STEP = 20, 1 / 200
"""How often and how far a portrait moves in slow motion, in pixels."""
Warp = Callable[[np.ndarray, np.ndarray], np.ndarray]


def portrait(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo of side x side pixels, and where its pixels come from when it has moved."""
    image = cv2.resize(read_image(FACE), (side, side), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:side, :side]
    return image, np.dstack([columns + 0.3, rows + 0.1]).astype(np.float32)


def our_sample(image: np.ndarray, come: np.ndarray) -> np.ndarray:
    out = image.copy()
    sample(image, np.zeros(come.shape[:2], np.float32), come, 0, 0, out)
    return out


def opencv_sample(image: np.ndarray, come: np.ndarray) -> np.ndarray:
    return cv2.remap(image, come, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def warped(warp: Warp, _: Path) -> Callable[[], np.ndarray]:
    image, come = portrait(1080)
    return lambda: warp(image, come)


def slowly(warp: Warp, _: Path) -> Callable[[], np.ndarray]:
    """By how many pixels the picture seems to move in each step."""
    image, come = portrait(256)

    def measure() -> np.ndarray:
        moves = [np.float32([STEP * step, 0]) for step in range(STEPS + 1)]
        shown = np.stack([warp(image, come + move).mean(2) for move in moves])
        slope = np.gradient(shown[0], axis=1)
        return (np.diff(shown, axis=0) * slope).sum((1, 2)) / (slope * slope).sum()

    return measure


def eye() -> tuple[np.ndarray, np.ndarray]:
    """A piece of a photo as large as an eye, of which the lower half is known."""
    image = read_image(FACE)[400:600, 400:680]
    known = np.zeros(image.shape[:2], bool)
    known[100:] = True
    return image, known


def our_white(_: Path) -> Callable[[], np.ndarray]:
    image, known = eye()
    return lambda: eyes._spread(image.astype(float), known)


def opencv_white(_: Path) -> Callable[[], np.ndarray]:
    image, known = eye()
    return lambda: cv2.inpaint(image, (~known).astype(np.uint8), 3, cv2.INPAINT_NS)


def photo(folder: Path, suffix: str) -> Path:
    image = cv2.resize(cv2.imread(str(FACE)), (PHOTO_SIDE, PHOTO_SIDE))
    path = folder / f"photo{suffix}"
    path.write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    return path


def our_photo(suffix: str, folder: Path) -> Callable[[], np.ndarray]:
    path = photo(folder, suffix)
    return lambda: read_image(path)


def opencv_photo(suffix: str, folder: Path) -> Callable[[], np.ndarray]:
    path = photo(folder, suffix)

    def read() -> np.ndarray:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        return cv2.cvtColor(cv2.imdecode(content, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    return read


CASES = {
    "loudness": Case("loudness of a minute, librosa.feature.rms", our_loudness, librosa_loudness),
    "pitch": Case("pitch of a minute, librosa.yin", our_pitch, librosa_pitch),
    "cepstra": Case("spectral descriptors of a minute, .mfcc", our_cepstra, librosa_cepstra),
    "mel": Case("phonetic front end of a minute, librosa.stft", our_mel, librosa_mel),
    "crop": Case("a face for the network, cv2.warpAffine", our_crop, opencv_crop),
    "warp": Case(
        "a portrait of 1080 x 1080 moved, cv2.remap",
        partial(warped, our_sample),
        partial(warped, opencv_sample),
    ),
    "slow": Case(
        f"pixels it moves for 1/{1 / STEP:.0f}, {STEPS} times, the same",
        partial(slowly, our_sample),
        partial(slowly, opencv_sample),
    ),
    "eye": Case("the white of an eye behind a lid, cv2.inpaint", our_white, opencv_white),
    **{
        kind: Case(
            f"a {kind} of 9 megapixels, cv2.imdecode",
            lambda folder, kind=kind: our_photo(f".{kind}", folder),
            lambda folder, kind=kind: opencv_photo(f".{kind}", folder),
        )
        for kind in ("jpg", "png")
    },
}


def measure(case: str, side: str, folder: Path) -> None:
    """Write SIDE.npz into the folder: milliseconds of the first and of later calls, the result."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    call = getattr(CASES[case], side)(folder)
    times = []
    for _ in range(1 + LATER):
        begin = time.perf_counter()
        result = call()
        times.append(1000 * (time.perf_counter() - begin))
    np.savez(folder / f"{side}.npz", first=times[0], later=min(times[1:]), result=result)


def compare(case: str) -> str:
    """A line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for side in ("ours", "library"):
            command = [sys.executable, __file__, "--case", case, "--side", side, "--folder", folder]
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
            found.append(dict(np.load(Path(folder) / f"{side}.npz")))
    ours, library = found
    apart = np.abs(ours["result"].astype(float) - library["result"])
    times = " ".join(f"{one[name]:9.1f}" for one in found for name in ("first", "later"))
    return f"{CASES[case].what:48}{times}   {np.nanmedian(apart):.2g} / {np.nanmax(apart):.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--case", choices=CASES, help="one of the comparisons")
    parser.add_argument("--side", choices=("ours", "library"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options.case, options.side, options.folder)
        return
    print(f"OpenCV {cv2.__version__}")
    print(f"{'ms: first and later calls of ours, of the library':48}{'':39}   apart: median / most")
    for case in [options.case] if options.case else CASES:
        print(compare(case), flush=True)


if __name__ == "__main__":
    main()
