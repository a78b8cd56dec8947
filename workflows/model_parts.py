"""Nodes of video models, as their templates have them: wired and muted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.parts import ONE_TAKE, Node

UMT5 = "umt5_xxl_fp8_e4m3fn_scaled.safetensors"
VAE = "Wan2_1_VAE_bf16.safetensors"
LIGHTX2V = "lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors"
VISION = "clip_vision_h.safetensors"
WAN_FILES = (f"text_encoders/{UMT5}", f"vae/{VAE}")
"""What every Wan model needs beside itself."""
TALKS = "A person talks to the camera, upper body, natural light."
MIDDLE = {"positive": "to.positive", "negative": "to.negative"}
"""What the node `to` makes of the conditions."""


def files(*names: str) -> str:
    """What a note says of the model's files, as a list."""
    wanted = "\n".join(f"- `{name}`" for name in names)
    return (
        "\n\nThe last group is muted, as it needs these files. Put them into ComfyUI's `models` "
        f"folder, select the group's nodes and press **Ctrl+M**:\n\n{wanted}"
    )


def muted(kind: str, links: Mapping[str, str] | None = None, /, **values: Any) -> Node:
    """A node of the model."""
    return Node(kind, links or {}, values, muted=True)


def wan(unet: str, *loras: tuple[str, float]) -> dict[str, Node]:
    """What every Wan model loads: `shift.MODEL`, `positive`, `negative` and `vae`.

    loras: their files and strengths, one after the other; without any, the usual for few steps.
    """
    nodes = {"unet": muted("UNETLoader", unet_name=unet)}
    last = "unet"
    for number, (lora, strength) in enumerate(loras or ((LIGHTX2V, 1.0),), start=1):
        name = "lora" if number == 1 else f"lora {number}"
        values = {"lora_name": lora, "strength_model": strength}
        nodes[name] = muted("LoraLoaderModelOnly", {"model": f"{last}.MODEL"}, **values)
        last = name
    return {
        **nodes,
        "shift": muted("ModelSamplingSD3", {"model": f"{last}.MODEL"}, shift=5.0),
        "clip": muted("CLIPLoader", clip_name=UMT5, type="wan"),
        "vae": muted("VAELoader", vae_name=VAE),
        "positive": muted("CLIPTextEncode", {"clip": "clip.CLIP"}, text=TALKS),
        "negative": muted("ConditioningZeroOut", {"conditioning": "positive.CONDITIONING"}),
    }


def conditions(**links: str) -> dict[str, str]:
    """Links of a node that makes a Wan model's conditions."""
    both = {name: f"{name}.CONDITIONING" for name in ("positive", "negative")}
    return {**both, "vae": "vae.VAE", **links}


def fitted(name: str) -> dict[str, str]:
    """Size and length as a node Fit Frames tells them."""
    return {size: f"{name}.{size}" for size in ("width", "height", "length")}


def vision(image: str) -> dict[str, Node]:
    """The picture as the model's eye sees it: `seen.CLIP_VISION_OUTPUT`."""
    links = {"clip_vision": "vision.CLIP_VISION", "image": image}
    return {
        "vision": muted("CLIPVisionLoader", clip_name=VISION),
        "seen": muted("CLIPVisionEncode", links, crop="none"),
    }


def sampler(model: str, latent: str, **values: Any) -> Node:
    links = {"model": model, **MIDDLE, "latent_image": latent}
    return muted("KSampler", links, **ONE_TAKE, cfg=1.0, **values)


def video(images: str, audio: str, fps: str) -> dict[str, Node]:
    """What the model has made, with sound: `made` and `saved`."""
    links = {"images": images, "audio": audio, "fps": fps}
    return {
        "made": muted("CreateVideo", links),
        "saved": muted("SaveVideo", {"video": "made.VIDEO"}, filename_prefix="DreamTalk/model"),
    }


def wan_video(
    audio: str, fps: str, model: str = "shift.MODEL", trim: bool = True, solver: str = "euler"
) -> dict[str, Node]:
    """From the conditions of the node `to` to a video.

    trim: cut off what the model was shown beside the video.
    """
    cut = {"samples": "sampler.LATENT", "trim_amount": "to.trim_latent"}
    seen = {"samples": "trim.LATENT" if trim else "sampler.LATENT", "vae": "vae.VAE"}
    return {
        "sampler": sampler(model, "to.latent", steps=6, sampler_name=solver, scheduler="simple"),
        **({"trim": muted("TrimVideoLatent", cut)} if trim else {}),
        "decode": muted("VAEDecode", seen),
        **video("decode.IMAGE", audio, fps),
    }


def ltx(checkpoint: str, lora: str, encoder: str) -> dict[str, Node]:
    """What LTX-2.3 loads: `lora.MODEL`, `guided` with its parameters, `model.VAE`, `ears`, `at`."""
    conditioned = {name: f"{name}.CONDITIONING" for name in ("positive", "negative")}
    return {
        "model": muted("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "lora": muted("LoraLoaderModelOnly", {"model": "model.MODEL"}, lora_name=lora),
        "guided": muted("GetICLoRAParameters", {"iclora_model": "lora.MODEL"}),
        "clip": muted("LTXAVTextEncoderLoader", text_encoder=encoder, ckpt_name=checkpoint),
        "ears": muted("LTXVAudioVAELoader", ckpt_name=checkpoint),
        "positive": muted("CLIPTextEncode", {"clip": "clip.CLIP"}, text=TALKS),
        "negative": muted("ConditioningZeroOut", {"conditioning": "positive.CONDITIONING"}),
        "at": muted("LTXVConditioning", {**conditioned, "frame_rate": "control.fps"}),
    }


def ltx_sound(audio: str) -> dict[str, Node]:
    """The voice as LTX-2.3 hears it, to be kept as it is: `kept.LATENT`."""
    return {
        "heard": muted("LTXVAudioVAEEncode", {"audio": audio, "audio_vae": "ears.Audio VAE"}),
        "nothing": muted("SolidMask", value=0.0),
        "kept": muted(
            "SetLatentNoiseMask", {"samples": "heard.Audio Latent", "mask": "nothing.MASK"}
        ),
    }


def ltx_video(audio: str) -> dict[str, Node]:
    """From the guide `to` and the voice `kept` to a video."""
    both = {"video_latent": "to.latent", "audio_latent": "kept.LATENT"}
    steps = {"steps": 8, "sampler_name": "euler_ancestral", "scheduler": "linear_quadratic"}
    return {
        "joined": muted("LTXVConcatAVLatent", both),
        "sampler": sampler("lora.MODEL", "joined.latent", **steps),
        "parted": muted("LTXVSeparateAVLatent", {"av_latent": "sampler.LATENT"}),
        "cut": muted("LTXVCropGuides", {**MIDDLE, "latent": "parted.video_latent"}),
        "decode": muted("VAEDecodeTiled", {"samples": "cut.latent", "vae": "model.VAE"}),
        **video("decode.IMAGE", audio, "control.fps"),
    }
