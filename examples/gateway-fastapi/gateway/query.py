"""``POST /query``: rows at once where they are few, else a job. ``POST /estimate``: what it would read, and whether it is
right.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pyarrow
from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

import datasus
from datasus.models import QueryParams

from . import formats
from .errors import Refusal
from .health import Problem
from .jobs import public, without_key
from .settings import CLASSES
from .who import Who, who

routes = APIRouter(tags=["query"])
T = TypeVar("T")
#: Seconds between two looks whether somebody still waits for an answer.
_LOOK = 0.5

_EXAMPLES = {
    "rows": {
        "summary": "Rows of a dataset",
        "value": {"dataset": "SIH-RD", "uf": "AC", "competencia": "202401", "columns": ["CNES", "VAL_TOT"], "limit": 5},
    },
    "figures": {
        "summary": "Figures over groups, with labels",
        "value": {
            "dataset": "SIH-RD",
            "uf": ["AC", "RR"],
            "competencia": {"from": "202401", "to": "202403"},
            "where": [{"column": "VAL_TOT", "op": "gt", "value": 100}],
            "group_by": ["SEXO_rotulo"],
            "aggregates": [{"fn": "sum", "column": "VAL_TOT", "as": "valor"}, {"fn": "count", "as": "n"}],
        },
    },
    "sql": {
        "summary": "One SELECT",
        "value": {
            "sql": "SELECT SEXO, count(*) AS n FROM sih_rd WHERE UF_ZI = $uf GROUP BY 1",
            "bind": {"uf": "120000"},
        },
    },
}


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/QueryParams"}, "examples": _EXAMPLES}
        },
    }
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "No JSON, or an unknown key (DS-400)"},
    401: {"model": Problem, "description": "The API key is wrong (DS-401)"},
    403: {"model": Problem, "description": "SQL that may not pass (DS-403)"},
    404: {"model": Problem, "description": "No such dataset, or files are missing (DS-404)"},
    406: {"model": Problem, "description": "No format of Accept exists here"},
    409: {"model": Problem, "description": "Versions of a file with different records (DS-409)"},
    413: {
        "model": Problem,
        "description": "The request is too large, or there are more rows than a CSV takes (DS-413)",
    },
    415: {"model": Problem, "description": "The body is no JSON by its Content-Type"},
    422: {"model": Problem, "description": "A parameter is wrong (DS-422)"},
    429: {"model": Problem, "description": "Too many queries (DS-429); Retry-After says when to come back"},
    500: {"model": Problem, "description": "A defect (DS-500)"},
    502: {"model": Problem, "description": "A source cannot be reached (DS-502)"},
    503: {"model": Problem, "description": "Memory is nearly exhausted (DS-503)"},
    504: {"model": Problem, "description": "The deadline passed (DS-504)"},
}


async def _params(request: Request) -> tuple[dict[str, Any], str]:
    """The query by the models, and as it came; what they refuse is refused in the core's words."""
    kind = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "DS-400", "media", received=kind)
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "DS-400", "utf8") from None
    # What is no object is no query, and a name alone would be a dataset's to the core.
    if not text.lstrip().startswith("{"):
        raise Refusal(400, "DS-400", "object", received=text[:80])
    try:
        model = QueryParams.model_validate_json(text)
    except ValidationError as error:
        state = request.app.state
        await state.threads.look(state.client.explain, text)
        # The core would take it; the models are stricter.
        facts = json.loads(error.json(include_url=False, include_input=False))
        raise Refusal(422, "DS-422", "bad", problems=facts) from None
    params: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return params, text


def _capped(params: dict[str, Any], asker: Who, deadline: float | None) -> dict[str, Any]:
    """With who asks, a class that is theirs, and an end."""
    options = dict(params.get("options") or {})
    wanted = options.get("priority", asker.priority)
    options["priority"] = max(wanted, asker.priority, key=CLASSES.index)
    options["rate_key"] = asker.address
    if deadline is not None:
        options["deadline"] = min(options.get("deadline") or deadline, deadline)
    return {**params, "options": options}


class _Asked:
    """A question whose asker may leave before its job is known, and after."""

    def __init__(self) -> None:
        self._job: datasus.Job | None = None
        self._left = False

    def began(self, job: datasus.Job) -> None:
        """By the thread that asks."""
        self._job = job
        if self._left:
            job.cancel()

    def leave(self) -> None:
        """By the event loop. Whichever of the two comes second cancels."""
        self._left = True
        if self._job is not None:
            self._job.cancel()


