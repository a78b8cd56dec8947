"""Hold the open peers against ours on the same tracked clips, in one run, one setting for all.

    pip install openfacefx==0.24.0 pocketsphinx==5.1.1
    pip install --no-deps pylipsync==0.2.1      # it would pin numpy; librosa must be there
    python benchmarks/peers.py --corpus PATH [--peers NAME ...] [--every N] [--json OUT.json]
                               [--page OUT.html]

None of the peers is a dependency of this project. OpenFaceFX (MIT) turns loudness or phones into
visemes and these into ARKit weights by its own `arkit` preset; the phones are those of pocketsphinx
(BSD; its `allphone` search) or of our own phonetic encoder, which carries the weights of hama
(Apache-2.0). pylipsync (MIT) gives five vowel visemes, which go through the same preset. `tracked`
scores the tracked weights themselves: what a perfect prediction would get.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import wave
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.grid import clip_bursts  # noqa: E402
from benchmarks.corpora.groups import evaluate_groups, grouped_clips  # noqa: E402
from benchmarks.corpora.posteriors import phone_posteriors  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.clips import Prediction, TrackedClip  # noqa: E402
from dreamtalk_core.evaluation.evaluate import expert_sync  # noqa: E402
from dreamtalk_core.evaluation.page import check_page, write_page  # noqa: E402
from dreamtalk_core.evaluation.report import Report, comparison  # noqa: E402
from dreamtalk_core.evaluation.tables import save_json  # noqa: E402
from dreamtalk_core.motion import MODEL_FPS, Motion  # noqa: E402
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX  # noqa: E402

Weights = NDArray[np.float64]
Waveform = NDArray[np.float32]

SAMPLE_RATE = 16_000

CTC_DELAY = 0.08
"""Seconds by which the recogniser's peaks lag behind the phone's start."""

LONGEST_PHONE = 0.25
"""Seconds: the peak after the last phone before a pause comes only after the pause."""


def tracked(clip: TrackedClip) -> Motion:
    """The tracked face itself: the ceiling of every figure."""
    return clip.motion


def dreamtalk(clip: TrackedClip) -> Motion:
    """Ours, at its defaults."""
    from dreamtalk_core.speech.audio import Speech

    motion: Motion = _dreamtalk().animate(Speech(clip.waveform(), clip.id))
    return motion


def openfacefx_loudness(clip: TrackedClip) -> Weights:
    """OpenFaceFX without phones: loudness opens the jaw."""
    openfacefx = _peer("openfacefx", "openfacefx.energy")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speech.wav")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(_pcm(clip.waveform()))
        return _to_arkit(openfacefx.generate_from_energy(str(path)), len(clip.lip_gap))


def pocketsphinx_phones(clip: TrackedClip) -> Weights:
    """pocketsphinx phones (ARPAbet) through OpenFaceFX."""
    decoder = _pocketsphinx()
    decoder.start_utt()
    decoder.process_raw(_pcm(clip.waveform()), full_utt=True)
    decoder.end_utt()
    phones = [
        (segment.start_frame / 100, (segment.end_frame + 1) / 100, segment.word)
        for segment in decoder.seg()
        if segment.word.isalpha() and segment.word != "SIL"
    ]
    return _animate_phones(phones, len(clip.lip_gap), ipa=False)


def hama_phones(clip: TrackedClip) -> Weights:
    """The phones of hama's recogniser (IPA; greedy CTC path) through OpenFaceFX."""
    posteriors, names = phone_posteriors(clip.waveform())
    path = posteriors.argmax(axis=1)
    peaks = [
        (i / 50, names[token])
        for i, token in enumerate(path)
        if (i == 0 or token != path[i - 1]) and names[token] != "<blank>"
    ]
    times = [time for time, _ in peaks]
    ends = [
        min(time + LONGEST_PHONE, following)
        for time, following in zip(times, [*times[1:], np.inf], strict=False)
    ]
    phones = [
        (max(0.0, time - CTC_DELAY), max(0.0, end - CTC_DELAY), phone)
        for (time, phone), end in zip(peaks, ends, strict=True)
        if phone != "<wb>"
    ]
    return _animate_phones(phones, len(clip.lip_gap), ipa=True)


