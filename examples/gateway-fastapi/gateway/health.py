"""``/health`` and ``/ready`` for whoever runs the service, ``/metrics`` for Prometheus."""

from __future__ import annotations

import bisect
import contextlib
import os
import pathlib
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

routes = APIRouter(tags=["service"])

_BOUNDS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0)
_METHODS = ("GET", "POST", "HEAD", "OPTIONS")
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Problem(BaseModel):
    """An error, in the same form whatever went wrong."""

    status: str = Field(examples=["error"])
    error_code: str = Field(examples=["DS-422"])
    detail: str = Field(examples=["Competência inválida: `2024-13`; esperado AAAAMM, por exemplo 202401"])
    diagnostic: dict[str, Any] = Field(default_factory=dict)
    language: str = Field("pt", examples=["pt"], description="Of `detail`")


class Health(BaseModel):
    """How the service is."""

    live: bool = True
    ready: bool = Field(description="False: new requests would wait for memory, or the service is stopping")
    memory: str = Field(examples=["normal"])
    requests: int = Field(description="Open ones of this worker")
    jobs: int = Field(description="Those that this worker runs")


class Requests:
    """Counts of this worker's requests, by route, method and status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, list[float]] = {}
        #: Of each bucket the last request that was a job: its trace, its seconds, and when it ended.
        self._exemplars: dict[tuple[str, int], tuple[str, float, float]] = {}

    def count(self, scope: Any, status: int, seconds: float, trace_id: str | None = None) -> None:
        """One that was answered. Of addresses that are none there is one label."""
        route = getattr(scope.get("route"), "path", None) or ("page" if status < 400 else "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        with self._lock:
            key = (route, method, status)
            self._counts[key] = self._counts.get(key, 0) + 1
            cells = self._durations.setdefault(route, [0.0] * (len(_BOUNDS) + 2))
            for place, bound in enumerate(_BOUNDS):
                cells[place] += seconds <= bound
            cells[-2] += 1
            cells[-1] += seconds
            if trace_id is not None:
                self._exemplars[route, bisect.bisect_left(_BOUNDS, seconds)] = (trace_id, seconds, time.time())

    def lines(self, gauges: dict[str, tuple[str, float]], as_open: bool) -> Iterator[str]:
        """As Prometheus reads them; a counter's family has no ``_total`` in OpenMetrics."""
        with self._lock:
            counts, durations = dict(self._counts), {route: list(cells) for route, cells in self._durations.items()}
            exemplars = dict(self._exemplars) if as_open else {}
        family = "gateway_requests" if as_open else "gateway_requests_total"
        yield f"# HELP {family} Requests that were answered."
        yield f"# TYPE {family} counter"
        for (route, method, status), count in sorted(counts.items()):
            yield f'gateway_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}'
        yield "# HELP gateway_request_duration_seconds From the request to the last byte of its answer."
        yield "# TYPE gateway_request_duration_seconds histogram"
        for route, cells in sorted(durations.items()):
            for place, (bound, count) in enumerate(zip((*_BOUNDS, "+Inf"), cells, strict=False)):
                sample = f'gateway_request_duration_seconds_bucket{{route="{route}",le="{bound}"}} {int(count)}'
                if (found := exemplars.get((route, place))) is not None:
                    sample += f' # {{trace_id="{found[0]}"}} {found[1]:.6f} {found[2]:.3f}'
                yield sample
            yield f'gateway_request_duration_seconds_count{{route="{route}"}} {int(cells[-2])}'
            yield f'gateway_request_duration_seconds_sum{{route="{route}"}} {cells[-1]}'
        for name, (help_text, value) in gauges.items():
            yield f"# HELP {name} {help_text}"
            yield f"# TYPE {name} gauge"
            yield f"{name} {value}"


def own_text(state: Any, as_open: bool) -> str:
    """Of this worker: the package's and the service's."""
    page = os.sysconf("SC_PAGE_SIZE")
    resident = int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * page if os.path.exists("/proc") else 0
    gauges: dict[str, tuple[str, float]] = {
        "gateway_open_requests": ("Requests that are being answered.", state.open),
        "gateway_jobs_running": ("Jobs that this worker runs.", state.jobs.running),
        "process_resident_memory_bytes": ("Resident memory of the process.", resident),
    }
    text = state.client.open_metrics() if as_open else state.client.metrics()
    own = "\n".join(state.requests.lines(gauges, as_open)) + "\n"
    return text.removesuffix("# EOF\n") + own + ("# EOF\n" if as_open else "")