async def _unless_left(request: Request, asked: _Asked, work: Coroutine[Any, Any, T]) -> T:
    """What it gives, for as long as somebody waits for it: the server does not tell a handler that its client has gone."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK))[0]:
            if await request.is_disconnected():
                raise Refusal(499, "DS-499", "left")
    except BaseException:
        asked.leave()
        task.cancel()
        with contextlib.suppress(BaseException):
            await task
        raise
    return task.result()


def _at_once(
    state: Any, params: dict[str, Any], text: str, asker: Who, media: str, until: float, asked: _Asked
) -> Response | bool:
    """The whole answer, in one go; where it is too much to be waited for, whether the question was counted."""
    if _is_large(state, text):
        return False
    settings = state.settings
    # What it has waited is of its deadline.
    capped = _capped(params, asker, max(0.01, until - time.monotonic()))
    with state.client._asked(json.dumps(capped), "gateway", False, asked.began) as result:
        schema = pyarrow.schema(result)
        batches, rows, size = [], 0, 0
        for batch in result:
            batches.append(batch.to_arrow())
            rows, size = rows + batch.num_rows, size + batches[-1].nbytes
            if rows > settings.small_rows or size > settings.small_bytes:
                return True
        return _answer(media, pyarrow.Table.from_batches(batches, schema), result.report)


def _is_large(state: Any, text: str) -> bool:
    """Whether so much must be converted first that nobody waits for it. The core reads the text itself: a key that comes
    twice, or a
    number that would be rounded, is refused here. What else is wrong with the query, the query itself will say, and be counted.
    """
    try:
        plan = state.client.explain(text)
    except datasus.Error as error:
        if error.code == "DS-400":
            raise
        return False
    return len(plan.to_convert) > state.settings.small_files


@routes.post(
    "/query",
    summary="Ask",
    openapi_extra=_BODY,
    responses={
        200: {
            "description": "All rows. JSON: the report, with `columns` and `rows`; numbers that no double holds are texts",
            "content": {formats.JSON: {}, formats.CSV: {}, formats.ARROW: {}},
        },
        202: {
            "description": "A job: too many rows for one answer, or files to be converted first. Its rows will be a CSV"
        },
        **_REFUSED,
    },
)
async def query(request: Request, asker: Who = Depends(who)) -> Response:  # noqa: B008 - as FastAPI has it
    """Few rows come at once, as JSON, CSV or an Arrow stream (`Accept`). More than that, or files that must be converted
    first, become a
    job (202, `Location`), as does everything with `Prefer: respond-async`; its rows are a CSV.
    """
    state, arrived, asked = request.app.state, time.monotonic(), _Asked()
    media = formats.wanted(request.headers.get("accept"))
    state.admission.check(asker.address, state.closing)
    state.threads.check(asker.priority, asker.address)
    params, text = await _params(request)
    deadline = state.settings.deadline
    until = arrived + min((params.get("options") or {}).get("deadline") or deadline, deadline)
    turn = (asker.priority, asker.address, until)
    counted: Response | bool = False
    try:
        if "respond-async" in request.headers.get("prefer", ""):
            await _unless_left(request, asked, state.threads.queued(*turn, _is_large, state, text))
        else:
            work = state.threads.queued(*turn, _at_once, state, params, text, asker, media, until, asked)
            counted = await _unless_left(request, asked, work)
            if isinstance(counted, Response):
                return counted
        return await _as_job(state, params, asker, counted, arrived)
    except datasus.QueueFull as error:
        state.admission.note(asker.address, error)
        raise


async def _as_job(state: Any, params: dict[str, Any], asker: Who, counted: bool, arrived: float) -> Response:
    if state.closing:
        raise Refusal(503, "DS-503", "closing", retry_after_sec=5)
    given = _capped(params, asker, None)
    if given["options"].get("deadline"):
        given["options"]["deadline"] -= time.monotonic() - arrived
        if given["options"]["deadline"] <= 0:
            raise Refusal(504, "DS-504", "late")
    record = await state.threads.short(state.jobs.submit, without_key(given) if counted else given, asker.priority)
    headers = {"Location": f"/jobs/{record['job_id']}", "X-Trace-Id": record["trace_id"], "Retry-After": "1"}
    return Response(formats.json_bytes(public(record)), 202, headers, formats.JSON)


def _answer(media: str, table: pyarrow.Table, report: datasus.Report) -> Response:
    headers = {"X-Trace-Id": report.trace_id, "X-Job-Id": report.job_id, "Vary": "Accept", "Cache-Control": "no-store"}
    headers["X-Datasus-Cache"] = report.cache
    if report.sampling is not None:
        # A CSV has no other place to say so.
        headers["X-Datasus-Sampling"] = json.dumps(report.sampling)
    if media == formats.CSV:
        return Response(formats.csv_bytes(table), 200, headers, "text/csv; charset=utf-8")
    if media == formats.ARROW:
        return Response(formats.arrow_bytes(table), 200, headers, media)
    body = {**report, "columns": formats.columns_of(table), "rows": formats.rows_of(table)}
    return Response(formats.json_bytes(body), 200, headers, media)


@routes.post("/estimate", summary="What a query would read", openapi_extra=_BODY, responses=_REFUSED)
async def estimate(request: Request, _asker: Who = Depends(who)) -> dict[str, Any]:  # noqa: B008
    """Checks the query as it would be checked, and tells what it would read: files, bytes, what must be converted first.
    Nothing is run.
    """
    state = request.app.state
    params, text = await _params(request)
    found: dict[str, Any] = await state.threads.look(_estimated, state, params, text)
    return found


def _estimated(state: Any, params: dict[str, Any], text: str) -> dict[str, Any]:
    plan = state.client.explain(text)
    found = {"explain": plan, "at_once": len(plan["to_convert"]) <= state.settings.small_files}
    if hasattr(state.client, "estimate"):
        found["estimate"] = state.client.estimate(params)
    return found
