"""Sends a face that moves over the network: `python face_sender.py PROTOCOL PORT COUNT RATE`.

It is ahead of whoever receives by no more than a few frames: each line on its input says that one
more has arrived, so nothing is lost on a machine that is busy.

Prints for every frame the time that it tells, and the moment at which it was sent, of
`time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

import json
import socket
import sys
import time

import numpy as np

from dreamtalk_core.live import ifacialmocap, livelink, vmc
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import INDEX

ENCODE = {
    "LIVE_LINK": lambda frame: [livelink.encode(frame)],
    "LIVE_LINK_APP": lambda frame: [livelink.encode(frame, order="app")],
    "VMC": vmc.encode,
    "IFACIALMOCAP": lambda frame: [ifacialmocap.encode(frame)],
}


def shapes(number: int) -> dict[str, float]:
    """What frame `number` is, in whole per cent, as iFacialMocap has them."""
    return {
        "jawOpen": (number % 100) / 100,
        "mouthLeft": (number * 7 % 100) / 100,
        "eyeBlinkLeft": (number // 100) / 100,
    }


def head(number: int) -> tuple[float, float, float]:
    return 0.0, 10.0 * np.sin(number / 30), 0.0


AHEAD = 20
"""Frames that may be under way: a third of a second."""


def main() -> None:
    protocol, port, count, rate = sys.argv[1], *map(int, sys.argv[2:5])
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    begun, moments = time.monotonic(), []
    # However late this is, frames are apart.
    for number in range(count):
        if number >= AHEAD:
            sys.stdin.readline()
        time.sleep(max(0.003, begun + number / rate - time.monotonic()))
        weights = np.zeros(len(INDEX), np.float32)
        for name, value in shapes(number).items():
            weights[INDEX[name]] = value
        told = time.monotonic() - begun
        frame = Frame(weights, np.array(head(number), np.float32), told, "Actor")
        datagrams = ENCODE[protocol](frame)
        moments.append((told, time.monotonic()))
        for data in datagrams:
            sender.sendto(data, ("127.0.0.1", port))
    print(json.dumps(moments))


if __name__ == "__main__":
    main()
