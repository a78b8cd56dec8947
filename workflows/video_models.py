"""Templates for video models, which take from us what they lack: lips that fit the speech.

Each runs as it opens, down to what the model is given. The model's own nodes are wired and muted,
since few have its files; the note names those as ComfyUI's own templates do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.model_parts import (
    LIGHTX2V,
    VISION,
    WAN_FILES,
    conditions,
    files,
    fitted,
    ltx,
    ltx_sound,
    ltx_video,
    muted,
    vision,
    wan,
    wan_video,
)
from workflows.parts import (
    COUPLE,
    LOAD_PORTRAIT,
    ONE_TAKE,
    Node,
    Template,
    couple,
    load_speech,
    sample,
    save_video,
)

NOTE = (320, 520)
TOLD = 90
"""Pixels below Fit Frames, which tells there what it did."""
ACTOR = Node("DreamTalkLoadPortrait", title="The actor", size=(300, 340))


def control(kind: str, portrait: str = "portrait.portrait", **values: Any) -> Node:
    """Control images of the motion, with what there is to see of them."""
    links = {"motion": "motion.motion", "portrait": portrait}
    return Node("DreamTalkRenderControlImages", links, {"control": kind, **values}, size=(290, 760))


def fit(name: str, model: str, mask: bool = False) -> Node:
    links = {"images": f"{name}.images"} | ({"mask": f"{name}.mask"} if mask else {})
    return Node("DreamTalkFitFrames", links, {"model": model})


def film(images: str, source: str, prefix: str) -> dict[str, Node]:
    """Frames as a video with their sound, to be looked at: `video` and `save`."""
    links = {"images": images, "audio": f"{source}.audio", "fps": f"{source}.fps"}
    return {
        "video": Node("CreateVideo", links),
        "save": save_video("video.VIDEO", prefix),
    }


def template(
    note: str,
    nodes: Mapping[str, Node],
    columns: Sequence[Sequence[str | int]],
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Template:
    """With the model's nodes in a group of their own."""
    model = tuple(key for key, node in nodes.items() if node.muted)
    return Template(
        note, nodes, columns, {**(groups or {}), "The model (muted)": model}, note_size=NOTE
    )


WAN_ANIMATE = template(
    "## Speech moves a person: Wan-Animate\n\nThe portrait speaks in two films for Wan2.2-Animate: "
    "the face alone, cropped as the model was taught, and head and shoulders as a skeleton. With "
    "them the model makes the person talk as the recording does, 77 frames at 30 a second.\n\n"
    "Longer: *continue motion* of a second *WanAnimateToVideo*."
    + files(
        "diffusion_models/wan2.2_animate_14B_bf16.safetensors",
        *(f"loras/{LIGHTX2V}", *WAN_FILES, f"clip_vision/{VISION}"),
    ),
    {
        "speech": load_speech(duration=2.7),
        "portrait": LOAD_PORTRAIT,
        "motion": sample(fps=30),
        "face": control("face", count=77),
        "body": control("body", count=77),
        "fit": fit("body", "Wan Animate"),
        **film("face.images", "face", "face for Wan-Animate"),
        "skeleton": Node("PreviewImage", {"images": "fit.images"}, size=(300, 340)),
        **wan("wan2.2_animate_14B_bf16.safetensors"),
        **vision("portrait.portrait"),
        "to": muted(
            "WanAnimateToVideo",
            conditions(
                reference_image="portrait.portrait",
                face_video="face.images",
                pose_video="fit.images",
                clip_vision_output="seen.CLIP_VISION_OUTPUT",
                **fitted("fit"),
            ),
        ),
        **wan_video("face.audio", "face.fps"),
    },
    (
        ("speech", "note"),
        ("motion",),
        (120, "portrait"),
        ("face",),
        ("body",),
        ("fit", TOLD, "video"),
        ("save", "skeleton"),
        ("unet", "lora", "shift", "clip", "vae", "vision"),
        ("positive", "negative", "seen", "to"),
        ("sampler", "trim", "decode", "made"),
        ("saved",),
    ),
)

