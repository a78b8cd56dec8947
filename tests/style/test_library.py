"""The style library: by name, in order of its shelves, whatever lies in its folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkError, StyleError
from dreamtalk_core.models.denoiser import DenoiserConfig
from dreamtalk_core.models.motion_model import ModelConfig, MotionModel
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.style import Style, StyleLibrary, fingerprint, shipped_names
from dreamtalk_core.style.library import LibraryFolder, check_name, project_folder, user_folder
from dreamtalk_core.weights import WEIGHTS


@pytest.fixture(scope="module")
def model() -> MotionModel:
    import torch

    config = ModelConfig(
        ("jawOpen",),
        DenoiserConfig(1, features=8, style=4, width=16, content_layers=1, layers=1),
        StyleEncoderConfig(1, style=4, width=16, layers=1, heads=2),
    )
    made = MotionModel(config, torch.zeros(1), torch.ones(1))
    made.styles = {"neutral": torch.zeros(4), "happy": torch.ones(4)}
    return made.requires_grad_(False).eval()


@pytest.fixture
def library(tmp_path: Path) -> StyleLibrary:
    return StyleLibrary(
        (
            LibraryFolder("project", tmp_path / "film ü"),
            LibraryFolder("user", tmp_path / "me" / "styles"),
        )
    )


def make(model: MotionModel, name: str, value: float = 2.0) -> Style:
    return Style(np.full(4, value), name, "a clip", model=fingerprint(model))


def test_what_is_saved_is_found_again(library: StyleLibrary, model: MotionModel) -> None:
    path = library.save(replace(make(model, "Mürrisch 怒"), tags=("slow",)))
    assert library.where("mürrisch 怒") == ("user", path)
    style = library.find("MÜRRISCH 怒", model)
    assert (style.name, style.tags) == ("Mürrisch 怒", ("slow",))
    assert library.names(model) == ("happy", "Mürrisch 怒", "neutral")


def test_the_project_hides_the_user_and_both_the_model(
    library: StyleLibrary, model: MotionModel
) -> None:
    assert library.find("Happy", model).source == "shipped with the model"
    assert library.where("happy") == ("model", None)
    library.save(make(model, "Happy", 3), "user")
    assert library.find("happy", model).code[0] == 3
    library.save(make(model, "HAPPY", 4), "project")
    assert library.find("happy", model).code[0] == 4
    assert library.names(model) == ("HAPPY", "neutral")
    assert library.names_with(["sad", "Happy"]) == ("HAPPY", "sad")


def test_the_names_that_ship_are_known_without_the_model() -> None:
    assert sorted(shipped_names()) == sorted(
        MotionModel.load(WEIGHTS / "default.safetensors").styles
    )


def test_an_unknown_name_is_reported_with_what_comes_near(
    library: StyleLibrary, model: MotionModel
) -> None:
    library.save(make(model, "Grumpy"))
    with pytest.raises(StyleError, match=r"no style 'grumpi'\. Did you mean Grumpy\?"):
        library.find("grumpi", model)
    with pytest.raises(StyleError, match=r"'xyz'\. There are: Grumpy, happy, neutral\."):
        library.find("xyz", model)


def test_a_damaged_file_stops_only_those_who_ask_for_it(
    library: StyleLibrary, model: MotionModel
) -> None:
    good = library.save(make(model, "good"))
    good.with_name("bad.safetensors").write_bytes(b"no style")
    good.with_name("note.txt").write_text("mine", encoding="utf-8")
    assert library.names(model) == ("bad", "good", "happy", "neutral")
    assert library.find("good", model).code[0] == 2
    with pytest.raises(StyleError, match=r"bad\.safetensors is damaged"):
        library.find("bad", model)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "auto",
            "AUTO",
            "a/b",
            "a\\b",
            "a:b",
            "a@2",
            "a+b",
            "a,b",
            "a*2",
            " a",
            "a.",
            "x" * 81,
        ),
        *("con", "NUL", "aux.x", "Com1", "com\u00b9", "lpt\u00b3.mine", "prn", "conin$"),
        *(
            "a\x1b[31m",
            "a\nb",
            "a\x00",
            "\u202eyrgna",
            "a\u2066b",
            "\ud800",
            "a\x9b",
            "\u2028",
            "x" * 81,
        ),
    ],
)
def test_names_that_a_style_cannot_have(name: str, library: StyleLibrary) -> None:
    with pytest.raises(StyleError, match=r"called|meaning of its own"):
        check_name(name)
    with pytest.raises(StyleError):
        library.path(name, "user")


COMPOSED, APART = "Andr\u00e9", "Andre\u0301"


@pytest.mark.parametrize(
    ("old", "new"), [("grandma", "Grandma"), (COMPOSED, APART), (APART, COMPOSED), ("ß", "SS")]
)
def test_spellings_of_a_name_are_one_style(
    library: StyleLibrary, model: MotionModel, old: str, new: str
) -> None:
    """The newer one takes the place of the older, whether or not the disk tells them apart."""
    library.save(make(model, old, 3))
    path = library.save(make(model, new, 4))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    for name in (old, new, new.upper()):
        assert library.find(name, model).code[0] == 4
        assert library.where(name) == ("user", path)
    assert len(library.names(model)) == 3
    # Two of them in one folder, as they may come from another disk: the one that is asked for.
    twin = path.with_name(f"{old}.safetensors")
    make(model, old, 5).save(twin)
    assert library.find(twin.stem, model).code[0] == 5
    assert len(library.names(model)) == 3


@pytest.mark.slow
def test_the_older_spelling_that_cannot_be_deleted_is_reported(
    library: StyleLibrary, model: MotionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library.save(make(model, "grandma"))
    if path.with_name("GRANDMA.safetensors").exists():
        pytest.skip("this disk does not tell a from A")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: denied())
    with pytest.raises(DreamTalkError, match="the same name, cannot be deleted"):
        library.save(make(model, "Grandma"))


def test_what_a_foreign_style_says_of_itself_is_shown_harmlessly(
    library: StyleLibrary, model: MotionModel
) -> None:
    evil = "a\x1b]0;title\x07\u202eb\r\nc"
    style = Style(np.zeros(4), evil, evil * 100, model=fingerprint(model), tags=(evil, "calm"))
    path = library.path("nice", "user")
    path.parent.mkdir(parents=True)
    style.save(path)
    found = library.find("nice", model)
    for text in (found.name, found.source, *found.tags):
        assert text.isprintable()
        assert len(text) <= 1000
    assert "calm" in found.tags


def test_an_unknown_folder_and_one_that_cannot_be_made(
    library: StyleLibrary, model: MotionModel, tmp_path: Path
) -> None:
    with pytest.raises(StyleError, match=r"no shelf 'attic'\. There are: project, user"):
        library.save(make(model, "a"), "attic")
    (tmp_path / "me").write_text("a file", encoding="utf-8")
    with pytest.raises(DreamTalkError, match="Cannot make the folder"):
        library.save(make(model, "a"))
    assert library.names(model) == ("happy", "neutral"), "and it can still be asked"


def test_where_the_folders_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DREAMTALK_STYLES", str(tmp_path / "mine"))
    assert user_folder() == tmp_path / "mine"
    monkeypatch.delenv("DREAMTALK_STYLES")
    assert user_folder().parts[-2:] == ("DreamTalk", "styles")
    deep = tmp_path / "show" / "shot"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert project_folder() == deep / "dreamtalk_styles"
    (tmp_path / "show" / "dreamtalk_styles").mkdir()
    assert project_folder() == tmp_path / "show" / "dreamtalk_styles"
    assert [folder.name for folder in StyleLibrary.default().folders] == ["project", "user"]
