"""Damage and malice, by the grammar of each kind of file: what flips, is cut, nests or lies.

Every mutation takes a `random.Random` and a whole, sound file, and gives another file. The same
random numbers give the same file.
"""

from __future__ import annotations

import copy
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[Random, bytes], bytes]

_EXTREMES = (0, 1, 0x7F, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_DEEP = 200_000
_RAW = (
    *("9" * 400, "9" * 5000, "1e999", "[" * _DEEP, '{"a":' * _DEEP),
    "[" * _DEEP + "]" * _DEEP,
)
"""What `json.dumps` could not write. In a tree, "\\0raw 0" stands for the first, and so on."""

NUMBERS = ("nan", "inf", "-inf", "1e999", "-1", "0", "1e-320", "9" * 400, "0x10", "1_0", "½", "")
TEXTS = (
    "",
    " ",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "\u202egnp.exe",
    "\ud800",
    "NUL",
    "../../up",
    "a\0b",
    "x" * 100_000,
    "e\u0301",
    "%s%n{0}",
)


# --- bytes ---------------------------------------------------------------------------------------


def flip(random: Random, data: bytes) -> bytes:
    """One to eight bytes are others."""
    mutant = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        mutant[random.randrange(len(mutant))] = random.randrange(256)
    return bytes(mutant)


def cut(random: Random, data: bytes) -> bytes:
    """The end is missing, or a part within."""
    start = random.randrange(len(data))
    rest = random.choice((b"", b"", data[start + random.randrange(1, 2000) :]))
    return data[:start] + rest


def grow(random: Random, data: bytes) -> bytes:
    """A part comes twice, or noise, zeros or ones come between."""
    at, size = random.randrange(len(data)), random.choice((1, 7, 64, 4096))
    more = random.choice(
        (data[at : at + size], random.randbytes(size), bytes(size), b"\xff" * size)
    )
    return data[:at] + more + data[at:]


def lie(random: Random, data: bytes) -> bytes:
    """A number in the first part, where headers are, is an extreme one."""
    size, order = random.choice((1, 2, 4, 4, 8)), random.choice(("little", "big"))
    at = random.randrange(max(1, min(len(data), 512) - size))
    extreme = random.choice(_EXTREMES) & (2 ** (8 * size) - 1)
    return data[:at] + extreme.to_bytes(size, order) + data[at + size :]  # type: ignore[arg-type]


def wipe(random: Random, data: bytes) -> bytes:
    """A block is zeros or noise."""
    at, size = random.randrange(len(data)), random.choice((16, 512, 8192))
    size = min(size, len(data) - at)
    return data[:at] + random.choice((bytes(size), random.randbytes(size))) + data[at + size :]


def other(random: Random, data: bytes) -> bytes:
    """Something else under the name."""
    return random.choice((*_OTHERS, random.randbytes(5000), data[::-1]))


_OTHERS = (
    *(b"", b"\0", b"\n", b"{}", b"[]", b"null", b"<html>", bytes(100_000)),
    "Löwe,1\n".encode("utf-16"),
    b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n",
    b"ffconcat version 1.0\nfile /dev/zero\n",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}\n",
)

BYTES: tuple[Mutation, ...] = (flip, flip, cut, grow, lie, lie, wipe, other)


# --- JSON ----------------------------------------------------------------------------------------


_NASTY: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 2**31, 2**53 + 1, -0.0, 1e308, float("nan"), float("inf")),
    *([], {}, [[]], [{}], [None], {"": None}, "1", "1/0", "25/1", *TEXTS),
    *(f"\0raw {number}" for number in range(len(_RAW))),
)


def _nasty(random: Random) -> Any:
    # A copy, because what was put into a tree may be changed there.
    return copy.deepcopy(random.choice(_NASTY))


