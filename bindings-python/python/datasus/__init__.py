"""Brazil's public-health records (DATASUS), from the ministry's files to your data frame.

Em português: ``datasus.ajuda()``.

Examples
--------
>>> import datasus
>>> client = datasus.open(folder)
>>> client.query("SIH-RD", uf="AC", competencia="202401", columns=["CNES", "VAL_TOT"]).to_pandas().shape
(100, 2)
"""

from ._ajuda import ajuda
from ._client import Client
from ._datasus import __version__
from ._errors import (
    Cancelled,
    Conflict,
    CredentialsRefused,
    DamagedFile,
    DeadlinePassed,
    DiskFull,
    Error,
    Forbidden,
    ForkError,
    InternalError,
    InvalidParams,
    NotFound,
    OutOfMemory,
    QueueFull,
    TooManyDeadLetters,
    TooManyRows,
    Unreachable,
)
from ._example_data import example_data
from ._filters import Column, Filter, col
from ._job import Event, Job, Progress
from ._open import open  # noqa: A004
from ._profile import Profile
from ._read_dbc import read_dbc
from ._report import DeadLetter, Estimate, Explain, FileSummary, JobInfo, Rates, Report, SyncPlan, SyncReport
from ._result import Batch, FileRecords, Result
from ._schema import (
    ColumnInfo,
    DatasetSummary,
    DerivedInfo,
    DictionaryEntry,
    DictionarySync,
    Found,
    FoundColumns,
    Holdings,
    IgnoredFile,
    Known,
    Schema,
)
from ._sinks import Csv, Destination, Parquet, Postgres
from ._warn import DatasusWarning

__all__ = [
    "Batch",
    "Cancelled",
    "Client",
    "Column",
    "ColumnInfo",
    "Conflict",
    "CredentialsRefused",
    "Csv",
    "DamagedFile",
    "DatasetSummary",
    "DatasusWarning",
    "DeadLetter",
    "DeadlinePassed",
    "DerivedInfo",
    "Destination",
    "DictionaryEntry",
    "DictionarySync",
    "DiskFull",
    "Error",
    "Estimate",
    "Event",
    "Explain",
    "FileRecords",
    "FileSummary",
    "Filter",
    "Forbidden",
    "ForkError",
    "Found",
    "FoundColumns",
    "Holdings",
    "IgnoredFile",
    "InternalError",
    "InvalidParams",
    "Job",
    "JobInfo",
    "Known",
    "NotFound",
    "OutOfMemory",
    "Parquet",
    "Postgres",
    "Profile",
    "Progress",
    "QueueFull",
    "Rates",
    "Report",
    "Result",
    "Schema",
    "SyncPlan",
    "SyncReport",
    "TooManyDeadLetters",
    "TooManyRows",
    "Unreachable",
    "__version__",
    "ajuda",
    "col",
    "example_data",
    "open",
    "read_dbc",
]
