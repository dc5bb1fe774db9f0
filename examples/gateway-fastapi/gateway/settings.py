"""What the environment says: ``GATEWAY_*`` for the service, ``DATASUS_*`` for the package."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pathlib
from typing import Literal

Class = Literal["health", "admin", "user"]
CLASSES: tuple[Class, ...] = ("health", "admin", "user")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True)
class Settings:
    """The service's own settings; the package reads its own."""

    #: The folder or address of the files, as ``datasus.open`` takes it.
    source: str = "."
    #: Folder of lake, jobs and their files. On a local disk, and the same for all workers.
    home: pathlib.Path = pathlib.Path("gateway-data")
    host: str = "127.0.0.1"
    port: int = 8000
    #: Processes that serve: each has its part of the memory and, while Redis does not answer, of the limit.
    workers: int = 1
    #: API keys by class: ``GATEWAY_KEYS_HEALTH=key1,key2``. A key that is none of them is 401; without one, class user.
    keys: dict[str, Class] = dataclasses.field(default_factory=dict, repr=False)
    #: True: whoever has no key is refused.
    key_required: bool = False
    #: Proxies whose ``X-Forwarded-For`` is believed: networks, ``10.0.0.0/8``.
    proxies: tuple[Network, ...] = ()
    #: Bytes that a request may have.
    max_body: int = 256 << 10
    #: Rows up to which an answer comes at once; above it is a job.
    small_rows: int = 50_000
    #: Bytes (in Arrow's memory) up to which an answer comes at once.
    small_bytes: int = 32 << 20
    #: Files that a query may have to convert and still be answered at once.
    small_files: int = 4
    #: Seconds that an answer at once may take; DS-504 then.
    deadline: float = 60.0
    #: Where SQL of users runs: in a process of its own; ``none``: in the service's.
    isolation: Literal["none", "process", "all"] = "process"
    #: Origins that browsers may ask from; none.
    origins: tuple[str, ...] = ()
    #: Seconds that open answers have once the service is told to stop.
    grace: float = 20.0
    #: Seconds for which the file of a job that has ended is kept.
    keep: float = 7 * 86_400.0
    redis: str | None = dataclasses.field(default=None, repr=False)
    language: Literal["pt", "en"] = "pt"
    log_level: str = "INFO"

    @staticmethod
    def of_environment() -> Settings:
        """From the process's environment."""
        get = os.environ.get
        keys: dict[str, Class] = {}
        for name in CLASSES:
            keys |= {key: name for key in _list(get(f"GATEWAY_KEYS_{name.upper()}"))}
        number = {
            "port": int,
            "workers": int,
            "max_body": int,
            "small_rows": int,
            "small_bytes": int,
            "small_files": int,
        }
        number |= {"deadline": float, "grace": float, "keep": float}  # type: ignore[dict-item]
        given = {name: get(f"GATEWAY_{name.upper()}") for name in number}
        numbers = {name: number[name](said) for name, said in given.items() if said}
        language = get("DATASUS_LANGUAGE") or "pt"
        return Settings(
            source=get("DATASUS_SOURCE") or ".",
            home=pathlib.Path(get("GATEWAY_HOME") or "gateway-data").absolute(),
            host=get("GATEWAY_HOST") or "127.0.0.1",
            keys=keys,
            key_required=get("GATEWAY_KEY_REQUIRED") in ("1", "true"),
            proxies=tuple(ipaddress.ip_network(one) for one in _list(get("GATEWAY_PROXIES"))),
            origins=tuple(_list(get("GATEWAY_ORIGINS"))),
            redis=get("DATASUS_REDIS") or None,
            isolation=get("DATASUS_ISOLATION") or "process",  # type: ignore[arg-type]
            language="en" if language == "en" else "pt",
            log_level=(get("GATEWAY_LOG_LEVEL") or "INFO").upper(),
            **numbers,  # type: ignore[arg-type]
        )


def _list(said: str | None) -> list[str]:
    return [one.strip() for one in (said or "").split(",") if one.strip()]
