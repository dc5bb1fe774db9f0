"""One file by itself, straight to Arrow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from . import _datasus
from ._result import FileRecords


def read_dbc(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    *,
    dataset: str | None = None,
    typed: bool = True,
    verify_crc: bool = True,
    batch_rows: int = 65_536,
    encoding: Literal["latin-1", "cp850", "cp1252", "utf-8", "auto"] | None = None,
    partial: bool = False,
    labels: bool | Sequence[str] | None = None,
    labels_only: bool = False,
    language: Literal["pt", "en"] = "pt",
) -> FileRecords:
    """Reads one DBC or DBF file straight to Arrow: no lake, no query, no temporary file.

    Em português: ``datasus.ajuda("read_dbc")``.

    Parameters
    ----------
    path : str or path
        The file.
    columns : list of str, optional
        Only these, in this order; the others are not decoded. Labels and derived columns are named among them: ``idade_anos``.
    dataset : str, optional
        Whose types the columns have, where the file's name does not tell: ``"SIH-RD"``.
    typed : bool
        True: numbers, money and days have the catalogue's types; a value that does not parse is NULL, and counted in
        ``summary``. False: every column is text, as it stands in the file.
    verify_crc : bool
        True: a file whose CRC-32 does not match ends with :class:`DamagedFile`.
    batch_rows : int
        Rows of a batch.
    encoding : {"latin-1", "cp850", "cp1252", "utf-8", "auto"}, optional
        What text is written in. ``"auto"`` reads the file once before and says in ``summary.warnings`` what it found. None:
        Latin-1 for files of the catalogue, which are never guessed; ``"auto"`` for others, such as the tables of TabWin.
    partial : bool
        True: where the header declares more records than there are, those that are there are read, with a warning. False:
        such a file ends with :class:`DamagedFile`.
    labels : bool or list of str, optional
        Words for codes: True, or a list of columns, puts ``SEXO_rotulo`` beside ``SEXO``. A code without a label is NULL,
        and counted in ``summary.unlabelled``.
    labels_only : bool
        True: a label stands in its code's place.
    language : {"pt", "en"}
        Language of the errors.

    Returns
    -------
    FileRecords
        Take it by ``to_pandas()``, ``to_polars()``, ``to_arrow()``, or batch by batch.

    Examples
    --------
    >>> import datasus
    >>> records = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["CNES", "VAL_TOT"])
    >>> records.to_arrow().num_rows
    100
    >>> records.summary.crc
    'ok'
    >>> ages = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["SEXO_rotulo", "idade_anos"]).to_arrow()
    >>> ages.slice(0, 2).to_pylist()
    [{'SEXO_rotulo': 'Masculino', 'idade_anos': 24}, {'SEXO_rotulo': 'Feminino', 'idade_anos': 41}]
    """
    wanted = None if columns is None else list(columns)
    text = os.fspath(path)
    rows, summary = _datasus.read_dbc(
        text,
        wanted,
        dataset,
        typed,
        verify_crc,
        batch_rows,
        encoding,
        partial,
        labels if labels is None or isinstance(labels, bool) else list(labels),
        labels_only,
        language == "en",
    )
    return FileRecords(rows, summary, text)
