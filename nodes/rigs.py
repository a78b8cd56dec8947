"""Rigs: whose names and shapes a motion gets when it is saved."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from dreamtalk_core.retarget import SCHEMES, Mapping, read_preset, scheme_mapping

from .model import FOLDER

KEEP = "keep"
"""Neither this rig nor that: what a motion goes to already."""
_SCHEMES = {label: scheme for scheme, label in SCHEMES.items()}


def rigs() -> list[str]:
    """Naming schemes by their labels, and presets (.json) in `models/dreamtalk`."""
    names = folder_paths.get_filename_list(FOLDER)
    presets = (name for name in names if Path(name).suffix.lower() == ".json")
    # A network's settings lie in its own folder.
    return [KEEP, *_SCHEMES, *(name for name in presets if Path(name).name == name)]


def preset_path(rig: str | None) -> Path | None:
    """The file of a preset; None for a scheme."""
    if rig is None or rig == KEEP or rig in _SCHEMES:
        return None
    return Path(folder_paths.get_full_path(FOLDER, rig) or rig)


def mapping_to(rig: str) -> Mapping | None:
    """The mapping to a rig of the list; None for ARKit's own names. Raises DreamTalkError."""
    path = preset_path(rig)
    if path is not None:
        return read_preset(path)
    return None if _SCHEMES[rig] == "arkit" else scheme_mapping(_SCHEMES[rig])
