"""``python -m gateway``: the service, with its settings from the environment."""

from __future__ import annotations

import math

import uvicorn
from fastapi import FastAPI

from .app import build
from .logs import configure
from .settings import Settings


def application() -> FastAPI:
    """Of one worker."""
    settings = Settings.of_environment()
    configure(settings.log_level)
    return build(settings)


def main() -> None:
    """Until it is told to stop."""
    settings = Settings.of_environment()
    configure(settings.log_level)
    uvicorn.run(
        "gateway.__main__:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        # Whose header is believed is for `who` to say.
        proxy_headers=False,
        server_header=False,
        # Longer than clients and proxies keep a connection: none is closed as its next request is under way.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=math.ceil(settings.grace),
        limit_concurrency=1_000,
        # A worker that is busy is not dead.
        timeout_worker_healthcheck=60,
    )


if __name__ == "__main__":
    main()
