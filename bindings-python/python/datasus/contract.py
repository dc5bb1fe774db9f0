"""The contract, typed: what is told, part by part, the options of a query, and the names of the datasets.

Generated from the core's JSON Schema (``make contract``): change the core instead.

Examples
--------
>>> import datasus
>>> from datasus.contract import Performance
>>> report = client.export("SIH-RD", columns=["CNES"], to=datasus.Csv("contract.csv"))
>>> isinstance(report.performance, Performance), report.performance.duration_sec >= 0
(True, True)
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypedDict

from ._record import Record

#: Every dataset of the catalogue. Its aliases (``RD``, ``dengue``) and any case are read as well.
DatasetName = Literal[
    "CIH-CR",
    "CIHA-CIHA",
    "CNES-ST",
    "CNES-PF",
    "CNES-LT",
    "CNES-EQ",
    "CNES-SR",
    "CNES-EP",
    "CNES-HB",
    "CNES-DC",
    "CNES-IN",
    "CNES-RC",
    "CNES-EE",
    "CNES-EF",
    "CNES-GM",
    "ESUSNOTIFICA-DCCR",
    "IBGE-POPSVS",
    "IBGE-POP",
    "IBGE-POPTCU",
    "IBGE-PROJUF",
    "IBGE-ALF",
    "IBGE-ESCA",
    "IBGE-ESCB",
    "IBGE-IDOSO",
    "IBGE-RENDA",
    "PCE-PCE",
    "PCE-PCEBR",
    "PNI-CPNI",
    "PNI-CPNIIG",
    "PNI-CPNIUF",
    "PNI-CPNIBR",
    "PNI-DPNI",
    "PNI-DPNIIG",
    "PNI-DPNIBR",
    "PNI-DPNIUF",
    "PO-PO",
    "RESP-RESP",
    "RESP-RESPBR",
    "SIA-PA",
    "SIA-AB",
    "SIA-ABO",
    "SIA-ACF",
    "SIA-AD",
    "SIA-AM",
    "SIA-AMP",
    "SIA-AN",
    "SIA-AQ",
    "SIA-AR",
    "SIA-ATD",
    "SIA-BI",
    "SIA-PS",
    "SIA-SAD",
    "SIA-AC",
    "SIH-RD",
    "SIH-SP",
    "SIH-RJ",
    "SIH-ER",
    "SIH-CH",
    "SIH-CM",
    "SIH-MT",
    "SIM-DO",
    "SIM-DOR",
    "SIM-DORIG",
    "SIM-DOFET",
    "SIM-DOEXT",
    "SIM-DOINF",
    "SIM-DOMAT",
    "SIM-DOREXT",
    "SIM-DOBR",
    "SIM-DORBR",
    "SINAN-ACBI",
    "SINAN-ACGR",
    "SINAN-ANIM",
    "SINAN-ANTR",
    "SINAN-BOTU",
    "SINAN-CANC",
    "SINAN-CHAG",
    "SINAN-CHIK",
    "SINAN-COLE",
    "SINAN-COQU",
    "SINAN-DENG",
    "SINAN-DERM",
    "SINAN-DIFT",
    "SINAN-ESQU",
    "SINAN-FMAC",
    "SINAN-FTIF",
    "SINAN-HANS",
    "SINAN-HANT",
    "SINAN-HEPA",
    "SINAN-IEXO",
    "SINAN-LEIV",
    "SINAN-LEPT",
    "SINAN-LERD",
    "SINAN-LTAN",
    "SINAN-MALA",
    "SINAN-MENI",
    "SINAN-MENT",
    "SINAN-PAIR",
    "SINAN-PEST",
    "SINAN-PFAN",
    "SINAN-PNEU",
    "SINAN-RAIV",
    "SINAN-SIFA",
    "SINAN-SIFC",
    "SINAN-SIFG",
    "SINAN-TETA",
    "SINAN-TETN",
    "SINAN-TUBE",
    "SINAN-VIOL",
    "SINAN-ZIKA",
    "SINAN-EXAN",
    "SINAN-NTRA",
    "SINAN-SDTA",
    "SINAN-SRC",
    "SINAN-TOXC",
    "SINAN-TOXG",
    "SINAN-TRAC",
    "SINAN-VARC",
    "SINAN-AIDA",
    "SINAN-AIDC",
    "SINAN-ESPO",
    "SINAN-HIVA",
    "SINAN-HIVC",
    "SINAN-HIVE",
    "SINAN-HIVG",
    "SINAN-ROTA",
    "SINAN-DCRJ",
    "SINAN-LER",
    "SINASC-DN",
    "SINASC-DNR",
    "SINASC-DNRIG",
    "SINASC-DNREXT",
    "SINASC-DNEX",
    "SINASC-DNBR",
    "SISCOLO-CC",
    "SISCOLO-HC",
    "SISMAMA-CM",
    "SISMAMA-HM",
    "SISMAMA-MM",
    "SISPRENATAL-PN",
    "SIVEP-SRAG",
]

#: Where a job stands.
Status = Literal["queued", "running", "parked", "retrying", "completed", "failed", "cancelled"]

#: How full the memory is, and with it how carefully the process works.
Mode = Literal["normal", "conservative", "emergency", "maintenance"]

#: Whether an answer came from a cache.
CacheUse = Literal["off", "miss", "hit-l1", "hit-l2"]

#: Whether the CRC-32 was right.
CrcState = Literal["ok", "unchecked", "absent"]

#: What became of an index.
IndexState = Literal["made", "present", "failed"]

#: What is here of a file.
FileState = Literal["there", "here", "absent", "changed"]

#: How the process that ran a job stands.
Standing = Literal["running", "crashed", "foreign", "failed", "ended", "unreadable"]

#: How a column is compared.
Op = Literal[
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "between",
    "in",
    "not_in",
    "starts_with",
    "is_null",
    "not_null",
    "=",
    "==",
    "!=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
]

#: How the values of a group become one.
AggregateFn = Literal["count", "count_distinct", "sum", "avg", "min", "max", "count(*)"]

#: What to do about files that were asked for by name and are not there.
MissingFiles = Literal["error", "warn"]

#: What to do about versions of a file with different rows. A final one stands before a preliminary one in any
#: case.
Versions = Literal["refuse", "newest"]

#: Class of a job; the more urgent is the smaller.
Priority = Literal["health", "admin", "user"]

#: What a job does that starts when the memory is nearly exhausted; a job that runs already is left as it is.
OnEmergency = Literal["sample", "spill", "wait", "fail"]

#: What a query asks of the cache of answers. Samples and partial answers never enter it.
CacheMode = Literal["use", "refresh", "off"]

#: What becomes of a value that does not parse (``36.6`` in a whole number, the 30th of February) in a column that
#: the query reads, its conditions included.
OnBadValue = Literal["null", "dead_letter", "fail"]

#: What stands between two fields.
Delimiter = Literal[",", ";", "\t", "|"]

#: What ends a row.
LineEnding = Literal["crlf", "lf"]

#: What happens to the table that is there, and to its rows.
LoadMode = Literal["create", "append", "replace", "replace_by", "upsert"]

#: What makes rows of the table and of the result the same load.
ReplaceBy = Literal["competencia", "source_file"]

#: What a partition of a table holds.
PartitionBy = Literal["competencia"]

#: The ``status`` of every error.
ErrorStatus = Literal["error"]

#: The language of the texts that people read.
Language = Literal["pt", "en"]

#: Whether the same call may succeed when it is made again unchanged.
Retry = Literal["never", "later"]

#: Why a file is not read.
LeftOutReason = Literal["preliminary", "older_date", "older_time", "same_rows"]

#: What runs a query.
EstimateEngine = Literal["scan", "duckdb", "catalogue", "cluster"]

#: A bound of the client's settings.
EstimateBound = Literal["memory_limit", "spill_limit", "max_download"]

#: What an estimate is made of.
EstimateBasis = Literal["footers", "sample", "headers", "listing", "catalogue", "history"]

#: How a figure is told from earlier jobs.
EstimateModel = Literal["none", "table", "regression"]

#: Why a file of the source is not read.
IgnoredReason = Literal["name", "archive", "ours", "link", "depth", "folder"]

#: What a file is of.
Period = Literal["month", "year"]

#: How a column names a UF.
UfCoding = Literal["sigla", "ibge", "municipio"]

#: How a day is written.
DateFormat = Literal["YYYYMMDD", "DDMMYYYY", "YYMMDD"]

#: Where words were found.
FoundIn = Literal["name", "meaning", "label"]

#: How decimals and integers of 64 bits are written in JSON.
Numbers = Literal["number", "text"]

#: Whether files that are here are looked up where they came from: the ministry publishes recent months anew under
#: their names.
Refresh = Literal["never", "changed", "always"]

#: What the letters of a CSV are.
CsvEncoding = Literal["utf-8", "latin1", "windows-1252"]

#: Where the keys of an S3 server come from.
S3Credentials = Literal["keys", "instance"]

#: What runs in a process of its own.
Isolation = Literal["none", "process", "all"]


class Performance(Record):
    """What a job took."""

    #: From submission to the last durable byte.
    duration_sec: float
    #: ``records_processed`` by the unrounded duration.
    throughput_rps: int
    #: The process's peak resident memory during the job, in 10^9 bytes.
    memory_peak_gb: float


class Sampled(Record):
    """The sample that an answer is of."""

    #: Share of the source rows, from 0 to 1.
    fraction: float
    #: Chooses the rows: the same seed, the same rows.
    seed: int
    #: How a row's number and the seed decide.
    method: str
    #: Rows of the source files, before conditions.
    rows_seen: int
    #: Those of them that are in the sample, before conditions.
    rows_kept: int


class Series(Record):
    """Which series a population is of, and which revision of it."""

    _left_out: ClassVar[dict[str, type[Any]]] = {"file_date": type(None), "header_date": type(None)}

    #: ``IBGE-POPSVS``, ``IBGE-POPTCU``, ``IBGE-POP``, ...
    dataset: str
    #: What the series is, in Portuguese.
    name: str
    #: The file's own day (``2025-01-07``), in UTC, as its server or the system tells it.
    file_date: str | None
    #: The day of the last change that the header of the DBF says (``2024-12-12``); none for other kinds of files,
    #: and for those that an earlier version converted.
    header_date: str | None


class SourceFile(Record):
    """A source file of the answer."""

    _parts: ClassVar[dict[str, type[Record]]] = {"series": Series}
    _left_out: ClassVar[dict[str, type[Any]]] = {"preliminary": type(None), "origin": type(None), "series": type(None)}

    #: Its name.
    file: str
    #: Rows in the file, before filters.
    rows: int
    #: None for the user's own Parquet, which is not hashed.
    sha256: str | None
    #: Whether its checksum was right.
    crc: CrcState
    #: True: the ministry has not closed it yet; it lies in a folder PRELIM.
    preliminary: bool | None
    #: The address of the source that it was fetched from; none for files of this machine.
    origin: str | None
    #: Of a population of IBGE's: a series is published anew with other numbers for the same year.
    series: Series | None


class Share(Record):
    """Read, of those present."""

    #: What the query reads.
    read: int
    #: What is there.
    present: int


class Missing(Record):
    """A file that was asked for by name and is not in the source."""

    _left_out: ClassVar[dict[str, type[Any]]] = {"uf": type(None), "competencia": type(None), "part": type(None)}

    #: Of which dataset.
    dataset: str
    #: The UF, where it is one.
    uf: str | None
    #: The competência, where it is one.
    competencia: str | None
    #: Of a file whose later parts are there.
    part: str | None


class Unreadable(Record):
    """A file that could not be read, and why."""

    #: The source file.
    file: str
    #: ``DS-460``, ...
    error_code: str
    #: In the client's language.
    detail: str


class BadValue(Record):
    """A column of a file in which some fields did not parse."""

    #: The source file.
    file: str
    #: The column.
    column: str
    #: How many values.
    count: int
    #: The first ten raw values.
    samples: list[str]


class NormalisedCodes(Record):
    """A column of a dataset whose codes were brought into the catalogue's form."""

    #: The dataset.
    dataset: str
    #: The column.
    column: str
    #: ``municipality``, ``year`` or ``digits(n)``.
    form: str
    #: Files that had such codes.
    files: int
    #: How many codes.
    count: int
    #: The first ten, as a file has them and as they are in the answer.
    samples: list[list[str]]