def _slots(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree; of long lists only some."""
    found: list[tuple[Any, Any]] = []
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            keys: list[Any] = list(here)
        elif isinstance(here, list):
            keys = list(range(len(here)))[:: max(1, len(here) // 50)]
        else:
            continue
        found += [(here, key) for key in keys]
        waiting += [here[key] for key in keys]
    return found


def change_tree(random: Random, tree: Any) -> Any:
    """One to three places of a tree (its own to change) are wrong."""
    for _ in range(random.choice((1, 1, 2, 3))):
        slots = _slots(tree)
        if not slots:
            return _nasty(random)
        place, key = random.choice(slots)
        value = place[key]
        how = random.randrange(8)
        if how == 0:
            del place[key]
        elif how == 1 and isinstance(value, int):
            place[key] = random.choice(
                (value + 1, value - 1, -value, value * 10**9, 0, 1, 2, 10**12)
            )
        elif how == 2 and isinstance(value, list) and value:
            # What is long comes once more only: a hundred thousand of them fit into no memory.
            short = not isinstance(value[0], (list, dict)) and len(str(value[0])) < 30
            short &= not str(value[0]).startswith("\0")
            place[key] = (value * (100_000 // len(value) + 1)) if short else value + value[:1]
        elif how == 3 and isinstance(value, list):
            place[key] = value[: random.randrange(len(value) + 1)]
        elif how == 4:
            place[key] = [value]
        elif how == 5 and isinstance(value, str):
            place[key] = random.choice(TEXTS)
        else:
            place[key] = _nasty(random)
    return tree


def dumps(tree: Any) -> bytes:
    """JSON, with raw texts and half surrogates as they are."""
    text = json.dumps(tree)
    for number, raw in enumerate(_RAW):
        text = text.replace(json.dumps(f"\0raw {number}"), raw)
    return text.encode("utf-8", "surrogatepass")


def tree(random: Random, data: bytes) -> bytes:
    """A JSON document with something wrong in it."""
    return dumps(change_tree(random, json.loads(data)))


JSON: tuple[Mutation, ...] = (tree, tree, tree, tree, *BYTES)


# --- what holds JSON -----------------------------------------------------------------------------


def glb_tree(random: Random, data: bytes) -> bytes:
    """A GLB whose JSON is wrong, its lengths right or not."""
    size = int.from_bytes(data[12:16], "little")
    text = dumps(change_tree(random, json.loads(data[20 : 20 + size])))
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    total, chunk = 20 + len(text) + len(rest), len(text)
    if random.random() < 0.1:
        total, chunk = random.choice(
            ((0, chunk), (2**32 - 1, chunk), (total, 2**32 - 1), (total, 3))
        )
    return data[:8] + struct.pack("<II4s", total, chunk, b"JSON") + text + rest


def safetensors_tree(random: Random, data: bytes) -> bytes:
    """A safetensors file whose header is wrong, its length right or not."""
    size = int.from_bytes(data[:8], "little")
    text = dumps(change_tree(random, json.loads(data[8 : 8 + size])))
    stated = len(text) if random.random() < 0.9 else random.choice((*_EXTREMES, len(text) - 1))
    return stated.to_bytes(8, "little") + text + data[8 + size :]


GLB: tuple[Mutation, ...] = (glb_tree,) * 8 + BYTES
SAFETENSORS: tuple[Mutation, ...] = (safetensors_tree,) * 6 + BYTES


# --- zip -----------------------------------------------------------------------------------------


def _npy_header(random: Random, member: bytes) -> bytes:
    """An array that says something else than it holds."""
    size = int.from_bytes(member[8:10], "little")
    header = member[10 : 10 + size].decode("latin-1").rstrip()
    old, new = random.choice(
        (
            ("'shape': (", "'shape': (1000000000000, "),
            ("'shape': (", "'shape': (-1, "),
            ("'shape': (", "'shape': (0, "),
            ("'shape': (", f"'shape': ({'9' * 400}, "),
            ("'<f4'", "'|O'"),
            ("'<f4'", "'<U1000000000'"),
            ("'<f4'", "'<c16'"),
            ("'<f4'", "'<M8[s]'"),
            ("'<f4'", "[('a', '<f4')]"),
            ("False", "True"),
            ("{", "{" * 3000),
            ("{", "__import__('os') or {"),
        )
    )
    changed = header.replace(old, new, 1).encode("latin-1")
    changed += b" " * (-(len(changed) + 11) % 64) + b"\n"
    return member[:8] + struct.pack("<H", len(changed) & 0xFFFF) + changed + member[10 + size :]


def zip_members(random: Random, data: bytes) -> bytes:
    """An archive one of whose members is wrong, packed in any way there is."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(list(members))
    how = random.randrange(5)
    if how == 0:
        del members[name]
    elif how == 1:
        members[name] = flip(random, members[name])
    elif how == 2:
        members[name] = cut(random, members[name])
    elif how == 3:
        members[random.choice(TEXTS[2:5]).replace("\0", "") + ".npy"] = members[name]
    else:
        members[name] = _npy_header(random, members[name])
    packing = random.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packing) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    mutant = bytearray(target.getvalue())
    if random.random() < 0.3:
        mutant[random.randrange(len(mutant))] ^= 1 << random.randrange(8)
    if random.random() < 0.1:  # encrypted, says the flag of every member
        for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = mutant.find(mark)
            while at >= 0:
                mutant[at + offset] |= 1
                at = mutant.find(mark, at + 4)
    return bytes(mutant)


