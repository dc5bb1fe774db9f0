"""The gateway in processes of its own, as it is run."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from free_port import free_port

HERE = pathlib.Path(__file__).resolve().parent
#: Secrets that stand in nothing that the service writes: its users' keys, and what its environment has of others'.
CANARIES = {
    "health": "segredo-CANARIO-saude-71c2",
    "admin": "segredo-CANARIO-admin-9a40",
    "postgres": "segredo-CANARIO-banco-55e1",
    "s3": "segredo-CANARIO-balde-0b7d",
    "otlp": "segredo-CANARIO-coletor-c3f8",
}
QUERY = {"dataset": "SIH-RD", "uf": "AC", "competencia": "202401", "columns": ["CNES", "SEXO", "VAL_TOT"]}
#: Everything that any of them has written, to be searched for canaries.
WRITTEN: list[pathlib.Path] = []


@pytest.fixture(scope="session", autouse=True)
def nothing_that_any_of_them_wrote_has_a_secret() -> Iterator[None]:
    """Logs at TRACE, jobs, files, traces: of every service of the session, once all have ended. For a `conftest.py`."""
    yield
    files = [path for place in WRITTEN for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    leaks = [path for path in files if any(secret.encode() in path.read_bytes() for secret in CANARIES.values())]
    assert leaks == [], f"of {len(files)} files"


def until(what: str, holds: Callable[[], Any], seconds: float = 180.0) -> Any:
    """What it gives, once that is something; so long only what never comes is waited for."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end, what
        time.sleep(0.05)


class Service:
    """One that runs."""

    def __init__(self, source: pathlib.Path | str, home: pathlib.Path, **settings: str) -> None:
        self.source, self.home, self.port = (source, home, int(settings.get("GATEWAY_PORT", free_port())))
        self.log = home.parent / f"{home.name}-{self.port}.log"
        WRITTEN.extend([self.log, home])
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DATASUS_", "GATEWAY_"))}
        env |= {
            "DATASUS_SOURCE": str(source),
            "GATEWAY_HOME": str(home),
            "DATASUS_HOME": str(home / "fetched"),
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_KEYS_HEALTH": CANARIES["health"],
            "GATEWAY_KEYS_ADMIN": CANARIES["admin"],
            "GATEWAY_GRACE": "5",
            "DATASUS_RATE_LIMIT": "0",
            "DATASUS_POSTGRES": f"postgres://ana:{CANARIES['postgres']}@127.0.0.1:1/saude",
            "DATASUS_S3_KEY": "ana",
            "DATASUS_S3_SECRET": CANARIES["s3"],
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{CANARIES['otlp']}",
            # What is never said is not said at this level either.
            "GATEWAY_LOG_LEVEL": "TRACE",
        }
        env |= settings
        with open(self.log, "wb") as log:
            command = [sys.executable, "-m", "gateway"]
            self.process = subprocess.Popen(command, cwd=HERE.parent, env=env, stderr=log, stdout=log)
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=300)
        until("the service answers", self._answers, 300)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/health").status_code == 200
        return False

    def ask(self, query: Any = QUERY, **headers: str) -> httpx.Response:
        """``POST /query``; ``x_api_key`` stands for ``x-api-key``."""
        return self.http.post(
            "/query", json=query, headers={name.replace("_", "-"): said for name, said in headers.items()}
        )

    def job(self, query: Any = QUERY, **headers: str) -> dict[str, Any]:
        """The same as a job."""
        answer = self.ask(query, prefer="respond-async", **headers)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def ended(self, job: str, seconds: float = 300.0, **headers: str) -> dict[str, Any]:
        """A job once it is over."""

        def over() -> Any:
            with contextlib.suppress(httpx.TransportError):
                found = self.http.get(f"/jobs/{job}", headers=headers).json()
                return found if found["status"] in ("completed", "failed", "cancelled") else None
            return None

        return dict(until(f"job {job} ends", over, seconds))

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self, by: int = signal.SIGTERM) -> int:
        """Its exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            return self.process.wait(240)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextlib.contextmanager
def served(source: pathlib.Path | str, home: pathlib.Path, **settings: str) -> Iterator[Service]:
    """A service that ends with the block."""
    service = Service(source, home, **settings)
    try:
        yield service
    finally:
        service.stop()
