"""What awaits a job or rows is woken when there is something; nothing asks every so often, and no thread waits for each."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable
from typing import TypeVar

from . import _datasus

T = TypeVar("T")

_tickets = itertools.count(1)
_waiting: dict[int, Callable[[], object]] = {}
_started: threading.Thread | None = None
_stop = threading.Event()
_lock = threading.Lock()


def _pump() -> None:
    while not _stop.is_set():
        ticket = _datasus.next_wake(0.25)
        wake = None if ticket is None else _waiting.get(ticket)
        if wake is not None:
            # A closed loop has nobody who awaits.
            with contextlib.suppress(RuntimeError):
                wake()


def _listen() -> None:
    global _started
    if _started is None:
        with _lock:
            if _started is None:
                _started = threading.Thread(target=_pump, name="datasus-wakes", daemon=True)
                _started.start()


def stop() -> None:
    """Wakes nobody any more."""
    _stop.set()
    if _started is not None and _started.is_alive():
        _started.join(2.0)


async def ready(poll: Callable[[int], T | None]) -> T:
    """What ``poll`` gives, asked again each time that the ticket it was given is woken."""
    loop = asyncio.get_running_loop()
    _listen()
    while True:
        woken: asyncio.Future[None] = loop.create_future()

        def wake(woken: asyncio.Future[None] = woken) -> None:
            loop.call_soon_threadsafe(lambda: None if woken.done() else woken.set_result(None))

        ticket = next(_tickets)
        _waiting[ticket] = wake
        try:
            found = poll(ticket)
            if found is not None:
                # However much there is: the loop's others have a turn, too.
                await asyncio.sleep(0)
                return found
            await woken
        finally:
            del _waiting[ticket]