def merged(texts: dict[str, str], as_open: bool) -> str:
    """Of several workers in one text, each with its label; a family stands together."""
    families: dict[str, list[str]] = {}
    for worker, text in sorted(texts.items()):
        family, fresh = "", False
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                fresh = family not in families
                families.setdefault(family, [])
            if line.startswith("# "):
                if fresh and line != "# EOF":
                    families[family].append(line)
            elif line:
                families[family].append(_labelled(line, worker))
    end = ["# EOF"] if as_open else []
    return "\n".join([line for lines in families.values() for line in lines] + end) + "\n"


#: A label's value may have braces: ``route="/jobs/{job}"``.
_SAMPLE = re.compile(r'^(\w+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? ')


def _labelled(line: str, worker: str) -> str:
    found = _SAMPLE.match(line)
    if found is None:
        return line
    labels = ",".join(part for part in (found[2], f'worker="{worker}"') if part)
    return f"{found[1]}{{{labels}}} {line[found.end() :]}"


#: Seconds after which one that wrote nothing is dead: each writes every second, on a very busy machine some seconds late.
_SILENT = 60.0


class Snapshots:
    """What each worker counts, in a file for the others: whichever is asked answers for all."""

    def __init__(self, state: Any, folder: pathlib.Path) -> None:
        self._state, self._folder, self._stop = state, folder, threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gateway-metrics", daemon=True)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(1.0):
            with contextlib.suppress(OSError):
                self._write()

    def _write(self) -> None:
        for as_open in (False, True):
            path = self._folder / f"{os.getpid()}.{'open' if as_open else 'text'}"
            # Whoever asks writes beside the watcher.
            part = path.with_name(f"{path.name}.{threading.get_ident()}.part")
            part.write_text(own_text(self._state, as_open))
            part.replace(path)

    def text(self, as_open: bool) -> str:
        """Of all that live."""
        self._write()
        texts = {}
        for path in self._folder.glob(f"*.{'open' if as_open else 'text'}"):
            # A worker that closes takes its own away, and perhaps just now.
            with contextlib.suppress(FileNotFoundError):
                if self._lives(path):
                    texts[path.stem] = path.read_text()
                else:
                    path.unlink()
        return merged(texts, as_open)

    @staticmethod
    def _lives(path: pathlib.Path) -> bool:
        """The number of a worker that died may be another process's by now, in a container within minutes."""
        gone = os.path.exists("/proc") and not os.path.exists(f"/proc/{path.stem}")
        return not gone and time.time() - path.stat().st_mtime < _SILENT

    def close(self) -> None:
        """No more of this worker."""
        self._stop.set()
        self._thread.join(5)
        for ending in ("open", "text"):
            (self._folder / f"{os.getpid()}.{ending}").unlink(missing_ok=True)


def _health(request: Request) -> Health:
    state = request.app.state
    memory = state.client.mode
    ready = not state.closing and memory != "emergency"
    return Health(ready=ready, memory=memory, requests=state.open, jobs=state.jobs.running)


@routes.get("/health", summary="Alive as long as it answers")
async def health(request: Request) -> Health:
    """Always 200: a service that waits for memory need not be started again."""
    return _health(request)


@routes.get("/ready", summary="Whether new requests should come here", responses={503: {"model": Health}})
async def ready(request: Request, response: Response) -> Health:
    """503 while the memory is nearly exhausted, and once the service is told to stop."""
    found = _health(request)
    response.status_code = 200 if found.ready else 503
    return found


@routes.get(
    "/metrics",
    summary="Metrics of the package and of the service",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}, "application/openmetrics-text": {}}}},
)
def metrics(request: Request) -> Response:
    """In Prometheus' text form; in OpenMetrics', with exemplars, where ``Accept`` asks for it."""
    as_open = "application/openmetrics-text" in request.headers.get("accept", "")
    state = request.app.state
    text = state.snapshots.text(as_open) if state.snapshots else own_text(state, as_open)
    return Response(text, media_type=_OPEN if as_open else _PROMETHEUS)
