"""Threads that wait for the core, by class: whoever waits in the queue as a user holds no thread that a health request needs."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from .errors import Refusal
from .settings import CLASSES, Class

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A pool for each class, and one for what needs no turn in the queue."""

    #: Requests of a class that wait or run at once; one more is 429.
    MOST = {"health": 128, "admin": 128, "user": 256}
    SIZES = {"health": 16, "admin": 16, "user": 24}

    def __init__(self) -> None:
        self._pools = {name: ThreadPoolExecutor(self.SIZES[name], f"gateway-{name}") for name in CLASSES}
        self._short = ThreadPoolExecutor(8, "gateway-short")
        self.open = dict.fromkeys(CLASSES, 0)

    async def queued(self, name: Class, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work that takes its turn among the jobs."""
        if self.open[name] >= self.MOST[name]:
            raise Refusal(429, "DS-429", "busy", retry_after_sec=5)
        self.open[name] += 1
        try:
            return await self._on(self._pools[name], work, *args, **kwargs)
        finally:
            self.open[name] -= 1

    async def short(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Looks at files and footers."""
        return await self._on(self._short, work, *args, **kwargs)

    async def _on(self, pool: ThreadPoolExecutor, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: context.run(work, *args, **kwargs))

    def close(self) -> None:
        """Takes no more; what runs comes to its end."""
        for pool in (*self._pools.values(), self._short):
            pool.shutdown(wait=False, cancel_futures=True)
