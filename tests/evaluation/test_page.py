"""The page of plots: whole, self-contained, and true to the figures."""

from __future__ import annotations

import math
import re
import sys
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.evaluation.page import (
    check_page,
    draw_lags,
    metrics_of,
    page,
    svg,
    typical_clip,
    write_page,
)
from dreamtalk_core.evaluation.report import ClipResult, Report

pytestmark = pytest.mark.slow

pytest.importorskip("matplotlib")

VOID = {"meta", "br"}


def report(name: str, openings: dict[str, list[float]]) -> Report:
    clips = []
    for group, values in openings.items():
        for i, value in enumerate(values):
            figures = {"opening": [value], "parting": [10.0, math.nan], "sync": [math.nan]}
            lags = np.cos(np.arange(-10, 11) / 5) * value
            gaps = np.abs(np.random.default_rng(i).normal(size=(2, 160)))
            clips.append(ClipResult(f"{group}_{i}", f"{i}", group, figures, lags, gaps))
    return Report(name, tuple(clips), {"wild": "people", "arabic": "anchors"})


REPORTS = (
    report("ours & <yours>", {"wild": [0.5, 0.6, 0.9], "arabic": [0.3]}),
    report("theirs", {"wild": [0.2, 0.1, 0.4], "arabic": [math.nan]}),
)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "a.html"
    write_page(path, REPORTS, [("Closures <1 mm", "happy  .95 & more")])
    return path.read_text(encoding="utf-8")


class Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_html_is_well_formed_and_names_are_escaped(text: str) -> None:
    parser = Balance()
    parser.feed(text)
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert parser.stack == []
    assert "ours &amp; &lt;yours&gt;" in text
    assert "<yours>" not in text
    assert "happy  .95 &amp; more" in text


def test_nothing_is_fetched(text: str) -> None:
    assert not re.search(r"<(script|link|img|iframe)|url\((?!#)|@import|src=", text)
    loaded = re.findall(r'href="([^"]*)"', text)
    assert all(target.startswith("#") for target in loaded)


def test_drawings_are_svg_with_ids_of_their_own(text: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 3
    ids = [
        {node.get("id") for node in ElementTree.fromstring(drawing).iter() if node.get("id")}
        for drawing in drawings
    ]
    assert sum(len(known) for known in ids) == len(set.union(*ids))
    for drawing, known in zip(drawings, ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawing)) <= known
    for word in ("lip gap r", "frames late", "wild_1", "tracked"):
        assert word in text


def test_table_has_values_and_intervals_of_every_report(text: str) -> None:
    rows = re.findall(r"<tr>.*?</tr>", text)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert cells[0][2:4] == ["wild", "arabic"]
    assert cells[1][2].startswith(".67 <small>[.50")
    assert cells[2][1:4] == ["theirs", cells[2][2], "- <small></small>"]
    assert len(rows) == 1 + 2 * len(metrics_of(REPORTS))


def test_the_same_reports_make_the_same_drawing() -> None:
    draw = partial(draw_lags, reports=REPORTS, groups=("wild",))
    assert svg("a", draw, 2, 2) == svg("a", draw, 2, 2)


def test_one_report_and_one_short_clip_are_enough() -> None:
    clip = ClipResult(
        "a", "me", "mine", {"opening": [0.5]}, np.full(21, math.nan), np.ones((2, 30))
    )
    assert "mine" in page([Report("ours", (clip,))])


def test_the_typical_clip_is_the_median_one() -> None:
    assert typical_clip(REPORTS[0], "wild").id == "wild_1"
    assert typical_clip(REPORTS[1], "wild").id == "wild_0"


def test_what_cannot_work_is_reported_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DreamTalkError, match=r"\.html"):
        check_page(tmp_path / "a.pdf")
    with pytest.raises(DreamTalkError):
        check_page(tmp_path / "missing" / "a.html")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DreamTalkError, match=r"dreamtalk\[evaluate\]"):
        check_page(tmp_path / "a.html")
