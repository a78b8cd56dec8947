"""What is remembered from run to run."""

from __future__ import annotations

import pytest

from nodes.recent import Recent


def test_what_was_used_last_is_remembered() -> None:
    made: list[int] = []
    squares: Recent[int, int] = Recent(2)

    def square(number: int) -> int:
        def make() -> int:
            made.append(number)
            return number * number

        return squares.get(number, make)

    assert [square(number) for number in (2, 3, 2, 4, 2, 3)] == [4, 9, 4, 16, 4, 9]
    # 4 took the place of 3, which had been used longer ago than 2.
    assert made == [2, 3, 4, 3]


def test_what_fails_is_tried_again() -> None:
    values: Recent[str, int] = Recent(2)

    def fail() -> int:
        raise KeyError(7)

    with pytest.raises(KeyError):
        values.get("a", fail)
    assert values.get("a", lambda: 1) == 1
