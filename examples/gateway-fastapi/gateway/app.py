"""The application: what is common to every request, and the routes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pathlib
import signal
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import datasus
from datasus.models import QueryParams

from . import admission, catalog, errors, health, job_routes, query
from .jobs import Jobs, folder
from .settings import Settings
from .work import Threads

logger = logging.getLogger("gateway")
STATIC = pathlib.Path(__file__).parent / "static"

#: The page is of this service alone: nothing of it comes from elsewhere, and no other page shows it.
_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
#: FastAPI's own page of the API comes with scripts of another place.
_DOCS = (b"content-security-policy", b"frame-ancestors 'none'; base-uri 'none'")
#: What whoever runs the service asks is answered whatever else is open.
_ALWAYS = ("/health", "/ready", "/metrics")
#: Requests of one worker that are answered at once; of more each is 503.
MOST_OPEN = 1_000


class Edge:
    """Around everything: bounds of a body and of how many are open, headers, the answer to a defect, the line of a request in
    the log, and the counts.
    """

    def __init__(self, app: ASGIApp, state: Any) -> None:
        self._app, self._state = app, state
        self._language = {"pt": b"pt-BR", "en": b"en"}[state.settings.language]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, started = time.monotonic(), 500, False
        headers = [_DOCS, *_HEADERS[1:]] if scope["path"] in ("/docs", "/redoc") else _HEADERS
        trace_id = None

        async def told(message: Message) -> None:
            nonlocal status, started, trace_id
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                own = dict(message["headers"])
                message["headers"] = [*message["headers"], *(one for one in headers if one[0] not in own)]
                if own.get(b"content-type") == b"application/json":
                    # Of its sentences; names and meanings are the ministry's.
                    message["headers"].append((b"content-language", self._language))
                if self._state.closing:
                    message["headers"].append((b"connection", b"close"))
                trace_id = next((value.decode() for name, value in message["headers"] if name == b"x-trace-id"), None)
            await send(message)

        self._state.open += 1
        try:
            if not await self._refused(scope, receive, told):
                await self._app(scope, self._bounded(receive), told)
        except Exception as error:
            # Farther out nobody would give it our headers. What has begun breaks off.
            defect = errors.of_defect(error, scope["path"], self._state.settings.language)
            if started:
                raise
            await defect(scope, receive, told)
        finally:
            self._state.open -= 1
            seconds = time.monotonic() - begun
            self._state.requests.count(scope, status, seconds, trace_id)
            if scope["path"] not in _ALWAYS:
                extra = {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "seconds": round(seconds, 4),
                }
                logger.info("answered", extra=extra | ({"trace_id": trace_id} if trace_id else {}))

    async def _refused(self, scope: Scope, receive: Receive, send: Send) -> bool:
        maximum, language = self._state.settings.max_body, self._state.settings.language
        if self._state.open > MOST_OPEN and scope["path"] not in _ALWAYS:
            body = errors.form("DS-503", "busy", language, retry_after_sec=5)
            headers = {"Retry-After": "5", "Connection": "close"}
            await errors.JSONResponse(body, 503, headers)(scope, receive, send)
            return True
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) <= maximum:
            return False
        body = errors.form("DS-413", "too_large", language, maximum=maximum, received=int(length))
        await errors.JSONResponse(body, 413, {"Connection": "close"})(scope, receive, send)
        return True

    def _bounded(self, receive: Receive) -> Receive:
        maximum, came = self._state.settings.max_body, 0

        async def bounded() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > maximum:
                raise errors.Refusal(413, "DS-413", "too_large", maximum=maximum)
            return message

        return bounded


def build(settings: Settings, client: datasus.Client | None = None) -> FastAPI:
    """The application of one worker."""

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        state = app.state
        home = folder(settings.home)
        state.client = client or datasus.open(
            settings.source,
            output=folder(home / "files"),
            state=folder(home / "state"),
            lake=home / "lake",
            processes=settings.workers,
            isolation=settings.isolation,
            language=settings.language,
            progress=False,
        )
        state.jobs = Jobs(state.client, settings)
        state.threads = Threads()
        state.snapshots = health.Snapshots(state, home / "metrics") if settings.workers > 1 else None
        state.jobs.start()
        _hear_of_the_end(state)
        logger.info("ready", extra={"workers": settings.workers})
        yield
        state.closing = state.jobs.closing = True
        await asyncio.to_thread(state.jobs.stop)
        state.threads.close()
        if state.snapshots:
            state.snapshots.close()
        state.client.close()
        logger.info("stopped")

    app = FastAPI(
        title="DATASUS gateway",
        version=datasus.__version__,
        description="Public health records of Brazil, by HTTP. Errors have the contract's form and a code `DS-…`.",
        lifespan=life,
        responses={422: {"model": health.Problem, "description": "A parameter is wrong (DS-422)"}},
        separate_input_output_schemas=False,
    )
    app.state.settings, app.state.closing, app.state.open = settings, False, 0
    app.state.requests = health.Requests()
    app.state.admission = admission.Admission()
    routers = (query.routes, job_routes.routes, catalog.routes, health.routes)
    errors.install(app, routers, settings.language)
    for routes in routers:
        app.include_router(routes)
    _with_models(app)
    app.mount("/", StaticFiles(directory=STATIC, html=True), name="page")
    if settings.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(settings.origins), allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    app.add_middleware(Edge, state=app.state)
    return app


def _with_models(app: FastAPI) -> None:
    """The query's own models in OpenAPI: its body is read by hand, so that what is wrong is said in the core's words."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            model = QueryParams.model_json_schema(ref_template="#/components/schemas/{model}")
            parts = {**model.pop("$defs", {}), "QueryParams": model}
            schema["components"]["schemas"].update(parts)
        return app.openapi_schema or plain()

    app.openapi = openapi  # type: ignore[method-assign]


def _hear_of_the_end(state: Any) -> None:
    """Streams of events end when the process is told to, and not when its patience does."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def told(got: int, frame: Any, before: Any = before) -> None:
            state.closing = state.jobs.closing = True
            if callable(before):
                before(got, frame)

        signal.signal(number, told)
