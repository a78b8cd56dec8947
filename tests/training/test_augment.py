from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.training.augment import silence, vary


def test_a_variant_keeps_the_moments_where_the_tempo_says() -> None:
    times = np.arange(3 * 16_000) / 16_000
    bursts = ((times % 1.0) < 0.1) * np.sin(2 * np.pi * 300 * times)
    rng = np.random.default_rng(0)
    tempos = []
    for _ in range(12):
        wave, tempo = vary(bursts.astype(np.float32), bursts.astype(np.float32), rng)
        tempos.append(tempo)
        assert len(wave) / 16_000 == pytest.approx(3 / tempo, abs=0.01)
        moments = np.arange(len(wave)) / 16_000 * tempo
        sounding = np.abs(wave)[(moments % 1.0) < 0.1].mean()
        assert sounding > 2 * np.abs(wave)[(moments % 1.0) > 0.6].mean()
    assert max(tempos) > 1.1
    assert min(tempos) < 0.9


def test_silence_is_soft() -> None:
    rng = np.random.default_rng(0)
    waves = [silence(1.0, rng) for _ in range(30)]
    assert all(len(wave) == 16_000 for wave in waves)
    assert max(np.sqrt(np.mean(wave**2)) for wave in waves) < 0.06
    assert any(not wave.any() for wave in waves)
