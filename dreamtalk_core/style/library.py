"""The style library: folders of style files, found by name from every entry point.

A style belongs to a project (the folder `dreamtalk_styles` in the working folder or in one above
it) or to the user (`DreamTalk/styles` in the folder where this system keeps a user's data, or the
folder that the environment variable DREAMTALK_STYLES names). A project's style hides a user's of
the same name, and both hide one that ships with the model.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from unicodedata import normalize

from platformdirs import user_data_path

from dreamtalk_core.errors import DreamTalkError, StyleError, shown
from dreamtalk_core.files import name_key, unportable
from dreamtalk_core.models.checkpoint import weights_header
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.style.extract import Worn, named_style
from dreamtalk_core.style.file import SUFFIX
from dreamtalk_core.style.load import load_style_file
from dreamtalk_core.style.style import Style
from dreamtalk_core.weights import WEIGHTS

PROJECT_FOLDER = "dreamtalk_styles"
RESERVED = {"auto"}
# What no Windows file name may hold, and what has a meaning in the text form of styles.
_FORBIDDEN = re.compile(r'[\\/:*?"<>|@+,\x00-\x1f]|^[. ]|[. ]$')
_LONGEST_NAME = 80


@dataclass(frozen=True)
class LibraryFolder:
    """A folder of the library, and its name: `project`, `user`, or one that the caller gives."""

    name: str
    path: Path


@dataclass(frozen=True)
class StyleLibrary:
    """Styles by name: those in the folders, first folder first, and those of a model.

    Names are told apart without regard to upper and lower case, or to how a letter and its mark
    are put together.
    """

    folders: tuple[LibraryFolder, ...]

    @staticmethod
    def default(work: Path | None = None) -> StyleLibrary:
        """The project's folder, seen from `work` or the working folder, and the user's."""
        return StyleLibrary(
            (LibraryFolder("project", project_folder(work)), LibraryFolder("user", user_folder()))
        )

    def names(self, model: MotionModel) -> tuple[str, ...]:
        """Every name that `find` knows, in order."""
        return self.names_with(model.styles)

    def names_with(self, shipped: Iterable[str]) -> tuple[str, ...]:
        """The names in the library and those of a model's own styles, in order, each once."""
        found = {name_key(name): name for name in shipped}
        for folder in reversed(self.folders):
            found |= {name_key(path.stem): path.stem for path in reversed(_files(folder.path))}
        return tuple(found[key] for key in sorted(found))

    def where(self, name: str) -> tuple[str, Path | None]:
        """The name of the folder that has a style, and its file; `model` and None if none has."""
        for folder in self.folders:
            if paths := _called(folder.path, name):
                return folder.name, paths[0]
        return "model", None

    def find(self, name: str, model: MotionModel, worn: Worn | None = None) -> Style:
        """The style of a name. worn: see `load_style_file`.

        Raises StyleError for an unknown name, saying which come near it, and for a damaged file or
        a style that this model cannot understand.
        """
        _, path = self.where(name)
        if path is not None:
            return load_style_file(path, model, worn)
        known = {name_key(shipped): shipped for shipped in model.styles}
        if name_key(name) in known:
            return named_style(model, known[name_key(name)])
        names = self.names(model)
        lower = {name_key(known): known for known in names}
        near = [lower[key] for key in get_close_matches(name_key(name[:_LONGEST_NAME]), lower, n=3)]
        advice = f" Did you mean {' or '.join(near)}?" if near else ""
        raise StyleError(
            f"There is no style '{shown(name)}'.{advice} There are: {', '.join(names)}."
        )

    def save(self, style: Style, folder: str = "user") -> Path:
        """Keep a style under its name, in place of one that has it; returns its file.

        folder: the name of one of the library's, which is made if need be.
        Raises StyleError for a name that cannot be a file's, or a folder that there is not,
        DreamTalkError where it cannot be written.
        """
        path = self.path(style.name, folder)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DreamTalkError(
                f"Cannot make the folder {path.parent}: {error.strerror or error}."
            ) from error
        style.save(path)
        # Of two spellings of a name the older one could be found instead.
        for other in _called(path.parent, style.name):
            try:
                if not other.samefile(path):
                    other.unlink()
            except OSError as error:
                raise DreamTalkError(
                    f"{path} is written, but {other}, which has the same name, cannot be deleted: "
                    f"{error.strerror or error}. Delete it, or it may be used instead."
                ) from error
        return path

    def path(self, name: str, folder: str) -> Path:
        """Where `save` puts a style of this name. Raises StyleError as `save` does."""
        check_name(name)
        paths = {known.name: known.path for known in self.folders}
        if folder not in paths:
            raise StyleError(f"There is no shelf '{folder}'. There are: {', '.join(paths)}.")
        return paths[folder] / f"{normalize('NFC', name)}{SUFFIX}"


@lru_cache(maxsize=4)
def shipped_names(model: Path = WEIGHTS / "default.safetensors") -> tuple[str, ...]:
    """Names of a model's own styles, from the header of its weights alone. Raises ModelError."""
    names, _ = weights_header(model)
    start = "styles."
    return tuple(name.removeprefix(start) for name in names if name.startswith(start))


def check_name(name: str) -> None:
    """Raises StyleError for a name that a style in the library cannot have."""
    if name_key(name) in RESERVED:
        raise StyleError(f"'{name}' has a meaning of its own. Give the style another name.")
    if reason := unportable(name):
        raise StyleError(f"A style cannot be called '{name}': {reason}. Give it another name.")
    # What is not shown as it is could pass for another name, or move the cursor.
    if not 0 < len(name) <= _LONGEST_NAME or _FORBIDDEN.search(name) or shown(name) != name:
        raise StyleError(
            f"A style cannot be called '{shown(name)}'. Use 1 to {_LONGEST_NAME} visible "
            r'characters without \ / : * ? " < > | @ + , and without a dot or space at either end.'
        )


def user_folder() -> Path:
    """Where the user's own styles are kept."""
    named = os.environ.get("DREAMTALK_STYLES")
    return Path(named) if named else user_data_path("DreamTalk", appauthor=False) / "styles"


def project_folder(work: Path | None = None) -> Path:
    """The project's styles: from a folder upwards, the working folder unless another is given, or
    where they would be made."""
    here = Path.cwd() if work is None else work.absolute()
    found = (folder / PROJECT_FOLDER for folder in (here, *here.parents))
    return next((folder for folder in found if folder.is_dir()), here / PROJECT_FOLDER)


def _files(folder: Path) -> list[Path]:
    """The style files of a folder, by name; none if it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == SUFFIX)
    except OSError:
        return []


def _called(folder: Path, name: str) -> list[Path]:
    """Style files of a name; that which is spelt like it first."""
    same = [path for path in _files(folder) if name_key(path.stem) == name_key(name)]
    return sorted(same, key=lambda path: path.stem != name)
