"""Control rigs of faces in real Blenders."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("controls"))
def test_controls(blender: Blender, check: str) -> None:
    blender.run("controls", check)
