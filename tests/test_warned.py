"""What was guessed reaches whoever should know, once."""

from __future__ import annotations

import warnings

import pytest

from dreamtalk_core.errors import DreamTalkWarning
from dreamtalk_core.warned import collect_warnings, warn


def guess() -> None:
    warn("The face is a guess.")


def test_a_user_of_the_api_is_warned_where_the_call_is() -> None:
    with pytest.warns(DreamTalkWarning, match="guess") as caught:
        guess()
    assert caught[0].filename == __file__


def test_an_entry_point_takes_ours_and_leaves_those_of_others() -> None:
    reported: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with collect_warnings(reported.append):
            guess()
            guess()
            warnings.warn("theirs", UserWarning, stacklevel=1)
        guess()
    assert reported == ["The face is a guess."]
    assert [str(one.message) for one in caught] == ["theirs", "The face is a guess."]
