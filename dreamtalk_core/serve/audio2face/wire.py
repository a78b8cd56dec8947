"""The messages, as they are on the wire: numbers and kinds of fields are those of Audio2Face-3D.

Names are ours, and on no wire. What is left out here is skipped when it comes.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

METHOD = ("nvidia_ace.services.a2f_controller.v1.A2FControllerService", "ProcessAudioStream")
"""Service and method: both sides stream, `Asked` messages to it and `Answer` messages from it."""
SUCCESS = 0
"""Of `Status.code`; others are 1 something to know, 2 a warning, 3 an error."""

_PACKAGE = "dreamtalk.audio2face"
_Kind = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "bool": _Kind.TYPE_BOOL,
    "bytes": _Kind.TYPE_BYTES,
    "double": _Kind.TYPE_DOUBLE,
    "float": _Kind.TYPE_FLOAT,
    "int32": _Kind.TYPE_INT32,
    "string": _Kind.TYPE_STRING,
    "uint32": _Kind.TYPE_UINT32,
}
_MESSAGES = {
    "Sound": ("format int32", "channels uint32", "rate uint32", "bits uint32"),
    "Face": ("numbers {float}", "whole {int32}"),
    "Mood": (
        *("contrast ?float", "blend ?float", "preferred ?bool", "preferred_strength ?float"),
        *("strength ?float", "most ?int32"),
    ),
    "Shapes": ("multipliers {float}", "offsets {float}", "clamped ?bool"),
    "Beginning": ("transition ?float", "emotions {float}"),
    "Header": ("sound Sound", "face Face", "mood Mood", "shapes Shapes", "beginning Beginning"),
    "Key": ("time double", "emotions {float}"),
    "Piece": ("sound bytes", "keys *Key"),
    "End": (),
    "Asked": ("header |Header", "piece |Piece", "end |End"),
    "Names": ("shapes *string", "joints *string"),
    "AnswerHeader": ("sound Sound", "names Names", "start double"),
    "Frame": ("time double", "weights *float"),
    "Frames": ("shapes *Frame",),
    "Said": ("time double", "sound bytes"),
    "Data": ("frames Frames", "said Said"),
    "Event": ("kind int32",),  # 0: all sound has been worked at
    "Status": ("code int32", "message string"),
    "Answer": ("header |AnswerHeader", "data |Data", "event |Event", "status |Status"),
}
"""Fields in the order of their numbers, from 1: a name and a kind. ?: may be absent, *: many,
{}: by text, |: one of these."""


def _describe(name: str, fields: tuple[str, ...]) -> descriptor_pb2.DescriptorProto:
    message = descriptor_pb2.DescriptorProto(name=name)
    for number, text in enumerate(fields, 1):
        field, _, kind = text.partition(" ")
        mark = kind[0] if kind[0] in "?*{|" else ""
        kind = kind.strip("?*{|}")
        added = message.field.add(name=field, number=number, label=_Kind.LABEL_OPTIONAL)
        if mark == "{":
            entry = message.nested_type.add(name=f"{field.capitalize()}Entry")
            entry.options.map_entry = True
            for place, part, of in ((1, "key", "string"), (2, "value", kind)):
                entry.field.add(
                    name=part, number=place, type=_KINDS[of], label=_Kind.LABEL_OPTIONAL
                )
            mark, kind = "*", f"{name}.{entry.name}"
        if mark == "*":
            added.label = _Kind.LABEL_REPEATED
        if kind in _KINDS:
            added.type = _KINDS[kind]
        else:
            added.type, added.type_name = _Kind.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
        if mark == "|":
            added.oneof_index = 0
    if any("|" in text for text in fields):
        message.oneof_decl.add(name="part")
    for place, text in enumerate(text for text in fields if "?" in text):
        # A group of one is how a field that may be absent is written down.
        field = message.field[fields.index(text)]
        field.proto3_optional, field.oneof_index = True, place
        message.oneof_decl.add(name=f"_{field.name}")
    return message


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="dreamtalk/audio2face.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        file.message_type.append(_describe(name, fields))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


MESSAGES = _classes()
"""Class of each message, by our name."""
Asked, Answer = MESSAGES["Asked"], MESSAGES["Answer"]
