"""What the workflow templates and the blueprints hold, in the order in which they are offered.

Notes are what an artist reads first: two sentences on what it does, then how to make it one's own.
`make_workflows` lays the nodes out, runs them and takes their pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.parts import (
    COUPLE,
    LOAD_PORTRAIT,
    ONE_TAKE,
    Node,
    Template,
    actor,
    couple,
    load_speech,
    load_style,
    render_portrait,
    sample,
    save_motion,
    save_video,
)
from workflows.video_models import VIDEO_MODELS

EMOTIONS = ("neutral", "happy", "angry", "sad")

ACTOR = ("lines", "mood", "curves", "actor")

TALKING = {
    "speech": load_speech(),
    "portrait": LOAD_PORTRAIT,
    "motion": sample(),
    "render": render_portrait(),
    "save": save_video("render.video", "talking portrait"),
}
TALKING_COLUMNS = (("speech", "note"), ("motion",), (120, "portrait"), ("render",), ("save",))

_ORDERED = {
    "Talking portrait": Template(
        "## A portrait speaks\n\nA recording and a picture go in. A video comes out in which the "
        "picture speaks. Press **Run**, then make it yours:\n\n"
        "- *Load Speech*: your recording. Any node with an audio output will do as well.\n"
        "- *Load Portrait*: a face that looks at the camera, lips closed. Or *Load Image*.\n"
        "- *Sample Motion*: another *seed* is another take. The manner is heard in the voice; "
        "connect *Load DreamTalk Style* to choose one.\n\n"
        "The video is written frame by frame: the speech may be of any length.",
        TALKING,
        TALKING_COLUMNS,
        note_size=(290, 330),
    ),
    "Talking portrait.app": Template(
        "## A portrait speaks, as an app\n\nYou choose a recording and a picture and press one "
        "button; the video comes out below. Older hosts show the graph behind it instead: it is "
        "that of *Talking portrait*.",
        TALKING,
        TALKING_COLUMNS,
        app=(("speech", "file", "recording"), ("portrait", "image", "portrait")),
    ),
    "Style from a video": Template(
        "## The manner of an actor\n\n*Extract Style* watches somebody speak and takes their "
        "manner, not their words: two seconds or more, seen from the front. A portrait then says "
        "something else in that manner.\n\n"
        "So that this runs as it is, the actor is made here, too. With a clip of your own, delete "
        "the group **The actor** and connect *Load Video* to *Extract Style*.\n\n"
        "*Save DreamTalk Style* keeps the style in your library, for *Load DreamTalk Style* and "
        "for Blender.",
        {
            **actor(6.0, "happy", 1.5),
            "style": Node("DreamTalkExtractStyle", {"performance": "actor.video"}),
            "speech": load_speech(),
            "portrait": LOAD_PORTRAIT,
            "motion": sample(style="style.style"),
            "render": render_portrait(),
            "save": save_video("render.video", "style from video"),
        },
        (
            ("lines", "mood", 270, "note"),
            ("curves", "actor", 60, "speech"),
            ("style", "portrait"),
            ("motion",),
            ("render",),
            ("save",),
        ),
        {"The actor": ACTOR},
        note_size=(290, 330),
    ),
    "Four emotions": Template(
        "## One line, four emotions\n\nThe same recording and the same seed in four styles, side "
        "by side. So you see what a style does before you choose one.\n\nChange a style or its "
        "*intensity* and press **Run**: only that face is sampled anew. *Sample Motion* is folded "
        "up here: click on its dot to open it.",
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
    "Emotions over time": Template(
        "## Emotions over time\n\nA head says one line in moods that change on the way. "
        "*Style Keys* holds a style and its time in seconds for each key, and passes softly from "
        "one to the next.\n\n"
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
    "Dub a video": Template(
        "## New words for somebody in a video\n\n*Dub Video* moves the mouth of a filmed person to "
        "another recording. All the rest stays as it was filmed: eyes, head, light, length, size."
        "\n\nSo that this runs as it is, the film is made here, too. With a video of your own, "
        "delete the group **The film** and connect *Load Video* to *Dub Video*.\n\n"
        "*start*: where in the video the new words begin. *only speech*: leave the mouth alone in "
        "their pauses.",
        {
            **actor(5.0, "neutral"),
            "speech": load_speech(start=5.0, duration=4.0),
            "dub": Node(
                "DreamTalkDubVideo",
                {"video": "actor.video", "speech": "speech.speech"},
                {"start": 0.5, **ONE_TAKE},
            ),
            "save": save_video("dub.video", "dubbed"),
        },
        (
            ("lines", "mood", 340, "note"),
            ("curves", "actor"),
            ("speech", "dub"),
            ("save",),
        ),
        {"The film": ACTOR},
        note_size=(290, 330),
    ),
    "Portrait follows a video": Template(
        "## A portrait does what somebody does in a video\n\n*Track Motion* follows the face of a "
        "filmed person: expression, gaze, turns of the head. A portrait then does the same, with "
        "the video's sound.\n\nSo that this runs as it is, the film is made here, too. With a "
        "video of your own, delete the group **The film** and connect *Load Video* to "
        "*Track Motion*.\n\n*Render Head* in the place of *Render Portrait* shows it on the "
        "built-in head, *Save DreamTalk Motion* makes curves for other programs.",
        {
            **actor(4.4, "happy", 1.5),
            "motion": Node("DreamTalkTrackMotion", {"video": "actor.video"}),
            "portrait": LOAD_PORTRAIT,
            "render": render_portrait(),
            "save": save_video("render.video", "follows a video"),
        },
        (
            ("lines", "mood", 340, "note"),
            ("curves", "actor"),
            ("motion", "portrait"),
            ("render",),
            ("save",),
        ),
        {"The film": ACTOR},
        note_size=(290, 360),
    ),
    "Two people talking": Template(
        "## A conversation in one picture\n\n*Render Group* makes several people in one picture "
        "talk: each face, counted from the left, says what is connected for it. Who has nothing to "
        "say listens, nods and looks at the speaker.\n\n"
        "All recordings begin together, like tracks: the silence before the second one makes it an "
        "answer.\n\n"
        "So that this runs as it is, the demo portrait meets its mirror image. With a picture of "
        "your own, delete the group **The picture** and connect *Load Image* to *Render Group*.",
        {
            **couple(),
            "question": load_speech(duration=2.2),
            "silence": Node("EmptyAudio", values={"duration": 2.2}),
            "reply": load_speech(start=4.4, duration=2.0),
            "answer": Node("AudioConcat", {"audio1": "silence.AUDIO", "audio2": "reply.audio"}),
            "style": load_style("happy"),
            "render": Node(
                "DreamTalkRenderGroup",
                {
                    "portrait": "people.IMAGE",
                    "speech_1": "question.speech",
                    "speech_2": "answer.AUDIO",
                    "style_2": "style.style",
                },
                ONE_TAKE,
                size=(320, 700),
            ),
            "save": save_video("render.video", "conversation", (640, 460)),
        },
        (
            ("question", "silence", "reply", 120, "note"),
            ("answer", "style", 60, "portrait"),
            (580, "other", "people"),
            ("render",),
            ("save",),
        ),
        {"The picture": COUPLE},
        note_size=(290, 330),
    ),
    "Preview on a head": Template(
        "## Look before you render\n\n*Preview Motion* plays the head with its sound and the "
        "curves under it: drag on them to scrub. *Adjust Motion* changes what was sampled: "
        "stronger, smoother, earlier; nothing is sampled anew for it.",
        {
            "speech": load_speech(),
            "motion": sample(),
            "adjust": Node("DreamTalkAdjustMotion", {"motion": "motion.motion"}),
            "preview": Node("DreamTalkPreviewMotion", {"motion": "adjust.motion"}, size=(460, 640)),
        },
        (("speech", "note"), ("motion",), ("adjust",), ("preview",)),
        shown="preview",
        moment=9.0,
    ),
    "Curves for 3D programs": Template(
        "## Face curves for Blender and game engines\n\nA recording becomes the 52 ARKit "
        "curves that face rigs take, at 30 frames a second. They are in ComfyUI's output folder "
        "under `DreamTalk`.\n\n"
        "- **CSV** as Live Link Face records it, for Unreal and many add-ons\n"
        "- **JSON** with everything spelled out\n"
        "- **GLB**, an animated head that any 3D program opens, shown on the right",
        {
            "speech": load_speech(),
            "motion": sample(fps=30),
            "csv": save_motion("curves", "csv", "Save as Live Link Face"),
            "json": save_motion("curves", "json", "Save as JSON"),
            "glb": Node(
                "DreamTalkMotionToGLB",
                {"motion": "motion.motion"},
                {"filename_prefix": "DreamTalk/head"},
            ),
            "view": Node("Preview3D", {"model_file": "glb.model_file"}, size=(420, 520)),
        },
        (("speech", "note"), ("motion",), ("csv", "json", "glb"), ("view",)),
        shown="view",
    ),
    "Many lines at once": Template(
        "## Many lines at once\n\n*Split Speech* cuts a recording at its pauses, and what follows "
        "runs once for each line. Every line gets a file of its own, with a number, and "
        "*Preview Motion* plays the first.\n\n"
        "Lines in files already? Put *Load Speech Folder* in the place of both.",
        {
            "speech": load_speech(),
            "lines": Node("DreamTalkSplitSpeech", {"speech": "speech.speech"}, {"pause": 0.3}),
            "motion": sample("lines.lines"),
            "csv": save_motion("line", "csv"),
            "preview": Node("DreamTalkPreviewMotion", {"motion": "motion.motion"}, size=(460, 640)),
        },
        (("speech", "note"), ("lines",), ("motion",), ("csv",), ("preview",)),
        shown="preview",
    ),
    "Control images": Template(
        "## Guide a video model\n\nThe speaking face as pictures that steer a video model, "
        "here 81 frames at 16 a second, as Wan wants them. The next templates have such models "
        "wired.\n\n- **images** into `control_video` of *WanVaceToVideo*, or into a ControlNet\n"
        "- **mask** for inpainting\n- the portrait itself as the reference image: both fit to the "
        "pixel\n\n*control*: landmarks, mesh, dots, pose, edges, depth and more.",
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
    **VIDEO_MODELS,
}
TEMPLATES = {
    f"{number:02} {name}": template
    for number, (name, template) in enumerate(_ORDERED.items(), start=1)
}
"""By the names of their files: dialogs sort by them."""


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
