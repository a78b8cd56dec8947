"""All nodes, as ComfyUI asks for them."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .adjust_motion import AdjustMotion
from .dub_video import DubVideo
from .extract_style import ExtractStyle
from .fit_frames import FitFrames
from .listen import Listen
from .load_portrait import LoadPortrait
from .mix_styles import MixStyles, StyleKeys
from .model import LoadModel, register_folder
from .motion_files import LoadMotion, MotionToGLB, SaveMotion
from .predict_style import PredictStyle
from .preview import PreviewMotion
from .render_controls import RenderControlImages
from .render_group import RenderGroup
from .render_head import HeadFrames, RenderHead
from .render_portrait import PortraitFrames, RenderPortrait
from .sample_motion import SampleMotion
from .schema import with_checked_inputs
from .speech import LoadSpeech, LoadSpeechFolder, PrepareSpeech, SplitSpeech
from .style import LoadStyle, SaveStyle
from .track_motion import TrackMotion

NODES: list[type[io.ComfyNode]] = [
    LoadSpeech,
    LoadSpeechFolder,
    SplitSpeech,
    PrepareSpeech,
    LoadModel,
    LoadStyle,
    ExtractStyle,
    PredictStyle,
    MixStyles,
    StyleKeys,
    SaveStyle,
    SampleMotion,
    Listen,
    TrackMotion,
    AdjustMotion,
    LoadMotion,
    SaveMotion,
    MotionToGLB,
    PreviewMotion,
    LoadPortrait,
    RenderPortrait,
    PortraitFrames,
    RenderGroup,
    DubVideo,
    RenderHead,
    HeadFrames,
    RenderControlImages,
    FitFrames,
]


class DreamTalkExtension(ComfyExtension):
    """The pack as the host sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        register_folder()
        return [with_checked_inputs(node) for node in NODES]
