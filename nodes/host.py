"""The host as our nodes see it: progress and cancelling, its folders, its sound, pictures, video.

A host's AUDIO is `{"waveform": float [B, C, N], "sample_rate": int}`, an IMAGE float [B, H, W, C]
in 0..1.
"""

from __future__ import annotations

import secrets
import time
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy_api.latest import InputImpl
from numpy.typing import NDArray
from PIL import Image
from server import PromptServer

from dreamtalk_core import warned
from dreamtalk_core.errors import RenderError, SpeechError
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.media import decode_audio
from dreamtalk_core.temporaries import remove

Audio = dict[str, Any]
Picture = NDArray[np.uint8]

SUBFOLDER = "dreamtalk"
"""Where our nodes put files in the output folder, unless told otherwise."""

_PREVIEW_EVERY = 0.5
_PREVIEW_SIZE = 512
_PIECE = 1 << 18  # samples written at a time


# --- work ----------------------------------------------------------------------------------------


def progress(picture: Callable[[], Picture | None] | None = None) -> Callable[[int, int], None]:
    """What the core calls with (done, total): moves the node's bar, and stops when the user does.

    picture: the latest picture [H, W, 3], if there is one; shown in the node twice a second.
    Raises the host's own exception when the user cancels.
    """
    bar, shown = comfy.utils.ProgressBar(1), -_PREVIEW_EVERY

    def update(done: int, total: int) -> None:
        nonlocal shown
        check_cancelled()
        preview = None
        if picture is not None and time.monotonic() - shown >= _PREVIEW_EVERY:
            latest = picture()
            if latest is not None:
                preview = ("JPEG", Image.fromarray(latest), _PREVIEW_SIZE)
                shown = time.monotonic()
        bar.update_absolute(done, total, preview)

    return update


def check_cancelled() -> None:
    """Raises the host's own exception when the user has pressed cancel."""
    comfy.model_management.throw_exception_if_processing_interrupted()


@contextmanager
def telling(node: str) -> Iterator[None]:
    """What the core warns of within is told in the node of this id."""
    texts: list[str] = []
    with warned.telling(texts.append):
        yield
    if texts:
        PromptServer.instance.send_progress_text(" ".join(texts), node)


# --- files ---------------------------------------------------------------------------------------


def temp_path(suffix: str) -> Path:
    """A new name in the host's folder for temporary files, which it empties when it starts."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"dreamtalk_{secrets.token_hex(8)}{suffix}"


def output_path(prefix: str, suffix: str) -> Path:
    """The next free name for a prefix such as `faces/line` in the host's output folder.

    Numbered as the host numbers its own: `line_00001_.csv`. The folder is made if need be.
    """
    output = folder_paths.get_output_directory()
    folder, name, counter, _, _ = folder_paths.get_save_image_path(prefix, output)
    return Path(folder) / f"{name}_{counter:05}_{suffix}"


def saved(path: Path, folder: str = "output") -> dict[str, str]:
    """How the frontend is told of a file in the host's `output`, `temp` or `input` folder."""
    home = Path(folder_paths.get_directory_by_type(folder))
    parent = path.parent.relative_to(home).as_posix()
    return {"filename": path.name, "subfolder": "" if parent == "." else parent, "type": folder}


def input_path(name: str) -> Path:
    """A file in the host's input folder (or `name [output]`, or anywhere, by its full path)."""
    return Path(folder_paths.get_annotated_filepath(name.strip()))


def files(folder: Path, suffixes: set[str]) -> list[str]:
    """Names of the files in a folder with one of some suffixes, in order."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError:
        return []


def input_files(suffixes: set[str]) -> list[str]:
    """Names of such files in the host's input folder."""
    return files(Path(folder_paths.get_input_directory()), suffixes)


def own_files(suffixes: set[str]) -> list[str]:
    """Names of such files in our part of the host's output folder, as `input_path` takes them."""
    folder = Path(folder_paths.get_output_directory()) / SUBFOLDER
    return [f"{SUBFOLDER}/{name} [output]" for name in files(folder, suffixes)]


def check_file(path: Path | None) -> bool | str:
    """For `validate_inputs`: True, or what to say of a file that is not there.

    None stands for an input whose value is not known before the graph runs.
    """
    if path is None or path.is_file():
        return True
    return f"There is no file {path}. Put it there, or choose another one."


def changed(path: Path | None) -> str:
    """For `fingerprint_inputs`: a text that is another one when a file has changed."""
    try:
        status = None if path is None else path.stat()
    except (OSError, ValueError):
        status = None
    return f"{path}" if status is None else f"{path} {status.st_mtime_ns} {status.st_size}"


# --- sound ---------------------------------------------------------------------------------------


