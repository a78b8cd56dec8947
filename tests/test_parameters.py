"""The table of what a user can set, and that the entry points offer it, and nothing else of it."""

from __future__ import annotations

import importlib
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dreamtalk_core.cli import _commands, _parser
from dreamtalk_core.cli.settings import given, option
from dreamtalk_core.errors import DreamTalkError, MotionError
from dreamtalk_core.models.diffusion import TRAIN_STEPS
from dreamtalk_core.parameters import (
    MOST_STEPS,
    Behaviour,
    Controls,
    Parameter,
    Sampling,
    Settings,
    changed,
    parameters,
    tables,
)
from dreamtalk_core.pipeline.load import model_tables
from dreamtalk_core.worker.protocol import bound, settings_kinds

ALL = [(table, parameter) for table in tables() for parameter in parameters(table)]
EVERY = pytest.mark.parametrize(
    ("table", "parameter"), ALL, ids=lambda value: getattr(value, "name", "")
)


def test_a_table_is_read_in_the_order_of_its_fields() -> None:
    for table in tables():
        assert [parameter.name for parameter in parameters(table)] == [
            part.name for part in fields(table)
        ]
        assert all(
            getattr(table(), parameter.name) == parameter.default for parameter in parameters(table)
        )
    assert len({parameter.name for _, parameter in ALL}) == len(ALL)


@EVERY
def test_each_is_described(table: type[Settings], parameter: Parameter) -> None:
    assert parameter.low <= parameter.least <= parameter.most <= parameter.high
    assert parameter.default is None or parameter.least <= parameter.default <= parameter.most
    assert 1 <= len(parameter.label.split()) <= 3
    assert parameter.help[0].isupper()
    assert not parameter.help.endswith(".")
    assert re.search(rf"(?m)(^ *|, ){parameter.name}[:,]", table.__doc__ or "")


@EVERY
def test_what_is_out_of_range_is_refused(table: type[Settings], parameter: Parameter) -> None:
    for value in (parameter.low - 0.01, parameter.high + 0.01, math.nan, math.inf):
        words = (
            "frame rate"
            if parameter.name == "fps"
            else rf"{parameter.name} is .*from {parameter.low:g}"
        )
        with pytest.raises(DreamTalkError, match=words):
            table(**{parameter.name: value})
    for value in (parameter.low, parameter.most, min(parameter.high, 1e6)):
        assert float(getattr(table(**{parameter.name: value}), parameter.name)) == float(value)


def test_numbers_of_things_are_whole() -> None:
    for wrong in ({"seed": 0.5}, {"steps": 2.5}):
        with pytest.raises(DreamTalkError, match=f"{next(iter(wrong))} is .*whole number"):
            Sampling(**wrong)  # type: ignore[arg-type]
    assert MOST_STEPS == TRAIN_STEPS


def test_a_frame_rate_is_exact() -> None:
    assert Sampling(fps="29.97").fps == Fraction(30000, 1001)  # type: ignore[arg-type]
    with pytest.raises(MotionError, match="frame rate"):
        Sampling(fps="fast")  # type: ignore[arg-type]


def test_settings_by_name_find_their_tables() -> None:
    chosen = changed({"seed": 3, "lips": 0.5}, Sampling(guidance_scale=2.0), Controls(jaw=0.1))
    assert chosen == (Sampling(guidance_scale=2.0, seed=3), Controls(lips=0.5, jaw=0.1))
    with pytest.raises(DreamTalkError, match=r"no setting 'guidance'.*guidance_scale"):
        changed({"guidance": 1.0}, Sampling(), Behaviour())
    with pytest.raises(DreamTalkError, match=r"no setting 'lips'.*seed"):
        changed({"lips": 1.0}, Sampling())


# --- the command line and the worker -------------------------------------------------------------


@EVERY
def test_the_command_line_offers_it(table: type[Settings], parameter: Parameter) -> None:
    parser = _parser()
    animate = next(one for one in _commands(parser) if one.prog.endswith("animate"))
    (action,) = (one for one in animate._actions if one.dest == parameter.name)
    assert action.option_strings == [option(parameter.name)]
    assert parameter.help in str(action.help)
    assert parameter.default is None or f"default {float(parameter.default):g}" in str(action.help)
    words = ["animate", "line.wav", "-o", "line.csv"]
    assert parameter.name not in given(parser.parse_args(words))
    value = parameter.kind(parameter.most)
    chosen = given(parser.parse_args([*words, option(parameter.name), str(value)]))
    assert changed(chosen, table())[0] == table(**{parameter.name: value})


def test_what_only_some_models_take_is_offered_from_tables_as_well() -> None:
    animate = next(one for one in _commands(_parser()) if one.prog.endswith("animate"))
    assert not {parameter.name for _, parameter in ALL} & {
        parameter.name for table in model_tables() for parameter in parameters(table)
    }
    for parameter in (parameter for table in model_tables() for parameter in parameters(table)):
        (action,) = (one for one in animate._actions if one.dest == parameter.name)
        assert parameter.help in str(action.help)
        assert tuple(action.choices or ()) == parameter.choices
        assert parameter.name in settings_kinds()


def test_option_names_stay_as_they_are_written() -> None:
    assert option("guidance_scale") == "--guidance"
    assert option("max_opening") == "--max-opening"


