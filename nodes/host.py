"""The host as our nodes see it: progress and cancelling, its folders, sound and video as files."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.model_management
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy_api.latest import InputImpl
from PIL import Image
from server import PromptServer

from dreamtalk_core import warned
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion import parse_fps
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.sound import write_wav
from dreamtalk_core.temporaries import remove

from .conversions import Audio, Frames, Picture, audio_of, check_image, samples

if TYPE_CHECKING:
    from dreamtalk_core.style import Style, StyleTrack

SUBFOLDER = "dreamtalk"
"""Where our nodes put files in the output folder as long as nobody names another place."""

_PREVIEW_EVERY = 0.5
_PREVIEW_SIZE = 512


# --- work ----------------------------------------------------------------------------------------


def progress(picture: Callable[[], Picture | None] | None = None) -> Progress:
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
def show_warnings(node: str) -> Iterator[None]:
    """What the core warns of within is shown in the node of this id, at once."""
    texts: list[str] = []

    def show(text: str) -> None:
        # One text takes the place of another.
        texts.append(text)
        PromptServer.instance.send_progress_text(" ".join(texts), node)

    with warned.collect_warnings(show):
        yield


def show_heard(style: Style | StyleTrack, node: str) -> None:
    """What was heard in the voice that a style was predicted from is shown in the node of an id.

    In no language: the host does not say which one its page is in, and names of styles are the same
    in all.
    """
    from dreamtalk_core.style import as_track

    for _, part in as_track(style).keys:
        if (heard := part.heard) is not None:
            told = f"auto: {heard.emotion}{'' if heard.sure else '?'} {heard.probability:.0%}"
            PromptServer.instance.send_progress_text(told, node)


def device() -> torch.device:
    """What the host lets networks run on."""
    found: torch.device = comfy.model_management.get_torch_device()
    return found


def free_memory() -> int:
    """Bytes that are free for IMAGE and MASK batches."""
    return int(comfy.model_management.get_free_memory(torch.device("cpu")))


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
    """How the frontend names a file in the host's `output`, `temp` or `input` folder."""
    home = Path(folder_paths.get_directory_by_type(folder))
    parent = path.parent.relative_to(home).as_posix()
    return {"filename": path.name, "subfolder": "" if parent == "." else parent, "type": folder}


def input_path(name: str) -> Path:
    """A file in the host's input folder (or `name [output]`, or anywhere, by its full path)."""
    return Path(folder_paths.get_annotated_filepath(name.strip()))


def files(folder: Path, suffixes: Container[str]) -> list[str]:
    """Names of the files in a folder with one of some suffixes, in order."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError:
        return []


def input_files(suffixes: Container[str]) -> list[str]:
    """Names of such files in the host's input folder."""
    return files(Path(folder_paths.get_input_directory()), suffixes)


def offer_input(source: Path, name: str) -> None:
    """Puts a file of ours into the host's input folder, if that may be written to. What has this
    name there already is the user's."""
    target = input_path(name)
    with suppress(DreamTalkError, OSError):
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            with atomic_write(target) as temporary:
                shutil.copyfile(source, temporary)


def output_files(suffixes: Container[str]) -> list[str]:
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


# --- sound and video ----------------------------------------------------------------------------


@contextmanager
def moving(video: Any, fps: float) -> Iterator[Path | Frames]:
    """A VIDEO as a file, see `video_file`, or an IMAGE at that rate as it is."""
    if isinstance(video, torch.Tensor):
        check_image(video)
        yield Frames(video, parse_fps(fps))
        return
    with video_file(video) as path:
        yield path


@contextmanager
def sound_file(audio: Audio | None) -> Iterator[Path | None]:
    """An AUDIO as a file (24-bit .wav) for as long as it is needed; None for no sound."""
    if audio is None:
        yield None
        return
    sound, path = samples(audio), temp_path(".wav")
    try:
        write_wav(path, sound, int(audio["sample_rate"]))
        yield path
    finally:
        remove(path)


def mixed(sounds: Sequence[Audio]) -> Audio | None:
    """Sounds that begin together, as one AUDIO, or None. Raises SpeechError for an empty one."""
    if len(sounds) < 2:
        return next(iter(sounds), None)
    from dreamtalk_core.render.output.sound import Mix, Sound

    with ExitStack() as stack:
        files = [stack.enter_context(sound_file(one)) for one in sounds]
        sound = Sound(Mix(tuple(file for file in files if file is not None)), "pcm")
        stack.callback(sound.close)
        return audio_of(np.concatenate([*sound.pieces], axis=1), sound.rate)


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
