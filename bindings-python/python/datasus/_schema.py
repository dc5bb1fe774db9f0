"""A dataset as the catalogue knows it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from . import _datasus, contract
from ._html import table
from ._text import table as text_table


class ColumnInfo(NamedTuple):
    """A column of a dataset.

    Examples
    --------
    >>> client.schema("SIH-RD")["VAL_TOT"].type
    'decimal(14, 2)'
    """

    name: str
    #: ``text``, ``integer``, ``decimal(p, s)`` or ``date``.
    type: str
    #: What it means, in Portuguese; None where no trustworthy source says so.
    meaning: str | None
    #: Who says so.
    source: str | None
    #: First and last year of the files that have it.
    years: tuple[int, int] | None
    #: How its codes are written in every year: ``digits(7)`` (with the zeros on the left), ``municipality`` (six digits),
    #: ``year`` (four digits); None: as the files have them.
    form: str | None = None
    #: Where the code itself changed: how it was written in each stretch of years, oldest first.
    codings: tuple[contract.Coding, ...] = ()


def _type(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    name, of = next(iter(kind.items()))
    return f"{name}({of['precision']}, {of['scale']})" if name == "decimal" else name


class DerivedInfo(NamedTuple):
    """A column that a dataset has by name alone: the labels of a column's codes, or what is made of others.

    Examples
    --------
    >>> client.schema("SIH-RD")["SEXO_rotulo"].label_of
    'SEXO'
    """

    name: str
    type: str
    meaning: str
    #: Who says so; of labels, the list and its date.
    source: str
    #: The columns that it is made of.
    inputs: tuple[str, ...]
    #: The column of the codes; None: it is made by a rule.
    label_of: str | None


_OF_FILES = "Campos dos arquivos, com o tipo que o cabeçalho de cada um diz"


class Schema:
    """Naming, columns with types and meanings, and the dates of the event.

    Competência is the month of processing, not of the event: for the event's dates see ``event_dates``.

    Examples
    --------
    >>> schema = client.schema("SIH-RD")
    >>> schema.dataset, len(schema) > 100
    ('SIH-RD', True)
    >>> print(schema["DIAG_PRINC"].meaning)
    Diagnóstico principal (CID-10)
    """

    def __init__(self, form: dict[str, Any]) -> None:
        self._form = form
        self.dataset: str = form["dataset"] if isinstance(form["dataset"], str) else str(form["dataset"])
        self.nome: str = form["nome"]
        self.event_dates: list[str] = list(form.get("event_dates") or [])
        columns = []
        for column in form["columns"]:
            meaning, eras = column.get("meaning") or {}, column.get("eras") or []
            years = (eras[0]["first_year"], eras[-1]["last_year"]) if eras else None
            form, codings = column.get("form") or {}, column.get("codings") or []
            columns.append(
                ColumnInfo(
                    name=column["name"],
                    type=_type(column["kind"]),
                    meaning=meaning.get("pt"),
                    source=meaning.get("source"),
                    years=years,
                    form=form.get("form"),
                    codings=tuple(contract.Coding(coding) for coding in codings),
                )
            )
        self.columns: list[ColumnInfo] = columns
        #: Labels, and what is made of other columns: ``SEXO_rotulo``, ``idade_anos``.
        self.derived: list[DerivedInfo] = [
            DerivedInfo(
                name=one["name"],
                type=_type(one["kind"]),
                meaning=one["meaning"],
                source=one["source"],
                inputs=tuple(one["inputs"]),
                label_of=one.get("label_of"),
            )
            for one in self._form.get("derived") or []
        ]
        self._by_name: dict[str, ColumnInfo | DerivedInfo] = {one.name.upper(): one for one in self.derived}
        self._by_name.update({column.name: column for column in columns})

    def __getitem__(self, name: str) -> Any:
        return self._by_name[name.upper()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.upper() in self._by_name

    def __iter__(self) -> Iterator[ColumnInfo]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def search(self, text: str) -> list[Any]:
        """The columns in whose name, meaning or labels all words of ``text`` are, the best first.

        Derived ones are among them; neither case nor accents count.

        Examples
        --------
        >>> [column.name for column in client.schema("SIH-RD").search("obito")][:1]
        ['MORTE']
        """
        names = [found["column"] for found in json.loads(_datasus.search(text, self.dataset))]
        # Of a field of which only the name is known, what has its words.
        held = [name if name in self else f"{name}_rotulo" for name in names]
        return [self[name] for name in held if name in self]

    def to_dict(self) -> dict[str, Any]:
        """Everything that the catalogue knows, as JSON has it.

        Examples
        --------
        >>> client.schema("SIH-RD").to_dict()["dataset"]
        'SIH-RD'
        """
        return copy.deepcopy(self._form)

    def __repr__(self) -> str:
        return f"Schema({self.dataset}: {self.nome}, {len(self)} columns)"

    def __str__(self) -> str:
        labels = self._labels(narrow=True)
        rows = [(c.name, c.type, _years(c), labels.get(c.name, ""), c.meaning or "") for c in self]
        made = [(one.name, one.type, f"{one.meaning} (de {', '.join(one.inputs)})") for one in self._made()]
        parts = [f"{self.dataset}: {self.nome} ({len(self)} colunas)"]
        if self.event_dates:
            parts.append(f"Datas do evento: {', '.join(self.event_dates)}")
        if rows:
            parts.append(text_table(("coluna", "tipo", "anos", "rótulos", "significado"), rows, 4))
        fields = [(name, years, labels.get(name, "")) for name, years in self._fields()]
        if fields:
            parts.append(f"\n{_OF_FILES}:\n")
            parts.append(text_table(("campo", "anos", "rótulos"), fields, 2))
        if made:
            parts.append("\nColunas derivadas, pelo nome; entre parênteses, as de que são feitas:\n")
            parts.append(text_table(("coluna", "tipo", "significado"), made, 2))
        return "\n".join(parts)

    def _labels(self, narrow: bool = False) -> dict[str, str]:
        """By column the list of its labels; one that is not official says so, in a narrow place by whose it is."""

        def shown(one: dict[str, Any]) -> str:
            name = one["label_list"] or ""
            if not one["source"].startswith("não oficial"):
                return name
            return f"{name.split('/')[0]} (não oficial)" if narrow else f"{name} (não oficial)"

        return {one["label_of"]: shown(one) for one in self._form.get("derived") or [] if one.get("label_of")}

    def _fields(self) -> list[tuple[str, str]]:
        """Fields of which the catalogue knows the name alone, and the years of the files that have them."""
        years: dict[str, tuple[str, str]] = {}
        for of in self._form.get("fields") or []:
            first, last = of.get("from") or "", of.get("to") or ""
            for name in of["names"]:
                if name not in self._by_name:
                    known = years.get(name, (first, last))
                    years[name] = (min(known[0], first), max(known[1], last))
        return [(name, f"{first}-{last}") for name, (first, last) in years.items()]

    def _made(self) -> list[DerivedInfo]:
        return [one for one in self.derived if one.label_of is None]

    def _repr_html_(self) -> str:
        labels = self._labels()
        sources = {one.label_of: one.source for one in self.derived if one.label_of is not None}
        rows = [
            (c.name, c.type, _years(c), c.meaning or "", labels.get(c.name, ""), sources.get(c.name, ""), _forms(c))
            for c in self
        ]
        head = ("coluna", "tipo", "anos", "significado", "rótulos", "fonte dos rótulos", "forma")
        whole = table(head, rows, f"{self.dataset}: {self.nome}", whole=("coluna", "tipo", "anos"))
        fields = [(name, years, labels.get(name, ""), sources.get(name, "")) for name, years in self._fields()]
        if fields:
            whole += table(
                ("campo", "anos", "rótulos", "fonte dos rótulos"), fields, _OF_FILES, whole=("campo", "anos")
            )
        made = [(one.name, one.type, one.meaning, ", ".join(one.inputs), one.source) for one in self._made()]
        if made:
            of_made = ("coluna", "tipo", "significado", "feita de", "fonte")
            whole += table(of_made, made, "Colunas derivadas, pelo nome", whole=("coluna", "tipo"))
        return whole


def _years(column: ColumnInfo) -> str:
    return "" if column.years is None else f"{column.years[0]}-{column.years[1]}"


def _forms(column: ColumnInfo) -> str:
    if not column.codings:
        form = column.form or ""
        digits = re.fullmatch(r"digits\((\d+)\)", form)
        known = {"municipality": "município, 6 dígitos", "year": "ano, 4 dígitos", "digits(1)": "1 dígito"}
        return known.get(form, f"{digits[1]} dígitos" if digits else form)
    return "; ".join(f"{_when(c.get('from'), c.get('to'))}: {c['meaning']}" for c in column.codings)


def _when(first: str | None, last: str | None) -> str:
    if first and last:
        return f"de {first} a {last}"
    return f"desde {first}" if first else f"até {last}" if last else "sempre"


class Known(contract.Known):
    """A dataset of the catalogue.

    Examples
    --------
    >>> next(known.table for known in client.catalog() if known.dataset == "SIH-RD")
    'sih_rd'
    """


class DictionarySync(contract.DictionarySync):
    """What :meth:`Client.sync_dictionaries` brought: ``kits``, and what ``failed`` or was ``absent``.

    Examples
    --------
    >>> datasus.DictionarySync({"kits": [], "absent": ["TAB_SIH.zip"]}).absent
    ['TAB_SIH.zip']
    """


class DictionaryEntry(contract.DictionaryEntry):
    """A list of labels, built in or of a fetched kit.

    Examples
    --------
    >>> next(entry.official for entry in client.dictionaries() if entry.list == "cid10")
    True
    """


class Found(contract.Found):
    """A column in which words were found, as :meth:`Client.search` gives it.

    Examples
    --------
    >>> client.search("feminino", "SIH-RD")[0].labels
    ['Feminino']
    """


class FoundColumns(list[Found]):
    """What :meth:`Client.search` found, the best first: a list, and a table in a notebook and by ``print``.

    Examples
    --------
    >>> print(client.search("feminino", "SIH-RD"))
    dataset  coluna      tipo  significado e rótulos
    ...
    SIH-RD   SEXO        text  Sexo: Feminino
    ...
    """

    _HEAD = ("dataset", "coluna", "tipo", "significado e rótulos")

    def _rows(self) -> list[tuple[str, ...]]:
        said = [": ".join(part for part in (one.meaning, "; ".join(one.labels)) if part) for one in self]
        return [(str(one.dataset), one.column, _type(one.kind), text) for one, text in zip(self, said, strict=True)]

    def __str__(self) -> str:
        return text_table(self._HEAD, self._rows(), 3) if self else "Nenhuma coluna"

    def _repr_html_(self) -> str:
        return table(self._HEAD, self._rows(), whole=self._HEAD[:3]) if self else "Nenhuma coluna"


class DatasetSummary(contract.DatasetSummary):
    """What the source holds of one dataset.

    Examples
    --------
    >>> [held.dataset for held in client.datasets()]
    ['CNES-ST', 'CNES-LT', 'SIH-RD', 'SIM-DO', 'SINASC-DN']
    """


class IgnoredFile(contract.IgnoredFile):
    """A file of the source that no query reads.

    Examples
    --------
    >>> [ignored.file for ignored in client.datasets().ignored if ignored.reason == "archive"]
    []
    """


class Holdings(list[DatasetSummary]):
    """What the source holds: the datasets, and beside them the files that no query reads.

    Examples
    --------
    >>> client.datasets().ignored
    []
    """

    def __init__(self, datasets: Iterable[DatasetSummary] = (), ignored: Iterable[IgnoredFile] = ()) -> None:
        super().__init__(datasets)
        #: In order of path.
        self.ignored: list[IgnoredFile] = list(ignored)
