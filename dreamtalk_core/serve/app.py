"""The HTTP application: what can be asked, as OpenAPI tells it at /openapi.json."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path as FilePath
from typing import Annotated, Any, cast

import anyio
import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError, OutOfMemoryError, WriteError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.parameters import STANDARD_FPS
from dreamtalk_core.serve import schema, studio
from dreamtalk_core.serve.guard import Guard, ShortBodies
from dreamtalk_core.serve.jobs import (
    CANCELLED,
    DONE,
    FAILED,
    BusyError,
    Job,
    Jobs,
    TimeLimitError,
    UnknownError,
)
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.serve.studio import MOTION, VIDEO, Studio
from dreamtalk_core.serve.uploads import TooLargeError, TooSlowError, Uploads
from dreamtalk_core.version import __version__

PAGE = FilePath(__file__).with_name("page")
_STATUSES: dict[str, int] = {
    UnknownError.__name__: 404,
    TooSlowError.__name__: 408,
    "NotReadyError": 409,
    TooLargeError.__name__: 413,
    TimeLimitError.__name__: 422,
    BusyError.__name__: 429,
    "Fault": 500,
    WriteError.__name__: 507,
    OutOfMemoryError.__name__: 507,
}
"""Of errors by kind; of all others 422: the request is understood, what it asks for cannot be."""
_POLL = 0.05
_UPLOADS = ("/v1/files", "/v1/curves")
"""What takes files, and measures them itself."""
Id = Annotated[str, Path(max_length=64)]


class NotReadyError(DreamTalkError):
    """A job has no result, or not yet."""


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": schema.Refused} for status in (400, 403, 421, *statuses)}


def _link(operation: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """An operation that takes the id of an answer: as a parameter, or within its body."""
    taken = {"requestBody": body} if body else {"parameters": {"id": "$response.body#/id"}}
    return {"operationId": operation, **taken}


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "minLength": 1}
            }
        },
    }
}
"""A file is the body itself: no form around it to be taken apart."""


class _Doors:
    """The handlers, with what they share."""

    def __init__(self, studio: Studio, jobs: Jobs, uploads: Uploads) -> None:
        self.studio, self.jobs, self.uploads = studio, jobs, uploads

    def health(self) -> schema.Health:
        """Whether the server answers, and how much it has to do. Needs no token."""
        return schema.Health(status="ok", version=__version__, **self.jobs.counts())

    def parameters(self) -> list[schema.Knob]:
        """All that `settings` may hold."""
        return schema.knobs()

    def styles(self) -> list[str]:
        """Names of the styles that there are, besides auto."""
        return list(self.studio.styles)

    async def upload(self, request: Request) -> schema.Upload:
        """Send a sound (any that has one: wav, mp3, m4a, flac, ogg, mp4 ...) or a picture of a
        face. It is kept for as long as it is used, and a while."""
        return schema.Upload(id=await self._take(request))

    def remove(self, id: Id) -> Response:
        """Delete an upload."""
        self.uploads.remove(id)
        return Response(status_code=204)

    def order(self, order: schema.Order) -> schema.State:
        """Have an upload spoken by a face. Jobs are done one after the other."""
        job = self.jobs.submit(
            studio.Order(
                self.uploads.find(order.speech),
                order.style,
                cast(Any, order.settings).model_dump(exclude_none=True),
                None if order.portrait is None else self.uploads.find(order.portrait),
                order.video,
            )
        )
        return schema.state_of(job)

    async def state(self, id: Id, wait: schema.Wait = 0) -> schema.State:
        """How far a job is."""
        job = self.jobs.get(id)
        with anyio.move_on_after(wait):
            while job.ended is None:
                await anyio.sleep(_POLL)
        return schema.state_of(job)

    def cancel(self, id: Id) -> Response:
        """Cancel a job, if it is not done, and forget all that it made."""
        self.jobs.cancel(self.jobs.get(id).id)
        return Response(status_code=204)

    def curves(self, id: Id, format: schema.CurveFormat) -> FileResponse:
        """The curves of a job that is done, in any format."""
        return self._curves(self.jobs.get(id), format)

    def video(self, id: Id) -> FileResponse:
        """The video of a job that is done, if it was to make one."""
        job = _done(self.jobs.get(id))
        if not job.order.video:
            raise NotReadyError("This job makes no video. Ask for one with 'video'.")
        return FileResponse(job.folder / VIDEO, media_type="video/mp4", filename="speech.mp4")

    async def at_once(
        self,
        request: Request,
        asked: Annotated[schema.Asked, Query()],
    ) -> FileResponse:
        """Send a sound, get its curves: an upload, a job and its result in one. Whoever hangs up
        cancels it."""
        settings = cast(Any, asked).model_dump(exclude_none=True)
        format, style = settings.pop("format"), settings.pop("style")
        number = await self._take(request)
        try:
            job = self.jobs.submit(studio.Order(self.uploads.find(number), style, settings))
            try:
                while job.ended is None:
                    if await request.is_disconnected():
                        raise NotReadyError("Cancelled.")
                    await anyio.sleep(_POLL)
                if job.error is not None:
                    raise _JobError(job.error.kind, job.error.message)
                answer = await anyio.to_thread.run_sync(self._curves, job, format)
            except BaseException:
                self.jobs.cancel(job.id)
                raise
            # Nobody knows of the job, so nobody asks again.
            answer.background = BackgroundTask(self.jobs.cancel, job.id)
            return answer
        finally:
            # On a disk that will not let go of it, it is swept later.
            self.uploads.forget(number)

    async def _take(self, request: Request) -> str:
        declared = request.headers.get("content-length", "")
        return await self.uploads.take(
            request.stream(), int(declared) if declared.isdecimal() else None
        )

    def _curves(self, job: Job, format: Any) -> FileResponse:
        made = _done(job).folder / MOTION
        path = made.with_suffix(f".{format.value}")
        if not path.is_file():
            motion, provenance = Motion.load_with_provenance(made)
            motion.save(path, provenance)
        return FileResponse(
            path, media_type="application/octet-stream", filename=f"speech.{format.value}"
        )


def _done(job: Job) -> Job:
    """The job. Raises NotReadyError if it is not done."""
    if job.state == FAILED and job.error is not None:
        raise NotReadyError(f"This job has failed. {job.error.message}")
    if job.state == CANCELLED:
        raise NotReadyError("This job was cancelled.")
    if job.state != DONE:
        raise NotReadyError("This job is not done yet. Ask for its state.")
    return job


class _JobError(DreamTalkError):
    """What a job failed with, told again. kind: of the first error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def refusal(status: int, kind: str, message: str) -> JSONResponse:
    """The answer that something cannot be had."""
    problem = schema.Refused(error=schema.Problem(kind=kind, message=message))
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "5"}}.get(status)
    return JSONResponse(problem.model_dump(), status, headers)


