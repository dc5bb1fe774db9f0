"""A folder in another's place by one act of the file system."""

from __future__ import annotations

import ctypes
import os
import shutil

_HERE, _EXCHANGE = -100, 2


def synced(folder: str) -> None:
    """The names below it are on the disk before they are shown."""
    for inside, _, _ in os.walk(folder):
        opened = os.open(inside, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def exchanged(made: str, target: str) -> None:
    """``made`` is ``target`` from now on; what stood there goes afterwards."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.isdir(target):
        os.rename(made, target)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, os.fsencode(made), _HERE, os.fsencode(target), _EXCHANGE) != 0:
        # A file system that cannot: nothing was changed.
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)
    shutil.rmtree(made, ignore_errors=True)
