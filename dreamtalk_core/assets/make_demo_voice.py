"""Make the demo's voice recording from a Debian package of professional announcements.

    apt-get download asterisk-core-sounds-en-g722=1.6.1-1
    python -m dreamtalk_core.assets.make_demo_voice asterisk-core-sounds-en-g722_1.6.1-1_all.deb

Two stretches of one announcement are cut in its own pauses and joined, with the pause between
them that the speaker makes elsewhere. Nothing else is done to the sound: no resampling, no gain.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.files import atomic_write

RATE = 16_000
MEMBER = "./usr/share/asterisk/sounds/en_US_f_Allison/basic-pbx-ivr-main.g722"

STRETCHES = ((0.00, 10.53), (22.72, 25.18))
"""Seconds of the announcement, cut where the level is below -60 dBFS."""
LEAD, PAUSE, TAIL = 0.25, 0.25, 0.35
"""Seconds of silence before, between and after."""
FADE = 0.010
"""Seconds over which a cut is eased in and out, so that it cannot click."""

TRANSCRIPT = (
    "Thank you for calling Super Awesome Company, Waldo's premier provider of perfect products. "
    "If you know your party's extension, you may dial it at any time. "
    "For an operator, press zero."
)
SIDECAR = f"""{TRANSCRIPT}

Speaker: Allison Smith (http://www.theivrvoice.com)
Source: asterisk-core-sounds-en-g722 1.6.1-1 (Debian), basic-pbx-ivr-main.g722
Copyright: 2003-2010 Allison Smith; financial contributions by Digium, Inc.
Licence: CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/
Changes: two stretches joined, silence added; made by make_demo_voice.py
"""


def unpack(package: Path, member: str) -> bytes:
    """One file out of a .deb, which is an `ar` archive with a compressed tar in it."""
    data = package.read_bytes()
    if not data.startswith(b"!<arch>\n"):
        raise SystemExit(f"{package} is not a Debian package.")
    position = 8
    while position < len(data):
        header = data[position : position + 60]
        name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
        position += 60
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(data[position : position + size])) as archive:
                found = archive.extractfile(member)
                if found is not None:
                    return found.read()
        position += size + size % 2
    raise SystemExit(f"{package} holds no {member}.")


def decode(g722: bytes) -> NDArray[np.int16]:
    """Samples [N] at 16 kHz of a raw G.722 stream."""
    with av.open(io.BytesIO(g722), "r", format="g722") as container:
        frames = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.int16)


def cut(samples: NDArray[np.int16], start: float, end: float) -> NDArray[np.int16]:
    """The stretch between two times in seconds, eased at both ends."""
    stretch = samples[round(start * RATE) : round(end * RATE)].astype(np.float64)
    ramp = np.sin(np.linspace(0, np.pi / 2, round(FADE * RATE))) ** 2
    stretch[: len(ramp)] *= ramp
    stretch[-len(ramp) :] *= ramp[::-1]
    return np.round(stretch).astype(np.int16)


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)


def write_flac(path: Path, samples: NDArray[np.int16]) -> None:
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the demo's voice recording.")
    parser.add_argument("package", type=Path, metavar="DEB")
    samples = decode(unpack(parser.parse_args().package, MEMBER))
    first, second = (cut(samples, *stretch) for stretch in STRETCHES)
    voice = np.concatenate([silence(LEAD), first, silence(PAUSE), second, silence(TAIL)])
    with atomic_write(DEMO_VOICE) as draft:
        write_flac(draft, voice)
    with atomic_write(DEMO_VOICE.with_suffix(".txt")) as draft:
        draft.write_text(SIDECAR, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
