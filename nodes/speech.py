"""Speech into the graph: one recording, a folder of lines, or the lines of one recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy_api.latest import io

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import SpeechError
from dreamtalk_core.speech.lines import RECORDINGS, find_lines, find_recordings
from dreamtalk_core.speech.sound import read_sound

from . import host
from .conversions import Audio, audio_of, samples
from .schema import SEED, found_by
from .values import SpeechType, SpeechValue

CATEGORY = "DreamTalk/speech"
DEMO = "demo voice"
_HEARD = "dreamtalk/demo_voice.flac"
"""The demo voice in the input folder, where the frontend finds sound to play. Not beside the user's
own recordings, which may all be loaded."""


def speech_path(file: str) -> Path:
    return DEMO_VOICE if file == DEMO else host.input_path(file)


def load(path: Path) -> SpeechValue:
    return SpeechValue.of(audio_of(*read_sound(path, host.check_cancelled)), str(path))


class LoadSpeech(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        host.offer_input(DEMO_VOICE, _HEARD)
        return io.Schema(
            node_id="DreamTalkLoadSpeech",
            display_name="Load Speech",
            category=CATEGORY,
            description="A recording of somebody who speaks, brought to a normal level for the "
            "model. Sample Motion takes any AUDIO, too; this node also reads videos and cuts.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[DEMO, *host.input_files(RECORDINGS)],
                    default=DEMO,
                    upload=io.UploadType.audio,
                    tooltip="A sound file, or a video with sound, in ComfyUI's input folder.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    tooltip="Seconds to leave out at the beginning.",
                ),
                io.Float.Input(
                    "duration",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    tooltip="Seconds to use; 0 is all the rest.",
                ),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="Any sound of the graph; it is used in place of the file.",
                ),
            ],
            outputs=[
                SpeechType.Output(
                    display_name="speech",
                    tooltip="For Sample Motion, Predict Style or Split Speech.",
                ),
                io.Audio.Output(
                    display_name="audio",
                    tooltip="The same sound as it came, for nodes that play or save it. A motion "
                    "carries it along by itself.",
                ),
            ],
            **found_by("voice", "talk", "lip sync", "dialogue"),
        )

    @classmethod
    def validate_inputs(cls, file: str | None) -> bool | str:
        return file is None or host.check_file(speech_path(file))

    @classmethod
    def fingerprint_inputs(cls, file: str | None, **_: Any) -> str:
        return "" if file is None else host.changed(speech_path(file))

    @classmethod
    def execute(cls, file: str, start: float, duration: float, **connected: Audio) -> io.NodeOutput:
        # Connected to a silent clip, it is None: the file is not what was asked for.
        value = SpeechValue.of(connected["audio"]) if connected else load(speech_path(file))
        if start or duration:
            value = value.cut(start, duration or float(value.speech.duration))
        return io.NodeOutput(value, value.audio)


class LoadSpeechFolder(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkLoadSpeechFolder",
            display_name="Load Speech Folder",
            category=CATEGORY,
            description="Every recording of a folder, one after the other: what follows in the "
            "graph runs once for each.",
            inputs=[
                io.String.Input(
                    "folder",
                    default="lines",
                    tooltip="A folder in ComfyUI's input folder, or its full path.",
                )
            ],
            outputs=[
                SpeechType.Output(
                    display_name="speech",
                    is_output_list=True,
                    tooltip="The recordings, in the order of their names.",
                ),
                io.String.Output(
                    display_name="name",
                    is_output_list=True,
                    tooltip="Their names without the ending, for the filename of Save DreamTalk "
                    "Motion.",
                ),
            ],
            **found_by("batch", "lines", "dialogue"),
        )

    @classmethod
    def validate_inputs(cls, folder: str | None) -> bool | str:
        try:
            if folder is not None:
                recordings(folder)
        except SpeechError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, folder: str | None) -> list[str]:
        return [] if folder is None else [host.changed(path) for path in recordings(folder)]

    @classmethod
    def execute(cls, folder: str) -> io.NodeOutput:
        paths = recordings(folder)
        values = []
        update = host.progress()
        for path in paths:
            values.append(load(path))
            update(len(values), len(paths))
        return io.NodeOutput(values, [path.stem for path in paths])


def recordings(folder: str) -> list[Path]:
    """The recordings in a folder, by name. Raises SpeechError if there are none."""
    home = host.input_path(folder)
    if not folder.strip() or not home.is_dir():
        raise SpeechError(
            f"There is no folder '{folder}'. Give one in ComfyUI's input folder, or a full path."
        )
    return find_recordings(home)


class SplitSpeech(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkSplitSpeech",
            display_name="Split Speech",
            category=CATEGORY,
            description="A recording cut at its pauses into lines: what follows in the graph runs "
            "once for each.",
            inputs=[
                io.MultiType.Input(
                    "speech", types=[SpeechType, io.Audio], tooltip="The recording to cut."
                ),
                io.Float.Input(
                    "pause",
                    default=0.5,
                    min=0.2,
                    max=10.0,
                    step=0.05,
                    tooltip="Seconds of silence that end a line.",
                ),
            ],
            outputs=[
                SpeechType.Output(
                    display_name="lines", is_output_list=True, tooltip="The lines, in order."
                ),
                io.Float.Output(
                    display_name="start",
                    is_output_list=True,
                    tooltip="Where each line begins in the recording, in seconds.",
                ),
            ],
            **found_by("batch", "lines", "silence", "segment"),
        )

    @classmethod
    def execute(cls, speech: SpeechValue | Audio, pause: float) -> io.NodeOutput:
        value = SpeechValue.of(speech)
        spans = find_lines(value.speech, pause)
        return io.NodeOutput(
            [value.cut(start, end - start) for start, end in spans], [start for start, _ in spans]
        )


class PrepareSpeech(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkPrepareSpeech",
            display_name="Prepare Speech",
            category=CATEGORY,
            description="Makes a voice what video models such as LTX-2 want to hear: they let the "
            "picture stand still at one that is too clean, and want sound as long as the video.",
            inputs=[
                io.MultiType.Input(
                    "speech", types=[io.Audio, SpeechType], tooltip="The voice, or any AUDIO."
                ),
                io.Float.Input(
                    "noise",
                    default=-40.0,
                    min=-100.0,
                    max=0.0,
                    step=1.0,
                    tooltip="Level of the pink noise that is added, in decibels of full scale. If "
                    "the lips still do not move, raise it to -30.",
                ),
                io.Float.Input(
                    "tail",
                    default=0.5,
                    min=0.0,
                    max=600.0,
                    step=0.05,
                    tooltip="Seconds to add after the last word.",
                ),
                io.Int.Input("seed", tooltip="Another seed is other noise.", **SEED),
            ],
            outputs=[
                io.Audio.Output(
                    "prepared",
                    display_name="prepared",
                    tooltip="For the video model's audio input: rate and channels stay.",
                ),
                io.Audio.Output(
                    "clean",
                    display_name="clean",
                    tooltip="As long, without the noise: to be heard in the finished video.",
                ),
            ],
            **found_by("LTX", "noise", "pad audio", "video model", "lips do not move"),
        )

    @classmethod
    def execute(
        cls, speech: SpeechValue | Audio, noise: float, tail: float, seed: int
    ) -> io.NodeOutput:
        from dreamtalk_core.speech.prepare import prepare_sound

        audio = speech.audio if isinstance(speech, SpeechValue) else speech
        sound, rate = samples(audio), int(audio["sample_rate"])
        both = prepare_sound(sound, rate, noise=noise, tail=tail, seed=seed)
        return io.NodeOutput(*(audio_of(one, rate) for one in both))
