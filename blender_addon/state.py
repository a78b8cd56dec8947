# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension holds while it is registered: one object, which nothing outlives."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dreamtalk_core.retarget import match

from .animation.style_menu import StyleMenu
from .client.installation import Installation
from .client.jobs import Job
from .client.runtimes import Wheel
from .client.service import Service
from .translations import sentences

if TYPE_CHECKING:
    from .live.session import Live
    from .live.takes import Recording


class State:
    """Made when the extension is registered, closed when it is unregistered.

    registered: gives back what has been registered, last first; `close` runs it. service: the
    worker and the requests to it. styles: what the panel's menu lists. job: the one that the panel
    shows. trial: the Test that runs. live: what the character follows, or followed. recording: what
    is kept of it now. installation: the one that runs. wheel: DreamTalk for the worker's Python, as
    it came with the extension; None if this copy lacks it. match: `retarget.match`, remembered,
    because a panel needs it at every redraw. looked: what `rigs.reach` has found out, by mesh and
    what. sentences: `translations.sentences`, remembered. seen: what `rigs.seen` has found out,
    until something of the scene changes. together: whether takes and their sounds move together.
    """

    def __init__(self) -> None:
        self.registered = ExitStack()
        self.styles = StyleMenu()
        self.registered.callback(self.styles.close)
        self.wheel = Wheel.shipped()
        self.service = Service(self.wheel)
        self.registered.callback(self.service.close)
        self.job: Job | None = None
        self.trial: Generator[None, None, None] | None = None
        self.live: Live | None = None
        self.recording: Recording | None = None
        self.installation: Installation | None = None
        self.registered.callback(self._cancel)
        self.match = lru_cache(maxsize=16)(match)
        self.sentences = lru_cache(maxsize=1)(sentences)
        self.together = True
        self.seen: dict[tuple[Any, ...], Any] = {}
        self.looked: dict[tuple[int, str], tuple[Any, Any]] = {}

    def close(self) -> None:
        """Cancel what runs and give everything back, even where a part of that fails."""
        try:
            self.end_live()  # to put the character back it needs what is unregistered below
        finally:
            self.registered.close()

    def _cancel(self) -> None:
        self.end_trial()
        if self.job is not None:
            self.job.cancel()
            self.job = None
        self.cancel_installation()

    def end_trial(self) -> None:
        """Stop the Test, if one runs: the character is as it was. Operators that change or store
        the scene do so first, or they would have it in the middle of a pose."""
        trial, self.trial = self.trial, None
        if trial is not None:
            trial.close()

    def end_live(self) -> None:
        """Let the port and the character go, if it follows anything."""
        live, self.live = self.live, None
        if live is not None:
            live.close()

    def cancel_installation(self) -> None:
        """Stop it, if it runs; what there is of it goes."""
        if self.installation is not None:
            self.installation.cancel()
            self.installation = None


_current: State | None = None
"""The one reference to it: Blender calls panels and operators with nothing of ours in hand."""


def state() -> State:
    """The state of the registered extension."""
    assert _current is not None, "not registered"
    return _current


def begin() -> State:
    """A new state, in place of any that is still there."""
    global _current
    end()
    _current = State()
    return _current


def end() -> None:
    """Close the state, if there is one."""
    global _current
    if _current is not None:
        try:
            _current.close()
        finally:
            _current = None