@EVERY
def test_the_worker_takes_it(table: type[Settings], parameter: Parameter) -> None:
    class Methods:
        def animate(self, progress: object, *, speech: str, **settings: Any) -> dict[str, Any]:
            return settings

    def call(**params: Any) -> dict[str, Any]:
        return bound(Methods().animate, lambda *_: None, {"speech": "a.wav", **params})()

    value = (
        str(parameter.default) if parameter.kind is Fraction else parameter.kind(parameter.least)
    )
    assert call(**{parameter.name: value}) == {parameter.name: value}
    with pytest.raises(DreamTalkError, match=f"animate: {parameter.name} must be"):
        call(**{parameter.name: None})
    with pytest.raises(DreamTalkError, match=f"Did you mean {parameter.name}"):
        call(**{f"{parameter.name}_": value})


# --- ComfyUI and Blender, with a host that only remembers what it was told -----------------------


class Kind:
    """A kind of inputs; one is its name and what was said of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def Input(self, id: str, **about: Any) -> SimpleNamespace:
        return SimpleNamespace(id=id, kind=self.name, **about)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[None]:
    """Hosts' modules, and the packages of ours that import more of the hosts than is here."""
    known = set(sys.modules)
    io = SimpleNamespace(
        Float=Kind("float"), Int=Kind("int"), Schema=dict, ComfyNode=object, NodeOutput=tuple
    )
    host = {"comfy_api": ModuleType("comfy_api"), "comfy_api.latest": ModuleType("latest")}
    host["comfy_api.latest"].io = io  # type: ignore[attr-defined]
    blender = ModuleType("bpy")
    types = SimpleNamespace(PropertyGroup=object, Action=object, Text=object)
    blender.types = types  # type: ignore[attr-defined]
    blender.props = Properties()  # type: ignore[attr-defined]
    menu, state = ModuleType("style_menu"), ModuleType("state")
    menu.Entry, menu.number, state.state = tuple, len, None  # type: ignore[attr-defined]
    host |= {"bpy": blender, "blender_addon.animation.style_menu": menu}
    host["blender_addon.state"] = state
    host["nodes"] = ModuleType("nodes")
    host["nodes"].__path__ = [str(root / "nodes")]
    for name, module in host.items():
        monkeypatch.setitem(sys.modules, name, module)
    yield
    for name in set(sys.modules) - known:
        if name.split(".")[0] in ("nodes", "blender_addon"):
            del sys.modules[name]


class Properties:
    """`bpy.props`: a property is its kind and what was said of it."""

    _PropertyDeferred = SimpleNamespace

    def __getattr__(self, kind: str) -> Any:
        return lambda **about: SimpleNamespace(kind=kind, **about)


@pytest.mark.usefixtures("stand_ins")
def test_nodes_offer_it() -> None:
    sliders = importlib.import_module("nodes.sliders")
    inputs = [*sliders.sampling_inputs(), *sliders.behaviour_inputs()]
    inputs += sliders.control_inputs(sampling=True)
    inputs += [sliders.listening_input(), sliders.toward_input()]
    saved = {"guidance_scale": "guidance"}
    assert [one.id for one in inputs] == [
        saved.get(parameter.name, parameter.name) for _, parameter in ALL
    ]
    for one, (_, parameter) in zip(inputs, ALL, strict=True):
        assert one.kind == ("int" if parameter.kind is int else "float")
        assert one.tooltip.startswith(f"{parameter.help}.")
        empty = parameter.default is None
        assert (one.default, one.min) == ((0, 0) if empty else (parameter.default, parameter.least))
        assert one.max == parameter.most
    assert sliders.settings_of({"guidance": 0.0, "steps": 0, "lips": 0.0}) == {
        "guidance_scale": 0.0,
        "lips": 0.0,
    }


@pytest.mark.usefixtures("stand_ins")
def test_blender_offers_it() -> None:
    settings = importlib.import_module("blender_addon.animation.settings")
    properties = settings.SceneSettings.__annotations__
    # The rate is the scene's, the steps are the model's, and regions are turned on the take.
    elsewhere = {"fps", "steps", "lips", "jaw", "brows", "eyes", "cheeks", "head"}
    offered = [parameter for _, parameter in ALL if parameter.name not in elsewhere]
    saved = {"guidance_scale": "intensity"}
    for parameter in offered:
        shown = properties[saved.get(parameter.name, parameter.name)]
        assert (shown.name, shown.description) == (parameter.label, parameter.help)
        assert (shown.default, shown.min) == (parameter.default, parameter.least)
        assert shown.max == min(parameter.most, 2**31 - 1)
        assert shown.kind == ("IntProperty" if parameter.kind is int else "FloatProperty")
    scene = SimpleNamespace(
        **{saved.get(parameter.name, parameter.name): parameter.default for parameter in offered}
    )
    names = {parameter.name for parameter in offered}
    assert set(settings.chosen_settings(scene, settings.LISTENS)) == names
    speaks = settings.chosen_settings(scene, settings.SPEAKS)
    assert names - set(speaks) == {"listening", "toward"}


def test_nobody_describes_it_again(root: Path) -> None:
    """Ranges and help of these are nowhere but in the table."""
    folders = (root / "dreamtalk_core", root / "nodes", root / "blender_addon")
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        if path.name != "parameters.py":
            text = path.read_text(encoding="utf-8")
            assert not [parameter.name for _, parameter in ALL if parameter.help in text], path
