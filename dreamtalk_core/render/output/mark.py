"""Telling everybody that a picture is synthetic: in the file for programs, on the picture for eyes.

In the file stands a sentence, and an XMP packet with the term of the IPTC's vocabulary of digital
sources that C2PA and the large platforms read as well. Nothing of it is signed, and whoever wants
to can take it out: it is for those who pass a video on in good faith.

- MP4 and MOV: the tag "comment", and XMP in its own box at the end of the file.
- PNG: "Comment" and "XML:com.adobe.xmp".
- EXR: the attributes "comments" and "xmp".
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.output.draw import text_mask
from dreamtalk_core.version import __version__

PORTRAIT_MARK = (
    f"Synthetic media: a portrait animated from speech by DreamTalk {__version__}. "
    "What it shows was not filmed, and need not have been said or done by the person shown."
)
"""What a portrait video says of itself."""

DUB_MARK = (
    f"Synthetic media: a video dubbed by DreamTalk {__version__}, mouth and voice replaced. "
    "What is said in it need not have been said by the person shown."
)
"""What a dubbed video says of itself."""

VISIBLE_MARK = "AI-generated"
"""What `stamp` writes."""

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's term: made of something captured and of what a trained model made."""

# The box type of XMP in ISO media files (XMP specification, part 3).
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def xmp(text: str) -> str:
    """An XMP packet that says what the picture is, in the words of `text` and in the IPTC's."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"<xmp:CreatorTool>DreamTalk {__version__}</xmp:CreatorTool>"
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
        '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{escape(text)}</rdf:li></rdf:Alt></dc:description>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )


def add_xmp_box(file: Path, text: str) -> None:
    """Append the XMP packet to an MP4 or MOV that is complete otherwise."""
    content = _XMP_BOX + xmp(text).encode("utf-8")
    with file.open("ab") as stream:
        stream.write(struct.pack(">I4s", 8 + len(content), b"uuid") + content)


def png_text(text: str) -> dict[str, str]:
    """For `encode_png`."""
    return {"Comment": text, "XML:com.adobe.xmp": xmp(text)}


def exr_attributes(text: str) -> dict[str, str]:
    """For `encode_exr`."""
    return {"comments": text, "xmp": xmp(text)}


def stamp(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of a picture uint8 [H, W, 3 or 4] with the visible mark in its lower right corner."""
    height, width, channels = picture.shape
    plate, letters = _plate(height, width)
    result = picture.copy()
    rows, columns = plate.shape
    edge = max(2, min(height, width) // 64)
    bottom, right = height - edge, width - edge
    corner = result[max(bottom - rows, 0) : bottom, max(right - columns, 0) : right]
    plate = plate[: corner.shape[0], : corner.shape[1], None]
    letters = letters[: corner.shape[0], : corner.shape[1], None]
    # Opaque white letters on a dark plate: readable over anything.
    drawn = np.concatenate(
        [255 * letters.repeat(3, axis=2), np.full((*letters.shape[:2], channels - 3), 255.0)],
        axis=2,
    )
    corner[:] = np.round(corner * (1 - plate) + drawn * plate).astype(np.uint8)
    return result


@lru_cache(maxsize=8)
def _plate(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of the plate covers each pixel, and how white it is there, both 0..1."""
    size = max(10, round(min(height, width) * 0.035))
    letters = np.pad(text_mask(VISIBLE_MARK, size), [(size // 4,) * 2, (size // 2,) * 2])
    plate = np.maximum(letters, 0.62).astype(np.float32)
    return plate, letters
