"""Music to talk over, made up anew each time: chords, bass, arpeggio, drums, somebody who sings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamtalk_core.speech.audio import SAMPLE_RATE

Sound = npt.NDArray[np.float64]

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
"""Semitones of major and minor."""
VOWELS = ((730, 1090, 2440), (570, 840, 2410), (300, 870, 2240), (530, 1840, 2480))
"""Formants in Hz of a, o, u and e (Peterson & Barney 1952, J. Acoustical Society of America 24)."""
_TABLE = 2048  # samples that a period is kept in


@dataclass(frozen=True)
class _Score:
    """What the parts of a piece have in common."""

    count: int
    """Samples of the piece."""
    beat: int
    """Samples of a beat; a chord lasts two."""
    notes: tuple[int, ...]
    """MIDI notes of the scale, an octave from the key note on."""
    chords: tuple[int, ...]
    """Steps of the scale that the chords stand on."""
    rng: np.random.Generator

    def pitch(self, step: int) -> float:
        """Hz of a step of the scale, counted through all octaves."""
        octave, place = divmod(step, len(self.notes))
        return float(440 * 2 ** ((self.notes[place] + 12 * octave - 69) / 12))


def music(count: int, rng: np.random.Generator) -> Sound:
    """[count] music at 16 kHz, of unit deviation: some parts, at drawn levels."""
    beat = int(SAMPLE_RATE * 60 / rng.uniform(70, 150))
    key, scale = int(rng.integers(45, 57)), SCALES[rng.integers(2)]
    chords = [int(rng.choice([0, 3, 4, 5])) for _ in range(1 + count // (2 * beat))]
    score = _Score(count, beat, tuple(key + note for note in scale), tuple(chords), rng)
    parts: list[Callable[[_Score], Sound]] = [_chords, _bass, _arpeggio, _drums, _song]
    total = np.zeros(count)
    for index in rng.choice(len(parts), rng.integers(1, len(parts) + 1), replace=False):
        part = parts[index](score)
        total += 10 ** (-rng.uniform(0, 9) / 20) * part / max(float(part.std()), 1e-9)
    return total / max(float(total.std()), 1e-9)


def _chords(score: _Score) -> Sound:
    table, fade = _instrument(score.rng), score.rng.uniform(0, 3)
    struck = [
        (2 * index * score.beat, _tone(score.pitch(chord + third), 2 * score.beat, table, fade))
        for index, chord in enumerate(score.chords)
        for third in (0, 2, 4)
    ]
    return _laid_out(score, struck)


def _bass(score: _Score) -> Sound:
    table, fade = _instrument(score.rng), score.rng.uniform(1, 6)
    notes = [(at, chord - 7) for at, chord in _beats(score)]
    return _laid_out(
        score, [(at, _tone(score.pitch(step), score.beat, table, fade)) for at, step in notes]
    )


def _arpeggio(score: _Score) -> Sound:
    table, fade = _instrument(score.rng), score.rng.uniform(4, 12)
    quarter = score.beat // int(score.rng.choice([2, 3, 4]))
    pattern = score.rng.choice([0, 2, 4, 7, 9], 4)
    notes = [
        (at, score.chords[at // (2 * score.beat)] + int(pattern[index % 4]))
        for index, at in enumerate(range(0, score.count, quarter))
    ]
    return _laid_out(
        score, [(at, _tone(score.pitch(step), 2 * quarter, table, fade)) for at, step in notes]
    )


def _drums(score: _Score) -> Sound:
    times = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    hiss = score.rng.standard_normal(len(times))
    kick = 3 * np.sin(2 * np.pi * (50 * times - 4 * np.exp(-30 * times))) * np.exp(-12 * times)
    snare = (hiss + np.sin(2 * np.pi * 190 * times)) * np.exp(-20 * times)
    hat = np.diff(hiss, prepend=0) * np.exp(-60 * times)
    struck = []
    for index, (at, _) in enumerate(_beats(score)):
        struck += [(at, snare if index % 2 else kick), (at, hat), (at + score.beat // 2, hat)]
    return _laid_out(score, struck)


def _song(score: _Score) -> Sound:
    """Long vowels with vibrato on notes of the chords."""
    sung, at = [], 0
    while at < score.count:
        length = int(score.beat * score.rng.choice([0.5, 1, 1, 2]))
        chord = score.chords[at // (2 * score.beat)]
        hertz = score.pitch(chord + int(score.rng.choice([0, 2, 4, 7])))
        table = _vowel(hertz, VOWELS[score.rng.integers(len(VOWELS))])
        sung.append((at, _tone(hertz, length, table, 0.5, vibrato=score.rng.uniform(0, 0.5))))
        at += length
    return _laid_out(score, sung)


def _beats(score: _Score) -> Iterator[tuple[int, int]]:
    """Where each beat begins, and its chord."""
    for at in range(0, score.count, score.beat):
        yield at, score.chords[at // (2 * score.beat)]


def _instrument(rng: np.random.Generator) -> Sound:
    """One period of a sound whose overtones fade by 5 to 15 dB an octave."""
    overtones = np.arange(1, 41)
    return _period(overtones ** -rng.uniform(0.8, 2.5) * rng.uniform(0.3, 1, len(overtones)))


def _vowel(hertz: float, formants: tuple[int, ...]) -> Sound:
    """One period of a vowel sung at a pitch."""
    overtones = hertz * np.arange(1, max(2, int(7000 / hertz)))
    peaks = [1 / (1 + ((overtones - formant) / 90) ** 2) for formant in formants]
    return _period((np.sum(peaks, axis=0) + 0.02) / overtones)


def _period(overtones: Sound) -> Sound:
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[1 : 1 + len(overtones)] = -1j * overtones
    return np.fft.irfft(spectrum)


def _tone(hertz: float, count: int, table: Sound, fade: float, vibrato: float = 0.0) -> Sound:
    """[count] a period repeated at a pitch. fade: in nepers a second. vibrato: in semitones."""
    times = np.arange(count) / SAMPLE_RATE
    phase = times + vibrato * np.log(2) / 12 * np.sin(2 * np.pi * 5.5 * times) / (2 * np.pi * 5.5)
    tone = table[(phase * hertz * _TABLE).astype(int) % _TABLE] * np.exp(-fade * times)
    edge = np.linspace(0, 1, min(count, SAMPLE_RATE // 100))
    tone[: len(edge)] *= edge
    tone[count - len(edge) :] *= edge[::-1]
    return tone


def _laid_out(score: _Score, tones: list[tuple[int, Sound]]) -> Sound:
    total = np.zeros(score.count + 4 * SAMPLE_RATE)
    for at, tone in tones:
        total[at : at + len(tone)] += tone
    return total[: score.count]
