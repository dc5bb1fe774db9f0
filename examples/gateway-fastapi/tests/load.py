"""Many clients at once, each from an address of its own, of every class; bounded in time."""

from __future__ import annotations

import asyncio
import collections
import random
import re
import time
from typing import Any

import httpx
from service import CANARIES, Service

QUERIES: list[dict[str, Any]] = [
    {"dataset": "SIH-RD", "uf": "AC", "competencia": "202401", "columns": ["CNES", "VAL_TOT"], "limit": 100},
    {
        "dataset": "SIH-RD",
        "group_by": ["SEXO_rotulo"],
        "aggregates": [{"fn": "sum", "column": "VAL_TOT", "as": "valor"}],
        "options": {"cache": "off"},
    },
    {"sql": "SELECT CNES, count(*) AS n FROM sih_rd GROUP BY 1 ORDER BY 2 DESC, 1", "options": {"cache": "off"}},
    {"dataset": "SIH-RD", "columns": ["CNESX"]},
]


def waits(text: str, priority: str) -> dict[float, int]:
    """The buckets of a class's waits."""
    pattern = rf'^datasus_queue_wait_seconds_bucket{{(?=[^}}]*priority="{priority}")[^}}]*le="([^"]+)"[^}}]*}} (\d+)'
    return {float(le): int(count) for le, count in re.findall(pattern, text, re.MULTILINE)}


def quantile(before: dict[float, int], after: dict[float, int], share: float) -> float:
    """The bound of the bucket in which that share of what came between lies."""
    every = {bound: count - before.get(bound, 0) for bound, count in after.items()}
    wanted = share * every[float("inf")]
    return min(bound for bound, count in every.items() if count >= wanted)


def resident(text: str) -> float:
    """Of the process."""
    return float(re.search(r"^process_resident_memory_bytes\S* (\S+)", text, re.MULTILINE)[1])  # type: ignore[index]


def run(service: Service, clients: int, seconds: float) -> dict[str, Any]:
    """What became of it."""
    for query in QUERIES:
        service.ask(query)
    before = service.http.get("/metrics").text
    counts: collections.Counter[str] = collections.Counter()
    times: dict[str, list[float]] = {"": [], CANARIES["admin"]: [], CANARIES["health"]: []}
    jobs: list[tuple[str, str]] = []
    asyncio.run(_all(service.url, clients, time.monotonic() + seconds, counts, times, jobs))
    after = service.http.get("/metrics").text
    every = sorted(one for of in times.values() for one in of)
    health = sorted(times[CANARIES["health"]])
    return {
        "answers": sum(counts.values()),
        "statuses": dict(counts),
        "5xx": sum(count for status, count in counts.items() if status[0] == "5"),
        "broken": counts["broken"],
        "p50": every[len(every) // 2],
        "p95": every[len(every) * 95 // 100],
        "health_p95": health[len(health) * 95 // 100],
        "health_wait_p95": quantile(waits(before, "health"), waits(after, "health"), 0.95),
        "grown": resident(after) - resident(before),
        "jobs": jobs,
    }


async def _all(url: str, clients: int, end: float, counts: Any, times: dict[str, list[float]], jobs: list[Any]) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        await asyncio.gather(*(_one(http, number, end, counts, times, jobs) for number in range(clients)))


async def _one(
    http: httpx.AsyncClient, number: int, end: float, counts: Any, times: dict[str, list[float]], jobs: list[Any]
) -> None:
    chance = random.Random(number)
    key = ("", "", "", CANARIES["admin"], CANARIES["health"])[number % 5]
    own = {"x-forwarded-for": f"10.{number // 250}.7.{number % 250}"} | ({"x-api-key": key} if key else {})
    while time.monotonic() < end:
        as_job = chance.random() < 0.03
        begun = time.monotonic()
        try:
            headers = own | ({"prefer": "respond-async"} if as_job else {})
            answer = await http.post("/query", json=chance.choice(QUERIES[:3] if as_job else QUERIES), headers=headers)
        except httpx.TransportError:
            counts["broken"] += 1
            continue
        times[key].append(time.monotonic() - begun)
        counts[str(answer.status_code)] += 1
        if answer.status_code == 202:
            jobs.append((answer.json()["job_id"], key))
        # A person reads; who is told to wait does.
        await asyncio.sleep(1.0 if answer.status_code == 429 else chance.random() * 0.3)