def zip_bomb(random: Random, data: bytes) -> bytes:
    """A member inflates to 3 GB of zeros; its sizes say so, or lie."""
    piece = 1 << 24
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    pieces = 192
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118)
    shape = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({piece * pieces // 4},), }}"
    header += shape.ljust(117).encode() + b"\n"
    packed = packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH)
    packed += block * pieces + b"\x03\x00"
    stated = random.choice((len(header) + piece * pieces, 4096))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            if member != "weights.npy":
                archive.writestr(member, content)
        info = zipfile.ZipInfo("weights.npy")
        info.compress_type, info.CRC = zipfile.ZIP_DEFLATED, 0
        info.compress_size, info.file_size = len(packed), stated
        info.header_offset = target.tell()
        target.write(info.FileHeader() + packed)
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive.start_dir = target.tell()
    return target.getvalue()


NPZ: tuple[Mutation, ...] = (zip_members,) * 10 + BYTES


# --- lines of cells ------------------------------------------------------------------------------


def cells(random: Random, data: bytes) -> bytes:
    """A table with something wrong in it."""
    rows = [line.split(",") for line in data.decode().splitlines()]
    for _ in range(random.choice((1, 1, 3))):
        row = random.choice(rows[: random.choice((1, 3, len(rows)))])
        column = random.randrange(len(row)) if row else 0
        how = random.randrange(11)
        if how == 0 and row:
            del row[column]
        elif how == 1:
            rows.insert(random.randrange(len(rows)), list(row))
        elif how == 2:
            random.shuffle(rows)
        elif how == 3:
            row += ["0"] * 100_000
        elif how == 4:
            for each in rows:
                del each[column:]
        elif how == 5 and row:
            row[column] = random.choice(("9" * 400, "-1", "25")) + ":00:00:00.000"
        elif how == 6 and row:
            row[column] = '"' + row[column]
        elif how == 7 and row:
            row[column] = "y" * 2_000_000
        elif row:
            row[column] = random.choice((*NUMBERS, *TEXTS))
        rows = rows or [[""]]
    text = random.choice(("\n", "\n", "\r\n", "\r")).join(",".join(row) for row in rows)
    codec = random.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"))
    return text.encode(codec, "surrogatepass")


def figures(random: Random, data: bytes) -> bytes:
    """A text one to three of whose numbers are none, or extreme."""
    places = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    for found in sorted(random.sample(places, random.choice((1, 1, 3))), key=lambda m: -m.start()):
        number = random.choice((*NUMBERS, "99999999999", "4294967295")).encode()
        data = data[: found.start()] + number + data[found.end() :]
    return data


def rows(random: Random, data: bytes) -> bytes:
    """A text whose lines are missing, in another order, or there twice."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    how = random.randrange(3)
    if how == 0:
        del lines[at : at + random.choice((1, 1, 5))]
    elif how == 1:
        lines[at:at] = lines[at : at + random.choice((1, 9))]
    else:
        other_line = random.randrange(len(lines))
        lines[at], lines[other_line] = lines[other_line], lines[at]
    return b"\n".join(lines)


TEXT: tuple[Mutation, ...] = (figures,) * 4 + (rows,) * 4 + BYTES
CSV: tuple[Mutation, ...] = (cells,) * 10 + BYTES


# --- words ---------------------------------------------------------------------------------------


def words(random: Random, data: bytes) -> bytes:
    """A text of marks and words, some of them lost, doubled or strange."""
    text = data.decode()
    for _ in range(random.choice((1, 2, 4))):
        at = random.randrange(len(text) + 1)
        piece = random.choice((*"*+@,\"'#%:;/\\ .-", *NUMBERS, *TEXTS[:-3], "(" * 3000, "auto"))
        text = text[:at] + piece + text[at + random.choice((0, 0, 1, 5)) :]
    return text.encode("utf-8", "surrogatepass")
