"""What is heard of a voice beside its words: breaths, sighs and laughs.

A breath is unvoiced noise in a pause, strongest between 300 Hz and 2.5 kHz (a fricative is above,
a bump below); a sigh is a long one that falls; a laugh is a row of like bursts, about five a second
(Bachorowski et al. 2001, JASA 110), with breath between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dreamtalk_core.animation.breaths import BREATH, LAUGH, SIGH
from dreamtalk_core.animation.phrases import find_phrases
from dreamtalk_core.motion import MODEL_FPS
from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.prosody import Prosody, mel_bands
from dreamtalk_core.speech.spool import let_go

Array = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_MOMENTS = 4  # to a frame
_RATE = MODEL_FPS * _MOMENTS
_HOP, _SPECTRUM = SAMPLE_RATE // _RATE, 512
_FREQUENCIES = np.fft.rfftfreq(_SPECTRUM, 1 / SAMPLE_RATE)
_BANDS = ((300, 2500), (5000, 8000), (100, 4000))
_BLOCK = 2000  # moments handled at a time, so that memory does not grow with the speech
_SMOOTH = 5
_FLOOR = 2 * _RATE  # moments in whose quietest the room is heard alone
_AHEAD = 20  # moments that a stream waits: what takes longer to be sure of shows that much late
_LEAST_DB = -65.0
"""Nothing is heard that is quieter than this, relative to the loud parts."""

_BREATH_DB, _SURE_DB = 5.0, 10.0
"""How far a breath stands above the room, at least and surely."""
_DIP_DB = 2.5
"""Before it, the room alone is heard: the end of a word that dies away is no breath."""
_DULL_DB = 2.0
_UNVOICED = 0.55
_BREATH, _SIGH, _GAP = 12, 50, 3  # moments
_SIGH_DB, _FALL_DB = 15.0, 6.0

_BURSTS = 4  # that make a laugh
_DEEP_DB, _DEEPER_DB = 5.0, 12.0
"""How far the voice falls between bursts, at least and on average: speech falls less."""
_BURST_DB = 25.0
_APART = (0.09, 0.22)
"""Seconds between bursts: at least, and on average at most."""
_REGULAR, _ALIKE = 0.2, 1.7
"""Most spread of the logarithm of these times; most distance of neighbouring bursts' cepstra:
syllables of speech are twice as far apart."""
_LAUGH_BEFORE, _LAUGH_AFTER = 12, 15  # moments around the last burst


def hear_beside_words(waveform: Array, prosody: Prosody) -> Array:
    """[T, 3] how surely a breath, a laugh, a sigh is heard in each frame, 0..1.

    waveform: [N] at 16 kHz. prosody: of it, T frames. No frame depends on what is heard more than
    0.2 s later: sighs and laughs, which take longer to be sure of, begin late by as much.
    """
    frames = len(prosody.loudness)
    moments = frames * _MOMENTS
    result = np.zeros((moments, 3), np.float32)
    if not frames:
        return result
    levels, cepstra = _spectra(waveform, moments)
    middle, high, voice = levels.T
    least = np.percentile(middle, 95) + _LEAST_DB
    above = middle - _floor(np.maximum(middle, least))
    dull = above - (high - _floor(np.maximum(high, least))) > _DULL_DB
    unvoiced = prosody.periodic.reshape(-1) < _UNVOICED
    quiet = np.repeat(find_phrases(prosody.loudness, MODEL_FPS).pause, _MOMENTS)
    room = np.flatnonzero(above < _DIP_DB)
    for first, stop in _runs((above > _BREATH_DB) & dull & unvoiced):
        if stop - first < _BREATH:
            continue
        alone = room[np.searchsorted(room, first) - 1] if len(room) and room[0] < first else -1
        if alone < 0 or not quiet[alone:first].all():
            continue
        if quiet[first : first + _BREATH].all():
            ends = first + int(np.argmin(np.append(quiet[first:stop], False)))
            sure = (above[first : first + _BREATH].mean() - _BREATH_DB) / (_SURE_DB - _BREATH_DB)
            result[first:ends, BREATH] = 0.5 + 0.5 * np.clip(sure, 0, 1)
        # Where a recording is faded in, its room seems to rise like a sigh.
        long = first >= _SIGH and stop - first >= _SIGH
        if long and _falls(middle[first : first + _SIGH], above[first:stop]):
            result[first + _SIGH - _AHEAD : stop, SIGH] = 1
    for burst in _laughs(voice, cepstra):
        result[max(0, burst - _LAUGH_BEFORE) : burst + _LAUGH_AFTER, LAUGH] = 1
    shares: Array = result.reshape(frames, _MOMENTS, 3).mean(1)
    return shares


def _spectra(waveform: Array, moments: int) -> tuple[Float64, Array]:
    """[moments, 3] dB in each of `_BANDS`, over 50 ms, and [moments, 12] mel cepstra."""
    before = _SPECTRUM // 2 - _HOP // 2
    bands = [(low <= _FREQUENCIES) & (high > _FREQUENCIES) for low, high in _BANDS]
    mel = mel_bands()
    angles = np.pi / mel.shape[1] * np.outer(np.arange(mel.shape[1]) + 0.5, np.arange(1, 13))
    cosines = np.cos(angles) / mel.shape[1]
    rows, cepstra = [], []
    for start in range(0, moments, _BLOCK):
        first = start * _HOP - before
        last = (min(start + _BLOCK, moments) - 1) * _HOP + _SPECTRUM - before
        heard = waveform[max(0, first) : last]
        lead = max(0, -first)
        heard = np.pad(heard, (lead, last - first - lead - len(heard)))
        let_go(waveform)
        piece = np.lib.stride_tricks.sliding_window_view(heard, _SPECTRUM)[::_HOP]
        power = np.abs(np.fft.rfft(piece * np.hanning(_SPECTRUM))) ** 2
        rows.append(np.stack([power[:, band].sum(1) for band in bands], 1))
        cepstra.append((np.log(power @ mel + 1e-6) @ cosines).astype(np.float32))
    half = _SMOOTH // 2
    total = np.pad(np.concatenate(rows), ((half + 1, half), (0, 0))).cumsum(0)
    mean = (total[_SMOOTH:] - total[:-_SMOOTH]) / _SMOOTH
    level: Float64 = 10 * np.log10(np.maximum(mean, 1e-9))
    return level, np.concatenate(cepstra)


def _floor(level: Float64) -> Float64:
    """[M] the quietest of what has been heard lately."""
    padded = np.pad(level, (_FLOOR, 0), constant_values=np.inf)
    result: Float64 = np.lib.stride_tricks.sliding_window_view(padded, _FLOOR + 1).min(-1)
    return result


def _runs(heard: Bools) -> Iterator[tuple[int, int]]:
    """First and stop of stretches that are true, gaps of up to `_GAP` moments aside."""
    at = np.flatnonzero(heard)
    if len(at):
        breaks = np.flatnonzero(np.diff(at) > _GAP + 1)
        yield from zip(
            at[np.append(0, breaks + 1)].tolist(), (at[np.append(breaks, -1)] + 1).tolist(),
            strict=True,
        )  # fmt: skip


def _falls(level: Float64, above: Float64) -> bool:
    """Whether half a second of breath is strong and dies away, as in a sigh."""
    peak = int(level.argmax())
    fallen = level[peak] - level[-10:].mean()
    return bool(above.max() > _SIGH_DB and peak < _SIGH // 2 and fallen > _FALL_DB)


def _laughs(voice: Float64, cepstra: Array) -> Iterator[int]:
    """The last bursts of all rows of `_BURSTS` that are laughs. voice: [M] dB."""
    loud = np.percentile(voice, 95)
    peaks, dips = _peaks(np.maximum(voice, loud - 40))
    near = np.array([cepstra[max(0, peak - 2) : peak + 3].mean(0) for peak in peaks])
    for last in range(_BURSTS - 1, len(peaks)):
        row = slice(last - _BURSTS + 1, last + 1)
        level, apart = voice[peaks[row]], np.diff(peaks[row]) / _RATE
        depth = np.minimum(level[:-1], level[1:]) - np.maximum(dips[row][1:], loud - 40)
        if (
            level.min() > loud - _BURST_DB
            and apart.min() > _APART[0]
            and apart.mean() < _APART[1]
            and np.log(apart).std() < _REGULAR
            and depth.mean() > _DEEPER_DB
            and np.abs(np.diff(near[row], axis=0)).sum(1).mean() < _ALIKE
        ):
            yield int(peaks[last])


def _peaks(level: Float64) -> tuple[npt.NDArray[np.int64], Float64]:
    """Where level [M] is highest between falls and rises of `_DEEP_DB`, and the dip before each."""
    peaks: list[int] = []
    dips: list[float] = []
    top, low, rising = 0, float(level[0]), True
    for moment, value in enumerate(level.tolist()):
        if rising:
            if value > level[top]:
                top = moment
            elif value < level[top] - _DEEP_DB:
                peaks.append(top)
                dips.append(low)
                low, rising = value, False
        elif value < low:
            low = value
        elif value > low + _DEEP_DB:
            top, rising = moment, True
    return np.array(peaks, np.int64), np.array(dips)
