"""The node classes of ComfyUI that our templates use, as a newest host tells of them.

    python -m tests.integration.host_nodes ADDRESS

asks a running host (`127.0.0.1:8188`) and writes `host_nodes.json`: names and types of inputs and
outputs, nothing else. With it templates are laid out and checked on hosts that lack these classes.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_suffix(".json")
KEPT = ("name", "display_name", "category", "python_module", "output_node", "input", "input_order")
OUTPUTS = ("output", "output_name", "output_is_list")
FRONTEND = {"MarkdownNote"}
"""Classes of the frontend's own, which hosts do not know."""
WIDGETS = {"BOOLEAN", "COMBO", "FLOAT", "INT", "STRING"}
CHOICES = "COMFY_DYNAMICCOMBO_V3"
"""A widget whose choice brings inputs of its own."""

Kind = dict[str, Any]
"""What a host says of a node class."""


def read() -> dict[str, Kind]:
    """The table, by class name."""
    kinds: dict[str, Kind] = json.loads(TABLE.read_text(encoding="utf-8"))
    return kinds


def without_tooltips(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_tooltips(one) for key, one in value.items() if key != "tooltip"}
    return [without_tooltips(one) for one in value] if isinstance(value, list) else value


def inputs(kind: Kind, values: Mapping[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Inputs of a node in the host's order, as (name, type, options).

    values: by name, what is chosen where a choice brings inputs of its own.
    """
    for part in ("required", "optional"):
        yield from _inputs(kind["input"].get(part, {}), values, "")


def _inputs(
    part: Mapping[str, Any], values: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for key, (type, *more) in part.items():
        name, options = prefix + key, more[0] if more else {}
        yield name, type, options
        if type == CHOICES:
            chosen = values.get(name, options["options"][0]["key"])
            for option in options["options"]:
                if option["key"] == chosen:
                    for inner in option["inputs"].values():
                        yield from _inputs(inner, values, f"{name}.")


def faults(workflow: dict[str, Any], kinds: Mapping[str, Kind]) -> list[str]:
    """What of a workflow in the frontend's format does not fit the classes of its nodes."""
    nodes = {node["id"]: node for node in workflow["nodes"] if node["type"] not in FRONTEND}
    found = [
        f"{node['id']}: no class {node['type']}"
        for node in nodes.values()
        if node["type"] not in kinds
    ]
    if found:
        return found
    for node in nodes.values():
        found += _widget_faults(node, kinds[node["type"]])
    for _, source, output, target, slot, _ in workflow["links"]:
        start, end = nodes[source], nodes[target]
        given = kinds[start["type"]]["output"][output]
        name = end["inputs"][slot]["name"]
        taken = {one: type for one, type, _ in inputs(kinds[end["type"]], chosen(end))}.get(name)
        if not fits(given, taken):
            found.append(f"{start['type']} gives {given}, {end['type']}.{name} takes {taken}")
    return found


def fits(given: str, taken: object) -> bool:
    """Whether an output's type may go where another is taken; either can be several."""
    if isinstance(taken, list):  # a choice, in the older notation
        taken = "COMBO"
    types = set(given.split(",")), set(str(taken).split(","))
    return "*" in types[0] | types[1] or bool(types[0] & types[1])


def chosen(node: dict[str, Any]) -> dict[str, Any]:
    """The choices of a node that bring inputs of their own: of the widgets, those come first."""
    names = [one["widget"]["name"] for one in node["inputs"] if "widget" in one]
    return dict(zip(names, node.get("widgets_values") or [], strict=False))


def _widget_faults(node: dict[str, Any], kind: Kind) -> list[str]:
    """Widgets whose saved value, by its place, is none that they can have."""
    values, found = list(node.get("widgets_values") or []), []
    for name, type, options in inputs(kind, chosen(node)):
        choices = type if isinstance(type, list) else options.get("options")
        if not isinstance(type, list) and type not in {*WIDGETS, CHOICES}:
            continue
        if options.get("forceInput"):
            continue
        if not values:
            if name not in kind["input"].get("optional", {}):
                found.append(f"{node['type']}.{name} has no value")
            break
        value = values.pop(0)
        if not can_be(value, type, choices, options):
            found.append(f"{node['type']}.{name} cannot be {value!r}")
        if options.get("control_after_generate"):
            values.pop(0)
    return found


def can_be(value: object, type: object, choices: Any, options: dict[str, Any]) -> bool:
    """Whether a widget can have a value. Files of models need not be there."""
    if type in ("INT", "FLOAT"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and options.get("min", value) <= value <= options.get("max", value)
    if type == "BOOLEAN":
        return isinstance(value, bool)
    if type == "STRING":
        return isinstance(value, str)
    keys = [one["key"] if isinstance(one, dict) else one for one in choices or []]
    return value in keys or not keys or str(value).endswith(".safetensors")


def main(address: str) -> None:
    from workflows.make_workflows import write_json
    from workflows.templates import TEMPLATES

    with urllib.request.urlopen(f"http://{address}/object_info", timeout=60) as answer:
        kinds = json.loads(answer.read())
    types = {node.type for template in TEMPLATES.values() for node in template.nodes.values()}
    table = {
        name: without_tooltips({key: kinds[name][key] for key in (*KEPT, *OUTPUTS)})
        for name in sorted(types - FRONTEND)
        if not name.startswith("DreamTalk")
    }
    write_json(TABLE, table)


if __name__ == "__main__":
    main(sys.argv[1])
