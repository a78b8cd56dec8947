"""Emotion put into plain speech, by what is known of how emotion changes a voice.

What emotion sounds like has been measured often
(Murray & Arnott 1993, JASA 93; Banse & Scherer 1996, J. Personality and Social Psychology 70), and
synthetic speech that was changed accordingly was heard as the emotion meant (Burkhardt &
Sendlmeier 2000, "Verification of acoustical correlates of emotional speech"). So plain recordings
are changed: pitch, its range and fall, tempo and formants by PSOLA (Moulines & Charpentier 1990,
Speech Communication 9), then accents, spectral balance and breath. (librosa's pitch_shift and
time_stretch change a recording as a whole; range, fall and tremor change from moment to moment.)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import soxr

from dreamtalk_core.motion import MODEL_FPS, frame_count
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.prosody import measure_pitch
from dreamtalk_core.training.backgrounds import coloured

Wave = npt.NDArray[np.float32]
Sound = npt.NDArray[np.float64]

_MOMENT = SAMPLE_RATE // 100  # samples between values of pitch
_UNVOICED_STEP = 0.005 * SAMPLE_RATE  # between grains where there is no pitch


@dataclass(frozen=True)
class EmotionalVoice:
    """What an emotion does to a voice."""

    pitch: float = 0.0
    """Semitones that the voice rises."""
    range: float = 1.0
    """Factor on the movement of pitch."""
    fall: float = 0.0
    """Semitones a second that pitch sinks."""
    tremor: float = 0.0
    """Semitones that pitch trembles by, at about 6 Hz."""
    roughness: float = 0.0
    """Semitones that periods differ by at random, from one 10 ms to the next."""
    tempo: float = 1.0
    """Factor on the speed."""
    formants: float = 1.0
    """Factor on formant frequencies: a smile shortens the vocal tract, pursed lips lengthen it."""
    dynamics: float = 1.0
    """Factor on the movement of loudness."""
    brightness: float = 0.0
    """dB an octave that the spectrum falls less steeply: vocal effort."""
    breath: float = 0.0
    """Hiss that follows the voice, as a share of it."""


def make_emotional(waveform: Wave, voice: EmotionalVoice, rng: np.random.Generator) -> Wave:
    """Plain speech [N] at 16 kHz as an emotional voice would say it, at normal level."""
    # Played faster, everything moves up; pitch and tempo are then put where they should be.
    wave = soxr.resample(waveform, SAMPLE_RATE * voice.formants, SAMPLE_RATE)
    wave = _respeak(wave, voice, rng)
    wave = wave * _accents(wave, voice.dynamics)
    wave = coloured(wave, -voice.brightness / 6.02)
    if voice.breath:
        level = np.sqrt(_spread(np.square(wave)))
        wave = wave + voice.breath * level * coloured(rng.standard_normal(len(wave)), -0.5)
    return Speech.from_array(wave, SAMPLE_RATE).waveform


def _respeak(waveform: Wave, voice: EmotionalVoice, rng: np.random.Generator) -> Sound:
    """The waveform with other pitch and tempo: grains of two periods, laid out anew."""
    semitones, voiced = _contour(waveform)
    moments = (np.arange(len(semitones)) + 0.5) * _MOMENT / SAMPLE_RATE
    middle = float(np.median(semitones[voiced])) if voiced.any() else 0.0
    wanted = middle + voice.range * (semitones - middle) + voice.pitch
    wanted -= 12 * np.log2(voice.formants) + voice.fall * (moments - moments.mean())
    wanted += voice.tremor * np.sin(2 * np.pi * (6 * moments + rng.random()))
    wanted += voice.roughness * rng.standard_normal(len(wanted))
    periods = SAMPLE_RATE / (100 * 2 ** (semitones / 12))
    steps = SAMPLE_RATE / np.clip(100 * 2 ** (wanted / 12), 50, 700)
    periods[~voiced] = steps[~voiced] = _UNVOICED_STEP
    marks = _pitch_marks(waveform, periods)

    tempo = voice.tempo / voice.formants
    length = max(1, int(len(waveform) / tempo))
    edge = SAMPLE_RATE // 10
    source = np.pad(waveform.astype(np.float64), edge)
    out = np.zeros(length + 2 * edge)
    at = 0.0
    while at < length:
        moment = min(int(at * tempo / _MOMENT), len(periods) - 1)
        reach, step = int(periods[moment]), steps[moment]
        centre = marks[np.abs(marks - at * tempo).argmin()] + edge
        grain = source[centre - reach : centre + reach + 1]
        place = int(at) + edge - reach
        # Grains that lie closer than they were cut would add up to more.
        out[place : place + len(grain)] += grain * np.hanning(len(grain)) * min(1, step / reach)
        at += step
    return out[edge : edge + length]


def _contour(waveform: Wave) -> tuple[Sound, npt.NDArray[np.bool_]]:
    """Semitones from 100 Hz every 10 ms, joined across what is unvoiced, and what is voiced."""
    hertz = measure_pitch(waveform, frame_count(Fraction(len(waveform), SAMPLE_RATE), MODEL_FPS))[0]
    semitones = 12 * np.log2(hertz.ravel().astype(np.float64) / 100)
    voiced = np.isfinite(semitones)
    if not voiced.any():
        return np.zeros(len(semitones)), voiced
    moments = np.arange(len(semitones))
    return np.interp(moments, moments[voiced], semitones[voiced]), voiced


def _pitch_marks(waveform: Wave, periods: Sound) -> npt.NDArray[np.int64]:
    """Samples to cut grains at: one a period, on the peak that is nearest to where it should be."""
    marks, at = [0], 0.0
    while True:
        period = periods[min(int(at / _MOMENT), len(periods) - 1)]
        at += period
        first, last = int(at - 0.25 * period), int(at + 0.25 * period) + 1
        if last >= len(waveform):
            return np.array(marks)
        at = first + float(waveform[first:last].argmax())
        marks.append(int(at))


def _accents(wave: Sound, dynamics: float) -> Sound:
    """Gain that moves loudness `dynamics` times as much as it does, by at most 12 dB."""
    level = 10 * np.log10(_spread(np.square(wave)) + 1e-9)
    loud = level > level.max() - 35
    return 10 ** (np.clip((dynamics - 1) * (level - level[loud].mean()), -12, 12) / 20)


def _spread(values: Sound) -> Sound:
    """Means over 80 ms around every sample."""
    reach = SAMPLE_RATE // 25
    total = np.concatenate([[0.0], np.cumsum(np.pad(values, (reach, reach)))])
    return (total[2 * reach :] - total[: -2 * reach])[: len(values)] / (2 * reach)
