"""Lines that speech comes over: what telephones and lossy files leave of it, in time."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt
import soxr

from dreamtalk_core.speech.audio import SAMPLE_RATE
from dreamtalk_core.speech.media import to_float

Wave = npt.NDArray[np.float32]

CODECS = {"mp3": ("libmp3lame", 16, 48), "ogg": ("libopus", 6, 24), "adts": ("aac", 12, 32)}
"""Kind of file -> encoder, and from how many kbit/s to how many it is used."""
_QUICK = {
    "libmp3lame": {"compression_level": "9"},
    "libopus": {"compression_level": "2"},
    "aac": {"aac_coder": "fast"},
}
_MOST_DELAY = SAMPLE_RATE // 4


def through_line(wave: Wave, rng: np.random.Generator) -> Wave:
    """A wave [N] at 16 kHz as it comes out of a telephone, or of a small mp3, opus or AAC file."""
    kind = str(rng.choice([*CODECS, "telephone"]))
    if kind == "telephone":
        return telephone(wave)
    encoder, low, high = CODECS[kind]
    return through_codec(wave, kind, encoder, float(rng.uniform(low, high)))


def telephone(wave: Wave) -> Wave:
    """A wave [N] at 16 kHz in 300 to 3400 Hz, at 8 kHz, in 8 bits of mu-law (ITU-T G.711)."""
    narrow = soxr.resample(wave, SAMPLE_RATE, 8000).astype(np.float64)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    band = np.clip((hertz - 200) / 100, 0, 1) * np.clip((3600 - hertz) / 200, 0, 1)
    narrow = np.fft.irfft(np.fft.rfft(narrow) * band, len(narrow))
    loudest = max(float(np.abs(narrow).max(initial=0)), 1e-9)
    pressed = np.log1p(255 * np.abs(narrow) / loudest) / np.log(256)
    stepped = np.sign(narrow) * (256.0 ** (np.round(127 * pressed) / 127) - 1) / 255 * loudest
    return _fitted(soxr.resample(stepped.astype(np.float32), 8000, SAMPLE_RATE), len(wave))


def through_codec(wave: Wave, kind: str, encoder: str, kbps: float) -> Wave:
    """A wave [N] at 16 kHz, encoded and decoded. What the codec puts before it is taken away."""
    gain = 0.5 / max(float(np.abs(wave).max(initial=0)), 1e-9)
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(
            encoder, rate=SAMPLE_RATE, layout="mono", options=_QUICK[encoder]
        )
        assert isinstance(stream, av.AudioStream)  # a name as text is not known to be of sound
        stream.bit_rate = int(1000 * kbps)
        frame = av.AudioFrame.from_ndarray(
            (wave * gain * 32768).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    file.seek(0)
    with av.open(file, "r") as container:
        frames = list(container.decode(audio=0))
    decoded = np.concatenate([to_float(frame.to_ndarray()[0]) for frame in frames])
    decoded = soxr.resample(decoded, frames[0].sample_rate, SAMPLE_RATE)
    return _fitted(decoded[_delay(wave, decoded) :] / np.float32(gain), len(wave))


def _delay(wave: Wave, decoded: Wave) -> int:
    """Samples by which `decoded` is late: where the two are most alike, around the loudest one."""
    start = max(0, int(np.abs(wave).argmax()) - SAMPLE_RATE // 2)
    piece, later = wave[start : start + SAMPLE_RATE], decoded[start:][: SAMPLE_RATE + _MOST_DELAY]
    size = 1 << (len(piece) + len(later)).bit_length()
    alike = np.fft.irfft(np.fft.rfft(later, size) * np.fft.rfft(piece, size).conj(), size)
    return int(alike[:_MOST_DELAY].argmax())


def _fitted(wave: Wave, count: int) -> Wave:
    return np.pad(wave[:count], (0, max(0, count - len(wave))))
