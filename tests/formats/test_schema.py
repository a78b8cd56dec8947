"""The JSON Schema that is shipped: what we write fits it, and what we refuse does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import dreamtalk_core.formats
from dreamtalk_core.errors import MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES

SCHEMA = Path(dreamtalk_core.formats.__file__).with_name("motion.schema.json")


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    weights = np.random.default_rng(0).random((5, 52), np.float32)
    motion = Motion(ARKIT_NAMES, weights, "29.97", np.ones((5, 3)))
    motion.save(tmp_path / "a.json", {"style": "happy", "seed": 3})
    found: dict[str, Any] = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    return found


def fits(document: Any) -> bool:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(document))


def test_what_we_write_fits(document: dict[str, Any]) -> None:
    assert fits(document)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "another"),
        ("version", 2),
        ("fps", "fast"),
        ("fps", 0),
        ("channels", []),
        ("channels", ["a"] * 52),
        ("weights", []),
        ("weights", [[2.0] * 52] * 5),
        ("weights", [["0.5"] * 52] * 5),
        ("head_rotation", [[0, 0]] * 5),
        ("weights", None),
    ],
)
def test_what_we_refuse_does_not(
    document: dict[str, Any], member: str, value: Any, tmp_path: Path
) -> None:
    document[member] = value
    assert not fits(document)
    path = tmp_path / "b.json"
    path.write_text(json.dumps(document))
    with pytest.raises(MotionError):
        Motion.load(path)


@pytest.mark.parametrize("member", ["format", "version", "fps", "channels", "weights"])
def test_what_must_be_there(document: dict[str, Any], member: str) -> None:
    del document[member]
    assert not fits(document)
