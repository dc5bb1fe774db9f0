"""A way to a PostgreSQL that holds what a connection sends beyond its first bytes: a load that cannot end before it is told to,
however fast the machine is.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit


@contextlib.contextmanager
def held(url: str, after: int = 4 << 20) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL by way of the proxy, and what releases it. Connections that send little, as those that cancel, never wait."""
    parts = urlsplit(url)
    server = (parts.hostname or "127.0.0.1", parts.port or 5432)
    released = threading.Event()

    def pump(source: socket.socket, target: socket.socket, holds: bool) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while block := source.recv(16 << 10):
                sent += len(block)
                if holds and sent > after:
                    released.wait()
                target.sendall(block)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(server)
                for ends in ((client, upstream, True), (upstream, client, False)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        port = listener.getsockname()[1]
        try:
            yield url.replace(f"{server[0]}:{server[1]}", f"127.0.0.1:{port}"), released.set
        finally:
            released.set()
