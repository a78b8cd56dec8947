"""`load`: the pipeline of a model, whichever kind it is, and what each kind takes.

The one place outside `original` that knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.files import check_target
from dreamtalk_core.formats import check_writable
from dreamtalk_core.parameters import Settings, changed, parameters, tables

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import Pipeline

# Torch takes a second to import, so what needs it is imported where it is used.


@dataclass(frozen=True)
class Kind:
    """A kind of model. name: in messages. sampling, loading: tables of what `sample_motion` and
    `load` take. suffixes: of files that its motions can be saved as besides those of all."""

    name: str
    sampling: tuple[type[Settings], ...]
    loading: tuple[type[Settings], ...] = ()
    suffixes: tuple[str, ...] = ()

    def check_output(self, path: Path) -> None:
        """Raises MotionError, or WriteError, for a file that a motion cannot be saved as."""
        if path.suffix.lower() in self.suffixes:
            check_target(path)
        else:
            check_writable(path)

    def loading_of(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Those of some settings that are for `load`."""
        return {name: settings[name] for name in names_of(self.loading) if name in settings}

    def sampling_of(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Those of some settings that are for `sample_motion`."""
        return {name: settings[name] for name in names_of(self.sampling) if name in settings}


def kinds() -> tuple[Kind, Kind]:
    """Our own models, and the original's checkpoints."""
    from dreamtalk_core.original.options import SUFFIX, Checkpoint, Pose

    original = Kind("an original checkpoint", (*tables(), Pose), (Checkpoint,), (SUFFIX,))
    return Kind("a model of ours", tables()), original


def kind_of(model: str | Path) -> Kind:
    """The kind of a model by its name or file."""
    return kinds()[_is_original(model)]


def model_tables() -> tuple[type[Settings], ...]:
    """Tables of what only some kinds of models take."""
    every = [table for kind in kinds() for table in (*kind.sampling, *kind.loading)]
    return tuple(table for table in dict.fromkeys(every) if table not in tables())


def check_settings(
    model: str | Path, settings: Mapping[str, Any], written: Callable[[str], str] = str
) -> None:
    """Raises DreamTalkError for settings that a model does not take, or that are out of range.

    written: how messages call a setting that is for another kind of model.
    """
    kind = kind_of(model)
    known = {name for table in (*kind.sampling, *kind.loading) for name in names_of([table])}
    for other in kinds():
        for name in names_of((*other.sampling, *other.loading)):
            if name in settings and name not in known:
                raise DreamTalkError(
                    f"{written(name)} is for {other.name} as model. Leave it out, or choose one."
                )
    changed(settings, *(table() for table in (*kind.sampling, *kind.loading)))


def load(model: str | Path = "default", device: str = "auto", **settings: Any) -> Pipeline:
    """The pipeline of a shipped model (see `MODELS`) by its name, or of another one by its path:
    one of ours, or an original checkpoint.

    device: `auto` (CUDA or Apple's GPU where there is one, else the CPU) or a torch device.
    settings: of the kind's table for loading.
    Raises ModelError for a file that is no motion model, DreamTalkError for an unknown device or
    settings that it does not take.
    """
    if _is_original(model):
        from dreamtalk_core.original.pipeline import OriginalDreamTalk

        return OriginalDreamTalk.load(model, device, **settings)
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

    changed(settings)
    return DreamTalk.load(model, device)


def names_of(some: tuple[type[Settings], ...] | list[type[Settings]]) -> list[str]:
    """Names of the settings of some tables."""
    return [parameter.name for table in some for parameter in parameters(table)]


def _is_original(model: str | Path) -> bool:
    if not Path(model).suffix:
        return False  # a name: torch need not be loaded to tell that
    from dreamtalk_core.original.checkpoint import is_original

    return is_original(model)