class Unlabelled(Record):
    """A column whose list of labels lacks some of its codes."""

    dataset: str
    #: Of the codes.
    column: str
    #: Rows with such a code.
    count: int
    #: Ten of them, the most frequent first; codes that are looked up together stand with a plus between.
    codes: list[str]


class ClusterUse(Record):
    """What a query did on a cluster. The bytes of the files that it read are the report's ``bytes``."""

    #: What ran it, and its version: ``spark 4.3.0``.
    engine: str
    #: Stages that ran, of all its statements, as far as the cluster told of them: it does while it is at work,
    #: and promises no last word.
    stages: int
    #: Tasks of theirs that ended, as far as it told of them.
    tasks: int
    #: How often the connection broke off and was taken up again.
    reconnects: int


class TableIndex(Record):
    """An index that a load was to make in PostgreSQL."""

    #: ``schema.table``; of a partitioned table its partition.
    table: str
    #: The column.
    column: str
    #: ``btree``, or ``brin`` where the rows came in the column's order; of one that was there, what it is
    #: (``hash`` as well).
    method: str
    #: Its name in the table's schema; none where there is none.
    name: str | None
    #: What became of it.
    state: IndexState
    #: Why it was wanted, and why it was not made where it was not; in the client's language.
    why: str


class Report(Record):
    """The report of a completed job."""

    _parts: ClassVar[dict[str, type[Record]]] = {
        "performance": Performance,
        "sampling": Sampled,
        "sources": SourceFile,
        "row_groups": Share,
        "bytes": Share,
        "missing": Missing,
        "unreadable": Unreadable,
        "bad_values": BadValue,
        "normalised": NormalisedCodes,
        "unlabelled": Unlabelled,
        "cluster": ClusterUse,
        "indexes": TableIndex,
    }
    _left_out: ClassVar[dict[str, type[Any]]] = {
        "missing": list,
        "unreadable": list,
        "bad_values": list,
        "normalised": list,
        "unlabelled": list,
        "cluster": type(None),
        "indexes": list,
    }

    #: Version of the contract.
    contract: int
    #: Of the job; a report is of one that has completed.
    status: Status
    #: A ULID: jobs sort by the time of their submission.
    job_id: str
    #: Ties the job to its log lines and errors.
    trace_id: str
    #: Rows delivered to the sinks.
    records_processed: int
    #: Where the rows are now: by sink, the file relative to the output folder.
    storage: dict[str, str | list[str]]
    #: Times, sizes and memory.
    performance: Performance
    #: The memory's when the job began.
    mode: Mode
    #: None: every row was read. Else the answer is of these rows of the sources alone, and nothing is scaled.
    sampling: Sampled | None
    #: Records that were not taken; each is kept with its reason.
    dead_letters: int
    #: How often the job was begun.
    attempts: int
    #: Rows that each sink held from earlier attempts when the last one began; none where it began with nothing.
    resumed_from: dict[str, int] | None
    #: Whether the answer came from a cache. A sample never enters one.
    cache: CacheUse
    #: The files that were read, in the order of the answer.
    sources: list[SourceFile]
    #: Row groups of ``sources``: those that were read, of all; the others were ruled out by their statistics or
    #: by a condition on the file, or not come to (``limit``, rows that an earlier attempt had). Of a query that
    #: DuckDB runs, those that the conditions of the query leave (of SQL, all). A kept answer reads none.
    row_groups: Share
    #: Compressed bytes of the column chunks in them: of columns and row groups that were read, of all.
    bytes: Share
    #: Files that were asked for by name and are not there (``missing = warn``).
    missing: list[Missing]
    #: Files left out because they could not be read (``partial = true``).
    unreadable: list[Unreadable]
    #: Fields that did not parse and are NULL in the lake, by file and column.
    bad_values: list[BadValue]
    #: Codes that stood in the sources in another form than the catalogue's, by column that the query reads; the
    #: lake and the answer hold that form.
    normalised: list[NormalisedCodes]
    #: Codes of the files that were read, before conditions, for which the list of their label has none; NULL
    #: codes are not among them.
    unlabelled: list[Unlabelled]
    #: What ran on a cluster (``engine``), and what it took there; none where no statement ran on one.
    cluster: ClusterUse | None
    #: Indexes of PostgreSQL tables that were wanted, each with why, and what became of it.
    indexes: list[TableIndex]
    #: In the client's language.
    warnings: list[str]


