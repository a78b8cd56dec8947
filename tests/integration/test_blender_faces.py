"""What keys and bones of faces do in real Blenders, whatever their names promise."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("check", checks("faces"))
def test_faces(blender: Blender, check: str) -> None:
    blender.run("faces", check)
