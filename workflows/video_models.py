"""Templates for video models, which take from us what they lack: lips that fit the speech.

Each runs as it opens, down to what the model is given. The model's own nodes are wired and muted,
since few have its files; the note names those as ComfyUI's own templates do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.parts import (
    COUPLE,
    ONE_TAKE,
    Node,
    Template,
    couple,
    load_speech,
    sample,
    save_video,
)

UNMUTE = (
    "The last group is muted, as it needs these files. Put them into ComfyUI's `models` folder, "
    "select the group's nodes and press **Ctrl+M**:"
)
UMT5 = "`text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors`"
VAE = "`vae/Wan2_1_VAE_bf16.safetensors`"
VISION = "`clip_vision/clip_vision_h.safetensors`"
LIGHTX2V = "lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors"
TALKS = "A person talks to the camera, upper body, natural light."


def files(*names: str) -> str:
    """What a note says of the model's files, as a list."""
    return "\n\n" + UNMUTE + "\n\n" + "\n".join(f"- {name}" for name in names)


def muted(kind: str, links: Mapping[str, str] | None = None, /, **values: Any) -> Node:
    """A node of the model."""
    return Node(kind, links or {}, values, muted=True)


def wan(unet: str, lora: str = LIGHTX2V) -> dict[str, Node]:
    """What every Wan model loads: `shift.MODEL`, `positive`, `negative`, `vae.VAE`."""
    return {
        "unet": muted("UNETLoader", unet_name=unet),
        "lora": muted("LoraLoaderModelOnly", {"model": "unet.MODEL"}, lora_name=lora),
        "shift": muted("ModelSamplingSD3", {"model": "lora.MODEL"}, shift=5.0),
        "clip": muted("CLIPLoader", clip_name="umt5_xxl_fp8_e4m3fn_scaled.safetensors", type="wan"),
        "vae": muted("VAELoader", vae_name="Wan2_1_VAE_bf16.safetensors"),
        "positive": muted("CLIPTextEncode", {"clip": "clip.CLIP"}, text=TALKS),
        "negative": muted("ConditioningZeroOut", {"conditioning": "positive.CONDITIONING"}),
    }


CONDITIONS = {
    "positive": "positive.CONDITIONING",
    "negative": "negative.CONDITIONING",
    "vae": "vae.VAE",
}
"""Inputs that every node has which makes a Wan model's conditions."""


def vision(image: str) -> dict[str, Node]:
    """The picture as the model's eye sees it: `seen.CLIP_VISION_OUTPUT`."""
    return {
        "vision": muted("CLIPVisionLoader", clip_name="clip_vision_h.safetensors"),
        "seen": muted(
            "CLIPVisionEncode", {"clip_vision": "vision.CLIP_VISION", "image": image}, crop="none"
        ),
    }


def wan_video(
    audio: str, model: str = "shift.MODEL", trim: str = "to.trim_latent", fps: str = ""
) -> dict[str, Node]:
    """From the conditions of the node `to` to a video with sound."""
    sampled = {f"{name}": f"to.{name}" for name in ("positive", "negative")}
    seen = {"samples": "trim.LATENT" if trim else "sampler.LATENT", "vae": "vae.VAE"}
    made = {"images": "decode.IMAGE", "audio": audio} | ({"fps": fps} if fps else {})
    end = muted("SaveVideo", {"video": "made.VIDEO"}, filename_prefix="DreamTalk/model")
    return {
        "sampler": muted(
            "KSampler",
            {"model": model, **sampled, "latent_image": "to.latent"},
            **ONE_TAKE,
            steps=6,
            cfg=1.0,
            sampler_name="euler",
            scheduler="simple",
        ),
        **(
            {"trim": muted("TrimVideoLatent", {"samples": "sampler.LATENT", "trim_amount": trim})}
            if trim
            else {}
        ),
        "decode": muted("VAEDecode", seen),
        "made": muted("CreateVideo", made),
        "saved": end,
    }


