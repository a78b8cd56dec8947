"""What the workflow templates and the blueprints hold.

Notes are what an artist reads first. `make_workflows` lays the nodes out, runs them and takes their
pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """A node of a template.

    links: where inputs come from, as "key.output". values: what differs from the defaults.
    size: width and height in pixels; what the node needs if left out.
    """

    type: str
    links: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    size: tuple[int, int] | None = None
    collapsed: bool = False


@dataclass(frozen=True)
class Template:
    """A workflow: its nodes by key, groups with their nodes' keys.

    columns: the keys of what stands in each, from the top; a number is a gap in pixels.

    note: what the artist reads first, in Markdown; its key is "note". moment: seconds into the
    videos at which the picture is taken.
    """

    note: str
    nodes: Mapping[str, Node]
    columns: Sequence[Sequence[str | int]]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    moment: float = 1.0
    note_size: tuple[int, int] = (290, 240)


RENDERED = (290, 500)
"""Of a node that shows the last frame that it drew."""


def load_speech(**values: Any) -> Node:
    return Node("DreamTalkLoadSpeech", values=values)


def sample(
    speech: str = "speech.speech", style: str = "", collapsed: bool = False, **values: Any
) -> Node:
    links = {"speech": speech} | ({"style": style} if style else {})
    # Else the second run would be another take, although nothing was changed.
    fixed = {"seed": 0, "control_after_generate": "fixed"}
    return Node("DreamTalkSampleMotion", links, {**values, **fixed}, collapsed=collapsed)


def load_style(style: str, intensity: float = 1.0) -> Node:
    return Node("DreamTalkLoadStyle", values={"style": style, "intensity": intensity})


def render_portrait(motion: str = "motion.motion") -> Node:
    links = {"motion": motion, "portrait": "portrait.portrait"}
    return Node("DreamTalkRenderPortrait", links, size=RENDERED)


def save_motion(prefix: str, format: str, title: str = "") -> Node:
    values = {"filename_prefix": f"DreamTalk/{prefix}", "format": format}
    return Node("DreamTalkSaveMotion", {"motion": "motion.motion"}, values, title)


def save_video(video: str, prefix: str, size: tuple[int, int]) -> Node:
    values = {"filename_prefix": f"DreamTalk/{prefix}"}
    return Node("SaveVideo", {"video": video}, values, size=size)


LOAD_PORTRAIT = Node("DreamTalkLoadPortrait", size=(300, 340))

EMOTIONS = ("neutral", "happy", "angry", "sad")

TEMPLATES = {
    "talking_portrait": Template(
        "## A portrait speaks\n\nPress **Run**. Then make it yours:\n\n"
        "- *Load Speech*: your recording. Any node with an audio output will do as well.\n"
        "- *Load Portrait*: a face that looks at the camera, lips closed. Or *Load Image*.\n"
        "- *Sample Motion*: another *seed* is another take. The manner is heard in the voice; "
        "connect *Load Style* to choose one.\n\n"
        "The video is written frame by frame: the speech may be of any length.",
        {
            "speech": load_speech(),
            "portrait": LOAD_PORTRAIT,
            "motion": sample(),
            "render": render_portrait(),
            "save": save_video("render.video", "talking portrait", (440, 560)),
        },
        (("speech", "note"), ("motion",), (120, "portrait"), ("render",), ("save",)),
        note_size=(290, 300),
    ),
    "portrait_style_from_video": Template(
        "## The manner of an actor\n\n*Extract Style* watches somebody speak and takes their "
        "manner, not their words: two seconds or more, seen from the front.\n\n"
        "So that this runs as it is, the actor is made here, too. With a clip of your own, delete "
        "the group **The actor** and connect *Load Video* to *Extract Style*.\n\n"
        "*Save Style* keeps the style in your library, for *Load Style* and for Blender.",
        {
            "lines": load_speech(duration=6.0),
            "mood": load_style("happy", 1.5),
            "curves": sample("lines.speech", "mood.style", collapsed=True),
            "actor": Node("DreamTalkRenderPortrait", {"motion": "curves.motion"}, size=RENDERED),
            "style": Node("DreamTalkExtractStyle", {"performance": "actor.video"}),
            "speech": load_speech(),
            "portrait": LOAD_PORTRAIT,
            "motion": sample(style="style.style"),
            "render": render_portrait(),
            "save": save_video("render.video", "style from video", (440, 560)),
        },
        (
            ("lines", "mood", 270, "note"),
            ("curves", "actor", 60, "speech"),
            ("style", "portrait"),
            ("motion",),
            ("render",),
            ("save",),
        ),
        {"The actor": ("lines", "mood", "curves", "actor")},
        note_size=(290, 300),
    ),
    "emotion_sweep": Template(
        "## One line, four emotions\n\nThe same recording and the same seed in four styles, side "
        "by side.\n\nChange a style or its *intensity* and press **Run**: only that face is "
        "sampled anew. *Sample Motion* is folded up here: click on its dot to open it.",
        {
            "speech": load_speech(duration=4.4),
            **{f"{name} style": load_style(name) for name in EMOTIONS},
            **{name: sample(style=f"{name} style.style", collapsed=True) for name in EMOTIONS},
            "render": Node(
                "DreamTalkRenderHead",
                {
                    f"motion_{i}" if i > 1 else "motion": f"{name}.motion"
                    for i, name in enumerate(EMOTIONS, start=1)
                },
                {"labels": ", ".join(EMOTIONS), "size": 320},
                size=(290, 680),
            ),
            "save": save_video("render.video", "emotions", (700, 400)),
        },
        (
            ("speech", "note"),
            tuple(f"{name} style" for name in EMOTIONS),
            (30, EMOTIONS[0], 82, EMOTIONS[1], 82, EMOTIONS[2], 82, EMOTIONS[3]),
            ("render",),
            ("save",),
        ),
    ),
    "speech_to_arkit": Template(
        "## Face curves for Blender and game engines\n\nThe 52 ARKit curves at 30 frames a "
        "second, in ComfyUI's output folder under `DreamTalk`:\n\n"
        "- **CSV** as Live Link Face records it, for Unreal and many add-ons\n"
        "- **JSON** with everything spelled out\n"
        "- **GLB**, an animated head that any 3D program opens, shown on the right",
        {
            "speech": load_speech(),
            "motion": sample(fps=30),
            "csv": save_motion("curves", "csv", "Save Motion (Live Link Face)"),
            "json": save_motion("curves", "json", "Save Motion (JSON)"),
            "glb": Node(
                "DreamTalkMotionToGLB",
                {"motion": "motion.motion"},
                {"filename_prefix": "DreamTalk/head"},
            ),
            "view": Node("Preview3D", {"model_file": "glb.model_file"}, size=(420, 520)),
        },
        (("speech", "note"), ("motion",), ("csv", "json", "glb"), ("view",)),
    ),
    "head_preview": Template(
        "## Look before you render\n\n*Preview Motion* plays the head with its sound and the "
        "curves under it: drag on them to scrub.\n\n*Adjust Motion* changes what was sampled: "
        "stronger, smoother, earlier. Nothing is sampled anew for it.",
        {
            "speech": load_speech(),
            "motion": sample(),
            "adjust": Node("DreamTalkAdjustMotion", {"motion": "motion.motion"}),
            "preview": Node("DreamTalkPreviewMotion", {"motion": "adjust.motion"}, size=(460, 640)),
        },
        (("speech", "note"), ("motion",), ("adjust",), ("preview",)),
        moment=9.0,
    ),
    "keyframed_emotions": Template(
        "## Emotions over time\n\n*Style Keys* holds a style and its time in seconds for each key, "
        "and passes softly from one to the next:\n\n"
        "`neutral@0, happy*1.3@4, angry*1.3@9`\n\n"
        "`happy*0.7+surprise*0.3` is a mix; a, b, c, d are styles that you connect.",
        {
            "speech": load_speech(),
            "keys": Node(
                "DreamTalkStyleKeys",
                values={"keys": "neutral@0, happy*1.3@4, angry*1.3@9"},
                size=(290, 240),
            ),
            "motion": sample(style="keys.style"),
            "render": Node(
                "DreamTalkRenderHead",
                {"motion": "motion.motion"},
                {"curves": "mouthSmileLeft, browDownLeft", "size": 384},
                size=(290, 680),
            ),
            "save": save_video("render.video", "keyframed emotions", (440, 620)),
        },
        (("speech", "keys", "note"), ("motion",), ("render",), ("save",)),
        moment=4.2,
    ),
    "control_images": Template(
        "## Guide a video model\n\nThe face as pictures for a video-diffusion graph, here 81 "
        "frames at 16 a second, as Wan wants them:\n\n- **images** into `control_video` of "
        "*WanVaceToVideo*, or into a ControlNet\n- **mask** for inpainting\n- the portrait itself "
        "as the reference image: both fit to the pixel\n\n"
        "*control*: mesh, landmarks, mouth, depth or normals.",
        {
            "speech": load_speech(duration=5.2),
            "portrait": LOAD_PORTRAIT,
            "motion": sample(fps=16),
            "control": Node(
                "DreamTalkRenderControlImages",
                {"motion": "motion.motion", "portrait": "portrait.portrait"},
                {"control": "landmarks", "count": 81},
                size=(290, 700),
            ),
            "video": Node(
                "CreateVideo",
                {"images": "control.images", "audio": "control.audio", "fps": "control.fps"},
            ),
            "save": save_video("video.VIDEO", "control", (440, 560)),
        },
        (("speech", "note"), ("motion",), (120, "portrait"), ("control", "video"), ("save",)),
        note_size=(290, 300),
    ),
    "batch_of_lines": Template(
        "## Many lines at once\n\n*Split Speech* cuts a recording at its pauses. What follows runs "
        "once for each line, and every line gets a file of its own, with a number.\n\n"
        "Lines in files already? Put *Load Speech Folder* in the place of both.",
        {
            "speech": load_speech(),
            "lines": Node("DreamTalkSplitSpeech", {"speech": "speech.speech"}, {"pause": 0.3}),
            "motion": sample("lines.lines"),
            "csv": save_motion("line", "csv"),
        },
        (("speech", "note"), ("lines",), ("motion",), ("csv",)),
    ),
}


@dataclass(frozen=True)
class Blueprint:
    """A part of a graph as one node, which the host offers among its own.

    template: the graph that it is a part of. inside: the keys of its nodes. shown: widgets that the
    node has, as (key, name). about, aliases: what it is, and other words that it is searched by.
    """

    template: Template
    inside: Sequence[str]
    shown: Sequence[tuple[str, str]]
    about: str
    aliases: Sequence[str]


BLUEPRINTS = {
    "Speech to Talking Portrait": Blueprint(
        Template(
            "",
            {
                "speech": load_speech(),
                "style": load_style("happy"),
                "portrait": LOAD_PORTRAIT,
                "motion": sample(style="style.style"),
                "render": render_portrait(),
                "save": save_video("render.video", "talking portrait", (440, 560)),
            },
            (("speech", "style", "portrait"), ("motion",), ("render",), ("save",)),
        ),
        ("motion", "render"),
        (("motion", "guidance"), ("motion", "seed"), ("motion", "fps"), ("render", "crop")),
        "A picture of a face speaks what is heard: speech and a portrait in, a video with sound "
        "out.",
        ("talking head", "lip sync", "avatar", "SadTalker", "LivePortrait"),
    ),
    "Speech to Face Curves": Blueprint(
        Template(
            "",
            {
                "speech": load_speech(),
                "style": load_style("happy"),
                "motion": sample(style="style.style", fps=30),
                "csv": save_motion("curves", "csv"),
                "render": Node("DreamTalkPreviewMotion", {"motion": "motion.motion"}),
            },
            (("speech", "style"), ("motion",), ("csv", "render")),
        ),
        ("motion", "csv"),
        (
            *(("motion", "guidance"), ("motion", "seed"), ("motion", "fps")),
            *(("csv", "filename_prefix"), ("csv", "format")),
        ),
        "The 52 ARKit curves of a face that speaks what is heard, saved as Live Link Face CSV, "
        "JSON, NPZ or an animated GLB.",
        ("audio2face", "blendshapes", "viseme", "ARKit", "Live Link Face"),
    ),
}
