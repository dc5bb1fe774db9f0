"""Small tables for notebooks."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "", whole: Collection[str] = ()) -> str:
    """An HTML table whose cells are text, whatever they hold; those of the columns ``whole`` stand in one line."""
    kept = [";white-space:nowrap" if name in whole else "" for name in head]
    cells = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:left;vertical-align:top{style}'>{html.escape(str(cell))}</td>"
            for cell, style in zip(row, kept, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    said = f"<caption style='text-align:left'>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{said}<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def number(value: float) -> str:
    """1234567 as 1.234.567, as Brazil writes it."""
    return f"{value:,.0f}".replace(",", ".")
