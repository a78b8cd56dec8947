"""What ComfyUI's own nodes make of our control pictures. Run by the host's Python:

    python -I control_nodes.py PACK_FOLDER

Their networks need weights; what comes before does not. The VAE here is a stand-in that keeps the
mean of every 8 x 8 pixels of every fourth frame. Prints JSON, and raises where something is wrong.
"""

from __future__ import annotations

import json
import runpy
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

folder = sys.argv[1]
start_host, runpy.run_path = runpy.run_path, lambda *_, **__: {}
sys.argv[1:] = ["--cpu"]
start_host(str(Path(__file__).with_name("launch_comfyui.py")), run_name="__main__")

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()
import numpy as np  # noqa: E402
import torch  # noqa: E402
from comfy_extras.nodes_wan import (  # noqa: E402
    WanAnimateToVideo,
    WanSoundImageToVideo,
    WanSoundImageToVideoExtend,
    WanVaceToVideo,
)

sys.path.insert(0, folder)
from dreamtalk_core.assets import DEMO_PORTRAIT  # noqa: E402
from dreamtalk_core.motion import Motion  # noqa: E402
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX  # noqa: E402
from dreamtalk_core.render.control.lengths import fit  # noqa: E402
from dreamtalk_core.render.control.pictures import ControlPictures, Masked  # noqa: E402
from dreamtalk_core.render.portrait.renderer import PortraitRenderer  # noqa: E402
from dreamtalk_core.tracking.portrait import read_portrait  # noqa: E402

FRAMES = 7


class StandIn:
    """Encodes [T, H, W, 3] to [1, 16, (T - 1) / 4 + 1, H / 8, W / 8], red, green and blue first."""

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        small = torch.nn.functional.avg_pool2d(pixels[::4].movedim(-1, 1), 8)
        latent = torch.zeros(1, 16, *small.movedim(0, 1).shape[1:])
        latent[0, :3] = small.movedim(0, 1)
        return latent


def drawn(kind: str, **settings: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames and masks as our node gives them, in the number that Fit Frames makes of them."""
    pictures = ControlPictures(MOTION, kind, portrait=PORTRAIT, masked=Masked(**settings))
    made = [pictures.masked(at) for at in range(FRAMES)]
    made += made[-1:] * (LENGTH - FRAMES)
    images, masks = (np.stack(batch).astype(np.float32) / 255 for batch in zip(*made, strict=True))
    return torch.from_numpy(images), torch.from_numpy(masks)


def close(one: torch.Tensor, other: torch.Tensor, within: float) -> float:
    difference = float((one - other).abs().max())
    assert one.shape == other.shape, (one.shape, other.shape)
    assert difference <= within, difference
    return difference


weights = np.zeros((FRAMES, 52), np.float32)
weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.6, FRAMES)
MOTION = Motion(ARKIT_NAMES, weights, Fraction(16), np.zeros((FRAMES, 3), np.float32))
found = read_portrait(DEMO_PORTRAIT, crop=256)
face = found.face
PORTRAIT = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
done = fit("Wan Animate", FRAMES, 256, 256)
LENGTH, size = done.count, {"width": done.width, "height": done.height}
nothing, vae = [[torch.zeros(1, 1, 1), {}]], StandIn()
told: dict[str, Any] = {"length": LENGTH}

# Wan-Animate: the face as it is, in -1..1; the pose as large as the video.
faces, _ = drawn("face")
bodies, _ = drawn("body")
answer = WanAnimateToVideo.execute(
    nothing,
    nothing,
    vae,
    **size,
    length=LENGTH,
    batch_size=1,
    continue_motion_max_frames=5,
    video_frame_offset=0,
    face_video=faces,
    pose_video=bodies,
).args
sent = answer[0][0][1]
told["face"] = close(sent["face_video_pixels"][0].movedim(0, 1), 2 * faces.movedim(-1, 1) - 1, 0)
told["pose"] = close(sent["pose_video_latent"], vae.encode(bodies), 0)
assert answer[2]["samples"].shape[2] == (LENGTH - 1) // 4 + 1 + answer[3]
assert answer[5] == LENGTH

# VACE: what is inactive is the portrait with grey where the mask is, what is reactive is grey.
images, masks = drawn("composite", part="face", grow=3)
answer = WanVaceToVideo.execute(
    nothing,
    nothing,
    vae,
    **size,
    length=LENGTH,
    batch_size=1,
    strength=1.0,
    control_video=images,
    control_masks=masks,
).args
inactive, reactive = answer[0][0][1]["vace_frames"][0].chunk(2, dim=1)
told["reactive"] = close(reactive[:, :3], torch.full_like(reactive[:, :3], 0.5), 0.03)
share = masks[..., None]
kept = vae.encode((images - 0.5) * (1 - share) + 0.5)
told["inactive"] = close(inactive, kept, 1e-6)
plain = torch.nn.functional.avg_pool2d(masks[::4, None], 8)
inside = plain[:, 0] == 1
told["grey"] = close(
    inactive[0, :3].movedim(0, -1)[inside], torch.full((int(inside.sum()), 3), 0.5), 2 / 255
)
cells = answer[0][0][1]["vace_mask"][0]
assert cells.shape == (1, 64, (LENGTH - 1) // 4 + 1, size["height"] // 8, size["width"] // 8)
# Of nine frames in three groups the middle one of each counts.
middle = torch.nn.functional.avg_pool2d(masks[[1, 4, 7], None], 8)[:, 0]
told["mask"] = close(cells[0].mean(0), middle, 1e-5)

# S2V: a piece is heard from the frame on that is its first, and shows it. What is heard at 50 Hz
# tells when.
seconds = torch.arange(50 * 15).float().reshape(1, -1, 1) / 50
heard = {"encoded_audio_all_layers": [seconds, seconds]}
parts = [fit("Wan S2V", 200, 256, 256, piece) for piece in (1, 2, 3)]
control = torch.arange(240).float().reshape(-1, 1, 1, 1).expand(-1, 16, 16, 3) / 240
latent = None
for part in parts:
    given = {"length": part.length, "audio_encoder_output": heard}
    given["control_video"] = control[part.first : part.first + part.length]
    if latent is None:
        answer = WanSoundImageToVideo.execute(
            nothing, nothing, vae, width=16, height=16, batch_size=1, **given
        ).args
        latent = answer[2]["samples"]
    else:
        answer = WanSoundImageToVideoExtend.execute(
            nothing, nothing, vae, video_latent={"samples": latent}, **given
        ).args
        latent = torch.cat([latent, answer[2]["samples"]], dim=2)
    sent = answer[0][0][1]
    told["heard"] = abs(float(sent["audio_embed"].flatten()[0]) * 16 - part.first)
    assert told["heard"] < 0.6, (part, sent["audio_embed"].flatten()[:4])
    close(sent["control_video"][0, 0, :, 0, 0] * 240, part.first + torch.arange(20) * 4.0, 0.01)
assert 1 + 4 * (latent.shape[2] - 1) == parts[-1].count
print(json.dumps(told))