def pylipsync_visemes(clip: TrackedClip) -> Weights:
    """pylipsync's vowel visemes through OpenFaceFX's ARKit preset."""
    preset = _peer("openfacefx", "openfacefx.retarget").PRESETS["arkit"]
    segments = _pylipsync().extract_phoneme_segments(
        np.asarray(clip.waveform(), np.float32), SAMPLE_RATE, fps=60, return_seconds=True
    )
    times = np.array([(segment.start + segment.end) / 2 for segment in segments])
    weights = np.zeros((len(clip.lip_gap), len(ARKIT_NAMES)))
    visemes = {"aa": "aa", "ee": "E", "ih": "I", "oh": "O", "ou": "U"}
    for phoneme, viseme in visemes.items():
        targets = [
            sum(phone.target for phone in segment.phonemes if phone.name == phoneme)
            for segment in segments
        ]
        curve = np.interp(_frame_times(len(weights)), times, targets)
        for name, scale in preset[viseme]:
            weights[:, INDEX[name]] += scale * curve
    return np.clip(weights, 0.0, 1.0)


PEERS: dict[str, Callable[[TrackedClip], Prediction]] = {
    "dreamtalk": dreamtalk,
    "openfacefx-loudness": openfacefx_loudness,
    "pocketsphinx-openfacefx": pocketsphinx_phones,
    "hama-openfacefx": hama_phones,
    "pylipsync": pylipsync_visemes,
    "tracked": tracked,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate the peers that are asked for and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the tracked corpus")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--every", type=int, default=1, help="use every n-th clip only")
    parser.add_argument("--json", type=Path, help="also write every figure of every clip here")
    parser.add_argument("--page", type=Path, metavar="HTML", help="also write a page of plots")
    options = parser.parse_args(arguments)

    try:
        if options.page:
            check_page(options.page)
        clips = grouped_clips(options.corpus)[:: options.every]
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    bursts = {clip.id: clip_bursts(clip) for clip in clips}
    reports: list[Report] = []
    for name in options.peers:
        try:
            reports.append(
                evaluate_groups(
                    PEERS[name],
                    clips,
                    name=name,
                    bursts=lambda clip: bursts[clip.id],
                    sync=expert_sync,
                )
            )
        except MissingPeerError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        print(reports[-1].table(legend=False), flush=True)
    if not reports:
        return 1
    print(comparison(reports))
    if options.json:
        save_json(options.json, [report.as_json() for report in reports])
    if options.page:
        write_page(options.page, reports)
    return 0


class MissingPeerError(Exception):
    """A peer is not installed."""


def _peer(distribution: str, module: str | None = None) -> Any:
    try:
        return importlib.import_module(module or distribution)
    except ImportError as error:
        raise MissingPeerError(f"not installed ({error}); see the top of this file") from error


@cache
def _dreamtalk() -> Any:
    from dreamtalk_core import DreamTalk

    return DreamTalk.load()


@cache
def _pocketsphinx() -> Any:
    pocketsphinx = _peer("pocketsphinx")
    return pocketsphinx.Decoder(
        allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"),
        lm=None,
        lw=2.0,
        beam=1e-20,
        pbeam=1e-20,
        loglevel="FATAL",
    )


@cache
def _pylipsync() -> Any:
    return _peer("pylipsync").PhonemeAnalyzer()


def _animate_phones(
    phones: Sequence[tuple[float, float, str]], frames: int, *, ipa: bool
) -> Weights:
    """(start s, end s, phone) through OpenFaceFX's coarticulation: weights [frames, 52]."""
    if not phones:
        return np.zeros((frames, len(ARKIT_NAMES)))
    segment = _peer("openfacefx", "openfacefx.alignment").PhonemeSegment
    segments, last = [], 0.0
    for start, end, phone in phones:
        if start > last:
            segments.append(segment("sil", last, start))
        segments.append(segment(phone, max(start, last), max(end, start, last)))
        last = segments[-1].end
    if last < frames / MODEL_FPS:
        segments.append(segment("sil", last, frames / MODEL_FPS))
    mapping = _peer("openfacefx", "openfacefx.ipa").IPA_MAPPING if ipa else None
    pipeline = _peer("openfacefx", "openfacefx.pipeline")
    return _to_arkit(pipeline.generate_from_alignment(segments, mapping=mapping), frames)


def _to_arkit(track: Any, frames: int) -> Weights:
    """An OpenFaceFX viseme track as ARKit weights [frames, 52], by its own preset."""
    retarget = _peer("openfacefx", "openfacefx.retarget")
    weights = np.zeros((frames, len(ARKIT_NAMES)), np.float64)
    for channel in retarget.retarget(track, retarget.PRESETS["arkit"]).channels:
        keys = np.array([(key.time, key.value) for key in channel.keys])
        weights[:, INDEX[channel.name]] = np.interp(_frame_times(frames), keys[:, 0], keys[:, 1])
    return weights


def _frame_times(frames: int) -> Weights:
    times: Weights = (np.arange(frames, dtype=np.float64) + 0.5) / MODEL_FPS
    return times


def _pcm(waveform: Waveform) -> bytes:
    return np.round(np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes()


if __name__ == "__main__":
    sys.exit(main())
