"""Styles: named, taken from a performance, mixed, kept in files, changed over a line."""

from dreamtalk_core.style.extract import extract_style, named_style, useful_spans
from dreamtalk_core.style.file import SUFFIX, check_style_path
from dreamtalk_core.style.library import StyleLibrary, shipped_names
from dreamtalk_core.style.load import fitted, load_style_file, read_style_file
from dreamtalk_core.style.style import (
    Heard,
    Style,
    StyleTrack,
    as_track,
    check_fits,
    fingerprint,
    mix_styles,
)
from dreamtalk_core.style.text import parse_style, parse_style_keys

__all__ = [
    "SUFFIX",
    "Heard",
    "Style",
    "StyleLibrary",
    "StyleTrack",
    "as_track",
    "check_fits",
    "check_style_path",
    "extract_style",
    "fingerprint",
    "fitted",
    "load_style_file",
    "mix_styles",
    "named_style",
    "parse_style",
    "parse_style_keys",
    "read_style_file",
    "shipped_names",
    "useful_spans",
]
