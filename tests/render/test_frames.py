"""Frames in memory."""

from __future__ import annotations

import time

import numpy as np
import pytest

from dreamtalk_core.render.frames import draw_frames, even_sizes


def test_frames_are_in_their_places() -> None:
    done: list[tuple[int, int]] = []

    def draw(frame: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((4, 6, 3), frame, np.uint8), np.full((4, 6), 2 * frame, np.uint8)

    images, masks = draw_frames(
        draw, range(3, 10), [(4, 6, 3), (4, 6)], lambda *at: done.append(at)
    )
    assert (images.shape, masks.shape) == ((7, 4, 6, 3), (7, 4, 6))
    assert images.dtype == masks.dtype == np.float32
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.arange(3, 10, dtype=np.float32) / 255)
    np.testing.assert_array_equal(masks[:, 3, 5], np.arange(6, 20, 2, dtype=np.float32) / 255)
    assert done == [(count, 7) for count in range(1, 8)]


def test_odd_sizes_get_their_last_row_and_column_twice() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    (images,) = draw_frames(lambda frame: [picture], range(1), [picture.shape], lambda *at: None)
    assert images.shape == (1, 6, 8, 3)
    np.testing.assert_array_equal(images[0, :5, :7], picture / np.float32(255))
    np.testing.assert_array_equal(images[0, 5], images[0, 4])
    np.testing.assert_array_equal(images[0, :, 7], images[0, :, 6])
    assert even_sizes([(5, 7, 3), (4, 1)]) == [(6, 8, 3), (4, 2)]


def test_what_was_cancelled_is_not_drawn() -> None:
    drawn: list[int] = []

    def draw(frame: int) -> list[np.ndarray]:
        drawn.append(frame)
        time.sleep(0.005)
        return [np.zeros((2, 2, 3), np.uint8)]

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_frames(draw, range(1000), [(2, 2, 3)], cancel)
    assert len(drawn) < 900


def test_what_drawing_raises_comes_out() -> None:
    def draw(frame: int) -> list[np.ndarray]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draw_frames(draw, range(3), [(2, 2, 3)], lambda *at: None)
