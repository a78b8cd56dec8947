"""Actions as shapes of faces in real Blenders."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("poses"))
def test_poses(blender: Blender, check: str) -> None:
    blender.run("poses", check)
