"""Made-up files, to try things on."""

from __future__ import annotations

import os
import pathlib

from . import _datasus


def example_data(folder: str | os.PathLike[str], rows: int = 100) -> pathlib.Path:
    """Writes made-up files in the ministry's form, to try things on.

    Em português: ``datasus.ajuda("example_data")``.

    Every record is invented; the columns' names, widths and codings are those of genuine files.

    Parameters
    ----------
    folder : str or path
        Where they go; files that are there already stay as they are.
    rows : int
        Admissions in each file of SIH-RD (AC and RR, January to March 2024); deaths (SIM-DO of 2022) are twice as many, births
        (SINASC-DN of 2022) as many, and the facilities (CNES-ST, CNES-LT of January 2024) always the same.

    Returns
    -------
    pathlib.Path
        The folder.

    Examples
    --------
    >>> import datasus
    >>> sorted(file.name for file in datasus.example_data(folder).glob("*AC*"))[:2]
    ['DNAC2022.dbc', 'DOAC2022.dbc']
    """
    _datasus.example_data(os.fspath(folder), rows)
    return pathlib.Path(folder)