WAN_ANIMATE_2 = Template(
    "## Speech moves somebody else: Wan-Animate 2\n\nThe demo portrait speaks, and Wan-Animate 2 "
    "gives its face and head to the person in *The person*, whatever their style. The film that "
    "drives it is made from your recording, 81 frames at 30 a second."
    + files(
        "`diffusion_models/wan_animate_2_int8_convrot.safetensors`",
        f"`loras/{LIGHTX2V}`",
        UMT5,
        VAE,
        VISION,
    ),
    {
        "speech": load_speech(duration=2.8),
        "motion": sample(fps=30),
        "portrait": Node("DreamTalkLoadPortrait", title="The actor", size=(300, 340)),
        "person": Node("DreamTalkLoadPortrait", title="The person", size=(300, 340)),
        "frames": Node(
            "DreamTalkPortraitFrames",
            {"motion": "motion.motion", "portrait": "portrait.portrait"},
            {"count": 81, "crop": 640},
            size=(290, 560),
        ),
        "video": Node(
            "CreateVideo", {"images": "frames.images", "audio": "frames.audio", "fps": "frames.fps"}
        ),
        "save": save_video("video.VIDEO", "driving film"),
        **wan("wan_animate_2_int8_convrot.safetensors"),
        **vision("person.portrait"),
        "to": muted(
            "WanAnimate2ToVideo",
            {
                **CONDITIONS,
                "reference_image": "person.portrait",
                "pose_video": "frames.images",
                "clip_vision_output": "seen.CLIP_VISION_OUTPUT",
            },
            width=640,
            height=640,
            length=81,
        ),
        **wan_video("frames.audio", fps="frames.fps"),
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
    {
        "Wan-Animate 2 (muted)": (
            *("unet", "lora", "shift", "clip", "vae", "vision", "positive", "negative", "seen"),
            *("to", "sampler", "trim", "decode", "made", "saved"),
        )
    },
    note_size=(320, 520),
)


def mask(face: int) -> Node:
    """Where a face of the couple is, in the one frame that counts."""
    return Node(
        "DreamTalkRenderControlImages",
        {"motion": "motion.motion", "portrait": "people.IMAGE"},
        {"count": 1, "masked": "face", "face": face},
        title=f"Mask of face {face}",
        size=(290, 660),
    )


INFINITE_TALK = Template(
    "## Two speakers for InfiniteTalk\n\nInfiniteTalk makes two people in a picture talk and must "
    "be told which voice belongs to whom. *Render Control Images* finds the faces, counted from "
    "the left, and gives a mask for each: nothing is painted by hand.\n\nThe second one speaks "
    "when the first has ended. Needs a ComfyUI that has *WanInfiniteTalkToVideo*."
    + files(
        "`diffusion_models/Wan2_1-I2V-14B-480p_fp8_e4m3fn_scaled_KJ.safetensors`",
        "`model_patches/wan2.1_infiniteTalk_multi_fp16.safetensors`",
        "`audio_encoders/wav2vec2-chinese-base_fp16.safetensors`",
        f"`loras/{LIGHTX2V}`",
        UMT5,
        VAE,
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
            {
                **CONDITIONS,
                "model": "shift.MODEL",
                "model_patch": "patch.MODEL_PATCH",
                "start_image": "people.IMAGE",
                "audio_encoder_output_1": "heard speech.AUDIO_ENCODER_OUTPUT",
                "mode.audio_encoder_output_2": "heard reply.AUDIO_ENCODER_OUTPUT",
                "mode.mask_1": "left.mask",
                "mode.mask_2": "right.mask",
            },
            mode="two_speakers",
            width=832,
            height=416,
            length=81,
        ),
        **wan_video("both.AUDIO", "to.model", trim=""),
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
    {
        "The picture": COUPLE,
        "InfiniteTalk (muted)": (
            *("unet", "lora", "shift", "clip", "vae", "patch", "ears", "positive", "negative"),
            *("heard speech", "heard reply", "both", "to", "sampler", "decode", "made", "saved"),
        ),
    },
    note_size=(320, 520),
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
        "portrait": Node("DreamTalkLoadPortrait", title="The actor", size=(300, 340)),
        "motion": sample(),
        "frames": Node(
            "DreamTalkPortraitFrames",
            {"motion": "motion.motion", "portrait": "portrait.portrait"},
            {"crop": 512},
            size=(290, 560),
        ),
        "video": Node(
            "CreateVideo", {"images": "frames.images", "audio": "frames.audio", "fps": "frames.fps"}
        ),
        "save": save_video("video.VIDEO", "driving face"),
    },
    (("speech", "note"), ("motion",), (120, "portrait"), ("frames", "video"), ("save",)),
    note_size=(320, 460),
)

VIDEO_MODELS = {
    "12 Wan-Animate 2": WAN_ANIMATE_2,
    "17 InfiniteTalk for two": INFINITE_TALK,
    "18 LivePortrait": LIVE_PORTRAIT,
}
