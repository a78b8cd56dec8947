"""Fit Frames: images and masks in the number and the size that a video model takes."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from server import PromptServer

from . import host
from .conversions import FEWER_FITTED, check_image, check_memory
from .schema import found_by

# Those of render/control/lengths, which is loaded when something is fitted.
FAMILIES = ["Wan VACE, Fun", "Wan Animate", "Wan SCAIL", "InfiniteTalk", "LTX", "Wan S2V"]


class FitFrames(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkFitFrames",
            display_name="Fit Frames",
            category="DreamTalk/render",
            description="Images and masks in the number and the size that a generative video model "
            "takes: 4n+1 or 8n+1 frames, multiples of 16 or 32 pixels, whole pieces where one is "
            "not enough. Says in the node what it did.",
            inputs=[
                io.Image.Input("images", tooltip="Frames, of Render Control Images for instance."),
                io.Combo.Input(
                    "model",
                    options=FAMILIES,
                    default=FAMILIES[0],
                    tooltip="What they are for. Wan: 4n+1 frames, pieces of 81 (Animate 77) that "
                    "share 5 (InfiniteTalk 9), multiples of 16 (SCAIL 32); S2V 77 every 80, at 16 "
                    "frames per second. LTX: 8n+1, multiples of 32.",
                ),
                io.Int.Input(
                    "piece",
                    default=0,
                    min=0,
                    max=99999,
                    tooltip="0: all frames, filled up to whole pieces, for nodes that are told "
                    "where to begin. 1, 2 ...: only that piece, for nodes that are not.",
                ),
                io.Mask.Input("mask", optional=True, tooltip="The masks of the same frames."),
            ],
            outputs=[
                io.Image.Output(
                    "fitted",
                    display_name="images",
                    tooltip="The frames; where some are missing, the last one once more.",
                ),
                io.Mask.Output("fitted_mask", display_name="mask", tooltip="The masks, likewise."),
                io.Int.Output("width", display_name="width", tooltip="Of the images, in pixels."),
                io.Int.Output("height", display_name="height", tooltip="Of the images, in pixels."),
                io.Int.Output(
                    "length", display_name="length", tooltip="Frames here, or in each piece."
                ),
                io.Int.Output(
                    "pieces", display_name="pieces", tooltip="How many pieces there are."
                ),
                io.Int.Output(
                    "first", display_name="first", tooltip="The first frame that is here."
                ),
            ],
            hidden=[io.Hidden.unique_id],
            **found_by("4n+1", "8n+1", "pad", "chunk", "length", "multiple of 16", "Wan", "LTX"),
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, model: str, piece: int, mask: torch.Tensor | None = None
    ) -> io.NodeOutput:
        from dreamtalk_core.render.control.lengths import FAMILIES as RULES
        from dreamtalk_core.render.control.lengths import fit, told

        check_image(images)
        frames, height, width, _ = images.shape
        done = fit(model, frames, height, width, piece)
        text = told(model, frames, height, width, done)
        PromptServer.instance.send_progress_text(text, cls.hidden.unique_id)
        size = (done.height, done.width)
        check_memory(done.length, [(*size, images.shape[-1])], host.free_memory(), FEWER_FITTED)
        fitted, masks = _fitted(images, done.first, done.length, size), None
        if mask is not None:
            # Some nodes give a mask without a batch.
            frames_of_mask = mask.reshape(-1, *mask.shape[-2:], 1)
            check_image(frames_of_mask)
            masks = _fitted(frames_of_mask, done.first, done.length, size)[..., 0]
        length = min(done.length, RULES[model].piece)
        return io.NodeOutput(
            fitted, masks, done.width, done.height, length, done.pieces, done.first
        )


def _fitted(frames: torch.Tensor, first: int, length: int, size: tuple[int, int]) -> torch.Tensor:
    """Frames [B, H, W, C], from `first` on, so many, in a size: [length, *size, C]."""
    smaller = frames.shape[1] > size[0] or frames.shape[2] > size[1]
    way = {"mode": "area"} if smaller else {"mode": "bilinear", "align_corners": False}
    result = frames.new_empty((length, *size, frames.shape[-1]))
    # One by one: the batch is never in memory a second time.
    for number in range(length):
        frame = frames[min(first + number, len(frames) - 1)]
        if tuple(frame.shape[:2]) != size:
            fitted = torch.nn.functional.interpolate(frame.movedim(-1, 0)[None], size, **way)
            frame = fitted[0].movedim(0, -1)
        result[number] = frame
    return result