class SyncReport(Record):
    """What a conversion ahead of a query did."""

    _parts: ClassVar[dict[str, type[Record]]] = {
        "sources": SourceFile,
        "unreadable": Unreadable,
        "bad_values": BadValue,
        "normalised": NormalisedCodes,
    }
    _left_out: ClassVar[dict[str, type[Any]]] = {"unreadable": list}

    #: Files that are in the lake now.
    files: int
    #: Their rows.
    rows: int
    #: Bytes of the lake's Parquet for these files.
    bytes: int
    #: How long it took.
    duration_sec: float
    #: Each of the files.
    sources: list[SourceFile]
    #: Files left out because they could not be fetched or read (``partial``).
    unreadable: list[Unreadable]
    #: Values that did not parse.
    bad_values: list[BadValue]
    #: Codes that were written in another form.
    normalised: list[NormalisedCodes]
    #: What people should know.
    warnings: list[str]


class PlannedFile(Record):
    """A file that a sync would look after."""

    _left_out: ClassVar[dict[str, type[Any]]] = {"listed_at": type(None)}

    #: Where it lies.
    file: str
    #: Of its name.
    dataset: str
    #: Of its name.
    uf: str
    #: Of its name.
    competencia: str
    #: 0 where only the file itself will tell.
    bytes: int
    #: What a sync would do with it.
    state: FileState
    #: The ministry has not closed it yet.
    preliminary: bool
    #: When the listing was read that it stands in; none for files of this machine.
    listed_at: str | None


