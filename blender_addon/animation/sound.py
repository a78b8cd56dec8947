# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech as a strip in the sequencer, in sync with its take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy

from dreamtalk_core.errors import SpeechError

from .settings import scene_settings

SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".mp4", ".mov", ".mkv")


def sound_strips(scene: bpy.types.Scene) -> Iterator[bpy.types.Strip]:
    """The sound strips of a scene's sequencer, those within metas too."""
    editor = scene.sequence_editor
    return (own for own in (editor.strips_all if editor else ()) if own.type == "SOUND")


def plays(strip: bpy.types.Strip, file: Path) -> bool:
    """Whether a sound strip plays a file, however its path is written."""
    path = strip.sound.filepath if strip.sound else ""
    return bool(path) and Path(bpy.path.abspath(path)).resolve() == file.resolve()


def check_sound(path: str | Path) -> Path:
    """The sound file that a Blender path names. Raises SpeechError where there is none."""
    text = str(path)
    if not text.strip():
        raise SpeechError("Choose a sound file first.")
    found = Path(bpy.path.abspath(text))
    if found.is_dir():
        raise SpeechError(f"{found} is a folder. Choose a sound file in it.")
    if not found.is_file():
        raise SpeechError(f"There is no file {found}. Choose the sound file again.")
    return found


def found_again(path: str, scene: bpy.types.Scene) -> Path:
    """The sound that a take was made from, also where a project has been moved: beside the file
    that Blender itself has found again, or what the panel names, if it is called the same.

    Raises SpeechError where it is nowhere.
    """
    name = Path(path.replace("\\", "/")).name
    known = [path, scene_settings(scene).sound, *(own.filepath for own in bpy.data.sounds)]
    for text in known:
        file = Path(bpy.path.abspath(text)) if text else None
        if file is not None and file.is_file() and file.name == name:
            return file
    raise SpeechError(
        f"There is no file {bpy.path.abspath(path)}. Choose {name} where it is now as the sound."
    )


def add_sound(scene: bpy.types.Scene, path: str | Path, first: int) -> bpy.types.Strip:
    """The sound at frame `first` of the sequencer, on a channel that is free there.

    A strip of the same sound at the same frame is used again. Playback is set to follow the sound.
    Raises SpeechError for a file that is missing or has no sound that Blender can read; then
    nothing has changed.
    """
    file = check_sound(path)
    editor = scene.sequence_editor or scene.sequence_editor_create()
    for strip in editor.strips:
        if strip.type == "SOUND" and strip.frame_start == first and plays(strip, file):
            return strip
    before = set(bpy.data.sounds)
    strip = editor.strips.new_sound(file.stem, stored_path(file), 1, first)
    if not strip.sound.samplerate:
        sound = strip.sound
        editor.strips.remove(strip)
        if sound not in before:
            bpy.data.sounds.remove(sound)
        raise SpeechError(f"Blender finds no sound in {file}. Save it as WAV or FLAC.")
    strip.channel = _free_channel(editor, strip)
    scene.sync_mode = "AUDIO_SYNC"
    return strip


def stored_path(file: Path) -> str:
    """The path as Blender should store it: relative to the .blend where the user wants that."""
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            return bpy.path.relpath(str(file))
        except ValueError:  # on another drive
            return str(file)
    return str(file)


def _free_channel(editor: bpy.types.SequenceEditor, new: bpy.types.Strip) -> int:
    start, stop = new.frame_final_start, new.frame_final_end
    taken = {
        strip.channel
        for strip in editor.strips
        if strip != new and strip.frame_final_start < stop and strip.frame_final_end > start
    }
    return next(channel for channel in range(1, len(taken) + 2) if channel not in taken)