def samples(audio: Audio) -> NDArray[np.float32]:
    """Samples [C, N] of an AUDIO. Raises SpeechError if it holds none, or several sounds.

    A silent clip has None for its AUDIO.
    """
    whole = isinstance(audio, Mapping) and {"waveform", "sample_rate"} <= audio.keys()
    waveform = audio["waveform"] if whole else torch.empty(0)
    if waveform.ndim != 3 or not waveform.numel():
        raise SpeechError(
            "This AUDIO is empty, as that of a silent clip is. Connect a sound that holds samples."
        )
    if len(waveform) > 1:
        raise SpeechError(
            f"This AUDIO is a batch of {len(waveform)} sounds. Connect one sound at a time."
        )
    array: NDArray[np.float32] = waveform[0].detach().float().cpu().numpy()
    return array


def audio_of(waveform: NDArray[np.float32], sample_rate: int) -> Audio:
    """Samples [C, N] as an AUDIO."""
    return {"waveform": torch.from_numpy(waveform)[None], "sample_rate": int(sample_rate)}


def load_audio(path: Path) -> Audio:
    """The sound of a file as it is, whole. Raises SpeechError, see `decode_audio`."""
    pieces = []
    for piece in decode_audio(path):
        check_cancelled()
        pieces.append(piece)
    if not pieces:
        raise SpeechError(f"{path} has no samples: its length is zero.")
    rates = {rate for _, rate in pieces}
    channels = max(len(piece) for piece, _ in pieces)
    # A broadcast may change its mind midway; then it is heard as the model hears it.
    if len(rates) > 1 or any(len(piece) not in (1, channels) for piece, _ in pieces):
        return audio_of(Speech.load(path).waveform[None], SAMPLE_RATE)
    # Silence for a gap has one channel.
    even = [np.broadcast_to(piece, (channels, piece.shape[1])) for piece, _ in pieces]
    return audio_of(np.concatenate(even, axis=1), rates.pop())


def cut_audio(audio: Audio, start: float, seconds: float) -> Audio:
    """So many seconds of an AUDIO from `start` on; silence where it has nothing."""
    rate = int(audio["sample_rate"])
    first, last = round(start * rate), round((start + seconds) * rate)
    waveform = audio["waveform"]
    part = waveform[..., max(0, first) : max(0, last)]
    before = min(max(0, -first), last - first)
    after = last - first - before - part.shape[-1]
    return {**audio, "waveform": torch.nn.functional.pad(part, (before, after))}


@contextmanager
def sound_file(audio: Audio | None) -> Iterator[Path | None]:
    """An AUDIO as a file (24-bit .wav) for as long as it is needed; None for no sound."""
    if audio is None:
        yield None
        return
    sound, path = samples(audio), temp_path(".wav")
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(len(sound))
            file.setsampwidth(3)
            file.setframerate(int(audio["sample_rate"]))
            for start in range(0, sound.shape[1], _PIECE):
                piece = np.nan_to_num(sound[:, start : start + _PIECE]).clip(-1, 1)
                whole = np.round(piece.T.astype(np.float64) * (2**23 - 1)).astype("<i4")
                # The lower three of the four bytes.
                file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes())
        yield path
    finally:
        remove(path)


# --- pictures and video --------------------------------------------------------------------------


def picture(image: torch.Tensor) -> Picture:
    """The first picture of an IMAGE, uint8 [H, W, 3]."""
    return pictures(image[:1])[0]


def pictures(image: torch.Tensor) -> Picture:
    """An IMAGE as uint8 [B, H, W, 3]; transparency is dropped, one channel becomes three.

    Raises RenderError if there is none.
    """
    check_image(image)
    array = image.detach().float().cpu().clamp(0, 1).mul(255).round().byte().numpy()
    return np.ascontiguousarray(np.broadcast_to(array[..., :3], (*array.shape[:3], 3)))


def check_image(image: torch.Tensor) -> None:
    """Raises RenderError for an IMAGE without a picture."""
    if image.ndim != 4 or not image.numel():
        raise RenderError("This IMAGE is empty. Connect one that holds a picture.")


def image_of(array: Picture) -> torch.Tensor:
    """Pictures uint8 [H, W, C] or [B, H, W, C] as an IMAGE."""
    return torch.from_numpy(array if array.ndim == 4 else array[None]).float() / 255


@contextmanager
def video_file(video: Any) -> Iterator[Path]:
    """A VIDEO as a file for as long as it is needed; its own file if it is one and used whole."""
    # Newer hosts can cut a video without writing it anew.
    window = getattr(video, "get_active_trim_window", lambda: (0.0, 0.0))()
    if isinstance(video, InputImpl.VideoFromFile) and not any(window):
        source = video.get_stream_source()
        if isinstance(source, str):
            yield Path(source)
            return
    path = temp_path(".mp4")
    try:
        video.save_to(str(path))
        yield path
    finally:
        remove(path)