class SyncPlan(Record):
    """What ``Client.sync``(crate::Client::sync) would do."""

    _parts: ClassVar[dict[str, type[Record]]] = {"planned": PlannedFile, "missing": Missing}
    _left_out: ClassVar[dict[str, type[Any]]] = {"missing": list}

    #: Files that the datasets, UFs and competências mean, and their bytes where the source lies.
    files: int
    #: Of these files, as far as a listing tells.
    bytes: int
    #: Of these, what would be fetched from elsewhere; none for a folder of this machine.
    files_to_fetch: int
    #: Of these, as listed.
    bytes_to_fetch: int
    #: Of these, what is not in the lake as it is now.
    files_to_convert: int
    #: Each of the files, in the order of an answer.
    planned: list[PlannedFile]
    #: Asked for by name, and in no listing.
    missing: list[Missing]
    #: In the client's language.
    warnings: list[str]


class JobDestination(Record):
    """Where the rows of a job go, as its state keeps it."""

    #: Its options by its kind, with the name that it has for this job.
    to: dict[str, Any]
    #: The address that it named, without its password; null for a file, and where it is the client's own.
    url: str | None
    #: That address had a password, or options for the session, which are not stored.
    password_left_out: bool


class Problem(Record):
    """One thing that is wrong."""

    #: ``DS-422`` and its like.
    error_code: str
    #: What is wrong, and what to do, in the client's language.
    detail: str
    #: Facts for programs.
    diagnostic: dict[str, Any]


class ErrorContext(Record):
    """Where an error happened; what is not known is left out."""

    _left_out: ClassVar[dict[str, type[Any]]] = {
        "stage": type(None),
        "file": type(None),
        "offset": type(None),
        "row": type(None),
        "column": type(None),
        "sqlstate": type(None),
    }

    #: The part of the line that failed: ``validate``, ``convert``, ``query``, ``csv``, ...
    stage: str | None
    #: The file that it is about.
    file: str | None
    #: Byte offset in ``file``.
    offset: int | None
    #: Row in ``file``, or of the result where no file is named, counted from 0.
    row: int | None
    #: The column that it is about.
    column: str | None
    #: PostgreSQL's code.
    sqlstate: str | None


class ErrorForm(Record):
    """What went wrong, in the same shape in every language."""

    _parts: ClassVar[dict[str, type[Record]]] = {"problems": Problem, "context": ErrorContext}
    _left_out: ClassVar[dict[str, type[Any]]] = {"problems": list, "context": type(None)}

    #: Always ``error``.
    status: ErrorStatus
    #: Stable code, as ``DS-422``: that of the first problem.
    error_code: str
    #: The sentence for people, in the client's language.
    detail: str
    #: Facts for programs: ``expected_format``, ``received``, ``valid_examples``, ``did_you_mean``, ...
    diagnostic: dict[str, Any]
    #: Of the sentences.
    language: Language
    #: Ties the error to log lines and reports.
    trace_id: str | None
    #: Whether the same call may be made again.
    retry: Retry
    #: ``retry`` is ``later``.
    retryable: bool
    #: Every problem, the first included, where there are several.
    problems: list[Problem]
    #: Where it happened, as far as it is known.
    context: ErrorContext | None


class JobInfo(Record):
    """A job that left something, as ``Client.jobs`` lists it."""

    _parts: ClassVar[dict[str, type[Record]]] = {"destinations": JobDestination, "error": ErrorForm}

    #: By which it is resumed or discarded.
    job_id: str
    #: How it stands.
    standing: Standing
    #: When it was submitted, as RFC 3339.
    created_at: str
    #: The query, without passwords; null where it cannot be read.
    params: dict[str, Any] | None
    #: Where its rows go, without passwords; empty where that cannot be read, which its standing says.
    destinations: list[JobDestination]
    #: The error that it ended with, in the contract's form.
    error: ErrorForm | None
    #: Records that were not taken.
    dead_letters: int
    #: The process that ran it; 0 where that cannot be read.
    pid: int
    #: The machine that had it.
    host: str


