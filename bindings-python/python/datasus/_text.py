"""Small tables for terminals."""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

#: Between two columns.
GAP = "  "
#: Fewer characters of a column that is cut say nothing.
LEAST = 12


def width(text: str) -> int:
    """Places that a text takes: none for an accent that stands beside its letter."""
    return sum(1 for letter in text if not unicodedata.combining(letter))


def cut(text: str, most: int) -> str:
    """The text in one line, with an ellipsis where it is longer."""
    line = " ".join(text.split())
    return line if width(line) <= most else line[: max(most - 1, 0)].rstrip() + "…"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], wide: int, columns: int | None = None) -> str:
    """Rows below their headings; the column ``wide`` takes what the others leave of the terminal's width, in many lines."""
    every = [
        tuple(cut(cell, 60) if at != wide else " ".join(cell.split()) for at, cell in enumerate(row)) for row in rows
    ]
    widths = [max([width(name), *(width(row[at]) for row in every)]) for at, name in enumerate(head)]
    of_terminal = columns if columns is not None else shutil.get_terminal_size((120, 24)).columns
    others = sum(size for at, size in enumerate(widths) if at != wide) + len(GAP) * (len(head) - 1)
    widths[wide] = min(widths[wide], max(of_terminal - others, LEAST))

    def line(cells: Sequence[str]) -> str:
        shown = [cut(cell, size) for cell, size in zip(cells, widths, strict=True)]
        padded = [cell + " " * (size - width(cell)) for cell, size in zip(shown, widths, strict=True)]
        return GAP.join(padded).rstrip()

    def lines(cells: Sequence[str]) -> str:
        parts = textwrap.wrap(cells[wide], widths[wide]) or [""]
        first = [part if at == wide else cell for part in parts[:1] for at, cell in enumerate(cells)]
        others = [[part if at == wide else "" for at in range(len(cells))] for part in parts[1:]]
        return "\n".join(line(row) for row in [first, *others])

    ruled = GAP.join("─" * size for size in widths)
    return "\n".join([line(head), ruled, *(lines(row) for row in every)])
