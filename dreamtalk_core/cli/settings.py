"""What a user can set as options, made from the tables of `parameters`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dreamtalk_core.parameters import Parameter, Settings, parameters, tables
from dreamtalk_core.pipeline.load import own_tables

WRITTEN_AS = {"guidance_scale": "guidance"}
"""Settings whose options have another name: scripts were written with it."""


def add_settings(parser: argparse.ArgumentParser, *some: type[Settings]) -> None:
    """Options for all settings, or for those of some tables, in a group for each."""
    for table in some or tables():
        title = table.__name__.lower()
        group = parser.add_argument_group(title if table in tables() else f"{title} (original)")
        for own in parameters(table):
            group.add_argument(
                option(own.name),
                dest=own.name,
                type=own.kind if own.kind in (int, float, Path) else str,
                choices=own.choices or None,
                metavar=None if own.choices else _metavar(own),
                help=_help(own),
            )


def option(name: str) -> str:
    """A setting as it is written on the command line."""
    return f"--{WRITTEN_AS.get(name, name).replace('_', '-')}"


def _metavar(own: Parameter) -> str:
    return "X" if own.numeric else "FILE" if own.kind is Path else "FOLDER|NAME"


def _help(own: Parameter) -> str:
    named = f"{own.name}: {own.help}" if own.name in WRITTEN_AS else own.help
    if own.default is None:
        return named
    return f"{named} (default {f'{float(own.default):g}' if own.numeric else own.default})"


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the user gave, by name."""
    names = [own.name for table in (*tables(), *own_tables()) for own in parameters(table)]
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
