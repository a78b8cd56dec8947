"""DreamTalk as a child process that answers in JSON lines over stdio: `python -I -m
dreamtalk_core.worker`. Blender's extension speaks through it, and any other program may.

Every line is one JSON object in UTF-8. The program that started the worker writes requests:

    {"id": 1, "method": "hello", "params": {"protocol": 3}}
    {"method": "cancel", "params": {"id": 1}}

and reads answers; any number of the first, then one of the others, for each request that has an id:

    {"id": 1, "progress": [done, total], "what": "animate"}
    {"id": 1, "result": {...}, "warnings": ["There is a cut to another face ...", ...]}
    {"id": 1, "error": {"kind": "StyleError", "message": "There is no style ..."}}

An id is a number or a string that no request still waiting has. Requests are done one after the
other, in order. `kind` is the name of a class in `dreamtalk_core.errors`, or

    ProtocolError   a request that this worker does not understand; its id is null where it has none
    Cancelled       the request was cancelled; nothing of it is left behind
    Failure         a fault of ours: the log has the traceback

`message` says what is wrong and what to do, each of `warnings`, which may be missing, what was
guessed. Lines that are not JSON objects are to be skipped:
foreign code may print before the worker has taken hold of stdout. From then on everything that any
library prints goes to stderr, which is the log. Stdin carries nothing but requests; when it ends,
as it does when the other program dies in whatever way, the worker cancels what it does and ends.

Methods; all paths are absolute, and what stands after `=` may be left out:

    hello(protocol, idle=0)
        {"protocol", "version", "python"}. To be sent first. A Python that lacks something says so
        here, and another protocol is an error. idle: seconds without a request after which the
        worker ends by itself; 0 for never.
    styles(pictures="", project="", model="default", device="auto")
        {"styles": [STYLE, ...]}, by name. pictures: a folder for pictures of them; one that is not
        there yet is drawn, which takes a second.
    animate(speech, output, style="auto", portrait="", project="", model="default", device="auto",
            start=0, end=0, SETTING=VALUE ...)
        {"output", "frames", "fps", "duration", "heard"}. Writes the motion for a sound file to
        `output`, whose suffix says the format. start, end: the seconds of it that are meant, 0
        for its end. heard: [{"emotion", "probability"}] of the voice,
        where the style is `auto`, or []. See `DreamTalk.animate`. Settings are those of the tables
        in `dreamtalk_core.parameters` by name, such as "seed": 3 and "blinks": 0.5, and those that
        only the model takes, such as an original checkpoint's "pose"; a frame rate is a number or
        a text such as "24000/1001". portrait: a face for the style `auto`.
    track(video, output, face="largest", neutral="", fps="", device="auto")
        The same for the face in a video, calibrated. fps: the video's own.
    extract_style(performance, name, neutral="", face="largest", shelf="user", tags=[], pictures="",
                  project="", model="default", device="auto")
        STYLE, taken from the videos or motion files in the list `performance` and kept in the
        library. A shelf of `project` is that of the folder `project`.
    save_style(style, name, speech="", portrait="", shelf="user", tags=[], pictures="", project="",
               model="default", device="auto")
        STYLE, made from a text such as "happy*0.7+sad*0.3", or "auto" for a speech, and kept.
    speak(port, sound="", microphone="", heard="", style="neutral", project="", model="default",
          device="auto", SETTING=VALUE ...)
        {"frames"}. Sends the face of what is spoken now to the UDP port of this computer, in the
        packets of Live Link Face, 25 a second, until the request is cancelled. sound: a file that
        is heard in place of a microphone, until its end. microphone: a name, or a part of it.
        heard: a file that the sound goes into, see `worker.speaking`.
    make_shapes(head, output, landmarks={}, name="")
        {"output", "landmarks"}. Writes how the 68 face shapes move the vertices of a head in a GLB
        file, [68, V, 3], as `moves` in an `.npz`. landmarks: places, [3] each, by name, in the
        file's space: those that are known; answered are all. name: what messages call the head.
    cancel(id)
        No answer; the cancelled request answers. At once, also while another request is done.
    shutdown()
        {}, and the worker ends.

STYLE is {"name", "shelf", "tags", "intensity", "source", "picture", "problem"}: shelf is `project`,
`user` or `model`; picture the path of a PNG or ""; problem says why it cannot be used, or "".
project is a folder of the user's work, in or above which `dreamtalk_styles` may lie. model: a name
or a file, see `pipeline.load`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import BinaryIO

from dreamtalk_core.temporaries import tidy
from dreamtalk_core.worker.server import Worker


def _claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for ourselves; what others print from now on goes to stderr."""
    # Copies of both: Python, when it ends, must not wait for the thread that reads sys.stdin.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def main() -> None:
    """Serve the program that started this process.

    A signal that asks for an end (SIGTERM, SIGHUP, Ctrl-C) cancels what is done, which is answered;
    the exit status is then 128 and the signal's number.
    """
    worker = Worker(*_claim_stdio())
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: worker.end(128 + number))
    worker.serve()
    tidy()
    sys.exit(worker.status)
