"""What messages call a button is what is written on it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "blender_addon"
KEYS = {"I", "N", "Tab"}
"""That are pressed as well."""
_PRESSED = re.compile(r"\b[Pp]ress(?:es|ed)? [*`'\"]*([A-Z]\w*(?: [A-Z]\w*)*)")


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ADDON.rglob("*.py")):
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def labels() -> dict[str, str]:
    """What operators are called, by `bl_idname` and by the name of the class."""
    found = {}
    for _, tree in trees():
        for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            given = {
                ast.unparse(line.targets[0]): ast.literal_eval(line.value)
                for line in node.body
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)
            }
            if {"bl_idname", "bl_label"} <= set(given):
                found[given["bl_idname"]] = found[node.name] = given["bl_label"]
    return found


def written() -> set[str]:
    """The texts of all buttons that are drawn."""
    found, known = set(), labels()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".operator"):
                named = node.args[0]
                name = named.value if isinstance(named, ast.Constant) else ast.unparse(named)
                texts = [key.value for key in node.keywords if key.arg == "text"]
                operator = known.get(str(name).removesuffix(".bl_idname"))
                # What an operator of Blender's own is called, is not to be read here.
                assert operator or texts, name
                found.add(ast.literal_eval(texts[0]) if texts else operator)
    return found


def pressed(text: str) -> set[str]:
    """What a text asks the user to press."""
    return set(_PRESSED.findall(text)) - KEYS


def texts() -> Iterator[tuple[str, str]]:
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield name, node.value
    for name in ("README.md", "blender_manifest.toml"):
        # As it reads, wherever its lines break.
        yield name, " ".join((ADDON / name).read_text(encoding="utf-8").split())


def test_messages_name_buttons_as_they_are() -> None:
    named = {(where, name) for where, text in texts() for name in pressed(text)}
    buttons = written()
    assert {name for _, name in named} >= {"Animate", "Install", "Refresh Styles", "Drive"}
    assert not {(where, name) for where, name in named if name not in buttons}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Choose a style first, or press Refresh Styles.", {"Refresh Styles"}),
        ("a sound file and press **Animate**. A bar", {"Animate"}),
        ("Leave it first: press Tab.", set()),
        ("what is pressed into it", set()),
    ],
)
def test_what_is_pressed(text: str, expected: set[str]) -> None:
    assert pressed(text) == expected