class DeadLetter(Record):
    """One record, and why it was refused."""

    _left_out: ClassVar[dict[str, type[Any]]] = {
        "sqlstate": type(None),
        "source_file": type(None),
        "source_row": type(None),
        "column": type(None),
        "value": type(None),
    }

    #: Who refused it: ``postgres``, or ``source`` for a record that cannot be read.
    sink: str
    #: Number of the sink among the job's.
    sink_number: int
    #: The unit that it belongs to.
    unit: int
    #: The row in that unit, from 0.
    row: int
    #: Why it was not taken.
    reason: str
    #: PostgreSQL's code.
    sqlstate: str | None
    #: The source file; without one, ``source_row`` is that of the result.
    source_file: str | None
    #: The row in it, from 0.
    source_row: int | None
    #: The column that is to blame, where one is.
    column: str | None
    #: What the column held, as text.
    value: str | None
    #: Every column of the record, as text; null for NULL.
    record: dict[str, Any]
    #: Of the job.
    trace_id: str


class Replayed(Record):
    """What a replay of dead letters did."""

    #: Rows that are in their table now.
    loaded: int
    #: Letters that stay, with the reason that they were refused for this time.
    left: int


class LeftOut(Record):
    """A file that is not read, because another is."""

    #: The one that is not read.
    file: str
    #: The one that is read instead.
    kept: str
    #: Why it is not.
    why: LeftOutReason


class PlannedIndex(Record):
    """An index that a load would make."""

    #: The column.
    column: str
    #: Who looks for rows by it; in the client's language.
    why: str


class Explain(Record):
    """The plan of a query, in figures. ``present`` counts the dataset's files in the source, wanted or not; row
    groups and bytes are known for those that the lake holds already.
    """

    _parts: ClassVar[dict[str, type[Record]]] = {
        "files": Share,
        "row_groups": Share,
        "bytes": Share,
        "missing": Missing,
        "left_out": LeftOut,
        "indexes": PlannedIndex,
    }
    _left_out: ClassVar[dict[str, type[Any]]] = {"indexes": list}

    #: One, or with SQL every dataset that it reads, in the order of the text.
    datasets: list[str]
    #: Of the dataset's files.
    files: Share
    #: Wanted files that the query would first convert.
    to_convert: list[str]
    #: Of the row groups of the files that are in the lake.
    row_groups: Share
    #: Compressed bytes of the column chunks.
    bytes: Share
    #: With SQL and ``*`` the most that can be read.
    columns: list[str]
    #: What the source does not hold, though it was published.
    missing: list[Missing]
    #: The files that would be read, in the order of the answer. Of versions that must have the same rows, the
    #: first.
    sources: list[str]
    #: Files that would not be read, each with the one that is instead.
    left_out: list[LeftOut]
    #: What a PostgreSQL table of the answer would be indexed by, where its ``indexes`` say nothing else.
    indexes: list[PlannedIndex]
    #: What the query would say of its files, as far as it can be known without converting them; in the client's
    #: language.
    warnings: list[str]
    #: None while nothing is converted: the columns come from the files.
    sql: str | None


class Expected(Record):
    """A number that only the end will tell: in 90 of 100 queries it lies between ``low`` and ``high``. All three are
    the same where it is known.
    """

    #: In 5 of 100 queries it is less.
    low: int
    #: As often more as less.
    likely: int
    #: In 5 of 100 queries it is more.
    high: int


class ExpectedSeconds(Record):
    """The same in seconds."""

    #: In 5 of 100 queries it is less.
    low: float
    #: As often more as less.
    likely: float
    #: In 5 of 100 queries it is more.
    high: float


class Complexity(Record):
    """How many joins, aggregates and windows a query has, those of its subqueries included."""

    #: Two tables side by side, on a condition or without.
    joins: int
    #: Aggregate functions without a window.
    aggregations: int
    #: Functions with OVER.
    windows: int


class Estimate(Record):
    """What a query will probably take. It was not run, and nothing was fetched or converted for it; a kept answer
    takes less.
    """

    _parts: ClassVar[dict[str, type[Record]]] = {
        "rows": Expected,
        "rows_read": Expected,
        "bytes_to_download": Expected,
        "bytes_to_convert": Expected,
        "bytes_to_read": Expected,
        "duration_sec": ExpectedSeconds,
        "memory_bytes": Expected,
        "complexity": Complexity,
    }
    _left_out: ClassVar[dict[str, type[Any]]] = {"exceeds": list, "warnings": list}

    #: Of the answer.
    rows: Expected
    #: Rows of the source files that are read for it, before its conditions.
    rows_read: Expected
    #: Bytes of the files that would be fetched from elsewhere, as their listing says.
    bytes_to_download: Expected
    #: Bytes of the files that would be converted first, those to be fetched among them.
    bytes_to_convert: Expected
    #: Compressed bytes of the Parquet columns that would be read.
    bytes_to_read: Expected
    #: From submission to the last row of its stream, on this machine, without the time in a queue.
    duration_sec: ExpectedSeconds
    #: The process's peak resident memory while it runs, as its report will say: what the process has now is part
    #: of it.
    memory_bytes: Expected
    #: Of this, what the query itself works with, at its most.
    work_bytes: int
    #: Files that would be read.
    files: int
    #: Of these, files to be fetched from elsewhere.
    files_to_download: int
    #: Of these, files to be converted, those to be fetched among them.
    files_to_convert: int
    #: What runs it.
    engine: EstimateEngine
    #: How many joins, aggregates and windows it has.
    complexity: Complexity
    #: Settings whose bounds it may not keep.
    exceeds: list[EstimateBound]
    #: What the figures are from.
    basis: list[EstimateBasis]
    #: Earlier jobs of this kind that duration and memory are learned from; with few of them they are a guess.
    history: int
    #: How duration is told from these: by whichever has been closer so far.
    duration_by: EstimateModel
    #: The same of memory.
    memory_by: EstimateModel
    #: In the client's language.
    warnings: list[str]


