"""``python -m gateway``: the service, with its settings from the environment."""

from __future__ import annotations

import math
import resource

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors.multiprocess import Process

from .app import build
from .logs import configure
from .settings import Settings


def application() -> FastAPI:
    """Of one worker."""
    settings = Settings.of_environment()
    configure(settings.log_level)
    return build(settings)


def _as_many_files_as_allowed() -> None:
    """Connections are files: who holds many and asks nothing takes no place from others."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main() -> None:
    """Until it is told to stop."""
    settings = Settings.of_environment()
    configure(settings.log_level)
    _as_many_files_as_allowed()
    # That a worker has died its supervisor sees by itself. Its ping would wait for the answer of a dead one, deaf to signals
    # meanwhile, and take one that is busy for dead.
    Process.ping = lambda _self, timeout=5: True  # type: ignore[method-assign]
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
    )


if __name__ == "__main__":
    main()
