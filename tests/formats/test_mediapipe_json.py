"""MediaPipe's blendshapes, as people save them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import DreamTalkWarning, MotionError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.rotation import rotation_matrix

SCORES = {"_neutral": 1e-6, "jawOpen": 0.5, "eyeBlinkLeft": 0.25}
ANGLES = (10.0, -20.0, 5.0)


def javascript(scores: dict[str, float]) -> list[Any]:
    return [
        {
            "categories": [
                {"index": i, "score": score, "categoryName": name, "displayName": ""}
                for i, (name, score) in enumerate(scores.items())
            ],
            "headIndex": -1,
            "headName": "",
        }
    ]


def python(scores: dict[str, float]) -> list[Any]:
    return [
        [
            {"index": i, "score": score, "category_name": name, "display_name": None}
            for i, (name, score) in enumerate(scores.items())
        ]
    ]


def matrix() -> np.ndarray:
    square = np.eye(4)
    square[:3, :3] = rotation_matrix(ANGLES)
    square[:3, 3] = (1.0, 2.0, -30.0)
    return square


FORMS: dict[str, Any] = {
    "javascript": lambda i: {
        "timestamp": i * 40,
        "faceBlendshapes": javascript(SCORES),
        "facialTransformationMatrixes": [
            {"rows": 4, "columns": 4, "data": matrix().T.ravel().tolist()}
        ],
    },
    "python": lambda i: {
        "timestamp_ms": i * 40,
        "face_blendshapes": python(SCORES),
        "facial_transformation_matrixes": [matrix().tolist()],
    },
    "names": lambda i: {"time": i / 25, "blendshapes": SCORES, "matrix": matrix().tolist()},
    "seconds": lambda i: {"timestamp": i / 25, "blendshapes": SCORES, "matrix": matrix().tolist()},
}


def save(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_frames(tmp_path: Path, form: str, wrapped: bool) -> None:
    frames = [FORMS[form](i) for i in range(12)]
    motion = Motion.load(save(tmp_path / "a.json", {"frames": frames} if wrapped else frames))
    assert (motion.names, motion.fps, len(motion)) == (ARKIT_NAMES, 25, 12)
    assert (motion.channel("jawOpen") == 0.5).all()
    assert (motion.channel("eyeBlinkLeft") == 0.25).all()
    np.testing.assert_allclose(motion.head_rotation, [ANGLES] * 12, atol=1e-4)


def test_a_rate_and_a_frame_without_a_face(tmp_path: Path) -> None:
    frames = [{"faceBlendshapes": names} for names in ([], javascript(SCORES), [])]
    motion = Motion.load(save(tmp_path / "a.json", {"fps": 24, "frames": frames}))
    assert (motion.fps, len(motion)) == (24, 3)
    assert (motion.channel("jawOpen") == 0.5).all()


def test_without_times_the_rate_is_guessed_and_said(tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", [python(SCORES)] * 5)
    with pytest.warns(DreamTalkWarning, match="no times"):
        assert len(Motion.load(path)) == 5


@pytest.mark.parametrize(
    "document",
    [
        [{"blendshapes": []}],
        [{"blendshapes": [{"categoryName": "jawOpen"}]}],
        [{"blendshapes": {"jawOpen": "wide"}}],
        [{"blendshapes": 3}],
        {"blendshapes": {"jawOpen": 1}},
        [{"time": 0, "blendshapes": SCORES, "matrix": [1, 2]}],
        [{"time": "now", "blendshapes": SCORES}],
        [{"time": i, "blendshapes": {"jawOpen": 30}} for i in range(3)],
    ],
)
def test_refuses(tmp_path: Path, document: Any) -> None:
    with pytest.raises(MotionError, match=r"a\.json"):
        Motion.load(save(tmp_path / "a.json", document))
