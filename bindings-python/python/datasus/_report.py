"""What a job did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import contract
from ._html import number, table
from ._optional import require

if TYPE_CHECKING:
    import pandas


class Report(contract.Report):
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

    def _repr_html_(self) -> str:
        performance = self.performance
        rows = [
            ("registros", number(self.records_processed)),
            ("destinos", ", ".join(f"{sink}: {place}" for sink, place in self.storage.items()) or "memória"),
            ("duração", f"{performance.duration_sec:.2f} s"),
            ("registros por segundo", number(performance.throughput_rps)),
            ("pico de memória", f"{performance.memory_peak_gb:.2f} GB"),
            ("modo", self.mode),
            ("arquivos", len(self.sources)),
            ("registros rejeitados", number(self.dead_letters)),
        ]
        if self.sampling is not None:
            rows.append(("AMOSTRA", f"{self.sampling.fraction:.0%} das linhas"))
        rows += [("aviso", warning) for warning in self.warnings]
        return table(("relatório", self.job_id), rows)


class SyncReport(contract.SyncReport):
    """What :meth:`Client.sync` did.

    Examples
    --------
    >>> client.sync("SIH-RD").files
    6
    """


class SyncPlan(contract.SyncPlan):
    """What :meth:`Client.sync` would do, as :meth:`Client.plan_sync` tells it.

    Examples
    --------
    >>> client.plan_sync("SIH-RD").files
    6
    """


class Rates(contract.Rates):
    """Rates by municipality, as :meth:`Client.rates` gives them.

    Examples
    --------
    >>> rates = client.rates("SIM-DO", competencia=2022, population="SINASC-DN", per=1000)
    >>> rates.rows[0].events > 0
    True
    """

    def to_pandas(self) -> pandas.DataFrame:
        """One row a municipality.

        Examples
        --------
        >>> client.rates("SIM-DO", competencia=2022, population="SINASC-DN").to_pandas().columns.tolist()
        ['municipio', 'events', 'population', 'crude', 'standardised']
        """
        names = ["municipio", "events", "population", "crude", "standardised"]
        return require("pandas", "pandas").DataFrame([dict(row) for row in self.rows], columns=names)


class JobInfo(contract.JobInfo):
    """A job that left something, as :meth:`Client.jobs` lists it.

    Examples
    --------
    >>> [(job.job_id, job.standing, job.error) for job in client.jobs()]
    []
    """


class DeadLetter(contract.DeadLetter):
    """A record that was not taken, with its reason and where it comes from.

    Examples
    --------
    >>> for left in client.jobs():
    ...     for letter in client.dead_letters(left.job_id):
    ...         print(letter.source_file, letter.source_row, letter.column, letter.value, letter.reason)
    """


class Estimate(contract.Estimate):
    """What a query will probably take, told before it runs.

    Examples
    --------
    >>> expected = client.estimate("SIH-RD", uf="AC", where=datasus.col("SEXO") == "1")
    >>> expected.engine, expected.rows.low <= expected.rows.likely <= expected.rows.high
    ('scan', True)
    """


class Explain(contract.Explain):
    """What a query would read, against what is there: files, row groups, columns, SQL.

    Examples
    --------
    >>> plan = client.explain("SIH-RD", uf="AC", columns=["CNES"])
    >>> plan.datasets, plan.files
    (['SIH-RD'], Share({'read': 3, 'present': 6}))
    """


class FileSummary(contract.FileSummary):
    """What was noticed in a file that :func:`read_dbc` has read.

    Examples
    --------
    >>> records = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["CNES"])
    >>> _ = records.to_arrow()
    >>> records.summary.rows, records.summary.rows_deleted, records.summary.bad_values
    (100, 0, [])
    """
