"""Who is refused at once, on the event loop: before a body is read, and without a thread."""

from __future__ import annotations

import collections
import math
import time

import datasus

from .errors import Refusal

#: Addresses that are remembered; of more the oldest is asked about again.
_MOST = 10_000


class Admission:
    """Those that the core's limit has told to wait, until they have."""

    def __init__(self) -> None:
        self._until: collections.OrderedDict[str, tuple[float, int]] = collections.OrderedDict()

    def check(self, address: str, closing: bool) -> None:
        """Refusal: 429, as the core has it, or 503, as the service is being closed."""
        if closing:
            raise Refusal(503, "DS-503", "closing", retry_after_sec=5)
        until, limit = self._until.get(address, (0.0, 0))
        left = until - time.monotonic()
        if left > 0:
            raise Refusal(429, "DS-429", "limited", limit=limit, retry_after_sec=math.ceil(left))

    def note(self, address: str, error: datasus.Error) -> None:
        """An address that was refused; the queue's own refusals are nobody's in particular."""
        limit = error.diagnostic.get("limit")
        if not isinstance(limit, int):
            return
        self._until[address] = (
            time.monotonic() + float(error.diagnostic["retry_after_sec"]),
            limit,
        )
        self._until.move_to_end(address)
        while len(self._until) > _MOST:
            self._until.popitem(last=False)
