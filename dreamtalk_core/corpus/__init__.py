"""Corpora: recordings of speech with the motion of the face that spoke.

clips: reading them. add: making one of takes and videos. check: what is in one. published: the
names that files of published corpora go by.
"""

from dreamtalk_core.corpus.clips import (
    SOUNDS,
    Clip,
    evenly,
    head_angles,
    read_manifest,
    read_pairs,
    sounds_in,
)

__all__ = [
    "SOUNDS",
    "Clip",
    "evenly",
    "head_angles",
    "read_manifest",
    "read_pairs",
    "sounds_in",
]