def make_app(
    studio: Studio,
    folder: FilePath,
    limits: Limits,
    *,
    token: str | None = None,
    local: bool = True,
    page: bool = False,
) -> Any:
    """The ASGI application. folder: for uploads and results; what it leaves there is nothing.

    token: that callers must know. local: whether only callers of this machine are served. page:
    whether there is one for people at /.
    """
    jobs = Jobs(studio.make, folder / "jobs", limits)
    uploads = Uploads(folder / "uploads", limits, jobs.uses)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack, anyio.create_task_group() as group:
            stack.callback(uploads.close)
            stack.callback(jobs.close)
            group.start_soon(_sweep, jobs, uploads)
            yield
            group.cancel_scope.cancel()

    app = FastAPI(
        title="DreamTalk",
        version=__version__,
        description="Speech in, facial animation out.",
        lifespan=lifespan,
        # Their pages come from other people's servers.
        docs_url=None,
        redoc_url=None,
    )
    _add_errors(app)
    app.include_router(_routes(_Doors(studio, jobs, uploads), token is not None))
    if page:
        _add_page(app, folder)
    short = ShortBodies(app, _UPLOADS, limits.upload)
    return Guard(short, token, local, _needs_token, refusal)


def _add_page(app: FastAPI, folder: FilePath) -> None:
    """The page for people. It needs no token: what it asks for does."""
    head = folder / "head.glb"
    rest = np.zeros((1, len(FACE_NAMES)), np.float32)
    Motion(FACE_NAMES, rest, STANDARD_FPS).save(head)

    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("page/")  # a browser keeps what stands behind the #

    @app.get("/page/head.glb", include_in_schema=False)
    def glb() -> FileResponse:
        return FileResponse(head, media_type="model/gltf-binary")

    @app.get("/page/demo.flac", include_in_schema=False)
    def demo() -> FileResponse:
        return FileResponse(DEMO_VOICE, media_type="audio/flac")

    @app.get("/page/demo.jpg", include_in_schema=False)
    def photo() -> FileResponse:
        return FileResponse(DEMO_PORTRAIT, media_type="image/jpeg")

    app.mount("/page", StaticFiles(directory=PAGE, html=True))


