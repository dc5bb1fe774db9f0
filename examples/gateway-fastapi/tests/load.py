"""Many clients at once, each from an address of its own of the loopback network, of every class; bounded in time. It
speaks plain HTTP over sockets, so that what is measured is the service and not its client.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import json
import random
import re
import time
from typing import Any

import httpx
from service import CANARIES, Service, until

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
#: Of ten clients: one of the health service, two of administrators, the rest are anybody.
KEYS = (CANARIES["health"], CANARIES["admin"], CANARIES["admin"], "", "", "", "", "", "", "")
#: Seconds between an answer and the next question, on the average; the greedy ask again at once, whatever they are told.
THINK, GREEDY = 1.0, 3


@dataclasses.dataclass
class Client:
    """One of them, and what it was answered."""

    number: int
    key: str
    greedy: bool = False
    statuses: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    times: list[float] = dataclasses.field(default_factory=list)
    jobs: list[str] = dataclasses.field(default_factory=list)
    #: When it was let in, and the seconds that it was told to wait where it was not.
    let_in: list[float] = dataclasses.field(default_factory=list)
    waits: list[int] = dataclasses.field(default_factory=list)
    refused_after: int = 0

    @property
    def address(self) -> str:
        """Nobody else's."""
        return f"127.0.{10 + self.number // 200}.{1 + self.number % 200}"


def metrics(service: Service) -> str:
    """By a connection of its own, and once more where the worker that has it is killed meanwhile."""

    def told() -> str | None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{service.url}/metrics", timeout=240).text
        return None

    return str(until("the metrics are told", told))


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


def p95(times: list[float]) -> float:
    """Of what took so long; 0 where there was none."""
    return sorted(times)[len(times) * 95 // 100] if times else 0.0


def run(service: Service, clients: int, seconds: float, as_jobs: float = 0.03) -> dict[str, Any]:
    """What became of it; so large a share of the questions are jobs."""
    for query in QUERIES:
        service.ask(query)
    before = metrics(service)
    every = [Client(number, KEYS[number % 10]) for number in range(clients)]
    every += [Client(clients + number, CANARIES["health"], greedy=True) for number in range(GREEDY)]
    grown = asyncio.run(_all(service, every, seconds, as_jobs))
    after = metrics(service)
    statuses = sum((one.statuses for one in every), collections.Counter())
    of = {
        name: [time for one in every if one.key == CANARIES.get(name, "") for time in one.times if not one.greedy]
        for name in ("health", "admin", "user")
    }
    return {
        "clients": every,
        "answers": sum(statuses.values()),
        "statuses": dict(statuses),
        "5xx": sum(count for status, count in statuses.items() if status[0] == "5"),
        "broken": statuses["broken"],
        "p95": {name: round(p95(times), 3) for name, times in of.items()},
        "health_wait_p95": quantile(waits(before, "health"), waits(after, "health"), 0.95),
        "grown": grown,
        "jobs": [(job, one.key) for one in every for job in one.jobs],
    }


async def _all(service: Service, every: list[Client], seconds: float, as_jobs: float) -> float:
    """The bytes by which the process has grown from a third of the time to its end."""
    end = time.monotonic() + seconds

    def memory() -> float:
        return resident(metrics(service))

    async def grown() -> float:
        await asyncio.sleep(seconds / 3)
        first = await asyncio.to_thread(memory)
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        return await asyncio.to_thread(memory) - first

    found, *_ = await asyncio.gather(grown(), *(_one(service.port, one, end, as_jobs) for one in every))
    return float(found)


async def _one(port: int, client: Client, end: float, as_jobs: float) -> None:
    chance = random.Random(client.number)
    # Nobody begins at the same moment.
    await asyncio.sleep(chance.random() * THINK)
    connection = None
    while time.monotonic() < end:
        as_job = not client.greedy and chance.random() < as_jobs
        query = QUERIES[0] if client.greedy else chance.choice(QUERIES[:3] if as_job else QUERIES)
        begun = time.monotonic()
        try:
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", port, local_addr=(client.address, 0))
            status, headers, body = await asyncio.wait_for(_ask(connection, query, client.key, as_job), 240)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            client.statuses["broken"] += 1
            connection = None
            continue
        if headers.get("connection") == "close":
            connection[1].close()
            connection = None
        client.statuses[str(status)] += 1
        if status == 429:
            client.refused_after = client.refused_after or len(client.let_in)
            client.waits.append(int(headers["retry-after"]))
        else:
            client.let_in.append(time.monotonic())
            client.times.append(time.monotonic() - begun)
        if status == 202:
            client.jobs.append(json.loads(body)["job_id"])
        await asyncio.sleep(0.02 if client.greedy else chance.random() * 2 * THINK)
    if connection is not None:
        connection[1].close()


async def _ask(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], query: Any, key: str, as_job: bool
) -> tuple[int, dict[str, str], bytes]:
    reader, writer = connection
    body = json.dumps(query).encode()
    lines = [
        "POST /query HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    lines += [f"x-api-key: {key}"] if key else []
    lines += ["prefer: respond-async"] if as_job else []
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): said for name, _, said in (line.partition(": ") for line in head[1:] if line)}
    return (int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"])))
