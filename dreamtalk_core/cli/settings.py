"""What a user can set as options, made from the tables of `parameters`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from dreamtalk_core.parameters import Parameter, Settings, parameters, tables

WRITTEN_AS = {"guidance_scale": "guidance"}
"""Settings whose options have another name: scripts were written with it."""


def add_settings(parser: argparse.ArgumentParser, *some: type[Settings]) -> None:
    """Options for all settings, or for those of some tables, in a group for each."""
    for table in some or tables():
        group = parser.add_argument_group(table.__name__.lower())
        for own in parameters(table):
            group.add_argument(
                option(own.name),
                dest=own.name,
                type=own.kind if own.kind in (int, float) else str,
                metavar="X",
                help=_help(own),
            )


def option(name: str) -> str:
    """A setting as it is written on the command line."""
    return f"--{WRITTEN_AS.get(name, name).replace('_', '-')}"


def _help(own: Parameter) -> str:
    named = f"{own.name}: {own.help}" if own.name in WRITTEN_AS else own.help
    return named if own.default is None else f"{named} (default {float(own.default):g})"


def given(options: argparse.Namespace, some: Iterable[type[Settings]] = ()) -> dict[str, Any]:
    """The settings that the user gave, of all or of some tables, by name."""
    names = [own.name for table in some or tables() for own in parameters(table)]
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
