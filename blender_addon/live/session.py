# SPDX-License-Identifier: GPL-3.0-or-later
"""A character that follows what is received, for as long as somebody lets it.

A timer empties the port and puts the newest frame onto the character, through the mapping that
takes use. Everything belongs to the main thread.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import bpy
from bpy.app.handlers import persistent

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.curves import smoothstep

from ..animation.putting import still
from ..client.job_operator import kept
from ..client.tasks import Task
from ..messages import message_of, told
from ..redraw import redraw_panels
from ..rigs.curve import Curve, set_value, value_of
from ..rigs.motions import curves_of
from ..state import state
from .receiver import QUIET, Arrival, Receiver
from .recording import Rest, motion_of
from .spoken import Spoken

_EVERY = 1 / 120
_SHOW_EVERY = 0.25
HOLD, RETURN = 2.0, 0.6
"""Seconds that the last frame is held when nothing comes, and that the way to rest takes then."""
RECENT = 1.0
"""Seconds of frames that tell how the actor rests now."""
_GONE = (ReferenceError, ValueError)
"""What is raised where a deletion has taken an object away, or somebody a shape key."""


class Live:
    """A character that moves as the frames say that come in.

    receiver: where they come from. timer: what Blender calls. rest: what is taken off them.
    kept: all of them, while something is recorded. task: the worker's, where it is
    our own that sends. spoken: what it hears. count: frames that have come. newest: the last that
    had a face. problem: why it has ended by itself, "" if it has not.
    """

    def __init__(
        self,
        receiver: Receiver,
        objects: Sequence[bpy.types.Object],
        rest: Rest | None,
        task: Task | None = None,
        cancel: Callable[[], None] = lambda: None,
        spoken: Spoken | None = None,
    ) -> None:
        """Begin. cancel: ends the worker's task. Raises DreamTalkError as `curves_of` does."""
        self.receiver, self.rest, self.task, self.spoken = receiver, rest, task, spoken
        self.kept: list[Arrival] | None = None
        self.count, self.problem = 0, ""
        self.timer = self._tick  # Blender tells timers apart by their identity
        self.recent: deque[Arrival] = deque()
        self._cancel = cancel
        self._members = [own.session_uid for own in objects]
        self._objects: list[bpy.types.Object] | None = list(objects)
        self.newest: Arrival | None = None
        self._share = 1.0  # of the newest frame, over the face at rest
        self._shown, self._text = 0.0, ""
        self._before: dict[tuple[int, str, int], float] = {}
        self._show(still(bpy.context.scene), keep=True)
        # In this order they are there, and are taken away again.
        self._handlers: tuple[tuple[Any, Any], ...] = (
            (bpy.app.handlers.frame_change_post, self._frame_changed),
            (bpy.app.handlers.undo_post, self._undone),
            (bpy.app.handlers.redo_post, self._undone),
            (bpy.app.handlers.save_pre, self._before_save),
            (bpy.app.handlers.load_pre, self._before_load),
        )
        for handlers, own in self._handlers:
            handlers.append(own)
        bpy.app.timers.register(self.timer, first_interval=_EVERY)

    def close(self) -> None:
        """Let the port and the character go; it is as it was before. A second time does nothing."""
        if bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.unregister(self.timer)
        for handlers, own in self._handlers:
            with suppress(ValueError):
                handlers.remove(own)
        self._handlers = ()
        self.receiver.close()
        self._cancel()
        self._put_back()
        # A recording that waits for its take still reads from it.
        if self.spoken is not None and state().recording is None:
            self.spoken.close()

    @property
    def running(self) -> bool:
        return bool(self._handlers)

    @property
    def listens(self) -> bool:
        """Whether the worker is busy with it."""
        return self.running and self.task is not None and not self.task.finished

    @property
    def objects(self) -> list[bpy.types.Object]:
        """The character. Raises DreamTalkError where some of it has been deleted."""
        if self._objects is None:
            self._objects = kept(bpy.data.objects, self._members)
        return self._objects

    def poll(self) -> None:
        """Take what has come, and put the newest onto the character. For where no timer fires.

        Raises DreamTalkError where the character, or the worker, is gone.
        """
        if self.task is not None:
            state().service.poll()
            if self.task.state == "FAILED":
                raise DreamTalkError(self.task.error)
        found = self.receiver.drain()
        self.count += len(found)
        self.recent.extend(found)
        while self.recent and self.recent[0].moment < self.recent[-1].moment - RECENT:
            self.recent.popleft()
        if self.kept is not None:
            self.kept += found
        faces = [own for own in found if own.frame.face]
        if faces:
            self.newest = faces[-1]
        self._follow(bool(faces))

    def recent_motion(self) -> Motion:
        """The frames of the last second. Raises DreamTalkError where there are none."""
        faces = [own for own in self.recent if own.frame.face]
        if not faces or self.receiver.quiet > QUIET:
            raise DreamTalkError("No face comes, so its rest cannot be seen. Look at what sends.")
        return motion_of(faces)

    def _follow(self, fresh: bool) -> None:
        """The newest frame; or, when nothing comes any more, the way from it to rest."""
        if self.newest is None:
            return
        waited = time.monotonic() - self.newest.moment
        share = float(1 - smoothstep((waited - HOLD) / RETURN))
        if fresh or share != self._share:
            self._share = share
            self._pose()

    def _pose(self) -> None:
        if self.newest is None:
            return
        motion = motion_of([self.newest], self.rest)
        try:
            self._show(motion)
        except _GONE:
            # A shape key went, or the mapping was changed in between: once more, from the names.
            self._objects = None
            try:
                self._show(motion)
            except _GONE as error:
                raise DreamTalkError("The character has been deleted. Start it again.") from error

    def _show(self, motion: Motion, keep: bool = False) -> None:
        """Set what a frame is on the character. keep: look first at how it is now."""
        for own in curves_of(self.objects, motion):
            key = _key(own)
            if key not in self._before:
                self._before[key] = value_of(own.owner, own.path, own.index)
            if not keep:
                value = own.rest + self._share * (float(own.values[0]) - own.rest)
                set_value(own.owner, own.path, own.index, value)

    def _put_back(self) -> None:
        """The character as it was before; what is animated, as it is in the frame that is shown."""
        with suppress(DreamTalkError, *_GONE):
            scene, animated = bpy.context.scene, False
            for own in curves_of(self.objects, still(scene)):
                value = self._before.get(_key(own), own.rest)
                set_value(own.owner, own.path, own.index, value)
                data = own.owner.animation_data
                animated |= data is not None and bool(data.nla_tracks or data.action)
            if animated:
                scene.frame_set(scene.frame_current)

    def _tick(self) -> float | None:
        try:
            self.poll()
        except DreamTalkError as error:
            self._end(message_of(error))
        except Exception as error:  # Blender would drop the timer, and keep the port
            traceback.print_exc()
            self._end(str(error))
        self._redraw()
        return _EVERY if self.running else None

    def _end(self, problem: str) -> None:
        self.problem = problem
        self.close()

    @property
    def icon(self) -> str:
        """Whether all is well, as the panel shows it."""
        if self.running and self.receiver.quiet <= QUIET and self.recent[-1].frame.face:
            return "CHECKMARK"
        return "ERROR" if self.problem or self.count or self.receiver.strange else "SORTTIME"

    def sentence(self) -> str:
        """What the panel says of it."""
        receiver = self.receiver
        if self.problem:
            return self.problem
        if self.task is not None and self.task.finished:
            return "The sound has ended."
        if self.task is not None and not self.count:
            return self.task.message
        if not self.count and receiver.strange:
            return (
                f"What comes on port {receiver.port} is not {receiver.source.name}. Choose another "
                "source."
            )
        if not self.count:
            return f"Waiting for {receiver.source.name} on port {receiver.port}."
        if receiver.quiet > QUIET:
            return f"Nothing has come for {receiver.quiet:.0f} seconds. Look at what sends."
        if not self.recent[-1].frame.face:
            return "The sender sees no face."
        if receiver.others:
            return f"{receiver.sender} is followed; somebody else sends to this port, too."
        return f"{receiver.sender}: {len(self.recent)} frames a second"

    def _redraw(self) -> None:
        now = time.monotonic()
        if now - self._shown < _SHOW_EVERY and self.running:
            return
        text = told(self.sentence())
        if text != self._text:
            self._text = text
            redraw_panels()
        self._shown = now

    @persistent
    def _frame_changed(self, *_: Any) -> None:
        # Takes below have set the face to what it is in the new frame.
        with suppress(DreamTalkError):
            self._pose()

    @persistent
    def _undone(self, *_: Any) -> None:
        self._objects = None  # every object has another address

    @persistent
    def _before_save(self, *_: Any) -> None:
        # What is stored is the face as it was; the next frame brings it back.
        self._put_back()

    @persistent
    def _before_load(self, *_: Any) -> None:
        self.close()
        state().recording = None  # its scene goes


def _key(own: Curve) -> tuple[int, str, int]:
    return own.owner.session_uid, own.path, own.index
