"""What goes over the wire, as OpenAPI tells it; settings are those of the one table."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from dreamtalk_core.formats import WRITABLE
from dreamtalk_core.parameters import UNLIMITED, Parameter
from dreamtalk_core.serve.jobs import DONE, Job
from dreamtalk_core.serve.studio import settings

_MOST = 1e6
"""Of strengths that have no end: numbers that a computer can still multiply."""
_SAFE = 2**53 - 1
"""The highest whole number that a browser knows exactly."""
STYLE = Field(
    default="auto",
    max_length=1000,
    description="auto (heard in the voice), a name of /v1/styles, a mix 'happy*0.7+surprise*0.3', "
    "or keys over time 'neutral@0, angry*1.5@2.5'",
)
CurveFormat = Enum(  # type: ignore[misc]
    "CurveFormat", {ending[1:].replace(".", "_"): ending[1:] for ending in WRITABLE}, type=str
)


class Strict(BaseModel):
    """No member too many, and no text for a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _field(parameter: Parameter) -> tuple[Any, Any]:
    kind: Any = float if parameter.kind is Fraction else parameter.kind
    # A seed may be higher, but not in a browser; so may a rate, but its motion is large.
    high = min(parameter.high, _SAFE if kind is int else _MOST)
    if parameter.kind is Fraction:
        high = parameter.most
    bounds = Field(
        allow_inf_nan=None if kind is int else False, ge=kind(parameter.low), le=kind(high)
    )
    about = Field(
        default=parameter.default if kind is int else float(parameter.default),
        title=parameter.label,
        description=parameter.help,
    )
    whole = (BeforeValidator(_whole),) if kind is int else ()
    number: Any = Annotated[(kind, bounds, *whole)]
    return (number if parameter.default is not None else number | None), about


def _whole(value: object) -> object:
    """A whole number as such, however it is written: to JSON 15.0 is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_FIELDS: dict[str, Any] = {
    parameter.name: _field(parameter) for _, parameter in settings() if parameter.numeric
}
Settings = create_model("Settings", __base__=Strict, **_FIELDS)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: CurveFormat = Field(default=CurveFormat("csv"), description="of the answer")
    style: str = STYLE


Asked = create_model("Asked", __base__=_Asked, **_FIELDS)
"""The query of a sound that is answered with its curves."""


class Order(Strict):
    """What is to be made of an upload."""

    speech: str = Field(max_length=64, description="id of an uploaded sound")
    style: str = STYLE
    settings: Settings = Field(default_factory=Settings)  # type: ignore[valid-type]
    video: bool = Field(default=False, description="draw an mp4, too")
    portrait: str | None = Field(
        default=None,
        max_length=64,
        description="id of an uploaded picture of a face, to draw it in place of the built-in head",
    )


class Problem(BaseModel):
    """Why something cannot be had. message: one line that says what to do."""

    kind: str
    message: str


class Refused(BaseModel):
    """The body of every answer that is not what was asked for."""

    error: Problem


class Upload(BaseModel):
    """A file that is kept for a while."""

    id: str


class State(BaseModel):
    """A job as it stands. progress: 0..1 of its stage. curves, video: where to get them."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str
    progress: float
    warnings: list[str]
    error: Problem | None
    frames: int | None
    fps: float | None
    emotions: list[str]
    curves: dict[str, str]
    video: str | None


class Health(BaseModel):
    """That the server answers, and how much it has to do."""

    status: Literal["ok"]
    version: str
    queued: int
    running: int


class Knob(BaseModel):
    """One setting; low and high: what it may be, null where there is no end; least and most: the
    ends of a slider."""

    name: str
    group: str
    kind: Literal["float", "int"]
    default: float | None
    low: float
    high: float | None
    least: float
    most: float
    label: str
    help: str


def knobs() -> list[Knob]:
    """All settings."""
    return [
        Knob(
            name=one.name,
            group=table,
            kind="int" if one.kind is int else "float",
            default=None if one.default is None else float(one.default),
            low=one.low,
            high=None if one.high == UNLIMITED else one.high,
            least=one.least,
            most=one.most,
            label=one.label,
            help=one.help,
        )
        for table, one in settings()
        if one.numeric
    ]


def state_of(job: Job) -> State:
    """What a caller is told of a job."""
    made = job.made if job.state == DONE else None
    place = f"/v1/jobs/{job.id}"
    return State(
        id=job.id,
        state=job.state,
        stage=job.stage,
        progress=job.progress,
        warnings=list(job.warnings),
        error=Problem(kind=job.error.kind, message=job.error.message) if job.error else None,
        frames=made.frames if made else None,
        fps=made.fps if made else None,
        emotions=list(made.emotions) if made else [],
        curves={one.value: f"{place}/curves/{one.value}" for one in CurveFormat} if made else {},
        video=f"{place}/video" if made and job.order.video else None,
    )


Wait = Annotated[float, Field(ge=0, le=30, description="seconds to wait for its end")]
