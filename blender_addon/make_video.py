# SPDX-License-Identifier: GPL-3.0-or-later
"""The half-minute of the extension platform's listing, and its pictures, made by Blender itself.

    blender -b -P blender_addon/make_video.py -- --worker PYTHON [-o FOLDER] [--seconds 28]

The Python of Blender's module does as well as Blender: `python blender_addon/make_video.py ...`.
The extension is built, installed as a user does, and used: the sample head says the demo voice in
three styles, one after the other, with its sound. PYTHON is one that has DreamTalk.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

ROOT = Path(__file__).resolve().parents[1]
VOICE = ROOT / "dreamtalk_core" / "assets" / "demo_voice.flac"
STYLES = ("neutral", "happy", "angry")
_FPS, _SIZE = 24, (1280, 720)
_STILL = 52
"""Frame of a style's part that its picture is of."""


def install(worker: str) -> None:
    """The extension from these sources, as a user installs it."""
    sys.path.insert(0, str(ROOT))
    from blender_addon.make_extension import build

    package = build(Path(bpy.app.tempdir))
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(package), enable_on_install=True
    )
    bpy.context.preferences.addons["bl_ext.user_default.dreamtalk"].preferences.python = worker


def speak(frames: int) -> Any:
    """The head, saying the voice's beginning in each style for so many frames; returns its mesh."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    bpy.ops.dreamtalk.add_head()
    face, scene = bpy.context.object, bpy.context.scene
    scene.render.fps, scene.frame_start = _FPS, 1
    settings, editor = scene.dreamtalk, scene.sequence_editor_create()
    settings.sound_from, settings.style_from = "STRIPS", "NAMED"
    for i, style in enumerate(STYLES):
        strip = editor.strips.new_sound(style, str(VOICE), 1 + i, 1 + i * frames)
        strip.frame_final_duration = min(frames, strip.frame_final_duration)
        for other in editor.strips:
            other.select = other == strip
        settings.style = style
        bpy.ops.dreamtalk.animate()
        _caption(style, 1 + i * frames, frames)
    scene.frame_end = len(STYLES) * frames
    return face


def _caption(style: str, first: int, frames: int) -> None:
    """What is written under the face while a style lasts."""
    text = bpy.data.curves.new(style, "FONT")
    text.body, text.size, text.align_x = f"the same voice, {style}", 0.022, "CENTER"
    thing = bpy.data.objects.new(style, text)
    bpy.context.collection.objects.link(thing)
    thing.location, thing.rotation_euler = (0.0, -0.15, -0.175), (1.5708, 0.0, 0.0)
    for frame, hidden in ((first - 1, True), (first, False), (first + frames, True)):
        thing.hide_render = hidden
        thing.keyframe_insert("hide_render", frame=frame)


def look(face: Any) -> None:
    """A camera before the face, and what it is drawn with."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.collection.objects.link(camera)
    camera.location = face.matrix_world @ Vector((0.1, -1.5, 0.0))
    middle = Vector((0.0, 0.0, -0.031))
    camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens = 84
    scene.camera, scene.render.engine = camera, "BLENDER_WORKBENCH"
    scene.display.shading.color_type = "TEXTURE"
    scene.display.shading.show_cavity = True
    scene.display.shading.studio_light = "paint.sl"
    # A highlight would lie on the pupils like a cataract.
    scene.display.shading.show_specular_highlight = False
    scene.render.resolution_x, scene.render.resolution_y = _SIZE


def write(folder: Path, frames: int, percent: int) -> None:
    """A picture of every style, and the video with its sound."""
    scene = bpy.context.scene
    image = scene.render.image_settings
    scene.render.resolution_percentage = percent
    image.file_format = "PNG"
    for i, style in enumerate(STYLES):
        scene.frame_set(1 + i * frames + min(_STILL, frames - 1))
        scene.render.filepath = str(folder / f"{style}.png")
        bpy.ops.render.render(write_still=True)
    if hasattr(image, "media_type"):
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    coded = scene.render.ffmpeg
    coded.format, coded.codec, coded.audio_codec = "MPEG4", "H264", "AAC"
    coded.constant_rate_factor = "MEDIUM"
    scene.render.filepath = str(folder / "dreamtalk.mp4")
    bpy.ops.render.render(animation=True)


def main() -> None:
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(description="Make the video and the pictures of the listing.")
    parser.add_argument("--worker", required=True, help="a Python that has DreamTalk")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "out" / "listing")
    parser.add_argument("--seconds", type=float, default=28.0, help="of the video")
    parser.add_argument("--percent", type=int, default=100, help="of 1280 x 720")
    options = parser.parse_args(given)
    options.output.mkdir(parents=True, exist_ok=True)
    install(options.worker)
    frames = round(options.seconds * _FPS / len(STYLES))
    look(speak(frames))
    write(options.output.resolve(), frames, options.percent)
    print(options.output / "dreamtalk.mp4")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Blender's module may hang when Python ends the usual way after it has rendered.
    os._exit(0)
