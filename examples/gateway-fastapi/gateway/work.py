"""Threads that wait for the core: whoever is more urgent gets the next one, by the core's own rule."""

from __future__ import annotations

import asyncio
import collections
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar, ParamSpec, TypeVar

from .errors import Refusal
from .settings import CLASSES, Class

P = ParamSpec("P")
T = TypeVar("T")
_Queue = collections.deque[tuple[float, Future[Any], Callable[[], Any]]]
#: So many seconds of waiting lift a request by one class, as in the core's queue.
_LIFT = 30.0


class Threads:
    """Some for everybody, some for the urgent alone, and a few for what needs no turn in the queue."""

    #: Requests of a class that wait or run at once; one more is 429.
    MOST: ClassVar[dict[str, int]] = {"health": 128, "admin": 128, "user": 256}
    #: Threads for a class and those above it. The core runs as many jobs at once as there are cores: more threads would only
    #: take turns with the urgent ones'.
    COUNT: ClassVar[dict[Class, int]] = {"user": max(4, 2 * (os.cpu_count() or 1)), "admin": 2, "health": 4}

    def __init__(self) -> None:
        self.open = dict.fromkeys(CLASSES, 0)
        self._short = ThreadPoolExecutor(8, "gateway-short")
        self._waiting: list[collections.deque[tuple[float, Future[Any], Callable[[], Any]]]] = [
            collections.deque() for _ in CLASSES
        ]
        self._changed = threading.Condition()
        self._closed = False
        for name, count in self.COUNT.items():
            for number in range(count):
                thread = threading.Thread(
                    target=self._work, args=(CLASSES.index(name),), name=f"gateway-{name}-{number}"
                )
                thread.daemon = True
                thread.start()

    def check(self, name: Class) -> None:
        """Refusal: too many of the class wait already."""
        if self.open[name] >= self.MOST[name]:
            raise Refusal(429, "DS-429", "busy", retry_after_sec=5)

    async def queued(self, name: Class, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work that takes its turn."""
        self.check(name)
        self.open[name] += 1
        try:
            future: Future[T] = Future()
            with self._changed:
                self._waiting[CLASSES.index(name)].append((time.monotonic(), future, lambda: work(*args, **kwargs)))
                self._changed.notify_all()
            return await asyncio.wrap_future(future)
        finally:
            self.open[name] -= 1

    async def short(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Looks at files and footers."""
        return await asyncio.get_running_loop().run_in_executor(self._short, lambda: work(*args, **kwargs))

    def _next(self, lowest: int) -> tuple[Future[Any], Callable[[], Any]] | None:
        due = [(queue[0][0] + _LIFT * place, place) for place, queue in enumerate(self._waiting[: lowest + 1]) if queue]
        if not due:
            return None
        _, future, work = self._waiting[min(due)[1]].popleft()
        return future, work

    def _work(self, lowest: int) -> None:
        while True:
            with self._changed:
                while (found := self._next(lowest)) is None:
                    if self._closed:
                        return
                    self._changed.wait()
            future, work = found
            # Whoever asked may have gone.
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)

    def close(self) -> None:
        """Takes no more; what runs comes to its end."""
        with self._changed:
            self._closed = True
            for queue in self._waiting:
                for _, future, _work in queue:
                    future.cancel()
                queue.clear()
            self._changed.notify_all()
        self._short.shutdown(wait=False, cancel_futures=True)
