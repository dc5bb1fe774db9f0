"""One source folder, and everything that can be asked of it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _host
from ._bar import Bar
from ._job import Job, Progress
from ._params import Competencia, Where, params_json
from ._profile import Profile
from ._report import DeadLetter, Estimate, Explain, JobInfo, Rates, Report, SyncPlan, SyncReport
from ._result import Result
from ._schema import (
    DatasetSummary,
    DictionaryEntry,
    DictionarySync,
    Found,
    FoundColumns,
    Holdings,
    IgnoredFile,
    Known,
    Schema,
)
from ._sinks import Destination, destination_form
from ._warn import warn_of
from .contract import DatasetName, Mode, Options, Replayed

if TYPE_CHECKING:
    from typing_extensions import Unpack

Path = str | os.PathLike[str]
Uf = str | int | Iterable[str | int]


def _sync_json(dataset: Any, uf: Any, competencia: Any, options: Mapping[str, Any]) -> str:
    """One query, or one for each of several datasets."""
    if isinstance(dataset, (list, tuple)):
        each = [params_json(one, uf=uf, competencia=competencia, options=options) for one in dataset]
        return f"[{', '.join(each)}]"
    return params_json(dataset, uf=uf, competencia=competencia, options=options)


class Client:
    """A source of DATASUS files, opened by :func:`open`.

    Em português: ``datasus.ajuda("Client")``.

    Any thread may use it, and several at once. In a forked child every call raises :class:`ForkError`.

    Examples
    --------
    >>> import datasus
    >>> client = datasus.open(folder)
    >>> valores = client.query("SIH-RD", uf="AC", group_by="CNES", aggregates={"valor": ("sum", "VAL_TOT")})
    >>> valores.to_pandas().columns.tolist()
    ['CNES', 'valor']
    """

    def __init__(self, client: Any, progress: bool | None = None, source: str = "") -> None:
        self._core: Any = client
        self._progress = progress
        self._source = source

    @property
    def _client(self) -> Any:
        if self._core is None:
            raise RuntimeError("this client is closed; open another one")
        return self._core

    def query(
        self,
        dataset: DatasetName | str | Mapping[str, Any] | None = None,
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        columns: Sequence[str] | None = None,
        labels: bool | Sequence[str] | None = None,
        labels_only: bool | None = None,
        where: Where | None = None,
        group_by: str | Sequence[str] | None = None,
        aggregates: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        order_by: str | Sequence[Any] | None = None,
        limit: int | None = None,
        sql: str | None = None,
        bind: Mapping[str, Any] | None = None,
        progress: bool | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Runs a query; returns when its schema is known, and the rows come as they are taken.

        Em português: ``datasus.ajuda("query")``.

        Files that the lake does not hold yet are converted first.

        Parameters
        ----------
        dataset : str or dict, optional
            ``"SIH-RD"``, ``"SIM-DO"``, ..., for short ``"RD"`` or ``"dengue"``; or a whole query of the JSON contract, as a
            dictionary, text or model. Left out with ``sql``.
        uf : str, int or list of them, optional
            ``"SP"`` or ``["SP", "RJ"]``, a name (``"Acre"``) or IBGE's code (``12``); all that the source holds.
        competencia : optional
            ``"2024-01"``, ``"01/2024"``, ``202401``, a date, a ``pandas.Period``, or a year (``2024``: its twelve months); a
            list of them, or a pair ``("2023-01", "2023-12")``, both included. It is the month of processing, not of the
            event.
        columns : list of str, optional
            Columns of the answer; all.
        labels : bool or list of str, optional
            ``True`` or ``["SEXO"]`` adds ``SEXO_rotulo``, the words for the codes, as a category. Labels and derived columns
            (``idade_anos``) may also be named in ``columns``.
        labels_only : bool, optional
            Whether the labels stand in the place of their codes.
        where : Filter, dict or list, optional
            ``col("VAL_TOT") > 1000``, or in short ``{"SEXO": "3", "UF_ZI": ["120000", "140000"], "VAL_TOT": (0, 100)}``: a
            value, a list of them, a pair (both included), None for no value.
        group_by : str or list of str, optional
            Columns to group by.
        aggregates : dict, optional
            ``{"valor": ("sum", "VAL_TOT"), "n": "count(*)"}``: count, count_distinct, sum, avg, min, max.
        order_by : str or list of str, optional
            Columns to sort by; ``"-valor"`` sorts downwards.
        limit : int, optional
            Most rows of the answer.
        sql : str, optional
            One SELECT over the catalogue's tables (``sih_rd``, ``cnes_st``, ...), instead of columns and conditions.
        bind : dict, optional
            Values of the SQL's ``$name`` parameters.
        progress : bool, optional
            Whether to show a progress bar.
        **options
            How it is run: the keys of :class:`datasus.contract.Options`, as ``deadline=30`` or ``missing="warn"``.

        Returns
        -------
        Result
            The rows.

        Raises
        ------
        InvalidParams
            With every problem at once.
        NotFound
            Files that were asked for by name are missing; ``missing="warn"`` lists them in the report instead.
        DamagedFile
            A file cannot be read; ``partial=True`` leaves it out and names it in the report.

        Examples
        --------
        >>> from datasus import col
        >>> # IDADE alone is no age, it may count days: idade_anos is made of it and of COD_IDADE.
        >>> menores = col("idade_anos") < 18
        >>> criancas = client.query("SIH-RD", uf="AC", competencia="2024-01", columns=["COD_IDADE", "IDADE"], where=menores)
        >>> sorted(criancas.to_pandas()["COD_IDADE"].unique())
        ['2', '3', '4']
        >>> client.query(sql="SELECT count(*) AS n FROM sih_rd WHERE SEXO = $sexo", bind={"sexo": "3"}).to_arrow()["n"]
        <pyarrow.lib.ChunkedArray object at ...>
        [
          [
            300
          ]
        ]
        """
        params = params_json(
            dataset,
            uf=uf,
            competencia=competencia,
            columns=columns,
            labels=labels,
            labels_only=labels_only,
            where=where,
            group_by=group_by,
            aggregates=aggregates,
            order_by=order_by,
            limit=limit,
            sql=sql,
            bind=bind,
            options=options,
        )
        what = dataset if isinstance(dataset, str) and len(dataset) < 20 else "datasus"
        return self._asked(params, what, progress)

    def _asked(
        self, params: str, what: str, progress: bool | None, began: Callable[[Job], object] | None = None
    ) -> Result:
        """A query in the contract's text. ``began`` hears of its job before there are rows, which of figures come last, and may
        have another thread cancel it.
        """
        _host.listen()
        pending = self._client.begin_query(params)
        if began is not None:
            began(Job(pending.job, what, self._progress))
        bar = Bar(pending.job, self._shown(progress), what)
        try:
            rows = pending.wait(bar)
        except BaseException:
            bar.close()
            raise
        return Result(rows, Job(pending.job, what, self._progress), bar)

    def submit(
        self,
        dataset: DatasetName | str | Mapping[str, Any] | None = None,
        *,
        to: Destination | Path | Sequence[Destination | Path],
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        columns: Sequence[str] | None = None,
        labels: bool | Sequence[str] | None = None,
        labels_only: bool | None = None,
        where: Where | None = None,
        group_by: str | Sequence[str] | None = None,
        aggregates: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        order_by: str | Sequence[Any] | None = None,
        limit: int | None = None,
        sql: str | None = None,
        bind: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Starts a query into files and tables, and returns at once.

        Em português: ``datasus.ajuda("submit")``.

        Parameters
        ----------
        dataset, uf, competencia, columns, labels, labels_only, where, group_by, aggregates, order_by, limit, sql, bind
            As in :meth:`query`.
        to : str or path, Csv, Parquet, Postgres, or a list of them
            Where the rows go; all in one pass. A path tells by its ending: ``.csv``, ``.csv.zst``, ``.parquet``.
        **options
            As in :meth:`query`.

        Returns
        -------
        Job
            Wait for it, await it, follow it, or cancel it. Killed at any instant, it goes on by :meth:`resume`.

        Examples
        --------
        >>> import datasus
        >>> client.submit("SIH-RD", columns=["CNES"], to=[datasus.Csv("f.csv"), datasus.Parquet("f.parquet")]).wait().storage
        {'csv': 'f.csv', 'parquet': 'f.parquet'}
        """
        params = params_json(
            dataset,
            uf=uf,
            competencia=competencia,
            columns=columns,
            labels=labels,
            labels_only=labels_only,
            where=where,
            group_by=group_by,
            aggregates=aggregates,
            order_by=order_by,
            limit=limit,
            sql=sql,
            bind=bind,
            options=options,
        )
        _host.listen()
        destinations = [to] if not isinstance(to, (list, tuple)) else to
        forms = [destination_form(one) for one in destinations]
        job = self._client.submit(params, json.dumps(forms))
        return Job(job, dataset if isinstance(dataset, str) and len(dataset) < 20 else "datasus", self._progress)

    def export(
        self,
        dataset: DatasetName | str | Mapping[str, Any] | None = None,
        *,
        to: Destination | Path | Sequence[Destination | Path],
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        columns: Sequence[str] | None = None,
        labels: bool | Sequence[str] | None = None,
        labels_only: bool | None = None,
        where: Where | None = None,
        group_by: str | Sequence[str] | None = None,
        aggregates: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        order_by: str | Sequence[Any] | None = None,
        limit: int | None = None,
        sql: str | None = None,
        bind: Mapping[str, Any] | None = None,
        progress: bool | None = None,
        **options: Unpack[Options],
    ) -> Report:
        """The same as :meth:`submit`, and waits for the report.

        Em português: ``datasus.ajuda("export")``.

        Ctrl-C stops the job and keeps what it has done: the ``KeyboardInterrupt`` says how to :meth:`resume` it, and has its
        ``job_id``.

        Examples
        --------
        >>> import datasus
        >>> client.export("SIH-RD", columns=["CNES"], to=datasus.Parquet("g.parquet")).records_processed
        600
        """
        job = self.submit(
            dataset,
            to=to,
            uf=uf,
            competencia=competencia,
            columns=columns,
            labels=labels,
            labels_only=labels_only,
            where=where,
            group_by=group_by,
            aggregates=aggregates,
            order_by=order_by,
            limit=limit,
            sql=sql,
            bind=bind,
            **options,
        )
        try:
            return job.wait(progress=self._shown(progress))
        except KeyboardInterrupt as stopped:
            job._interrupted(stopped)
            raise

    def jobs(self) -> list[JobInfo]:
        """What earlier processes left: jobs that crashed, failed and can be resumed, or ended with dead letters.

        Examples
        --------
        >>> [job.standing for job in client.jobs()]
        []
        """
        return [JobInfo(form) for form in json.loads(self._client.jobs())]

    def resume(self, job_id: str) -> Job:
        """Goes on with a job where it stopped: nothing is lost, and nothing comes twice.

        Em português: ``datasus.ajuda("resume")``.

        Raises
        ------
        NotFound
            The job left nothing.
        Conflict
            It runs, or cannot go on exactly: a source or the target has changed.

        Examples
        --------
        >>> for left in client.jobs():
        ...     if left.standing in ("crashed", "failed"):
        ...         report = client.resume(left.job_id).wait()
        """
        return Job(self._client.resume(job_id), progress=self._progress)

    def discard(self, job_id: str) -> None:
        """Gives a job up, with what it left in its targets. Rows that were published stay.

        Examples
        --------
        >>> for left in client.jobs():
        ...     client.discard(left.job_id)
        """
        self._client.discard(job_id)

    def dead_letters(self, job_id: str) -> list[DeadLetter]:
        """The records of a job that were not taken, each with its reason, source file and row.

        Examples
        --------
        >>> [(letter.source_file, letter.source_row, letter.reason)
        ...  for left in client.jobs() for letter in client.dead_letters(left.job_id)]
        []
        """
        return [DeadLetter(form) for form in json.loads(self._client.dead_letters(job_id))]

    def export_dead_letters(self, job_id: str, path: Path) -> int:
        """The same as a Parquet file below the output folder; gives how many there are.

        Examples
        --------
        >>> for left in client.jobs():
        ...     client.export_dead_letters(left.job_id, "rejeitados.parquet")
        """
        return int(self._client.export_dead_letters(job_id, os.fspath(path)))

    def replay(self, job_id: str) -> Replayed:
        """Sends the dead letters of a completed job to their table once more, after the cause has been mended.

        Returns
        -------
        Replayed
            ``loaded``: rows that are in the table now; ``left``: those that were refused again.

        Examples
        --------
        >>> for left in client.jobs():
        ...     client.replay(left.job_id)
        """
        return Replayed(json.loads(self._client.replay(job_id)))

    def sync(
        self,
        dataset: DatasetName | str | Sequence[str] | None = None,
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        **options: Unpack[Options],
    ) -> SyncReport:
        """Fetches and converts files ahead of a query: of one dataset, of several, or of all that the source holds (none
        named). Ctrl-C stops it; files that were converted by then stay.

        Parameters
        ----------
        dataset : str or list of str, optional
            ``"SIH-RD"``, several, or none for all.
        uf : str or list of str, optional
            As in a query.
        competencia : optional
            As in a query.
        on_progress : callable, optional
            Called with the :class:`Progress` of now ten times a second at most, and once at the end: files, bytes, pace and the
            time that is left. What it raises ends the sync. Without it there is a progress bar, as for a job.
        **options
            As in a query.

        Returns
        -------
        SyncReport
            What it did.

        Examples
        --------
        >>> client.sync("SIH-RD", uf="AC").rows
        300
        """
        params = _sync_json(dataset, uf, competencia, options)
        _host.listen()
        watched = self._client.watched()

        def tell() -> None:
            if on_progress is not None:
                on_progress(Progress(*watched.progress()))

        bar = Bar(watched, self._progress if on_progress is None else False, "sync")
        try:
            done = self._client.sync(params, watched, bar if on_progress is None else tell)
            bar.close(complete=True)
        finally:
            bar.close()
        tell()
        report = SyncReport(json.loads(done))
        warn_of(report.warnings)
        return report

    def add_table(self, name: str, table: Any) -> None:
        """Takes a table of your own, which SQL may read under that name from now on, in the place of one that was given before.

        Parameters
        ----------
        name : str
            A letter, then letters, digits and ``_``; no table of the catalogue.
        table : Any
            Anything with ``__arrow_c_stream__`` (pandas, polars, pyarrow). Its rows are copied once, and never changed.

        Examples
        --------
        >>> import pyarrow
        >>> client.add_table("capitais", pyarrow.table({"codigo": ["120040"], "nome": ["Rio Branco"]}))
        >>> client.query(sql="SELECT nome FROM capitais").to_arrow().to_pylist()
        [{'nome': 'Rio Branco'}]
        """
        if not hasattr(table, "__arrow_c_stream__"):
            raise TypeError(f"not a table with __arrow_c_stream__: {type(table).__name__}")
        self._client.add_table(name, table.__arrow_c_stream__())

    def plan_sync(
        self,
        dataset: DatasetName | str | Sequence[str] | None = None,
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        **options: Unpack[Options],
    ) -> SyncPlan:
        """What :meth:`sync` would fetch and convert: files, bytes, what is here, what has changed, what is preliminary. No file
        is fetched.

        Examples
        --------
        >>> client.plan_sync("SIH-RD", uf="AC").files_to_fetch
        0
        """
        params = _sync_json(dataset, uf, competencia, options)
        return SyncPlan(json.loads(self._client.plan_sync(params)))

    def profile(
        self,
        dataset: DatasetName | str | Mapping[str, Any],
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        **options: Unpack[Options],
    ) -> Profile:
        """What is in the columns of a dataset, as far as UF, competência and conditions select it.

        Em português: ``datasus.ajuda("profile")``.

        NULLs, different values, range, the most frequent with their labels, codes without one, values that did not parse,
        what changes from one competência to the next, and ``warnings``: what to look at before an analysis.

        One pass over the rows, in a bounded memory; Ctrl-C and ``deadline`` end it.

        Parameters
        ----------
        dataset, uf, competencia, columns, where
            As in :meth:`query`; derived columns (``idade_anos``) may be named in ``columns``.
        **options
            As in :meth:`query`.

        Returns
        -------
        Profile
            A table in a notebook and in a terminal; rows by ``to_pandas()``.

        Examples
        --------
        >>> profile = client.profile("SIH-RD", uf="AC")
        >>> profile.rows, profile.exact, [one.competencia for one in profile.competencias]
        (300, True, ['202401', '202402', '202403'])
        >>> [(one.value, one.label) for one in profile["SEXO"].frequent]
        [('1', 'Masculino'), ('3', 'Feminino')]
        """
        params = params_json(dataset, uf=uf, competencia=competencia, columns=columns, where=where, options=options)
        _host.listen()
        told, rows = self._client.profile(params)
        profile = Profile(json.loads(told), rows)
        warn_of(profile.report.warnings)
        return profile

    def rates(
        self,
        dataset: DatasetName | str | Mapping[str, Any],
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        where: Where | None = None,
        population: str | Mapping[str, Any] | None = None,
        standard: str | None = None,
        per: float | None = None,
        **options: Unpack[Options],
    ) -> Rates:
        """Crude and age-standardised rates (direct method) of the rows of a dataset, by municipality of residence.

        Municipalities without an event have 0; one with events and without people is an error, and no rate.

        Parameters
        ----------
        dataset, uf, competencia, where
            What is counted, as in :meth:`query`; ``uf`` says whose municipalities are in the answer.
        population : str or dict, optional
            The people: a query of ``IBGE-POPSVS`` of one year (that of ``competencia``), or a dataset whose rows are counted,
            ``"SINASC-DN"`` for infant mortality; without a ``competencia``, of the time of the events, which must say theirs.
        standard : str, optional
            A table of ``tables`` with ``faixa_etaria`` (``0 a 4 anos``, ..., ``80 anos e mais``) and ``populacao``; the whole
            country of the same year.
        per : float, optional
            A rate is of so many people; 100,000.

        Returns
        -------
        Rates
            ``rows``, one a municipality, and what could not be counted.

        Raises
        ------
        NotFound
            The population of a municipality with events is missing.

        Examples
        --------
        >>> from datasus import col
        >>> infants = {"competencia": 2022, "where": col("obito_infantil") == 1}
        >>> infant = client.rates("SIM-DO", **infants, population="SINASC-DN", per=1000)
        >>> infant.rows[0].municipio, infant.per
        ('120010', 1000.0)
        """
        form: dict[str, Any] = {
            "events": json.loads(params_json(dataset, uf=uf, competencia=competencia, where=where, options=options))
        }
        if population is not None:
            form["population"] = json.loads(params_json(population))
        form.update({key: value for key, value in (("standard", standard), ("per", per)) if value is not None})
        rates = Rates(json.loads(self._client.rates(json.dumps(form))))
        warn_of(rates.warnings)
        return rates

    def search(self, words: str, dataset: DatasetName | str | None = None) -> FoundColumns:
        """The columns in whose names, meanings or labels all of ``words`` are, the best first: of one dataset, or of the whole
        catalogue. Neither case nor accents count. ``print`` and notebooks show a table.

        Examples
        --------
        >>> found = client.search("obito", "SIH-RD")[0]
        >>> found.column, found.found_in
        ('MORTE', 'meaning')
        """
        return FoundColumns(Found(form) for form in json.loads(self._client.search(words, dataset)))

    def explain(
        self,
        dataset: DatasetName | str | Mapping[str, Any] | None = None,
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        columns: Sequence[str] | None = None,
        labels: bool | Sequence[str] | None = None,
        labels_only: bool | None = None,
        where: Where | None = None,
        group_by: str | Sequence[str] | None = None,
        aggregates: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        order_by: str | Sequence[Any] | None = None,
        limit: int | None = None,
        sql: str | None = None,
        bind: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Explain:
        """What a query would read, against what is there. Converts nothing.

        Examples
        --------
        >>> client.explain("SIH-RD", uf="AC", columns=["CNES"]).files.read
        3
        """
        params = params_json(
            dataset,
            uf=uf,
            competencia=competencia,
            columns=columns,
            labels=labels,
            labels_only=labels_only,
            where=where,
            group_by=group_by,
            aggregates=aggregates,
            order_by=order_by,
            limit=limit,
            sql=sql,
            bind=bind,
            options=options,
        )
        return Explain(json.loads(self._client.explain(params)))

    def estimate(
        self,
        dataset: DatasetName | str | Mapping[str, Any] | None = None,
        *,
        uf: Uf | None = None,
        competencia: Competencia | None = None,
        columns: Sequence[str] | None = None,
        labels: bool | Sequence[str] | None = None,
        labels_only: bool | None = None,
        where: Where | None = None,
        group_by: str | Sequence[str] | None = None,
        aggregates: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        order_by: str | Sequence[Any] | None = None,
        limit: int | None = None,
        sql: str | None = None,
        bind: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Estimate:
        """What a query will take: rows, bytes, duration and peak memory, each with an interval.

        90 of 100 queries keep the interval from `low` to `high`; where a figure is known, all three are the same. Nothing is
        fetched, converted or run for it.

        Examples
        --------
        >>> expected = client.estimate("SIH-RD", uf="AC", columns=["CNES"])
        >>> expected.rows.likely, expected.rows.low == expected.rows.high, expected.bytes_to_download.likely
        (300, True, 0)
        """
        params = params_json(
            dataset,
            uf=uf,
            competencia=competencia,
            columns=columns,
            labels=labels,
            labels_only=labels_only,
            where=where,
            group_by=group_by,
            aggregates=aggregates,
            order_by=order_by,
            limit=limit,
            sql=sql,
            bind=bind,
            options=options,
        )
        return Estimate(json.loads(self._client.estimate(params)))

    def schema(self, dataset: DatasetName | str) -> Schema:
        """The dataset's columns, with types and meanings.

        Examples
        --------
        >>> client.schema("SIH-RD")["VAL_TOT"].type
        'decimal(14, 2)'
        """
        return Schema(json.loads(self._client.schema(dataset)))

    def catalog(self) -> list[Known]:
        """Every dataset that there is, whether the source holds any of it or not.

        Examples
        --------
        >>> [known.dataset for known in client.catalog() if known.dataset.startswith("SIM")][:2]
        ['SIM-DO', 'SIM-DOR']
        """
        return [Known(form) for form in json.loads(self._client.catalog())]

    def dictionaries(self) -> list[DictionaryEntry]:
        """The lists of labels, built in and of fetched kits: which, of whom, from when.

        Examples
        --------
        >>> [entry.source for entry in client.dictionaries() if entry.list == "sih/SEXO"]
        ['Kit TAB_SIH do DATASUS, pelo PyPI omnisus 0.2.3, SEXO.CNV']
        """
        return [DictionaryEntry(form) for form in json.loads(self._client.dictionaries())]

    def sync_dictionaries(self, source: str | os.PathLike[str] | None = None) -> DictionarySync:
        """Brings the ministry's kits of labels into the lake.

        They come from ``source``: a tree (``datasus://``, ``ftp://``, ``https://``, ``s3://``), a zip, or a folder
        with zips or unpacked kits; without one, from the client's own source. Labels are then of the kit that was
        published with a record's competência, offline too.

        Raises
        ------
        NotFound
            No kit is there.

        Examples
        --------
        >>> try:
        ...     client.sync_dictionaries()
        ... except datasus.NotFound as error:
        ...     error.code
        'DS-404'
        """
        given = None if source is None else os.fspath(source)
        return DictionarySync(json.loads(self._client.sync_dictionaries(given)))

    def datasets(self) -> Holdings:
        """What the source holds, by dataset: a list, whose ``ignored`` are the files that no query reads.

        Examples
        --------
        >>> held = next(held for held in client.datasets() if held.dataset == "SIH-RD")
        >>> held.dataset, held.files, held.ufs, held.first, held.last
        ('SIH-RD', 6, ['AC', 'RR'], '202401', '202403')
        >>> client.datasets().ignored
        []
        """
        form = json.loads(self._client.datasets())
        held = [DatasetSummary(one) for one in form["datasets"]]
        return Holdings(held, [IgnoredFile(one) for one in form["ignored"]])

    def metrics(self) -> str:
        """What this client has counted, and the state of the memory, in Prometheus' text form.

        Examples
        --------
        >>> "datasus_memory_pressure_ratio" in client.metrics()
        True
        """
        return str(self._client.metrics())

    def open_metrics(self) -> str:
        """The same in OpenMetrics' text form, with a job's ``trace_id`` as exemplar of each bucket of durations and waits.

        Examples
        --------
        >>> client.open_metrics().splitlines()[-1]
        '# EOF'
        """
        return str(self._client.open_metrics())

    @property
    def mode(self) -> Mode:
        """How full the memory is: ``normal``, ``conservative``, ``emergency`` or ``maintenance``.

        Examples
        --------
        >>> client.mode
        'normal'
        """
        mode: Mode = self._client.mode()
        return mode

    @contextlib.contextmanager
    def maintenance(self) -> Iterator[None]:
        """One job at a time with one thread, for the whole process, while the block runs.

        Examples
        --------
        >>> with client.maintenance():
        ...     client.mode
        'maintenance'
        """
        core = self._client
        # A block within another one leaves the outer one's as it is.
        before = core.mode() == "maintenance"
        core.set_maintenance(True)
        try:
            yield
        finally:
            core.set_maintenance(before)

    def close(self) -> None:
        """Lets go of the source; running jobs go on.

        Examples
        --------
        >>> other = datasus.open(folder)
        >>> other.close()
        """
        self._core = None

    def _shown(self, progress: bool | None) -> bool | None:
        return self._progress if progress is None else progress

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._source!r}{', closed' if self._core is None else ''})"

    def __reduce__(self) -> Any:
        raise TypeError("a client cannot be sent to another process: open one there")
