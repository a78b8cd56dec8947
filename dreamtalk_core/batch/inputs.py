"""A row as the pipeline takes it, and the files that it is made from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from dreamtalk_core.batch.plan import VIDEOS, Row
from dreamtalk_core.errors import DreamTalkError, shown
from dreamtalk_core.files import digest_of, name_key
from dreamtalk_core.formats import is_read
from dreamtalk_core.retarget.schemes import SCHEMES

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.line import Line

# Torch takes a second to import: in the workers, which run this, and not where they are started.


class Unusable(Exception):
    """No row can be made."""

    def __init__(self, reason: DreamTalkError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def line_of(row: Row, folder: Path) -> Line:
    """A row as the pipeline takes it."""
    from dreamtalk_core.pipeline.line import Line

    paths = [folder / name for name in row.outputs]
    videos = [path for path in paths if path.suffix.lower() in VIDEOS]
    if len(videos) > 1:
        raise DreamTalkError("A row makes one video. Take the others out of its outputs.")
    portrait = Path(row.portrait) if row.portrait else None
    drawn = videos[0] if videos and portrait and not is_read(portrait) else None
    return Line(
        Path(row.audio),
        tuple(path for path in paths if path not in videos),
        tuple(map(Path, row.others)),
        row.style,
        portrait,
        row.settings,
        videos[0] if videos and drawn is None else None,
        drawn,
        row.transcript,
        row.start or None,
        row.timecode_rate or None,
        scheme=row.scheme,
        voice=Path(row.voice) if row.voice else None,
    )


def digest(path: Path) -> str:
    """SHA-256 of a file's content. Raises DreamTalkError."""
    try:
        return digest_of(path)
    except FileNotFoundError as error:
        raise DreamTalkError(f"There is no file {shown(path)}. Check the name.") from error
    except OSError as error:
        raise DreamTalkError(f"Cannot read {shown(path)}: {error.strerror}.") from error


@lru_cache(maxsize=4)
def model_digest(model: str) -> str:
    """A hash of the weights that a model is made of, and of its style predictor."""
    from dreamtalk_core.pipeline.dreamtalk import MODELS, PREDICTOR

    path = MODELS.get(model, Path(model))
    beside = path.parent / PREDICTOR
    try:
        return " ".join(digest(one) for one in (path, beside) if one is path or beside.is_file())
    except DreamTalkError as error:
        raise Unusable(error) from error


def read_by(line: Line) -> Iterator[Path]:
    """All files that a line is made from."""
    from dreamtalk_core.style import StyleLibrary

    if line.speech is not None:
        yield line.speech
    yield from line.others
    if line.portrait is not None:
        yield line.portrait
    if line.voice is not None:
        yield line.voice
    if line.scheme and line.scheme not in SCHEMES:
        yield Path(line.scheme)
    yield from (value for value in line.settings.values() if isinstance(value, Path))
    library = StyleLibrary.default()
    for name in _styles(line.style):
        kept = library.where(name)[1]
        if kept is not None or Path(name).is_file():
            yield kept or Path(name)


def _styles(text: str) -> list[str]:
    """Names in a style's text. Raises StyleError."""
    from dreamtalk_core.style import parse_style
    from dreamtalk_core.style.style import Style

    names: list[str] = []

    def note(name: str) -> Style:
        names.append(name)
        return Style([0.0], name, "")  # type: ignore[arg-type]

    parse_style(text, note)
    return names


def check_styles(model: str, text: str) -> None:
    """Raises StyleError for a style that neither the library nor the model has, DreamTalkError for
    a file that there is not."""
    from dreamtalk_core.pipeline.base import names_auto
    from dreamtalk_core.pipeline.dreamtalk import MODELS
    from dreamtalk_core.pipeline.load import kind_of, kinds
    from dreamtalk_core.style import StyleLibrary, shipped_names

    library, model_file = StyleLibrary.default(), MODELS.get(model, Path(model))
    ours = kind_of(model) == kinds()[0] and model_file.is_file()
    known = shipped_names(model_file) if ours else ()
    for name in _styles(text):
        if names_auto(name) or library.where(name)[1] or name_key(name) in map(name_key, known):
            continue
        if not Path(name).suffix and ours:
            library.find(name, cast(Any, SimpleNamespace(styles=dict.fromkeys(known))))
        # Of pictures in time there is a pattern.
        if Path(name).suffix and "%" not in name and not Path(name).exists():
            raise DreamTalkError(f"There is no file {shown(name)}. Check the name of the style.")


def written_by(line: Line) -> list[Path]:
    """All files that are made of a line."""
    return [path for path in (*line.curves, line.preview, line.video) if path is not None]
