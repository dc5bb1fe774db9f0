"""Ports for servers that cannot choose one themselves: `tests/free_port.py` prints one."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """One that nobody has now, below those that the system gives to whoever connects: nobody takes it by chance before the
    server has it.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def free_ports(count: int) -> list[int]:
    """So many, each another."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


if __name__ == "__main__":
    print(free_port())
