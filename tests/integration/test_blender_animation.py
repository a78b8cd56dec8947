"""Takes in real Blenders: what they show, how they are layered, edited, exported, and refused."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("animation"))
def test_animation(blender: Blender, check: str) -> None:
    blender.run("animation", check)
