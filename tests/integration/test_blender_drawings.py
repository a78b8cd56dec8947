"""Mouths that are drawn, in real Blenders."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("drawings"))
def test_drawings(blender: Blender, check: str) -> None:
    blender.run("drawings", check)
