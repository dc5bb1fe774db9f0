"""The front door."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from . import _datasus, _host
from ._client import Client, Path


def open(  # noqa: A001 - `datasus.open` reads as the thing it does
    source: Path | Sequence[Path] | Mapping[str, Path | Sequence[Path]] = ".",
    *,
    mirrors: Sequence[str] | None = None,
    home: Path | None = None,
    refresh: Literal["never", "changed", "always"] | None = None,
    refresh_after: float | None = None,
    keep_files: bool | None = None,
    max_download: int | None = None,
    transfers: int | None = None,
    ca: Path | None = None,
    declared: Mapping[str, Path | Sequence[Path]] | None = None,
    tables: Mapping[str, Any] | None = None,
    csv: Mapping[str, Mapping[str, Any]] | None = None,
    lake: Path | None = None,
    output: Path | None = None,
    state: Path | None = None,
    spill: Path | None = None,
    memory_limit: int | None = None,
    spill_limit: int | None = None,
    postgres: str | None = None,
    s3_endpoint: str | None = None,
    s3_region: str | None = None,
    s3_path_style: bool | None = None,
    s3_key: str | None = None,
    s3_secret: str | None = None,
    s3_token: str | None = None,
    s3_profile: str | None = None,
    s3_credentials: Literal["keys", "instance"] | None = None,
    s3_ca: Path | None = None,
    s3_proxy: str | None = None,
    s3_timeout: float | None = None,
    remote_cache: Path | None = None,
    remote_cache_limit: int | None = None,
    cache_memory: int | None = None,
    cache_folder: Path | None = None,
    cache_limit: int | None = None,
    cache_entry_limit: int | None = None,
    cache_level: int | None = None,
    redis: str | None = None,
    redis_secret: str | None = None,
    redis_level: int | None = None,
    redis_ca: Path | None = None,
    redis_ttl: float | None = None,
    rate_limit: int | None = None,
    processes: int | None = None,
    deadline: float | None = None,
    threads: int | None = None,
    engine: str | None = None,
    engine_folder: Path | None = None,
    isolation: Literal["none", "process", "all"] | None = None,
    worker: Path | None = None,
    max_priority: Literal["health", "admin", "user"] | None = None,
    on_emergency: Literal["sample", "spill", "wait", "fail"] | None = None,
    chunk_rows: int | None = None,
    verify_crc: bool | None = None,
    language: Literal["pt", "en"] | None = None,
    progress: bool | None = None,
) -> Client:
    """Opens the ministry's server (``datasus://``) or a mirror of it, or a folder of DBC, DBF or Parquet files, or one file.

    Em português: ``datasus.ajuda("open")``.

    Whatever is left out comes from its ``DATASUS_*`` variable (``DATASUS_LAKE``, ``DATASUS_OUTPUT``, ...), or is the default.

    Parameters
    ----------
    source : str or path, or a list of them
        ``datasus://``, ``ftp://host/folder``, ``https://host/folder/``, or a folder. Of several, with the same tree, each is
        tried where those before it do not serve. Nothing is read, or asked of a server, before a query asks.
    mirrors : list of str, optional
        Where else the tree of a source like ``datasus://`` lies, tried in order.
    home : str or path, optional
        Folder of what is fetched: lake, jobs, listings, files; ``datasus`` in the user's data folder.
    refresh : {"changed", "never", "always"}, optional
        When a server is asked again what it has: once listings are older than ``refresh_after``, never, or in every query.
    refresh_after : float, optional
        Seconds for which a listing holds; one day.
    keep_files : bool, optional
        Whether files that were fetched stay beside what they were converted into; false.
    max_download : int, optional
        Bytes that one query may fetch; 5 GB.
    transfers : int, optional
        Files that are fetched at once, 1 to 6; 2.
    ca : str or path, optional
        PEM file of authorities that are trusted beside the system's, for sources by HTTPS and S3 servers.
    declared : mapping, optional
        Datasets whose files have names of your own: ``{"SIH-RD": ["exports/*.parquet"], "SIM-DO": "mortes.csv"}``. Parquet or
        CSV; the dataset's columns say which UF and month each row is of.
    tables : mapping, optional
        Tables of your own for SQL, by name: a Parquet or CSV, or anything with ``__arrow_c_stream__`` (pandas, polars,
        pyarrow).
    csv : mapping, optional
        How CSV among them are written, by their name, where the files are not to say it: ``{"municipios": {"delimiter": ";",
        "encoding": "windows-1252", "types": {"populacao": "integer"}}}``. Types: ``text``, ``integer``, ``decimal(14,2)``,
        ``date``; what is none of its type is an error.
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
    s3_endpoint : str, optional
        Server of ``s3://`` sources, lakes and outputs, ``https://minio.example:9000``; Amazon's of the region.
    s3_region : str, optional
        Region of the buckets; the profile's, or ``us-east-1``.
    s3_path_style : bool, optional
        Whether the bucket stands in the path; true with an ``s3_endpoint``.
    s3_key : str, optional
        Access key; never shown.
    s3_secret : str, optional
        Secret of the access key; never shown.
    s3_token : str, optional
        Session token of a temporary key; never shown.
    s3_profile : str, optional
        Profile of ``~/.aws/credentials`` whose key is used.
    s3_credentials : {"keys", "instance"}, optional
        Where keys come from: the settings or the profile, or the machine's metadata service.
    s3_ca : str or path, optional
        The same for S3 servers alone; ``ca``.
    s3_proxy : str, optional
        Proxy of these requests; never shown.
    s3_timeout : float, optional
        Seconds without a byte before a request is tried again; 30.
    remote_cache : str or path, optional
        Folder of copies of what lies in other stores; in the user's cache folder.
    remote_cache_limit : int, optional
        Bytes that those copies may have; 20 GB.
    cache_memory : int, optional
        Bytes of answers kept in memory; 64 MB, 0 for none.
    cache_folder : str or path, optional
        Folder of answers that all processes of the user share; none.
    cache_limit : int, optional
        Bytes of that folder; 5 GB.
    cache_entry_limit : int, optional
        Bytes of an answer above which it is not kept; 8 MB.
    cache_level : int, optional
        zstd level of kept answers, 1 to 19; 1.
    redis : str, optional
        Redis in which several machines keep answers, ``redis://server:6379/0``; never shown.
    redis_secret : str, optional
        Secret of all clients that share answers in Redis, 16 characters at least; never shown. What was made without it is
        refused.
    redis_level : int, optional
        zstd level of answers in Redis, 1 to 19; ``cache_level``.
    redis_ca : str or path, optional
        File of certificates of a private authority for ``rediss://``.
    redis_ttl : float, optional
        Seconds after which Redis forgets an answer; one day.
    rate_limit : int, optional
        Queries a minute for each ``rate_key``; 100, 0 for no limit.
    processes : int, optional
        How many processes serve together, as the workers of a service: each has its part of memory and limit; 1.
    deadline : float, optional
        Seconds that any query may take; one day.
    threads : int, optional
        Threads for conversion and engine; one per core.
    engine : str, optional
        A cluster on which queries run: ``sc://host:15002``, a Spark Connect server, with ``/;use_ssl=true;token=...`` behind it
        where it asks for them; this process. SQL does not go there.
    engine_folder : str or path, optional
        A folder that the cluster and this machine see under one path: there the cluster writes what goes to files and tables,
        however much it is; none, and up to ``spill_limit`` it comes through the server.
    isolation : {"none", "process", "all"}, optional
        What runs in a process of its own, which reads the query's files and does nothing else: SQL, or whatever the engine
        runs; none.
    worker : str or path, optional
        The program that runs there: ``datasus-worker`` of this build; the one that the package brings.
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
    others: list[str] = []
    if isinstance(source, Mapping):
        if declared is not None:
            raise TypeError("declared is given twice: as the source and by its name")
        declared, place = source, ""
    elif isinstance(source, list | tuple):
        place, *others = [os.fspath(one) for one in source] or ["."]
    else:
        place = os.fspath(cast(Path, source))
    streams: dict[str, Any] = {}
    paths: dict[str, str] = {}
    for name, table in (tables or {}).items():
        if isinstance(table, str | os.PathLike):
            paths[name] = os.fspath(table)
        elif hasattr(table, "__arrow_c_stream__"):
            streams[name] = table
        else:
            raise TypeError(
                f"tables[{name!r}] is neither a path nor a table with __arrow_c_stream__: {type(table).__name__}"
            )
    settings: dict[str, Any] = {
        "mirrors": mirrors,
        "home": home,
        "refresh": refresh,
        "refresh_after": refresh_after,
        "keep_files": keep_files,
        "max_download": max_download,
        "transfers": transfers,
        "ca": ca,
        "declared": None if declared is None else {name: _paths(of) for name, of in declared.items()},
        "tables": paths or None,
        "csv": None if csv is None else {name: dict(form) for name, form in csv.items()},
        "lake": lake,
        "output": output,
        "state": state,
        "spill": spill,
        "memory_limit": memory_limit,
        "spill_limit": spill_limit,
        "postgres": postgres,
        "s3_endpoint": s3_endpoint,
        "s3_region": s3_region,
        "s3_path_style": s3_path_style,
        "s3_key": s3_key,
        "s3_secret": s3_secret,
        "s3_token": s3_token,
        "s3_profile": s3_profile,
        "s3_credentials": s3_credentials,
        "s3_ca": s3_ca,
        "s3_proxy": s3_proxy,
        "s3_timeout": s3_timeout,
        "remote_cache": remote_cache,
        "remote_cache_limit": remote_cache_limit,
        "cache_memory": cache_memory,
        "cache_folder": cache_folder,
        "cache_limit": cache_limit,
        "cache_entry_limit": cache_entry_limit,
        "cache_level": cache_level,
        "redis": redis,
        "redis_secret": redis_secret,
        "redis_level": redis_level,
        "redis_ca": redis_ca,
        "redis_ttl": redis_ttl,
        "rate_limit": rate_limit,
        "processes": processes,
        "deadline": deadline,
        "threads": threads,
        "engine": engine,
        "engine_folder": engine_folder,
        "isolation": isolation,
        "worker": worker,
        "max_priority": max_priority,
        "on_emergency": on_emergency,
        "chunk_rows": chunk_rows,
        "verify_crc": verify_crc,
        "language": language,
    }
    if others or mirrors is not None:
        settings["mirrors"] = [*others, *(mirrors or ())]
    given = {name: os.fspath(v) if isinstance(v, os.PathLike) else v for name, v in settings.items() if v is not None}
    _host.listen()
    config = json.dumps(given, ensure_ascii=False, allow_nan=False)
    opened = _datasus.Client.open(place, config)
    client = Client(opened, progress, place)
    for name, table in streams.items():
        client.add_table(name, table)
    return client


def _paths(of: Path | Sequence[Path]) -> str | list[str]:
    """One path, or a list of them, as text."""
    if isinstance(of, str | os.PathLike):
        return os.fspath(of)
    return [os.fspath(one) for one in of]