class DatasetSummary(Record):
    """What the source holds of one dataset; of several versions of a file one counts."""

    #: ``SIH-RD``.
    dataset: str
    #: What it holds, in Portuguese.
    nome: str
    #: How many files count.
    files: int
    #: Bytes of the source files.
    bytes: int
    #: UFs of its files.
    ufs: list[str]
    #: The first and the last competência of its files.
    first: str | None
    #: The last competência of its files.
    last: str | None


class IgnoredFile(Record):
    """A file of the source that no query reads."""

    #: Below the source folder.
    file: str
    #: Why none reads it.
    reason: IgnoredReason


class Holdings(Record):
    """What the source holds."""

    _parts: ClassVar[dict[str, type[Record]]] = {"datasets": DatasetSummary, "ignored": IgnoredFile}

    #: In the catalogue's order.
    datasets: list[DatasetSummary]
    #: What is not read as a source, in order of path.
    ignored: list[IgnoredFile]


class Known(Record):
    """A dataset of the catalogue."""

    #: ``SIH-RD``.
    dataset: str
    #: Its name in SQL: ``sih_rd``.
    table: str
    #: What it holds, in Portuguese.
    nome: str
    #: Other names that are accepted in the place of ``dataset``.
    aliases: list[str]
    #: Whether its files are of a month or of a year.
    period: Period
    #: True: one file for the whole country.
    national: bool
    #: The first and the last competência that is known to have been published.
    first: str | None
    #: The last competência that is known to have been published.
    last: str | None
    #: Columns that the catalogue knows; with 0 they come from the files.
    columns: int


class UfColumn(Record):
    """The column of a national file that says of which UF a record is."""

    #: The column that says the UF.
    name: str
    #: How it says it.
    coding: UfCoding


class RowKeys(Record):
    """The columns that say a row's own UF and competência."""

    #: A sigla, IBGE's code, or a municipality's, which begins with it; none in national files.
    uf: str | None
    #: One of year and month, one of a day or a year, or a year's and a month's.
    competencia: list[str]
    #: Who says so.
    source: str


class FtpFolder(Record):
    """A folder of the ministry's FTP tree, and the competências whose files it holds."""

    #: On the ministry's server.
    path: str
    #: The first competência that lies there; none: from the start.
    from_: str | None
    #: The last one; none: until today.
    to: str | None


class Gap(Record):
    """Competências of a UF that were never published."""

    #: The UF whose files are missing.
    uf: str
    #: The first competência that is missing.
    from_: str
    #: The last one.
    to: str


class Era(Record):
    """A layout of a column, and the years of the files that had it."""

    #: ``C``, ``N``, ``D``, ...
    dbf_type: str
    #: Bytes of the field.
    width: int
    #: Digits behind the point.
    decimals: int
    #: The first year whose files have it so.
    first_year: int
    #: The last one.
    last_year: int


class Meaning(Record):
    """What a column means, and who says so."""

    #: In Portuguese.
    pt: str
    #: What says so.
    source: str


class StatedForm(Record):
    """A form, and who says so."""

    #: Which form the codes of those years have.
    form: str
    #: What says so.
    source: str


class Coding(Record):
    """What a column's codes were for some years."""

    #: Of the files; none: from the first.
    from_: str | None
    #: None: to this day.
    to: str | None
    #: None: as the files have them.
    form: str | None
    #: In Portuguese.
    meaning: str
    #: What says so.
    source: str


class CatalogColumn(Record):
    """A column of a dataset."""

    _parts: ClassVar[dict[str, type[Record]]] = {"eras": Era, "meaning": Meaning, "form": StatedForm, "codings": Coding}

    #: In upper case.
    name: str
    #: Its type.
    kind: Literal["text"] | dict[str, Any]
    #: Layouts seen in genuine headers, oldest first.
    eras: list[Era]
    #: Place in the catalogue's order: that of the newest files, then what older files had.
    position: int
    #: None where no named source gives one.
    meaning: Meaning | None
    #: How its codes are written, the same in every year; none: as the files have them.
    form: StatedForm | None
    #: Where the code itself changed with the years: how it was written when, oldest first. Nothing is brought
    #: from one into another.
    codings: list[Coding]


class CatalogFields(Record):
    """Names of fields that files of some years have and of which no genuine header was seen."""

    #: None: from the first.
    from_: str | None
    #: None: to this day.
    to: str | None
    #: In upper case, in the files' order.
    names: list[str]


class DerivedColumn(Record):
    """A label's column, or one that is made of others."""

    name: str
    kind: Literal["text"] | dict[str, Any]
    #: Of the codes whose labels it holds; none: it is made by a rule.
    label_of: str | None
    #: The list of its labels, as ``dictionaries`` names it.
    label_list: str | None
    #: The columns that it is made of.
    inputs: list[str]
    #: In Portuguese.
    meaning: str
    #: The rule's, or the list's with its date; it says where a list is no official one.
    source: str


