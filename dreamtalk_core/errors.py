"""The errors a user of this package can meet.

Every message says what is wrong and what to do about it, so a door (node, panel, command line)
can show it as it is.
"""

from __future__ import annotations


class DreamTalkError(Exception):
    """Base of all errors that this package raises on purpose."""


class SpeechError(DreamTalkError):
    """The speech cannot be opened, decoded or used."""


class MotionError(DreamTalkError):
    """A motion, or a motion file, is not valid."""


class StyleError(DreamTalkError):
    """A style is unknown, or a style file is not valid."""


class ModelError(DreamTalkError):
    """Model weights are missing, damaged or do not fit this version."""


class CorpusError(DreamTalkError):
    """A training corpus does not have the documented layout."""


class RenderError(DreamTalkError):
    """A picture or a video cannot be made."""


class TrackingError(DreamTalkError):
    """A picture or a video cannot be read, or there is no face in it."""


class DreamTalkWarning(UserWarning):
    """Something was guessed, and the result may be wrong; told with Python's `warnings`."""
