"""Every text of the panel is there in every language, and no text that is gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_addon.translations import LANGUAGES, table
from dreamtalk_core.parameters import Behaviour, Controls, Listener, Sampling, parameters
from dreamtalk_core.training.config import read_config

ADDON = Path(__file__).resolve().parents[2] / "blender_addon"
PREDICTOR = ADDON.parent / "dreamtalk_core" / "training" / "predictor.json"
REGIONS = {"Lips", "Jaw", "Brows", "Eyes", "Cheeks", "Head"}
"""Made into sliders one by one."""
REPORT = {
    "Bones",
    "Conflicts",
    "Matched",
    "Names not recognised",
    "Not matched",
    "Not on the character",
}
"""Parts of the mapping's report."""
HEARD = {"Heard", "Heard (unsure)", *read_config(PREDICTOR)["emotions"]}
"""What is heard in the voice of a take."""
NAMES = {"DreamTalk"}


def shown(tree: ast.AST) -> Iterator[ast.expr]:
    """What a module hands to Blender as a text to be shown."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if names & {"bl_label", "bl_description"}:
                yield node.value
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if called.startswith("bpy.props."):
                yield from (given[name] for name in ("name", "description") if name in given)
                items = given.get("items")
                for item in items.elts if isinstance(items, ast.List) else ():
                    yield from item.elts[1:3] if isinstance(item, ast.Tuple) else ()
            elif called.endswith("poll_message_set"):
                yield from node.args[:1]
            elif called.rpartition(".")[2] in {"label", "operator", "prop"} and "text" in given:
                yield given["text"]


def texts() -> set[str]:
    scene = {"fps", "steps"}  # the first is the scene's, the second the model's
    set_by = [
        parameter
        for table in (Sampling, Behaviour, Controls, Listener)
        for parameter in parameters(table)
        if parameter.name not in scene
    ]
    found = REGIONS | REPORT | HEARD | {parameter.label for parameter in set_by}
    found |= {
        parameter.help for parameter in set_by if parameter.name not in map(str.lower, REGIONS)
    }
    for path in ADDON.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {
            node.value
            for node in shown(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found - NAMES - {""}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated(language: str) -> None:
    assert set(table(language)) == texts()
    assert all(text.strip() for text in table(language).values())