class CatalogEntry(Record):
    """A dataset as the catalogue knows it. Competência is the month of processing; ``event_dates`` say when the
    event was.
    """

    _parts: ClassVar[dict[str, type[Record]]] = {
        "uf_column": UfColumn,
        "row_keys": RowKeys,
        "folders": FtpFolder,
        "gaps": Gap,
        "columns": CatalogColumn,
        "fields": CatalogFields,
        "derived": DerivedColumn,
    }

    #: ``SIH-RD``.
    dataset: str
    #: What it holds, in Portuguese.
    nome: str
    #: Other names that users give it.
    aliases: list[str]
    #: Whether its files are of a month or of a year.
    period: Period
    #: True: each of its files is published in a zip, and is read from there.
    zipped: bool
    #: One file for the whole country, and what stands for its UF: ``BR``, or ``EX`` for residents abroad or
    #: unknown.
    national: str | None
    #: In national files, the column that a query's ``uf`` filters.
    uf_column: UfColumn | None
    #: Columns by which a row's own UF and competência are known, whatever its file is called; none: no column
    #: says them.
    row_keys: RowKeys | None
    #: The first competência that is known to have been published.
    first: str | None
    #: The last one.
    last: str | None
    #: Folders of the ministry's FTP tree.
    folders: list[FtpFolder]
    #: Known to be without a file: never missing.
    gaps: list[Gap]
    #: Columns that say when the event happened; competência says when it was processed.
    event_dates: list[str]
    #: Empty where no genuine header was seen: names and types come from the files' own headers.
    columns: list[CatalogColumn]
    #: Fields that are known by name alone, and the files that have them; their types come from the files' own
    #: headers.
    fields: list[CatalogFields]
    #: Columns that no star shows: the labels of codes, and what is made of other columns. Each is used by its
    #: name like any other.
    derived: list[DerivedColumn]


class DictionaryEntry(Record):
    """A list of the dictionary, as ``dictionaries`` tells it."""

    #: Kit and table (``sih/SEXO``), or a name of its own (``cid10``).
    list: str
    #: Which table it was made from, and who published it.
    source: str
    #: When that was published, as exactly as is known.
    date: str
    #: False: written by hand in another project, and no official table.
    official: bool
    #: Different labels.
    labels: int


class CompetenciaRows(Record):
    """How many rows a competência has."""

    competencia: str
    rows: int


class FrequentValue(Record):
    """A value, and how many rows have it."""

    #: As text.
    value: str
    #: Where the column has a list of labels, and it has one for it.
    label: str | None
    rows: int


class InCompetencia(Record):
    """A column in a competência."""

    competencia: str
    rows: int
    #: Rows without a value.
    nulls: int
    #: Rows of each of the column's ``frequent`` values, in their order; none where the column has more than 256
    #: values.
    frequent: list[int]


class Change(Record):
    """A share that is another in the next competência."""

    #: The competência before.
    from_: str
    #: The competência after.
    to: str
    #: Of which value among those that are not NULL; none: of NULL among all rows.
    value: str | None
    #: Its label.
    label: str | None
    #: The share before, from 0 to 1.
    before: float
    #: The share after.
    after: float


class ColumnProfile(Record):
    """What is in a column."""

    _parts: ClassVar[dict[str, type[Record]]] = {
        "frequent": FrequentValue,
        "by_competencia": InCompetencia,
        "changes": Change,
    }

    name: str
    #: ``text``, ``integer``, ``decimal(14, 2)``, ``date``; of a file's own columns also others.
    kind: str
    #: In Portuguese; none where no source says it.
    meaning: str | None
    #: The list of its labels, as ``dictionaries`` names it; none: its values are no codes, or no list is known.
    label_list: str | None
    #: Rows without a value.
    nulls: int
    #: Different values.
    distinct: int
    #: False: ``distinct`` is an estimate, for there are too many to count; two in three are off by less than 1.6
    #: %.
    distinct_exact: bool
    #: The least value; text is compared byte by byte.
    min: str | None
    #: The greatest value.
    max: str | None
    #: The ten most frequent values; where ``distinct`` is an estimate, those alone that are so for certain.
    frequent: list[FrequentValue]
    #: Rows whose code the list of labels does not have.
    unlabelled: int
    #: Ten of these codes, the most frequent first; those that are looked up together stand with a plus between.
    unlabelled_codes: list[str]
    #: Values of the files that did not parse, before conditions; they are NULL.
    bad_values: int
    #: The first of them, as they stand in the files.
    bad_samples: list[str]
    #: The same column in each competência, in order.
    by_competencia: list[InCompetencia]
    #: Where the share of NULL or of a value changed from one competência to the next by ten points or more, and
    #: by more than chance explains; the greatest first.
    changes: list[Change]


class Profile(Record):
    """What is in the columns of a dataset, as far as a query selects it."""

    _parts: ClassVar[dict[str, type[Record]]] = {
        "competencias": CompetenciaRows,
        "columns": ColumnProfile,
        "report": Report,
    }

    dataset: str
    #: Rows that were looked at.
    rows: int
    #: False: they are a sample (``report.sampling`` says which), and so is every figure.
    exact: bool
    #: The rows of each competência, in order.
    competencias: list[CompetenciaRows]
    #: In the order of the query, or of the dataset.
    columns: list[ColumnProfile]
    #: What somebody who analyses these rows should look at first, in the client's language.
    warnings: list[str]
    #: Of the job: files with their hashes, and what it has to say of them.
    report: Report


class Found(Record):
    """A column in which the words were found."""

    dataset: str
    #: As queries name it.
    column: str
    kind: Literal["text"] | dict[str, Any]
    #: In Portuguese; none where no source says it.
    meaning: str | None
    #: True: one that the dataset has by name alone.
    derived: bool
    #: Where the words were found; of several places the first.
    found_in: FoundIn
    #: Labels of its codes in which the words are, or words that a derived column has, five at most.
    labels: list[str]


