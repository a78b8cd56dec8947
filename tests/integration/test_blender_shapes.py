"""Make Shapes in a real Blender, of one version: what takes its time is the worker's."""

from __future__ import annotations

import pytest

from tests.integration.blender import Blender, checks


@pytest.mark.parametrize("blender_python", ["5.2"], indirect=True)
@pytest.mark.parametrize("check", checks("shapes"))
def test_shapes(blender: Blender, check: str) -> None:
    blender.run("shapes", check, 600)
