"""Characters of every kind in real Blenders: keys, split meshes, bones, visemes, drivers."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("characters"))
def test_characters(blender: Blender, check: str) -> None:
    print(blender.run("characters", check))
