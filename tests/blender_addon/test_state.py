"""What the extension holds while it is registered is in one object."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "blender_addon"
CACHES = {"cache", "lru_cache"}


def variables(tree: ast.Module) -> Iterator[str]:
    """Names of a module that are no constants and no types, and functions that remember."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if name == name.lower())
        if isinstance(node, ast.FunctionDef):
            text = " ".join(map(ast.unparse, node.decorator_list))
            yield from (node.name for cache in CACHES if cache in text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


@pytest.mark.parametrize(
    "code",
    [
        "known = None",
        "_jobs: list[int] = []",
        "@lru_cache(maxsize=1)\ndef read(): pass",
        "def f():\n    global CURRENT\n    CURRENT = 1",
    ],
)
def test_state_is_seen(code: str) -> None:
    assert list(variables(ast.parse(code)))


def test_constants_and_types_are_no_state() -> None:
    assert not list(variables(ast.parse("LIMIT = 3\nFloats = list[float]\n_EVERY: float = 0.1")))


def test_no_module_holds_state_but_one() -> None:
    found = {
        (path.relative_to(ADDON).as_posix(), name)
        for path in ADDON.rglob("*.py")
        for name in variables(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == {("state.py", "_current")}
