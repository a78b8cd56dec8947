"""Motions onto rigs with other names: schemes, matching by name, mappings, presets."""

from dreamtalk_core.retarget.mapping import ANGLES, SOURCES, TURNS, Mapping, Row
from dreamtalk_core.retarget.matching import Conflict, Match, match, scheme_mapping
from dreamtalk_core.retarget.presets import read_preset, write_preset
from dreamtalk_core.retarget.schemes import SCHEMES

__all__ = [
    "ANGLES",
    "SCHEMES",
    "SOURCES",
    "TURNS",
    "Conflict",
    "Mapping",
    "Match",
    "Row",
    "match",
    "read_preset",
    "scheme_mapping",
    "write_preset",
]
