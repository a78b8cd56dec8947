"""Lip bursts in GRID sentences: when, to the millisecond, the lips of /b/ and /p/ must part.

GRID speakers say sentences of six words from a small grammar, and the clip's name spells them:
`bbaf3s` is "bin blue at f three soon". So the words are known, and only their times are sought, in
two steps: the phones' posteriors are aligned with the sentence (to some 20 ms), then the burst is
the steepest rise of the energy near the aligned /b/ or /p/ (to some milliseconds).

Corpus: M. Cooke et al., "An audio-visual corpus for speech perception and automatic speech
recognition", 2006. Alignment: Viterbi over the CTC states of A. Graves et al., 2006.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpora.posteriors import phone_posteriors
from dreamtalk_core.evaluation.clips import TrackedClip

Array = NDArray[np.float64]

SAMPLE_RATE = 16_000

COMMANDS = {"b": "bin", "l": "lay", "p": "place", "s": "set"}
COLOURS = {"b": "blue", "g": "green", "r": "red", "w": "white"}
PREPOSITIONS = {"a": "at", "b": "by", "i": "in", "w": "with"}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS = dict(zip("z123456789", NUMBERS, strict=True))
ADVERBS = {"a": "again", "n": "now", "p": "please", "s": "soon"}
LETTERS = {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"}
SLOTS = (COMMANDS, COLOURS, PREPOSITIONS, LETTERS, DIGITS, ADVERBS)

# What may be recognised for each sound of the table below. Wide on purpose: the words are known, so
# a class only has to differ from its neighbours in the sentence.
CLASSES = {
    "P": "b p pʰ p͈",
    "V": "i ɪ e ɛ eɪ a æ aɪ ɑ ʌ ɔ oʊ o u ʊ ə ɝ ɚ ɜ aʊ ɒ ɐ eə ɪə ɔɪ",
    "N": "n ŋ m",
    "L": "l ɫ ɹ r w",
    "S": "s z ʃ s͈",
    "T": "t tʰ d ð",
    "K": "k kʰ g ɡ",
    "R": "ɹ r w",
    "W": "w h",
    "F": "f v θ ð d s",
    "J": "j ju",
    "C": "t͡ʃ d͡ʒ ʃ ʒ t",
}
SOUND_TABLE = """
    bin=PVN lay=LV place=PLVS set=SVT blue=PLV green=KRVN red=RVT white=WVT
    at=VT by=PV in=VN with=WVF again=VKVN now=NV please=PLVS soon=SVN
    zero=SVRV one=WVN two=TV three=FRV four=FV five=FVF six=SVKS seven=SVFVN eight=VT nine=NVN
    a=V b=PV c=SV d=TV e=V f=VF g=CV h=VC i=V j=CV k=KV l=VL m=VN n=VN o=V p=PV q=KJV r=V s=VS
    t=TV u=JV v=FV x=VKS y=WV z=SVT
