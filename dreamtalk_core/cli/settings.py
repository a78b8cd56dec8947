"""What a user can set as options, made from the tables of `parameters`."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.parameters import Parameter, Settings, parameters, tables
from dreamtalk_core.pipeline.load import model_tables

WRITTEN_AS = {"guidance_scale": "guidance"}
"""Settings whose options have another name: scripts were written with it."""


def add_settings(
    parser: argparse.ArgumentParser,
    *some: type[Settings],
    only: Collection[str] = (),
    repeated: bool = False,
) -> None:
    """Options for all settings, or for those of some tables, in a group for each.

    only: names of the settings, if not all are meant. repeated: they may be given several times,
    see `given_each`.
    """
    for table in some or tables():
        title = table.__name__.lower()
        original = table in model_tables()
        group = parser.add_argument_group(f"{title} (original)" if original else title)
        for parameter in parameters(table):
            if only and parameter.name not in only:
                continue
            group.add_argument(
                option(parameter.name),
                dest=parameter.name,
                action="append" if repeated else "store",
                type=parameter.kind if parameter.kind in (int, float, Path) else str,
                choices=parameter.choices or None,
                metavar=None if parameter.choices else _metavar(parameter),
                help=_help(parameter),
            )


def option(name: str) -> str:
    """A setting as it is written on the command line."""
    return f"--{WRITTEN_AS.get(name, name).replace('_', '-')}"


def _metavar(parameter: Parameter) -> str:
    return "X" if parameter.numeric else "FILE" if parameter.kind is Path else "FOLDER|NAME"


def _help(parameter: Parameter) -> str:
    named = (
        f"{parameter.name}: {parameter.help}" if parameter.name in WRITTEN_AS else parameter.help
    )
    if parameter.default is None:
        return named
    default = f"{float(parameter.default):g}" if parameter.numeric else parameter.default
    return f"{named} (default {default})"


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the user gave, by name."""
    names = [
        parameter.name for table in (*tables(), *model_tables()) for parameter in parameters(table)
    ]
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def given_each(options: argparse.Namespace, count: int) -> list[dict[str, Any]]:
    """The settings of each of several faces: an option counts for all, or is given once for each.

    Raises DreamTalkError for another number of times.
    """
    values = {name: each(option(name), some, count) for name, some in given(options).items()}
    return [{name: some[i] for name, some in values.items()} for i in range(count)]


def each(name: str, values: Sequence[Any], count: int) -> Sequence[Any]:
    """What an option called `name` holds for each of several faces, see `given_each`."""
    if len(values) not in (1, count):
        faces = "one face" if count == 1 else f"{count} faces"
        raise DreamTalkError(
            f"{name} is given {len(values)} times for {faces}. Give it once, or once for each."
        )
    return list(values) * (count // len(values))
