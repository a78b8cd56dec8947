"""The pictures of styles that the extension brings along."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.make_extension import extension_files
from blender_addon.make_style_pictures import FOLDER, draw, read

pytestmark = pytest.mark.slow


def test_every_style_has_the_picture_that_is_drawn_of_it() -> None:
    there = {path.stem: read(path.read_bytes()) for path in FOLDER.iterdir()}
    drawn = dict(draw())
    assert set(there) == set(drawn)
    for name, picture in drawn.items():
        away = {other: np.abs(there[other].astype(float) - picture).mean() for other in there}
        assert min(away, key=lambda other: away[other]) == name
        assert away[name] < 3, name


def test_they_are_in_the_extension_and_small() -> None:
    inside = {name: content for name, content in extension_files().items() if ".jpg" in name}
    assert set(inside) == {f"style_pictures/{path.name}" for path in FOLDER.iterdir()}
    assert sum(map(len, inside.values())) < 100_000