"""
SOUNDS = dict(entry.split("=") for entry in SOUND_TABLE.split())

SEARCH = (-0.09, 0.03)
"""Seconds around the aligned phone in which its burst is sought: CTC peaks lag behind it."""

MIN_RISE_DB = 10.0
"""A burst is louder than the closure before it by at least this much; else none was found."""


@dataclass(frozen=True)
class Burst:
    """The release of a word-initial /b/ or /p/."""

    word: str
    time: float
    """Seconds from the start of the clip."""
    rise: float
    """How much louder the 10 ms after it are than the 20 ms before it, in dB."""


def grid_sentence(name: str) -> tuple[str, ...] | None:
    """The six words that a GRID clip's name spells, or None if the name spells no sentence.

    The code is the name or its last part after an underscore: `grid_s1_bbaf3s`.
    """
    code = re.search(r"(?:^|_)([blps][bgrw][abiw][a-vx-z][1-9z][anps])$", name)
    if code is None:
        return None
    return tuple(slot[letter] for slot, letter in zip(SLOTS, code[1], strict=True))


def clip_bursts(clip: TrackedClip) -> list[float]:
    """Times in s of the bursts of /b/ and /p/ in a GRID clip; none for any other clip."""
    words = grid_sentence(clip.id) if clip.id.startswith("grid_") else None
    if words is None:
        return []
    posteriors, phones = phone_posteriors(clip.waveform())
    return [burst.time for burst in find_bursts(clip.waveform(), words, posteriors, phones)]


def find_bursts(
    waveform: NDArray[np.float32],
    words: Sequence[str],
    log_posteriors: NDArray[np.float32],
    phones: Sequence[str],
    frame_rate: float = 50.0,
) -> list[Burst]:
    """The bursts of the word-initial /b/ and /p/ in a GRID sentence.

    waveform: [N] at 16 kHz; words: as of `grid_sentence`; log_posteriors: [T, len(phones)], frame i
    centred on i / frame_rate s, natural logarithm; phones must contain `<wb>` (word boundary) and
    `<blank>`. Sounds without an audible rise are left out.
    """
    sounds = "".join(SOUNDS[word] for word in words)
    peaks = align(class_posteriors(log_posteriors, phones, sounds), sounds) / frame_rate
    rise = energy_rise(waveform)
    bursts, position = [], 0
    for word in words:
        if SOUNDS[word][0] == "P":
            start, stop = (max(0, round(1000 * (peaks[position] + edge))) for edge in SEARCH)
            if len(span := rise[start:stop]) and span.max() >= MIN_RISE_DB:
                bursts.append(Burst(word, (start + int(span.argmax())) / 1000, float(span.max())))
        position += len(SOUNDS[word])
    return bursts


def class_posteriors(
    log_posteriors: NDArray[np.float32], phones: Sequence[str], sounds: str
) -> Array:
    """Log-probabilities [T, 1 + S] of silence (blank or word boundary) and of each of S sounds."""
    index = {phone: i for i, phone in enumerate(phones)}
    groups = [("<blank>", "<wb>")] + [tuple(CLASSES[sound].split()) for sound in sounds]
    columns = [
        np.logaddexp.reduce(
            log_posteriors[:, [index[phone] for phone in group if phone in index]], axis=1
        )
        for group in groups
    ]
    # A floor, so that one sound that was not found at all does not bend the whole path.
    return np.maximum(np.stack(columns, axis=1).astype(np.float64), -12.0)


def align(posteriors: Array, sounds: str) -> NDArray[np.int64]:
    """The frame [S] at which each sound is most probable on the best CTC path through them all.

    posteriors: [T, 1 + S] as of `class_posteriors`; needs T >= S plus the repetitions in `sounds`.
    """
    count = len(sounds)
    if len(posteriors) < count + sum(a == b for a, b in pairwise(sounds)):
        raise ValueError(f"{len(posteriors)} frames are too few for {count} sounds")
    states = np.zeros(2 * count + 1, int)
    states[1::2] = 1 + np.arange(count)
    emission = posteriors[:, states]
    # A blank may be skipped between two different sounds only.
    skips = np.zeros(len(states), bool)
    skips[3::2] = [a != b for a, b in pairwise(sounds)]
    score = np.full(len(states), -np.inf)
    score[:2] = emission[0, :2]
    steps = np.zeros(emission.shape, int)
    for t in range(1, len(emission)):
        stay, advance, skip = score, np.roll(score, 1), np.where(skips, np.roll(score, 2), -np.inf)
        advance[0] = -np.inf
        options = np.stack([stay, advance, skip])
        steps[t] = options.argmax(axis=0)
        score = options.max(axis=0) + emission[t]
    path = np.empty(len(emission), int)
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    for t in reversed(range(len(path))):
        path[t] = state
        state -= steps[t, state]
    frames = []
    for sound in range(count):
        run = np.flatnonzero(path == 2 * sound + 1)
        frames.append(run[posteriors[run, 1 + sound].argmax()])
    return np.array(frames)


def energy_rise(waveform: NDArray[np.float32]) -> Array:
    """How much louder the next 10 ms are than the last 20 ms, in dB, at every millisecond.

    The waveform [N] (16 kHz) is differenced first, which takes out the hum of a voiced closure;
    energies are those of 5 ms Hann windows, in dB over a floor of -90.
    """
    step = SAMPLE_RATE // 1000
    sharp = np.diff(np.asarray(waveform, np.float64), prepend=waveform[:1])
    taper = np.hanning(5 * step + 2)[1:-1]
    energy = np.convolve(np.square(sharp), taper / taper.sum(), mode="same")[::step]
    total = np.r_[0.0, np.cumsum(10 * np.log10(energy + 1e-9))]
    index = np.arange(len(energy))
    ahead, behind = np.minimum(index + 10, len(energy)), np.maximum(index - 20, 0)
    after = (total[ahead] - total[index]) / (ahead - index)
    before = (total[index] - total[behind]) / np.maximum(index - behind, 1)
    return np.where(index > 0, after - before, 0.0)
