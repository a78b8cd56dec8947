"""Faces in: from a video or a photo to the curves of a face."""

from dreamtalk_core.tracking.track import Tracked, track_faces

__all__ = ["Tracked", "track_faces"]
