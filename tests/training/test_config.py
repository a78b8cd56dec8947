"""Whatever is wrong with a training configuration is said before any work is done."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.training import config as training
from dreamtalk_core.training.config import read_config

HOME = Path(training.__file__).parent
ROOT = HOME.parents[1]
SHIPPED = [*sorted(HOME.glob("*.json")), *sorted((ROOT / "benchmarks/ablations").glob("*.json"))]


@pytest.fixture(params=["default.json", "predictor.json"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read_config(HOME / request.param)


def refused(settings: dict[str, Any], folder: Path) -> str:
    path = folder / "run.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(CorpusError) as error:
        read_config(path)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path}: ")


def entries(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the entries of nested objects and lists are."""
    if not isinstance(value, (dict, list)):
        return []
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, item in pairs for found in [(*at, key), *entries(item, (*at, key))]]


def changed(settings: dict[str, Any], at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    settings = copy.deepcopy(settings)
    inner: Any = settings
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return settings


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_is_right(path: Path) -> None:
    assert read_config(path)["steps"] > 0


@pytest.mark.slow
def test_no_entry_takes_what_it_cannot_be(settings: dict[str, Any], tmp_path: Path) -> None:
    for at in entries(settings):
        for wrong in (None, [[]], float("nan")):
            assert refused(changed(settings, at, wrong), tmp_path)


def test_no_entry_but_a_few_may_be_left_out(settings: dict[str, Any], tmp_path: Path) -> None:
    for name in settings.keys() - {"trains"}:
        less = {key: value for key, value in settings.items() if key != name}
        assert refused(less, tmp_path) == f"{name} is missing."


def test_a_misspelt_entry_is_reported_with_its_name(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    message = refused(settings | {"learning_rat": 0.1}, tmp_path)
    assert message == "there is no entry learning_rat; did you mean learning_rate?"
    network = "hearing" if "trains" in settings else "denoiser"
    message = refused(changed(settings, (network, "widht"), 3), tmp_path)
    assert message == f"there is no entry {network}.widht; did you mean {network}.width?"


def test_words_and_ranges_are_reported(tmp_path: Path) -> None:
    settings = read_config(HOME / "default.json")
    message = refused(changed(settings, ("amplitude", 0, "measure"), "jawopen"), tmp_path)
    assert message == 'amplitude[0].measure is "jawopen"; did you mean jawOpen?'
    message = refused(settings | {"style_dropout": 1.5}, tmp_path)
    assert message == "style_dropout is 1.5; give a number from 0 to 1."
    assert "multiple" in refused(changed(settings, ("denoiser", "width"), 129), tmp_path)
    assert "the same" in refused(changed(settings, ("denoiser", "style"), 64), tmp_path)
    assert "weight above 0" in refused(settings | {"sources": []}, tmp_path)
    message = refused(settings | {"trains": "predictor"}, tmp_path)
    assert 'write "style predictor"' in message


def test_a_source_of_a_bases_name_changes_that_one(tmp_path: Path) -> None:
    def with_sources(*sources: dict[str, Any]) -> list[dict[str, Any]]:
        config = {"base": str(HOME / "default.json"), "sources": sources}
        (tmp_path / "run.json").write_text(json.dumps(config), encoding="utf-8")
        found: list[dict[str, Any]] = read_config(tmp_path / "run.json")["sources"]
        return found

    base = read_config(HOME / "default.json")["sources"]
    mine = {"name": "Mine", "where": {"speaker": ["me"]}, "weight": 0.5}
    assert with_sources(mine) == [*base, mine]
    less = with_sources({"name": base[1]["name"], "weight": 0.01}, mine)
    assert less == [base[0], base[1] | {"weight": 0.01}, *base[2:], mine]


def test_a_base_is_found_and_does_not_go_round(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"base": "run.json"}', encoding="utf-8")
    assert "stands on itself" in refused({"base": "other.json"}, tmp_path)
    assert "no such file" in refused({"base": "nowhere.json"}, tmp_path)
    (tmp_path / "run.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(CorpusError, match="JSON object"):
        read_config(tmp_path / "run.json")