WAN_ANIMATE_2 = template(
    "## Speech moves somebody else: Wan-Animate 2\n\nThe demo portrait speaks, and Wan-Animate 2 "
    "gives its face and head to *The person*, whatever their style. The film that drives it is "
    "made from your recording, 81 frames at 30 a second.\n\nNeeds a ComfyUI that has "
    "*WanAnimate2ToVideo*."
    + files(
        "diffusion_models/wan_animate_2_int8_convrot.safetensors",
        *(f"loras/{LIGHTX2V}", *WAN_FILES, f"clip_vision/{VISION}"),
    ),
    {
        "speech": load_speech(duration=2.8),
        "motion": sample(fps=30),
        "portrait": ACTOR,
        "person": Node("DreamTalkLoadPortrait", title="The person", size=(300, 340)),
        "frames": Node(
            "DreamTalkPortraitFrames",
            {"motion": "motion.motion", "portrait": "portrait.portrait"},
            {"count": 81, "crop": 640},
            size=(290, 560),
        ),
        **film("frames.images", "frames", "driving film"),
        **wan("wan_animate_2_int8_convrot.safetensors"),
        **vision("person.portrait"),
        "to": muted(
            "WanAnimate2ToVideo",
            conditions(
                reference_image="person.portrait",
                pose_video="frames.images",
                clip_vision_output="seen.CLIP_VISION_OUTPUT",
            ),
            width=640,
            height=640,
            length=81,
        ),
        **wan_video("frames.audio", "frames.fps", solver="lcm"),
    },
    (
        ("speech", "note"),
        ("motion",),
        ("portrait", "person"),
        ("frames", "video"),
        ("save",),
        ("unet", "lora", "shift", "clip", "vae", "vision"),
        ("positive", "negative", "seen", "to"),
        ("sampler", "trim", "decode", "made"),
        ("saved",),
    ),
)

VACE = template(
    "## A new face in an old picture: VACE\n\nThe picture stays as it is, and in a mask around the "
    "face stand the dots that speak; VACE paints the face anew where they are. *Render Control "
    "Images* gives both, at the same place to the pixel, 81 frames at 16 a second.\n\n"
    "*inside*: grey leaves the face to the model; dots, depth or edges say how it speaks. "
    "*grow*: a wider seam."
    + files(
        "diffusion_models/wan2.1_vace_14B_fp16.safetensors",
        *("loras/Wan21_CausVid_14B_T2V_lora_rank32.safetensors", *WAN_FILES),
    ),
    {
        "speech": load_speech(duration=5.2),
        "portrait": LOAD_PORTRAIT,
        "motion": sample(fps=16),
        "control": control("composite", masked="face", count=81, inside="dots", grow=16),
        "fit": fit("control", "Wan VACE, Fun", mask=True),
        **film("fit.images", "control", "inpainting for VACE"),
        **wan(
            "wan2.1_vace_14B_fp16.safetensors",
            ("Wan21_CausVid_14B_T2V_lora_rank32.safetensors", 0.3),
        ),
        "to": muted(
            "WanVaceToVideo",
            conditions(
                control_video="fit.images",
                control_masks="fit.mask",
                reference_image="portrait.portrait",
                **fitted("fit"),
            ),
        ),
        **wan_video("control.audio", "control.fps", solver="uni_pc"),
    },
    (
        ("speech", "note"),
        ("motion",),
        (120, "portrait"),
        ("control",),
        ("fit", TOLD, "video"),
        ("save",),
        ("unet", "lora", "shift", "clip", "vae"),
        ("positive", "negative", "to"),
        ("sampler", "trim", "decode", "made"),
        ("saved",),
    ),
)

SCAIL = template(
    "## Brows, eyes and mouth for SCAIL-2\n\nSCAIL-2 follows drawn dots of brows, eyes and mouth, "
    "which a tracker draws from a film; here they come from your recording. A second film says "
    "in colours who is who, and a picture the same of the portrait, 81 frames at 16 a second.\n\n"
    "Needs a ComfyUI that has *WanSCAILToVideo*."
    + files(
        "diffusion_models/wan2.1_14B_SCAIL_2_fp16.safetensors",
        "loras/wan2.1_SCAIL_2_DPO_lora_bf16.safetensors",
        *(f"loras/{LIGHTX2V}", *WAN_FILES, f"clip_vision/{VISION}"),
    ),
    {
        "speech": load_speech(duration=5.2),
        "portrait": LOAD_PORTRAIT,
        "motion": sample(fps=16),
        "dots": control("expression", count=81),
        "who": control("person", masked="person", count=81, face=1),
        "fit": fit("dots", "Wan SCAIL"),
        "fit who": fit("who", "Wan SCAIL", mask=True),
        # Of the reference the model wants the same colour on white.
        "first": Node("ImageFromBatch", {"image": "fit who.images"}),
        "white": Node(
            "EmptyImage",
            {"width": "fit who.width", "height": "fit who.height"},
            {"color": 0xFFFFFF},
        ),
        "reference": Node(
            "ImageCompositeMasked",
            {"destination": "white.IMAGE", "source": "first.IMAGE", "mask": "fit who.mask"},
        ),
        "colours": Node("PreviewImage", {"images": "reference.IMAGE"}, size=(300, 340)),
        **film("fit.images", "dots", "dots for SCAIL-2"),
        **wan(
            "wan2.1_14B_SCAIL_2_fp16.safetensors",
            ("wan2.1_SCAIL_2_DPO_lora_bf16.safetensors", 1.0),
            (LIGHTX2V, 0.8),
        ),
        **vision("portrait.portrait"),
        "to": muted(
            "WanSCAILToVideo",
            conditions(
                pose_video="fit.images",
                pose_video_mask="fit who.images",
                reference_image="portrait.portrait",
                reference_image_mask="reference.IMAGE",
                clip_vision_output="seen.CLIP_VISION_OUTPUT",
                **fitted("fit"),
            ),
        ),
        **wan_video("dots.audio", "dots.fps", trim=False),
    },
    (
        ("speech", "note"),
        ("motion",),
        (120, "portrait"),
        ("dots",),
        ("who",),
        ("fit", TOLD, "fit who", TOLD, "video"),
        ("save", "colours"),
        ("first", "white", "reference"),
        ("unet", "lora", "lora 2", "shift", "clip", "vae", "vision"),
        ("positive", "negative", "seen", "to"),
        ("sampler", "decode", "made"),
        ("saved",),
    ),
)

