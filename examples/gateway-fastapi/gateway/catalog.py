"""What may be asked: datasets and their columns."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from .health import Problem
from .who import who

_REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The API key is wrong, or missing where one is needed (DS-401)"}
}
routes = APIRouter(tags=["catalogue"], dependencies=[Depends(who)], responses=_REFUSED)


@routes.get("/datasets", summary="What there is to ask")
async def datasets(request: Request, held: bool = False) -> dict[str, Any]:
    """Every dataset of the catalogue, and what the source holds of it: files, UFs, first and last competência. ``held``:
    only those that
    the source holds.
    """
    state = request.app.state
    known = await state.threads.look(lambda: [dict(one) for one in state.client.catalog()])
    held_ones = await state.threads.look(lambda: {one.dataset: one for one in state.client.datasets()})
    for one in known:
        one["held"] = held_ones.get(one["dataset"])
    return {"datasets": [one for one in known if one["held"] or not held]}


@routes.get("/schema/{dataset}", summary="Columns, with types and meanings", responses={404: {"model": Problem}})
async def schema(request: Request, dataset: str) -> dict[str, Any]:
    """As the catalogue knows them, with labels and derived columns."""
    state = request.app.state
    found: dict[str, Any] = await state.threads.look(lambda: state.client.schema(dataset).to_dict())
    return found
