"""A server of the ministry's files that holds what it sends until it is told to: a job that cannot end before, on any
machine.
"""

from __future__ import annotations

import pathlib
import threading

import ftp_server


class Session(ftp_server.Session):
    """Of one client."""

    server: HeldSource

    def send(self, data: bytes) -> None:
        """A listing at once; a file, once it may."""
        if data in self.server.files:
            self.server.asked.set()
            # Its end sets it: no slow test opens it by itself.
            self.server.released.wait(3_600)
        super().send(data)


class HeldSource(ftp_server.Server):
    """On a port of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.released, self.asked = threading.Event(), threading.Event()
        super().__init__(str(folder))
        self.RequestHandlerClass = Session
        self.files = set(self.tree.values())

    def __enter__(self) -> HeldSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()
