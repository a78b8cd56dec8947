"""Locales and help pages say what the nodes say, in both languages, and the host serves them."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from tests.integration import locales
from tests.integration.comfy import ROOT, Comfy

REMEDY = "run: python -m tests.integration.locales PYTHON_OF_A_COMFYUI"
ONE_HOST = pytest.mark.parametrize("comfy_python", ["0.3.75 oldest"], indirect=True)
"""What nodes say of themselves is the same on every host."""
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(locales.CHINESE.read_text(encoding="utf-8"))
    return found


@ONE_HOST
def test_every_text_has_its_chinese(kinds: dict[str, Any], table: dict[str, Any]) -> None:
    names, texts = locales.used(locales.english(kinds))
    nodes = {name for name in table["names"] if "." not in name}
    assert nodes == names, f"in {locales.CHINESE.name}"
    assert set(table["texts"]) == texts, f"in {locales.CHINESE.name}"
    assert all(HAN.search(text) for text in table["texts"].values())


@ONE_HOST
def test_files_are_those_that_the_nodes_make(kinds: dict[str, Any]) -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, content in locales.files(kinds)
        if path.read_text(encoding="utf-8") != content
    ]
    assert not stale, REMEDY


def test_the_frontend_takes_no_message_for_a_formula() -> None:
    for language in ("en", "zh"):
        text = (locales.LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8")
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
        for string in strings:
            assert not set("@{}|") & set(string.replace("{'@'}", "")), string


@ONE_HOST
def test_no_page_is_left_over(kinds: dict[str, Any]) -> None:
    pages = {path.relative_to(locales.DOCS).parts[0] for path in locales.DOCS.rglob("*.md")}
    assert {page.removesuffix(".md") for page in pages} == set(kinds)


@ONE_HOST
def test_every_input_and_output_is_explained(kinds: dict[str, Any]) -> None:
    for kind, text in locales.english(kinds).items():
        assert text["description"].endswith("."), kind
        for slot in (*text["inputs"].values(), *text["outputs"].values()):
            assert slot["tooltip"], f"{kind}: {slot['name']}"


@ONE_HOST
def test_the_host_serves_translations_and_pages(comfy: Comfy, kinds: dict[str, Any]) -> None:
    served = comfy.get("/i18n")
    for kind in kinds:
        assert served["zh"]["nodeDefs"][kind]["display_name"]
        for page in (f"{kind}.md", f"{kind}/zh.md"):
            with urllib.request.urlopen(
                f"http://{comfy.address}/extensions/dreamtalk/docs/{page}"
            ) as answer:
                assert len(answer.read()) > 200
