"""The interpreter's side: Python's ``logging``, ``gc.collect()`` when memory is scarce, the end of the process."""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import threading
import traceback
from typing import Any

from . import _awaits, _datasus

logger = logging.getLogger("datasus")
logger.addHandler(logging.NullHandler())

_started: threading.Thread | None = None
_in_forked_child = False
_stop = threading.Event()
_lock = threading.Lock()


def _facts(said: str) -> dict[str, Any]:
    """What a record bears beside its text: ``event``, ``fields``, and what ties lines together; none where it is not known."""
    event, fields = json.loads(said)
    known = {name: fields.get(name) for name in ("trace_id", "job_id", "stage", "code")}
    return {"event": event, "fields": fields, **known}


def _pump(events: Any) -> None:
    while not _stop.is_set():
        told = events.next_within(0.25)
        if told is None:
            continue
        level, text, facts = told
        try:
            if level:
                logger.log(level, "%s", text, extra=_facts(facts))
            else:
                gc.collect()
        except Exception:
            # A handler of the user's own must not end the pump; it is told of as `logging` tells of its own failures.
            if logging.raiseExceptions:
                traceback.print_exc()


def listen() -> None:
    """Starts the pump once, and takes over the logger's level of now."""
    global _started
    if _in_forked_child:
        return
    _datasus.set_log_level(max(5, min(logger.getEffectiveLevel(), 255)))
    if _started is None:
        with _lock:
            if _started is None:
                _started = threading.Thread(
                    target=_pump, args=(_datasus.host_events(),), name="datasus-host", daemon=True
                )
                _started.start()


def _end() -> None:
    # First the jobs; then the pump, whose handlers may be asking us something, and must come back to let go of their locks.
    # After that no thread may be left that takes the GIL.
    _datasus.shut_down()
    _stop.set()
    if _started is not None and _started.is_alive():
        _started.join(2.0)
    _awaits.stop()
    _datasus.hold_back()


def _forked() -> None:
    # The pump is not here, nor is anything that it would tell of.
    global _in_forked_child
    _in_forked_child = True
    atexit.unregister(_end)


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
