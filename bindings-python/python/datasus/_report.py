"""What a job did."""

from __future__ import annotations

import json
from typing import Any

from ._html import number, table


class _Record(dict[str, Any]):
    """A dictionary of the contract with its fields as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(self)}") from None

    def to_json(self) -> str:
        """The record as JSON text.

        Examples
        --------
        >>> client.sync("SIH-RD", uf="AC").to_json()[:10]
        '{"files": '
        """
        return json.dumps(self, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"


class Report(_Record):
    """The report of a completed job: typed attributes, a dictionary, and JSON.

    Examples
    --------
    >>> import datasus
    >>> report = client.export("SIH-RD", columns=["CNES"], to=datasus.Csv("b.csv"))
    >>> report.records_processed == report["records_processed"]
    True
    >>> report.status, report.storage
    ('completed', {'csv': 'b.csv'})
    """

    contract: int
    status: str
    job_id: str
    trace_id: str
    #: Rows delivered to the sinks.
    records_processed: int
    #: Where the rows are now, by sink.
    storage: dict[str, Any]
    #: ``duration_sec``, ``throughput_rps``, ``memory_peak_gb`` (of the process, in 10^9 bytes).
    performance: dict[str, float]
    #: The memory's mode when the job began.
    mode: str
    #: None: every row was read.
    sampling: dict[str, Any] | None
    dead_letters: int
    attempts: int
    resumed_from: dict[str, int] | None
    cache: str
    #: Each source file, with its rows and SHA-256.
    sources: list[dict[str, Any]]
    warnings: list[str]

    def _repr_html_(self) -> str:
        performance = self["performance"]
        rows = [
            ("registros", number(self["records_processed"])),
            ("destinos", ", ".join(f"{sink}: {place}" for sink, place in self["storage"].items()) or "memória"),
            ("duração", f"{performance['duration_sec']:.2f} s"),
            ("registros por segundo", number(performance["throughput_rps"])),
            ("pico de memória", f"{performance['memory_peak_gb']:.2f} GB"),
            ("modo", self["mode"]),
            ("arquivos", len(self["sources"])),
            ("registros rejeitados", number(self["dead_letters"])),
        ]
        if self.get("sampling"):
            rows.append(("AMOSTRA", f"{self['sampling'].get('fraction', 0):.0%} das linhas"))
        rows += [("aviso", warning) for warning in self["warnings"]]
        return table(("relatório", self["job_id"]), rows)


class SyncReport(_Record):
    """What :meth:`Client.sync` did.

    Examples
    --------
    >>> client.sync("SIH-RD").files
    6
    """

    files: int
    rows: int
    #: Bytes of the converted Parquet.
    bytes: int
    duration_sec: float
    sources: list[dict[str, Any]]
    bad_values: list[dict[str, Any]]
    #: Columns whose codes were brought into the catalogue's form: dataset, column, form, files, count, samples.
    normalised: list[dict[str, Any]]
    warnings: list[str]


class JobInfo(_Record):
    """A job that left something, as :meth:`Client.jobs` lists it.

    Examples
    --------
    >>> [(job.job_id, job.standing, job.error) for job in client.jobs()]
    []
    """

    job_id: str
    #: ``running``, ``crashed``, ``failed``, ``ended``, ``foreign`` or ``unreadable`` (``error`` says why).
    standing: str
    created_at: str
    params: dict[str, Any]
    destinations: Any
    error: dict[str, Any] | None
    dead_letters: int
    pid: int
    host: str


class DeadLetter(_Record):
    """A record that was not taken, with its reason and where it comes from.

    Examples
    --------
    >>> for left in client.jobs():
    ...     for letter in client.dead_letters(left.job_id):
    ...         print(letter.source_file, letter.source_row, letter.column, letter.value, letter.reason)
    """

    sink: str
    unit: int
    row: int
    reason: str
    sqlstate: str | None
    source_file: str | None
    source_row: int | None
    column: str | None
    value: str | None
    record: dict[str, Any]
    trace_id: str


class Explain(_Record):
    """What a query would read, against what is there: files, row groups, columns, SQL.

    Examples
    --------
    >>> plan = client.explain("SIH-RD", uf="AC", columns=["CNES"])
    >>> plan.datasets, plan.files
    (['SIH-RD'], {'read': 3, 'present': 6})
    """


class FileSummary(_Record):
    """What was noticed in a file that :func:`read_dbc` has read.

    Examples
    --------
    >>> records = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["CNES"])
    >>> _ = records.to_arrow()
    >>> records.summary.rows, records.summary.rows_deleted, records.summary.bad_values
    (100, 0, [])
    """

    rows: int
    rows_declared: int
    rows_deleted: int
    rows_unflagged: int
    rows_rejected: int
    crc: str
    sha256: str
    bad_values: list[dict[str, Any]]
    #: Columns whose codes were brought into the catalogue's form: column, form, count, samples (as they were, as they are).
    normalised: list[dict[str, Any]]
    warnings: list[str]
