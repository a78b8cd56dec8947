"""The nodes' texts in other files than their own: locales and help pages.

    python -m tests.integration.locales PYTHON

writes them anew, PYTHON being that of a ComfyUI. English comes from the nodes themselves, Chinese
from `locales/chinese.json`, which has the Chinese of every name and of every text. A help page is
written by hand down to its lists of inputs and outputs, which are made here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integration.comfy import ROOT, Comfy, inputs_of

LOCALES = ROOT / "locales"
CHINESE = LOCALES / "chinese.json"
DOCS = ROOT / "nodes" / "web" / "docs"

HEADINGS = {"en": ("## Inputs", "## Outputs"), "zh": ("## 输入", "## 输出")}
DEFAULT = {"en": "Default", "zh": "默认值"}

Node = dict[str, Any]


def english(kinds: dict[str, Node]) -> dict[str, Node]:
    """What the nodes say of themselves, as a host's `nodeDefs.json`."""
    return {kind: _english(about) for kind, about in sorted(kinds.items())}


def _english(about: Node) -> Node:
    inputs = {
        name: {"name": options.get("display_name") or name, "tooltip": options["tooltip"]}
        for name, (_, options) in inputs_of(about).items()
    }
    outputs = {
        str(at): {"name": name, "tooltip": tooltip}
        for at, (name, tooltip) in enumerate(
            zip(about["output_name"], about["output_tooltips"], strict=True)
        )
    }
    return {
        "display_name": about["display_name"],
        "description": about["description"],
        "inputs": inputs,
        "outputs": outputs,
    }


def chinese(texts: dict[str, Node], table: dict[str, dict[str, str]]) -> dict[str, Node]:
    """The same in Chinese. Raises KeyError for a text that the table does not have.

    A name that means something else in one node is in the table as `node.name`.
    """
    sentences, call = table["texts"], table["names"]

    def slots(kind: str, found: Node) -> Node:
        return {
            key: {
                "name": call.get(f"{kind}.{slot['name']}") or call[slot["name"]],
                "tooltip": sentences[slot["tooltip"]],
            }
            for key, slot in found.items()
        }

    return {
        kind: {
            "display_name": call[text["display_name"]],
            "description": sentences[text["description"]],
            "inputs": slots(kind, text["inputs"]),
            "outputs": slots(kind, text["outputs"]),
        }
        for kind, text in texts.items()
    }


def used(texts: dict[str, Node]) -> tuple[set[str], set[str]]:
    """Every name and every text of the nodes: what the table must have, and nothing else."""
    names, sentences = set(), set()
    for text in texts.values():
        names.add(text["display_name"])
        sentences.add(text["description"])
        for slot in (*text["inputs"].values(), *text["outputs"].values()):
            names.add(slot["name"])
            sentences.add(slot["tooltip"])
    return names, sentences


def page_path(kind: str, language: str) -> Path:
    """Where the frontend looks for a help page."""
    return DOCS / f"{kind}.md" if language == "en" else DOCS / kind / f"{language}.md"


def page(prose: str, about: Node, text: Node, language: str) -> str:
    """A help page: what was written by hand, then lists of inputs and outputs.

    Lists, because the frontend shows pages in a narrow bar at the side.
    """
    first, second = HEADINGS[language]
    inputs = [
        _item(text["inputs"][name], kind, _default(options, language))
        for name, (kind, options) in inputs_of(about).items()
    ]
    outputs = [
        _item(slot, kind)
        for slot, kind in zip(text["outputs"].values(), about["output"], strict=True)
    ]
    lines = [prose.split(first)[0].rstrip(), "", first, "", *inputs, "", second, "", *outputs]
    return "\n".join(lines) + "\n"


def _item(slot: dict[str, str], kind: str, default: str = "") -> str:
    return f"- **{slot['name']}** *{kind.replace(',', ', ')}*{default}: {slot['tooltip']}"


def _default(options: dict[str, Any], language: str) -> str:
    value = options.get("default", "")
    return f" ({DEFAULT[language]}: `{value}`)" if value not in ("", None) else ""


def files(kinds: dict[str, Node]) -> Iterator[tuple[Path, str]]:
    """Every file that is made here, with what should be in it."""
    texts = english(kinds)
    both = {"en": texts, "zh": chinese(texts, json.loads(CHINESE.read_text(encoding="utf-8")))}
    for language, all_texts in both.items():
        yield LOCALES / language / "nodeDefs.json", _json(all_texts)
        for kind, text in all_texts.items():
            path = page_path(kind, language)
            yield path, page(path.read_text(encoding="utf-8"), kinds[kind], text, language)


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    # To the frontend an @ is a link to another message, unless it is quoted.
    return text.replace("@", "{'@'}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Comfy.start(Path(sys.argv[1]), Path(folder)) as comfy:
            info = comfy.get("/object_info")
        kinds = {kind: about for kind, about in info.items() if kind.startswith("DreamTalk")}
        # A host says nothing of a node whose schema it does not take.
        if missing := {page.stem for page in DOCS.glob("*.md")} - kinds.keys():
            sys.exit(f"ComfyUI does not have {', '.join(sorted(missing))}: see its log.")
        for path, content in files(kinds):
            path.write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