LTX_MODEL = "ltx-2.3-22b-distilled-fp8.safetensors"
LTX_LORA = "ltx-2.3-22b-ic-lora-union-control-ref0.5.safetensors"
LTX_ENCODER = "gemma_3_12B_it_fp4_mixed.safetensors"

LTX = template(
    "## A guide and a voice for LTX-2.3\n\nLTX-2.3 hears your recording and is guided by the pose "
    "that fits it, dots of the mouth included: lips that it can only guess it now follows. 97 "
    "frames at 25 a second, as it wants 8n+1 of them; *Prepare Speech* adds the faint noise "
    "without which its lips stand still.\n\nNeeds a ComfyUI that has *GetICLoRAParameters*."
    + files(
        f"checkpoints/{LTX_MODEL}",
        f"loras/{LTX_LORA}",
        f"text_encoders/{LTX_ENCODER}",
    ),
    {
        "speech": load_speech(duration=3.9),
        "portrait": LOAD_PORTRAIT,
        "motion": sample(),
        "voice": Node(
            "DreamTalkPrepareSpeech", {"speech": "speech.audio"}, {"tail": 0.0, **ONE_TAKE}
        ),
        "control": control("pose", count=97),
        "fit": fit("control", "LTX"),
        **film("fit.images", "control", "guide for LTX"),
        **ltx(LTX_MODEL, LTX_LORA, LTX_ENCODER),
        **ltx_sound("voice.prepared"),
        "empty": muted("EmptyLTXVLatentVideo", fitted("fit")),
        "start": muted(
            "LTXVImgToVideoInplace",
            {"vae": "model.VAE", "image": "portrait.portrait", "latent": "empty.LATENT"},
        ),
        "to": muted(
            "LTXVAddGuide",
            {
                **{name: f"at.{name}" for name in ("positive", "negative")},
                "vae": "model.VAE",
                "latent": "start.latent",
                "image": "fit.images",
                "iclora_parameters": "guided.iclora_parameters",
            },
        ),
        **ltx_video("voice.clean"),
    },
    (
        ("speech", "voice", "note"),
        ("motion",),
        (120, "portrait"),
        ("control",),
        ("fit", TOLD, "video"),
        ("save",),
        ("model", "lora", "guided", "clip", 100, "ears", 100, "heard", "nothing", "kept"),
        ("positive", "negative", "at", "empty", "start", "to"),
        ("joined", "sampler", "parted", "cut", "decode", "made"),
        ("saved",),
    ),
)


def mask(face: int) -> Node:
    """Where a face of the couple is, in the one frame that counts."""
    return Node(
        "DreamTalkRenderControlImages",
        {"motion": "motion.motion", "portrait": "people.IMAGE"},
        {"count": 1, "masked": "face", "face": face},
        title=f"Mask of face {face}",
        size=(290, 760),
    )


