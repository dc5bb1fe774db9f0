"""Threads that wait for the core: whoever is more urgent gets the next one, by the core's own rule."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar, ParamSpec, TypeVar

from .errors import Refusal
from .settings import CLASSES, Class

P = ParamSpec("P")
T = TypeVar("T")
_Work = tuple[Future[Any], Callable[[], Any]]
#: So many seconds of waiting lift a request by one class, as in the core's queue.
_LIFT = 30.0


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    # Whoever asked may have gone.
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)


class _Some:
    """Threads that take things in their order. The process's end waits for none of them: what they wait for may never
    answer.
    """

    def __init__(self, count: int, name: str) -> None:
        self._waiting: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._work, name=f"gateway-{name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            _do(*self._waiting.get())

    def put(self, work: Callable[[], T]) -> Future[T]:
        """What it gives, once it is its turn."""
        future: Future[T] = Future()
        self._waiting.put((future, work))
        return future


class Threads:
    """Some for everybody, some for the urgent alone, a few for jobs, and a few that look at sources, which may be slow."""

    #: Requests of a class that wait or run at once; one more is 429.
    MOST: ClassVar[dict[str, int]] = {"health": 128, "admin": 128, "user": 256}
    #: Of one address, of whichever class: the limit of queries counts none before it begins.
    OF_ONE: ClassVar[int] = 32
    #: Looks at sources that wait or run at once.
    LOOKS: ClassVar[int] = 128
    #: Threads for a class and those above it. The core runs as many jobs at once as there are cores: more threads would only
    #: take turns with the urgent ones'.
    COUNT: ClassVar[dict[Class, int]] = {"user": max(4, 2 * (os.cpu_count() or 1)), "admin": 2, "health": 4}

    def __init__(self) -> None:
        self.open = dict.fromkeys(CLASSES, 0)
        self._of: collections.Counter[str] = collections.Counter()
        self._looking = 0
        self._short, self._look = _Some(8, "short"), _Some(8, "look")
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

    def check(self, name: Class, address: str) -> None:
        """Refusal: too many of the class, or of the address, wait already."""
        if self.open[name] >= self.MOST[name] or self._of[address] >= self.OF_ONE:
            raise Refusal(429, "DS-429", "busy", retry_after_sec=5)

    async def queued(
        self, name: Class, address: str, until: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Work that takes its turn; Refusal (504) where that does not come before ``until``, by the monotonic clock."""
        self.check(name, address)
        future: Future[T] = Future()
        entry = (time.monotonic(), future, lambda: work(*args, **kwargs))
        waiting, late = self._waiting[CLASSES.index(name)], False

        def expire() -> None:
            nonlocal late
            # What runs already has its own deadline.
            late = future.cancel()

        self.open[name] += 1
        self._of[address] += 1
        timer = asyncio.get_running_loop().call_later(max(0.0, until - time.monotonic()), expire)
        try:
            with self._changed:
                waiting.append(entry)
                self._changed.notify_all()
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            with self._changed, contextlib.suppress(ValueError):
                waiting.remove(entry)
            if late:
                raise Refusal(504, "DS-504", "late") from None
            raise
        finally:
            timer.cancel()
            self.open[name] -= 1
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]

    async def short(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Looks at records and files of jobs, on our own disk."""
        return await asyncio.wrap_future(self._short.put(lambda: work(*args, **kwargs)))

    async def look(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Looks at a source, which may be far away: however long it is silent, jobs are told of, followed and cancelled."""
        if self._looking >= self.LOOKS:
            raise Refusal(429, "DS-429", "busy", retry_after_sec=5)
        self._looking += 1
        try:
            return await asyncio.wrap_future(self._look.put(lambda: work(*args, **kwargs)))
        finally:
            self._looking -= 1

    def _next(self, lowest: int) -> _Work | None:
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
            _do(*found)

    def close(self) -> None:
        """Takes no more; what runs comes to its end."""
        with self._changed:
            self._closed = True
            for queue in self._waiting:
                for _, future, _work in queue:
                    future.cancel()
                queue.clear()
            self._changed.notify_all()
