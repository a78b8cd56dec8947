"""The table of what a user can set, and that the doors offer it."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from pathlib import Path

import pytest

from dreamtalk_core.cli import _commands, _parser
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.parameters import Behaviour, Controls, Parameter, Settings, parameters

TABLES = (Behaviour, Controls)
ALL = [(table, own) for table in TABLES for own in parameters(table)]
EVERY = pytest.mark.parametrize(("table", "own"), ALL, ids=lambda value: getattr(value, "name", ""))


def test_a_table_is_read_in_the_order_of_its_fields() -> None:
    for table in TABLES:
        assert [own.name for own in parameters(table)] == [part.name for part in fields(table)]
        assert all(getattr(table(), own.name) == own.default for own in parameters(table))
    assert len({own.name for _, own in ALL}) == len(ALL)


@EVERY
def test_each_is_described(table: type[Settings], own: Parameter) -> None:
    assert own.low <= own.default <= own.most <= own.high
    assert 1 <= len(own.label.split()) <= 3
    assert own.help[0].isupper()
    assert not own.help.endswith(".")
    assert re.search(rf"(?m)(^ *|, ){own.name}[:,]", table.__doc__ or "")


@EVERY
def test_what_is_out_of_range_is_refused(table: type[Settings], own: Parameter) -> None:
    for value in (own.low - 0.01, own.high + 0.01, math.nan, math.inf):
        with pytest.raises(DreamTalkError, match=rf"{own.name} is .*from {own.low:g}"):
            table(**{own.name: value})
    for value in (own.low, own.most, min(own.high, 1e6)):
        assert getattr(table(**{own.name: value}), own.name) == value


@EVERY
def test_the_command_line_offers_it(table: type[Settings], own: Parameter) -> None:
    animate = next(one for one in _commands(_parser()) if one.prog.endswith("animate"))
    option = f"--{own.name.replace('_', '-')}"
    (action,) = (one for one in animate._actions if option in one.option_strings)
    assert own.help in str(action.help)
    assert f"default {own.default:g}" in str(action.help)


def test_nobody_describes_it_again(root: Path) -> None:
    """Ranges and help of these are nowhere but in the table."""
    folders = (root / "dreamtalk_core", root / "nodes", root / "blender_addon")
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        if path.name != "parameters.py":
            text = path.read_text(encoding="utf-8")
            assert not [own.name for _, own in ALL if own.help in text], path