class Rate(Record):
    """The rates of a municipality."""

    #: Six digits.
    municipio: str
    events: int
    population: int
    #: Events by people.
    crude: float
    #: By the direct method: the rates of each band, with the standard's people in it. None where births are the
    #: population, or where a band has events and no people.
    standardised: float | None


class Rates(Record):
    """Rates by municipality of residence."""

    _parts: ClassVar[dict[str, type[Record]]] = {"rows": Rate, "population_sources": SourceFile}
    _left_out: ClassVar[dict[str, type[Any]]] = {"population_sources": list}

    #: A rate is of so many people.
    per: float
    #: All municipalities that have people, those without an event among them; in order of their code.
    rows: list[Rate]
    #: Events whose municipality of residence is not known: in no row.
    unknown_municipality: int
    #: Events of unknown age: in the crude rate, and not in the standardised one.
    unknown_age: int
    #: The files of the population: which series and which revision of it, of IBGE's.
    population_sources: list[SourceFile]
    #: What people should know, in the client's language.
    warnings: list[str]


class KitSynced(Record):
    """A kit that is in the lake."""

    #: ``sih``, as lists of labels are named.
    kit: str
    #: Where it came from.
    source: str
    #: The day of its newest table.
    date: str
    #: Of its zip, or of its files together.
    sha256: str
    #: Conversion tables.
    tables: int
    #: Codes and ranges of codes.
    rows: int
    #: False: the lake had this very kit.
    new: bool


class KitFailed(Record):
    """A kit that could not be taken."""

    #: ``sih``, as lists of labels are named.
    kit: str
    #: Where it lies.
    source: str
    #: Why: ``DS-460``.
    error_code: str
    #: The same in words.
    detail: str


class DictionarySync(Record):
    """What became of the kits of labels."""

    _parts: ClassVar[dict[str, type[Record]]] = {"kits": KitSynced, "failed": KitFailed}
    _left_out: ClassVar[dict[str, type[Any]]] = {"failed": list, "absent": list, "warnings": list}

    #: Kits that are in the lake now.
    kits: list[KitSynced]
    #: Kits that were there and could not be taken; what the lake had of them stays.
    failed: list[KitFailed]
    #: Kits that the source does not have, by the names of their zips.
    absent: list[str]
    #: What people should know.
    warnings: list[str]


class BadColumn(Record):
    """A column in which some fields did not parse."""

    #: The column.
    column: str
    #: How many values.
    count: int
    #: The first ten raw values.
    samples: list[str]


class Normalised(Record):
    """The codes of a column that stood in the file in another form than the catalogue's."""

    #: The column.
    column: str
    #: The form that its codes have now.
    form: str
    #: How many were written in another one.
    count: int
    #: The first ten, as the file has them and as they are now.
    samples: list[list[str]]


class FileSummary(Record):
    """What was noticed in a file that was read by itself."""

    _parts: ClassVar[dict[str, type[Record]]] = {
        "bad_values": BadColumn,
        "normalised": Normalised,
        "unlabelled": Unlabelled,
    }
    _left_out: ClassVar[dict[str, type[Any]]] = {"unlabelled": list}

    #: Rows in the batches.
    rows: int
    #: Records that the header declares.
    rows_declared: int
    #: Marked deleted, and left out.
    rows_deleted: int
    #: Kept, although their flag is the byte 0x00 and not a blank.
    rows_unflagged: int
    #: Records that could not be read.
    rows_rejected: int
    #: Whether the checksum was right.
    crc: CrcState
    #: Of the file.
    sha256: str
    #: Columns in which some fields did not parse, and are NULL.
    bad_values: list[BadColumn]
    #: Columns whose codes were brought into the catalogue's form.
    normalised: list[Normalised]
    #: Codes for which the list of their label has none; NULL codes are not among them.
    unlabelled: list[Unlabelled]
    #: What is odd about the file and does no harm, in the language that was asked for.
    warnings: list[str]


class Options(TypedDict, total=False):
    """Options of one query. Each is capped by the client's configuration."""

    #: Seconds after which the job ends with DS-504; none: as long as it takes.
    deadline: float | None
    #: What to do about files that were asked for by name and are not there.
    missing: MissingFiles | None
    #: Which of several versions of a file is read, where neither folder, date nor content tells.
    versions: Versions | None
    #: True: a file that cannot be read is left out and named in the report. False: it ends the job.
    partial: bool | None
    #: Class of the job: health before admin before user, where jobs wait; at most the client's ``max_priority``.
    priority: Priority | None
    #: What a job that starts in an emergency of memory (above 85 %) does; none: ``wait`` for the rows of a
    #: dataset that come back as a stream, or what the client's ``on_emergency`` says; ``spill`` for aggregates,
    #: SQL, files and tables.
    on_emergency: OnEmergency | None
    #: Whether an answer may come from a cache, and be kept in one. It is that of the sources as they are now in
    #: any case.
    cache: CacheMode | None
    #: Who asks, where a service limits how often: a user, an address. Past the client's ``rate_limit`` it is
    #: DS-429 with the seconds to wait; none: no limit.
    rate_key: str | None
    #: What becomes of a value that does not parse in a column that the query reads.
    on_bad_value: OnBadValue | None
    #: Source rows between two checkpoints of a durable sink, from 1 to 10,000,000; none: 10,000. A killed process
    #: loses about so many rows of each connection's work.
    checkpoint_rows: int | None
    #: Share of the rows, from 0 to 1, that may become dead letters before the job fails with DS-424; none: 0.01.
    dead_letter_limit: float | None