def _needs_token(path: str) -> bool:
    return path.startswith("/v1/") and path != "/v1/health"


async def _sweep(jobs: Jobs, uploads: Uploads) -> None:
    while True:
        await anyio.sleep(30)
        jobs.sweep()
        uploads.sweep()


def _routes(doors: _Doors, with_token: bool) -> APIRouter:
    closed = (401,) if with_token else ()
    router = APIRouter(prefix="/v1")
    # The guard has looked already; this is for those who read what OpenAPI says.
    told = [Depends(HTTPBearer(auto_error=False, scheme_name="token"))] if with_token else []

    def add(method: str, path: str, handler: Any, *refusals: int, **more: Any) -> None:
        router.add_api_route(
            path,
            handler,
            methods=[method],
            responses={**_refusals(*closed, *refusals), **more.pop("responses", {})},
            dependencies=told if _needs_token(router.prefix + path) else [],
            operation_id=handler.__name__,
            **more,
        )

    file = {200: {"content": {"application/octet-stream": {}}, "description": "the file"}}
    video = {200: {"content": {"video/mp4": {}}, "description": "the video"}}
    add("GET", "/health", doors.health)
    add("GET", "/parameters", doors.parameters)
    add("GET", "/styles", doors.styles)
    add(
        "POST",
        "/files",
        doors.upload,
        *(408, 413, 422, 429, 507),
        status_code=201,
        openapi_extra=_BODY,
        responses={
            201: {
                "links": {
                    "order": _link("order", {"speech": "$response.body#/id"}),
                    "remove": _link("remove"),
                }
            }
        },
    )
    add("DELETE", "/files/{id}", doors.remove, 404, 422, status_code=204)
    add(
        "POST",
        "/jobs",
        doors.order,
        *(404, 408, 413, 422, 429),
        status_code=202,
        responses={
            202: {"links": {name: _link(name) for name in ("state", "cancel", "curves", "video")}}
        },
    )
    add("GET", "/jobs/{id}", doors.state, 404, 422)
    add("DELETE", "/jobs/{id}", doors.cancel, 404, 422, status_code=204)
    add(
        "GET",
        "/jobs/{id}/curves/{format}",
        doors.curves,
        *(404, 409, 422, 507),
        responses=file,
        response_class=FileResponse,
    )
    add(
        "GET",
        "/jobs/{id}/video",
        doors.video,
        *(404, 409, 422, 507),
        responses=video,
        response_class=FileResponse,
    )
    add(
        "POST",
        "/curves",
        doors.at_once,
        *(408, 409, 413, 422, 429, 500, 507),
        responses=file,
        response_class=FileResponse,
        openapi_extra=_BODY,
    )
    return router


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(DreamTalkError)
    async def ours(request: Request, error: DreamTalkError) -> JSONResponse:
        kind = error.kind if isinstance(error, _JobError) else type(error).__name__
        return refusal(_STATUSES.get(kind, 422), kind, str(error))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody is there to hear it

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return refusal(422, "RequestError", str(DreamTalkError(f"{place}: {first['msg']}.")))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        answer = refusal(
            error.status_code,
            "RequestError",
            f"{error.detail}. What can be asked is told at /openapi.json.",
        )
        answer.headers.update(error.headers or {})
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        return answer


def _methods(app: FastAPI, request: Request) -> set[str]:
    """All that can be done at the address of a request."""
    found: set[str] = set()
    for path, methods in app.openapi()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, request.url.path):
            found |= {method.upper() for method in methods}
    return found
