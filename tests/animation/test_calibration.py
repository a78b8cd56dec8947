"""Taking the actor's own face off: known faces, with a neutral one and without."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.animation.calibration import TYPICAL_REST, calibrate, resting_face
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX


def performance(rest: dict[str, float], expression: dict[str, float], frames: int = 100) -> Motion:
    """An actor whose face rests at `rest`, and who raises `acted` in every second half second."""
    weights = np.zeros((frames, 52))
    on = (np.arange(frames) // 12 % 2 == 1)[:, None]
    for name, value in rest.items():
        weights[:, INDEX[name]] = value
    for name, value in expression.items():
        weights[:, INDEX[name]] += value * on[:, 0]
    return Motion(ARKIT_NAMES, weights, 25, np.full((frames, 3), 4.0))


def test_a_neutral_face_is_taken_off_whole() -> None:
    rest = {"eyeBlinkLeft": 0.4, "mouthFrownLeft": 0.2}
    expression = {"eyeBlinkLeft": 0.5, "jawOpen": 0.3}
    motion = calibrate(performance(rest, expression), performance(rest, {}, 1))
    expected = performance({}, expression)
    np.testing.assert_allclose(motion.weights, expected.weights, atol=1e-6)
    np.testing.assert_array_equal(motion.head_rotation, 4)


def test_without_one_no_more_goes_than_the_typical_face_has() -> None:
    """A frown held all through may be acted; a squint of .5 is partly the tracker's."""
    motion = calibrate(performance({"mouthFrownLeft": 0.3, "eyeSquintLeft": 0.5}, {}))
    assert motion.channel("mouthFrownLeft") == pytest.approx(0.3)
    assert motion.channel("eyeSquintLeft") == pytest.approx(0.5 - TYPICAL_REST["eyeSquintLeft"])


def test_without_one_no_more_goes_than_the_face_always_has() -> None:
    motion = performance({"eyeSquintLeft": 0.05}, {"eyeSquintLeft": 0.4})
    calibrated = calibrate(motion).channel("eyeSquintLeft")
    assert calibrated.min() == 0
    assert calibrated.max() == pytest.approx(0.4)
    face = Motion(ARKIT_NAMES, np.zeros((30, 52)), 25)
    np.testing.assert_array_equal(calibrate(face).weights, 0)


def test_one_odd_frame_in_ten_does_not_hide_the_rest() -> None:
    weights = np.full((100, 1), 0.3)
    weights[:9] = 0
    assert resting_face(weights) == pytest.approx([0.3])
    weights[:11] = 0
    assert resting_face(weights) == pytest.approx([0])


def test_the_table_names_shapes() -> None:
    assert set(TYPICAL_REST) <= set(ARKIT_NAMES)
    assert all(0 < value < 0.5 for value in TYPICAL_REST.values())
