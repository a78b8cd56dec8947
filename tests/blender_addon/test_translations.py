"""Every text of the panel is there in every language, and no text that is gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_addon.translations import LANGUAGES, table, told_by_core
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
    "Move no vertex",
    "Names not recognised",
    "Not matched",
    "Not needed",
    "Not on the character",
}
"""Parts of the mapping's report."""
HEARD = {"Heard", "Heard (unsure)", *read_config(PREDICTOR)["emotions"]}
"""What is heard in the voice of a take."""
DONE = {"Animating", "Drawing the styles", "Making the style", "Starting DreamTalk", "Waiting"} | {
    "Listening",
    "Making the shapes",
    "Ready",
    "Starts when it is needed",
    "Tracking the face",
    "Watching the performance",
    "Working",
}
"""What is being done."""
PARTS = {"mouth", "lids", "head"}
"""What Test moves."""
RAISED = {"DreamTalkError", "SpeechError", "StyleError", "WorkerError"}
SAID_BY = {"run", "_nothing", "no_install", "misfit", "sentence", "_offline"}
"""Functions that return a message."""
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


def said(tree: ast.AST) -> Iterator[ast.expr]:
    """What a module says in a sentence: errors, reports, doubts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called.endswith(
                ("DreamTalkError", "SpeechError", "StyleError", "WorkerError")
            ) or called in {"Cancelled", "told"}:
                yield node.args[0]
        elif isinstance(node, ast.FunctionDef):
            for own in ast.walk(node):
                if (isinstance(own, ast.Return) and node.name in SAID_BY and own.value) or (
                    isinstance(own, ast.Yield) and own.value
                ):
                    yield own.value


def templates(node: ast.expr) -> Iterator[str]:
    """The text of an expression, {} for what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (str(own.value) if isinstance(own, ast.Constant) else "{}" for own in node.values)
        yield "".join(parts)
    elif isinstance(node, ast.IfExp):
        yield from templates(node.body)
        yield from templates(node.orelse)


def messages() -> set[str]:
    """All sentences of the extension, but for those that only join others."""
    found = set()
    for path in ADDON.rglob("*.py"):
        if not path.name.startswith("make_"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {text for node in said(tree) for text in templates(node)}
    return {text for text in found if any(map(str.isalpha, text.replace("{}", "")))}


def texts() -> set[str]:
    scene = {"fps", "steps"}  # the first is the scene's, the second the model's
    set_by = [
        parameter
        for table in (Sampling, Behaviour, Controls, Listener)
        for parameter in parameters(table)
        if parameter.name not in scene
    ]
    found = (
        REGIONS
        | REPORT
        | HEARD
        | DONE
        | PARTS
        | messages()
        | {parameter.label for parameter in set_by}
    )
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_core_says_is_what_is_translated(language: str) -> None:
    said_there = set()
    for path in (ADDON.parent / "dreamtalk_core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            said_there |= set(templates(node)) if isinstance(node, ast.expr) else set()
    assert set(told_by_core(language)) - said_there == set()


def test_what_is_put_into_a_message_stays() -> None:
    for language in LANGUAGES:
        for english, text in (table(language) | told_by_core(language)).items():
            assert text.count("{") == english.count("{"), english
            assert text.format(*map(str, range(english.count("{}")))), english
