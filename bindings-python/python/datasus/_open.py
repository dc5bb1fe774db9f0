"""The front door."""

from __future__ import annotations

import json
import os
from typing import Any, Literal

from . import _datasus, _host
from ._client import Client, Path


def open(  # noqa: A001 - `datasus.open` reads as the thing it does
    source: Path = ".",
    *,
    lake: Path | None = None,
    output: Path | None = None,
    state: Path | None = None,
    spill: Path | None = None,
    memory_limit: int | None = None,
    spill_limit: int | None = None,
    postgres: str | None = None,
    deadline: float | None = None,
    threads: int | None = None,
    max_priority: Literal["health", "admin", "user"] | None = None,
    on_emergency: Literal["sample", "spill", "wait", "fail"] | None = None,
    chunk_rows: int | None = None,
    verify_crc: bool | None = None,
    language: Literal["pt", "en"] | None = None,
    progress: bool | None = None,
) -> Client:
    """Opens a folder of DBC, DBF or Parquet files, in any layout, or one file.

    Em português: ``datasus.ajuda("open")``.

    Whatever is left out comes from its ``DATASUS_*`` variable (``DATASUS_LAKE``, ``DATASUS_OUTPUT``, ...), or is the default.

    Parameters
    ----------
    source : str or path
        The folder. Nothing is read but the list of its files, when a query asks.
    lake : str or path, optional
        Folder of converted Parquet; ``.datasus/lake`` inside the source folder.
    output : str or path, optional
        Folder that holds every file an export writes; the current one.
    state : str or path, optional
        Folder of what jobs keep to be resumed, on a local file system.
    spill : str or path, optional
        Folder for what a query spills; the system's temporary one.
    memory_limit : int, optional
        Bytes that one query may hold in the engine; 45 % of the machine's or container's memory.
    spill_limit : int, optional
        Bytes that one query may spill; 50 GB.
    postgres : str, optional
        Address of the server for sinks that name none; never shown.
    deadline : float, optional
        Seconds that any query may take; one day.
    threads : int, optional
        Threads for conversion and engine; one per core.
    max_priority : {"health", "admin", "user"}, optional
        The most urgent class that a query gets.
    on_emergency : {"wait", "sample", "spill", "fail"}, optional
        What the rows of a dataset do that begin to be read when memory is nearly exhausted, where the query does not say:
        wait (30 s at most), or be a sample of a tenth that says so.
    chunk_rows : int, optional
        Most rows of a batch; 65,536.
    verify_crc : bool, optional
        Whether a DBC's CRC-32 is checked; true.
    language : {"pt", "en"}, optional
        Language of the texts for people; Portuguese.
    progress : bool, optional
        Whether jobs show a progress bar; without it, in notebooks and terminals, where ``tqdm`` is installed.

    Returns
    -------
    Client
        Usable from any thread, and as a context manager.

    Examples
    --------
    >>> import datasus
    >>> with datasus.open(folder, language="en") as here:
    ...     here.query("SIH-RD", uf="AC", columns=["CNES", "VAL_TOT"]).to_arrow().num_rows
    300
    """
    settings: dict[str, Any] = {
        "lake": lake,
        "output": output,
        "state": state,
        "spill": spill,
        "memory_limit": memory_limit,
        "spill_limit": spill_limit,
        "postgres": postgres,
        "deadline": deadline,
        "threads": threads,
        "max_priority": max_priority,
        "on_emergency": on_emergency,
        "chunk_rows": chunk_rows,
        "verify_crc": verify_crc,
        "language": language,
    }
    given = {name: os.fspath(v) if isinstance(v, os.PathLike) else v for name, v in settings.items() if v is not None}
    _host.listen()
    config = json.dumps(given, ensure_ascii=False, allow_nan=False)
    return Client(_datasus.Client.open(os.fspath(source), config), progress, os.fspath(source))
