# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded, and the take that becomes of it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import bpy
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError

from ..animation.actions import frame_span, replace_range
from ..animation.moving import shift_of
from ..animation.putting import chosen_curves, put_curves, still
from ..animation.settings import first_frame, scene_fps, scene_settings
from ..animation.take_settings import refresh_strengths
from ..animation.takes import lying_in, takes_on
from ..animation.tracks import check_owners
from ..client.job_operator import kept
from ..messages import message_of
from ..rigs.curve import Curve, Floats
from ..rigs.motions import curves_of
from .receiver import Arrival
from .recording import in_time, motion_of, rate_of
from .session import Live
from .settings import live_settings
from .spoken import put_spoken

_NEVER = 1e9
"""A frame that no scene has."""
_LATE = 0.25
"""Seconds that are waited for the last frames: they may be on their way."""


class Recording:
    """Frames that are kept from now on, until it is over.

    first: the frame of the scene that it begins at. stop: the last one that counts. range: first
    and last frame of a punch-in. stopped: to be set by whoever stops it. plays: whether the scene
    is to be played meanwhile. problems: what went wrong although there is a take, in words.
    """

    def __init__(self, live: Live, context: bpy.types.Context, seconds: float = 0) -> None:
        """Begin. seconds: how long it is to be; 0: until it is stopped.

        Raises DreamTalkError where what comes of it would not show, or has no place: before, not
        after, somebody has acted.
        """
        scene, settings = context.scene, live_settings(context.scene)
        if live.kept is not None:
            raise DreamTalkError("A take is being recorded already. Stop that first.")
        objects = live.objects
        check_owners(dict.fromkeys(own.owner for own in curves_of(objects, still(scene))))
        self.first, self.stop = first_frame(scene), _NEVER
        self.range: tuple[int, int] | None = None
        self._take: int | None = None
        if settings.punch:
            self._punch(scene, objects)
        elif settings.play:
            self.stop = scene.frame_end
            if self.first >= self.stop:
                raise DreamTalkError(
                    f"The scene ends at frame {self.stop}, before the take would begin "
                    f"({self.first}). Set its end, or leave Play Along off."
                )
        self.plays = settings.play or settings.punch
        self.live, self.stopped = live, False
        self._scene, self._fps = scene.session_uid, scene_fps(scene)
        self._seconds, self.started = seconds or float("inf"), time.monotonic()
        self.arrivals: list[Arrival] = []
        self.problems: list[str] = []
        live.kept = self.arrivals

    @property
    def over(self) -> bool:
        """Whether nothing more is to be kept."""
        seconds = (self.stop + 1 - self.first) / float(self._fps) + _LATE
        seconds = min(self._seconds, seconds)
        return self.stopped or not self.live.running or time.monotonic() > self.started + seconds

    @property
    def ended(self) -> bool:
        """Whether nothing more is kept."""
        return self.live.kept is not self.arrivals

    @property
    def ends(self) -> bool:
        """Whether it is over by itself some time."""
        return self.stop < _NEVER or self._seconds < float("inf")

    def begin_now(self) -> None:
        """What has come so far does not count: the scene is played from now on."""
        self.live.poll()
        self.arrivals.clear()
        self.started = time.monotonic()

    def end(self) -> None:
        """Keep no more than what has come by now."""
        if self.live.kept is self.arrivals:
            if self.live.running:
                with suppress(DreamTalkError):  # of the character; what was acted is here
                    self.live.poll()
            self.live.kept = None

    def apply(self) -> tuple[bpy.types.Action, int]:
        """The take of it, and how many frames went into it. Raises DreamTalkError; then nothing
        has changed."""
        (scene,) = kept(bpy.data.scenes, [self._scene])
        if scene_fps(scene) != self._fps:
            raise DreamTalkError("The frame rate has been changed meanwhile. Nothing has changed.")
        objects = self.live.objects
        arrivals, times = in_time(self.arrivals)
        begun = self.started if self.plays else times[0]
        frames = self.first + (times - begun) * float(self._fps)
        start = self.first if self.range is None else self.range[0]
        inside = np.flatnonzero((frames >= start) & (frames <= self.stop))
        if not len(inside):
            raise DreamTalkError("No face came while it was recorded, so there is no take.")
        part = slice(inside[0], inside[-1] + 1)
        motion = motion_of(arrivals[part], self.live.rest, rate_of(times))
        if self._take is not None:
            (take,) = kept(bpy.data.actions, [self._take])
            self._into(take, scene, _at(chosen_curves(objects, motion, scene, 0.0), frames[part]))
        else:
            curves = _at(chosen_curves(objects, motion, scene), frames[part])
            name = f"{arrivals[0].frame.name} live"
            take = put_curves(scene, curves, name, int(curves[0].keyed_at(0)[0]))
        self._put_spoken(scene, take, arrivals[part], frames[part])
        return take, len(inside)

    def _put_spoken(
        self,
        scene: bpy.types.Scene,
        take: bpy.types.Action,
        arrivals: Sequence[Arrival],
        frames: NDArray[np.float64],
    ) -> None:
        """The sound of it, where it was spoken, if the settings want it."""
        spoken, times = self.live.spoken, [own.frame.time for own in arrivals]
        if spoken is None or not scene_settings(scene).use_sound:
            return
        first = math.floor(frames[0])
        # A frame's time is the middle of the sound that it shows.
        start = (times[0] or 0.0) - (frames[0] - first + 0.5) / float(self._fps)
        samples = spoken.between(start, (times[-1] or 0.0) + _LATE)
        if not self.live.running:
            spoken.close()
        try:
            if samples:
                put_spoken(scene, take, samples, first, self._take is None)
        except DreamTalkError as error:
            self.problems.append(message_of(error))

    def _into(self, take: bpy.types.Action, scene: bpy.types.Scene, curves: list[Curve]) -> None:
        """Put what lies in the range into a take, blended over at both ends."""
        assert self.range is not None
        by = shift_of(take)
        moved = [replace(own, frames=own.keyed_at(0) - by) for own in curves]
        start, stop = (frame - by for frame in self.range)
        blend = scene_settings(scene).range_blend
        replace_range(take, lying_in(take, moved), 0, start, stop, blend)
        refresh_strengths(take)

    def _punch(self, scene: bpy.types.Scene, objects: Sequence[bpy.types.Object]) -> None:
        """Where a punch-in begins and ends, and what it goes into."""
        settings = scene_settings(scene)
        start, stop = settings.range_start, settings.range_stop
        if start >= stop:
            raise DreamTalkError(f"The range {start} to {stop} is empty. Set From and To.")
        take = settings.take if settings.take in takes_on(objects) else None
        if take is not None:
            first, last = (frame + shift_of(take) for frame in frame_span(take))
            if stop < first or start > last:
                raise DreamTalkError(
                    f"The range {start} to {stop} is not within the take ({first} to {last})."
                )
            self._take = take.session_uid
        lead = round(live_settings(scene).lead * float(scene_fps(scene)))
        self.range, self.first, self.stop = (start, stop), start - lead, stop


def _at(curves: Iterable[Curve], frames: NDArray[np.float64]) -> list[Curve]:
    """Curves whose values lie on these frames; the first one also on the whole frame before it,
    because strips of the NLA begin at such."""
    at = np.asarray(frames, np.float32)
    begin = np.floor(at[0])
    lead: Floats = np.array([begin] if begin < at[0] else [], np.float32)
    keyed = np.concatenate([lead, at])
    return [
        replace(own, frames=keyed, values=np.concatenate([own.values[:1][: len(lead)], own.values]))
        for own in curves
    ]
