"""One way to load every kind of model, and one shape for what is loaded."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from dreamtalk_core import DreamTalk
from dreamtalk_core.errors import DreamTalkError, ModelError
from dreamtalk_core.original.pipeline import OriginalDreamTalk
from dreamtalk_core.pipeline.base import Pipeline
from dreamtalk_core.pipeline.load import check_settings, kind_of, load, model_tables

STEPS = ("load_speech", "extract_style", "predict_style", "sample_motion", "render")


def test_a_model_of_ours() -> None:
    talk = load("default", "cpu")
    assert isinstance(talk, DreamTalk)
    assert kind_of("default").name == "a model of ours"
    with pytest.raises(DreamTalkError, match="no setting 'wav2vec'"):
        load("default", "cpu", wav2vec="ears")
    with pytest.raises(ModelError, match=r"nowhere\.safetensors"):
        load("nowhere.safetensors", "cpu")


def test_an_original_checkpoint_is_known_by_its_file(tmp_path: Path) -> None:
    assert kind_of("denoising_network.pth").name == "an original checkpoint"
    (tmp_path / "mine.pth").write_bytes(b"no weights")
    with pytest.raises(ModelError, match=r"mine\.pth"):
        load(tmp_path / "mine.pth", "cpu", wav2vec="ears")


def test_settings_for_another_kind_are_refused_in_one_way() -> None:
    for name, value in {"pose": Path("clip.mat"), "pose_extension": "loop", "wav2vec": "a"}.items():
        with pytest.raises(DreamTalkError, match=f"^{name} is for an original checkpoint"):
            check_settings("default", {name: value})
        check_settings("denoising_network.pth", {name: value, "seed": 3, "blinks": 0.5})
    with pytest.raises(DreamTalkError, match=r"pose_extension is up\. Give mirror or loop"):
        check_settings("denoising_network.pth", {"pose_extension": "up"})
    with pytest.raises(DreamTalkError, match="seed is -1"):
        check_settings("default", {"seed": -1})
    assert [table.__name__ for table in model_tables()] == ["Pose", "Checkpoint"]


@pytest.mark.parametrize("kind", [DreamTalk, OriginalDreamTalk])
@pytest.mark.parametrize("step", [*STEPS, "analyse", "load_style", "find_style", "animate"])
def test_steps_have_the_same_shape(kind: type[Pipeline], step: str) -> None:
    """What can be given by position or name is the same, in the same order."""

    def shape(owner: type[Pipeline]) -> list[tuple[str, Any, Any]]:
        known = inspect.signature(getattr(owner, step)).parameters.values()
        return [(one.name, one.kind, one.default) for one in known]

    methods, common = shape(kind), shape(Pipeline)
    assert [one for one in methods if one in common] == common
    assert {name for name, *_ in methods} - {name for name, *_ in common} <= {"autocast"}


def test_one_place_knows_the_original(root: Path) -> None:
    """Besides what draws with the original's own renderer, and imports its files."""
    users = {"dreamtalk_core/cli/original.py", "nodes/render_portrait.py"}
    found = set()
    for folder in ("dreamtalk_core", "nodes", "blender_addon"):
        for path in (root / folder).rglob("*.py"):
            name = path.relative_to(root).as_posix()
            if name.startswith("dreamtalk_core/original/") or path.stem.startswith("make_"):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and "dreamtalk_core.original" in str(
                    node.module
                ):
                    found.add(name)
    assert found == {"dreamtalk_core/pipeline/load.py", *users}


def test_no_entry_point_asks_which_it_has(root: Path) -> None:
    for folder in ("dreamtalk_core/cli", "dreamtalk_core/worker", "nodes"):
        for path in (root / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for word in ("is_original", "OriginalDreamTalk", ", DreamTalk)"):
                assert word not in text, f"{path.name}: {word}"