INFINITE_TALK = template(
    "## Two speakers for InfiniteTalk\n\nInfiniteTalk makes two people in a picture talk and must "
    "be told which voice belongs to whom. *Render Control Images* finds the faces, counted from "
    "the left, and gives a mask for each: nothing is painted by hand.\n\nThe second one speaks "
    "when the first has ended. Needs a ComfyUI that has *WanInfiniteTalkToVideo*."
    + files(
        "diffusion_models/Wan2_1-I2V-14B-480p_fp8_e4m3fn_scaled_KJ.safetensors",
        "model_patches/wan2.1_infiniteTalk_multi_fp16.safetensors",
        "audio_encoders/wav2vec2-chinese-base_fp16.safetensors",
        *(f"loras/{LIGHTX2V}", *WAN_FILES),
    ),
    {
        **couple(),
        "speech": load_speech(duration=1.6),
        "reply": load_speech(start=4.4, duration=1.6),
        "motion": sample(),
        "left": mask(1),
        "right": mask(2),
        "save": Node("PreviewImage", {"images": "people.IMAGE"}, size=(420, 300)),
        "left mask": Node("MaskPreview", {"mask": "left.mask"}, size=(420, 300)),
        "right mask": Node("MaskPreview", {"mask": "right.mask"}, size=(420, 300)),
        **wan("Wan2_1-I2V-14B-480p_fp8_e4m3fn_scaled_KJ.safetensors"),
        "patch": muted("ModelPatchLoader", name="wan2.1_infiniteTalk_multi_fp16.safetensors"),
        "ears": muted(
            "AudioEncoderLoader", audio_encoder_name="wav2vec2-chinese-base_fp16.safetensors"
        ),
        **{
            f"heard {name}": muted(
                "AudioEncoderEncode",
                {"audio_encoder": "ears.AUDIO_ENCODER", "audio": f"{name}.audio"},
            )
            for name in ("speech", "reply")
        },
        "both": muted("AudioConcat", {"audio1": "speech.audio", "audio2": "reply.audio"}),
        "to": muted(
            "WanInfiniteTalkToVideo",
            conditions(
                model="shift.MODEL",
                model_patch="patch.MODEL_PATCH",
                start_image="people.IMAGE",
                audio_encoder_output_1="heard speech.AUDIO_ENCODER_OUTPUT",
                **{
                    "mode.audio_encoder_output_2": "heard reply.AUDIO_ENCODER_OUTPUT",
                    "mode.mask_1": "left.mask",
                    "mode.mask_2": "right.mask",
                },
            ),
            mode="two_speakers",
            width=832,
            height=416,
            length=81,
        ),
        **wan_video("both.AUDIO", "left.fps", "to.model", trim=False),
    },
    (
        ("speech", "reply", 60, "note"),
        ("motion",),
        ("portrait", "other", "people"),
        ("left",),
        ("right",),
        ("save", "left mask", "right mask"),
        ("unet", "lora", "shift", "clip", "vae", "patch", "ears"),
        ("positive", "negative", "heard speech", "heard reply", "both", "to"),
        ("sampler", "decode", "made"),
        ("saved",),
    ),
    {"The picture": COUPLE},
)

LIVE_PORTRAIT = Template(
    "## LivePortrait, driven by speech\n\nA face that fits the recording, 512 x 512, as the "
    "driving video of LivePortrait: the actor that you need not film. It begins at rest with its "
    "lips closed, as *relative* driving wants it.\n\n"
    "With kijai's nodes (*ComfyUI-LivePortraitKJ*): wire **images** of *Portrait Frames* into "
    "*driving_images* of *LivePortraitProcess*, and the picture that is to move into "
    "*LivePortraitCropper* and *source_image*. Its files go into `models/liveportrait`: "
    "`appearance_feature_extractor`, `motion_extractor`, `warping_module`, `spade_generator` and "
    "`stitching_retargeting_module`, all `.safetensors`.\n\n"
    "Long speech: save the video and load it in parts.",
    {
        "speech": load_speech(duration=4.4),
        "portrait": ACTOR,
        "motion": sample(),
        "frames": Node(
            "DreamTalkPortraitFrames",
            {"motion": "motion.motion", "portrait": "portrait.portrait"},
            {"crop": 512},
            size=(290, 560),
        ),
        **film("frames.images", "frames", "driving face"),
    },
    (("speech", "note"), ("motion",), (120, "portrait"), ("frames", "video"), ("save",)),
    note_size=(320, 460),
)

VIDEO_MODELS = {
    "Wan-Animate": WAN_ANIMATE,
    "Wan-Animate 2": WAN_ANIMATE_2,
    "VACE inpainting": VACE,
    "SCAIL-2": SCAIL,
    "LTX-2.3 guide": LTX,
    "InfiniteTalk for two": INFINITE_TALK,
    "LivePortrait": LIVE_PORTRAIT,
}
