"""``/jobs``: what became of queries that were too large to be answered at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

import datasus

from .errors import Refusal
from .health import Problem
from .jobs import public
from .records import OVER
from .who import Who, who

routes = APIRouter(prefix="/jobs", tags=["jobs"])
_REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The API key is wrong (DS-401)"},
    404: {"model": Problem, "description": "No such job (DS-404)"},
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "The job is in another state (DS-409)"}
}
#: Between two looks at a job whose events somebody follows, and two signs of life.
_LOOK, _ALIVE = 0.25, 15.0


async def _record(request: Request, job: str, asker: Who) -> dict[str, Any]:
    state = request.app.state
    record: dict[str, Any] = await state.threads.short(state.jobs.get, job)
    if not asker.may_see(record["priority"]):
        raise Refusal(404, "DS-404", "no_job", received=job[:80])
    return record


@routes.get("", summary="The jobs, the newest first", responses={401: _REFUSED[401]})
async def every(
    request: Request,
    limit: int = Query(50, ge=1, le=500),
    asker: Who = Depends(who),  # noqa: B008
) -> dict[str, Any]:
    """Of the class of whoever asks, and of those below."""
    state = request.app.state
    records = await state.threads.short(state.jobs.records.every)
    seen = [record for record in records if asker.may_see(record["priority"])]
    return {"jobs": [public(state.jobs.get(record["job_id"])) for record in seen[:limit]]}


@routes.get("/{job}", summary="How a job stands", responses=_REFUSED)
async def one(request: Request, job: str, asker: Who = Depends(who)) -> dict[str, Any]:  # noqa: B008
    """Status and progress; at its end the report, or the error."""
    return public(await _record(request, job, asker))


@routes.get(
    "/{job}/events",
    summary="Follow a job",
    response_class=StreamingResponse,
    responses={**_REFUSED, 200: {"content": {"text/event-stream": {}}}},
)
async def events(request: Request, job: str, asker: Who = Depends(who)) -> Response:  # noqa: B008
    """Server-sent events: `progress` when something has changed, and `end`, after which nothing follows. Whoever comes
    again hears of the
    state as it is then.
    """
    await _record(request, job, asker)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_followed(request, job, asker), 200, headers, "text/event-stream")


async def _followed(request: Request, job: str, asker: Who) -> AsyncIterator[str]:
    told, silent, number = "", 0.0, 0
    yield "retry: 2000\n\n"
    # Once the service is told to stop, whoever follows hears of the state and comes again, to the next one.
    while True:
        try:
            record = public(await _record(request, job, asker))
        except Refusal:
            return
        over = record["status"] in OVER
        text = json.dumps(record, ensure_ascii=False, default=str)
        if text != told:
            told, silent, number = text, 0.0, number + 1
            yield f"id: {number}\nevent: {'end' if over else 'progress'}\ndata: {text}\n\n"
        elif silent >= _ALIVE:
            silent = 0.0
            yield ": alive\n\n"
        if over or request.app.state.closing:
            return
        await asyncio.sleep(_LOOK)
        silent += _LOOK


@routes.post("/{job}/cancel", summary="Stop a job", status_code=202, responses={**_REFUSED, **_CONFLICT})
async def cancel(request: Request, job: str, asker: Who = Depends(who)) -> dict[str, Any]:  # noqa: B008
    """Whichever worker runs it hears of it within a second; nothing of it stays."""
    await _record(request, job, asker)
    state = request.app.state
    return public(await state.threads.short(state.jobs.cancel, job))


@routes.post(
    "/{job}/resume",
    summary="Go on with a job that failed",
    status_code=202,
    responses={
        **_REFUSED,
        **_CONFLICT,
        429: {"model": Problem, "description": "Too many queries (DS-429); Retry-After says when to come back"},
        503: {"model": Problem, "description": "The service is being closed (DS-503)"},
    },
)
async def resume(request: Request, job: str, asker: Who = Depends(who)) -> dict[str, Any]:  # noqa: B008
    """From its last checkpoint; nothing is lost, and nothing comes twice. One that must begin anew counts as a query."""
    state = request.app.state
    state.admission.check(asker.address, state.closing)
    await _record(request, job, asker)
    try:
        return public(await state.threads.look(state.jobs.resume, job, asker.address))
    except datasus.QueueFull as error:
        state.admission.note(asker.address, error)
        raise


@routes.get("/{job}/dead-letters", summary="Records that were not taken", responses=_REFUSED)
async def dead_letters(request: Request, job: str, asker: Who = Depends(who)) -> dict[str, Any]:  # noqa: B008
    """Each with its reason, source file and row."""
    record = await _record(request, job, asker)
    state = request.app.state
    return {"dead_letters": await state.threads.short(state.jobs.dead_letters, record)}


@routes.get(
    "/{job}/result",
    summary="The rows, as CSV",
    response_class=FileResponse,
    responses={
        **_REFUSED,
        **_CONFLICT,
        200: {"content": {"text/csv": {}}},
        206: {"content": {"text/csv": {}}},
        416: {},
    },
)
async def result(request: Request, job: str, asker: Who = Depends(who)) -> Response:  # noqa: B008
    """Whole, or a part of it by `Range`; `If-Range` with the ETag keeps parts of two files apart."""
    record = await _record(request, job, asker)
    if record["status"] != "completed":
        raise Refusal(409, "DS-409", "not_over", received=record["status"], job=job)
    path = request.app.state.jobs.files / record["files"][0]
    if not path.is_file():
        raise Refusal(404, "DS-404", "gone", received=job)
    headers = {"X-Trace-Id": record["trace_id"], "Cache-Control": "private"}
    return FileResponse(path, 200, headers, "text/csv", filename=f"datasus-{job}.csv")
