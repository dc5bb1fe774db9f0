"""Errors in the contract's form, with the HTTP status that fits."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

import datasus

logger = logging.getLogger("gateway")

#: Most codes are named after their status. What went wrong inside is no fault of the one who asks: credentials of our
#: database, a damaged
#: file.
_STATUS = {"DS-401": 500, "DS-424": 500, "DS-460": 500, "DS-498": 500, "DS-499": 503}
_TEXTS = {
    "unknown_key": ("A chave de API não é conhecida", "The API key is not known"),
    "no_key": ("É preciso uma chave de API, no cabeçalho X-API-Key", "An API key is needed, in the header X-API-Key"),
    "too_large": ("O pedido tem mais de {maximum} bytes", "The request has more than {maximum} bytes"),
    "accept": ("Nenhum formato do cabeçalho Accept existe aqui", "No format of the header Accept exists here"),
    "parameter": (
        "O parâmetro `{name}` não serve: recebido {received}",
        "The parameter `{name}` does not do: received {received}",
    ),
    "nothing": ("Não há nada neste endereço", "There is nothing at this address"),
    "method": ("Este endereço não aceita {received}", "This address does not take {received}"),
    "no_job": ("Não há trabalho com este número", "There is no job of this number"),
    "not_over": (
        "O trabalho ainda não terminou: {received}. Siga-o em /jobs/{job}/events",
        "The job is not over yet: {received}. Follow it at /jobs/{job}/events",
    ),
    "over": ("O trabalho já terminou: {received}", "The job is over already: {received}"),
    "runs": ("O trabalho não falhou: {received}", "The job has not failed: {received}"),
    "gone": ("O arquivo deste trabalho não está mais aqui", "The file of this job is not here any more"),
    "closing": ("O serviço está sendo encerrado; tente em outro", "The service is being closed; try another one"),
    "busy": ("Há pedidos demais à espera; repita daqui a pouco", "Too many requests wait; ask again soon"),
    "late": ("O prazo passou na fila do serviço", "The deadline passed in the service's queue"),
    "left": ("Quem perguntou não esperou pela resposta", "Who asked did not wait for the answer"),
    "cancelled": ("O trabalho foi cancelado", "The job was cancelled"),
    "limited": (
        "Mais de {limit} consultas por minuto deste endereço; repita daqui a {retry_after_sec} s",
        "More than {limit} queries a minute from this address; ask again in {retry_after_sec} s",
    ),
    "media": ("Esperado um corpo em application/json", "Expected a body in application/json"),
    "utf8": ("O corpo não é texto em UTF-8", "The body is no text in UTF-8"),
    "object": (
        'Esperada uma consulta, um objeto em JSON que começa com {{: {{"dataset": "SIH-RD", "uf": "AC"}}',
        'Expected a query, an object in JSON that begins with {{: {{"dataset": "SIH-RD", "uf": "AC"}}',
    ),
    "internal": ("Erro interno do serviço", "Internal error of the service"),
    "bad": ("O pedido não pôde ser lido", "The request could not be read"),
}


class Refusal(Exception):
    """An error of the service's own, in the contract's form."""

    def __init__(self, status: int, code: str, text: str, **diagnostic: Any) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.diagnostic = (status, code, text, diagnostic)


def status_of(code: str) -> int:
    """The HTTP status of an error of the package."""
    known = _STATUS.get(code)
    return known if known is not None else int(code[3:]) if code[3:].isdigit() else 500


def form(code: str, text: str, language: str, **diagnostic: Any) -> dict[str, Any]:
    """An error of the service's own, as the contract writes errors."""
    detail = _TEXTS[text][language == "en"].format(**diagnostic)
    return {
        "status": "error",
        "error_code": code,
        "detail": detail,
        "diagnostic": diagnostic,
        "language": language,
    }


def _answer(status: int, body: dict[str, Any]) -> JSONResponse:
    """With the headers that its status and its facts ask for."""
    wait = (body.get("diagnostic") or {}).get("retry_after_sec", 5 if status == 503 else None)
    headers = {} if wait is None else {"Retry-After": str(max(1, math.ceil(float(wait))))}
    if status == 401:
        headers["WWW-Authenticate"] = "ApiKey"
    return JSONResponse(body, status, headers)


def of_datasus(error: datasus.Error) -> JSONResponse:
    """An error of the package, as it is."""
    status = status_of(error.code)
    level = logging.INFO if status < 500 else logging.ERROR
    logger.log(level, "refused", extra={"code": error.code, "trace_id": error.trace_id, "status": status})
    return _answer(status, error.to_dict())


def _methods(routers: Sequence[APIRouter], request: Request) -> list[str]:
    """Those that an address takes, where they are others than the one it was asked by."""
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]
    partial = [route for route in routes if route.matches(request.scope)[0] == Match.PARTIAL]
    return sorted({method for route in partial for method in route.methods or ()})


def install(app: Any, routers: Sequence[APIRouter], language: str) -> None:
    """Every error of the application in one form."""

    @app.exception_handler(datasus.Error)
    async def _(_request: Request, error: datasus.Error) -> JSONResponse:
        return of_datasus(error)

    @app.exception_handler(Refusal)
    async def _(_request: Request, refusal: Refusal) -> JSONResponse:
        return _answer(refusal.status, form(refusal.code, refusal.text, language, **refusal.diagnostic))

    @app.exception_handler(RequestValidationError)
    async def _(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        facts = {
            "name": str(first["loc"][-1]),
            "received": str(first.get("input"))[:80],
            "expected_format": first["msg"],
        }
        return _answer(422, form("DS-422", "parameter", language, **facts))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        received = f"{request.method} {request.url.path}"
        # The page's files lie at the root, so that an address of ours with another method is one of none of them.
        if error.status_code in (404, 405) and (methods := _methods(routers, request)):
            told = _answer(405, form("DS-400", "method", language, received=received, valid_examples=methods))
            told.headers["allow"] = ", ".join(methods)
            return told
        if error.status_code == 404:
            examples = ["POST /query", "GET /datasets", "GET /health"]
            return _answer(404, form("DS-404", "nothing", language, received=received, valid_examples=examples))
        if error.status_code == 405:
            told = _answer(405, form("DS-400", "method", language, received=received))
            told.headers.update(error.headers or {})
            return told
        return _answer(error.status_code, form("DS-400", "bad", language, received=received))


def of_defect(error: Exception, path: str, language: str) -> JSONResponse:
    """An error that nobody foresaw: what failed inside is for the log."""
    logger.error("failed", exc_info=error, extra={"path": path})
    return _answer(500, form("DS-500", "internal", language))
