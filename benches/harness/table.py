"""Ratios, their goals, and how both are written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from .process import Run


@dataclass
class Row:
    """One of ours against one peer (or against a bound of its own)."""

    path: str
    peer: str
    goal: str
    least: float | None
    ours: list[Run] = field(default_factory=list)
    peers: list[Run] = field(default_factory=list)
    note: str = ""

    def pairs(self) -> list[tuple[Run, Run]]:
        return list(zip(self.ours, self.peers, strict=True))

    def quiet(self) -> list[tuple[Run, Run]]:
        return [(a, b) for a, b in self.pairs() if a.quiet and b.quiet]

    def ratios(self) -> tuple[list[float], bool]:
        """The ratios that count, and whether they are of quiet runs."""
        quiet = self.quiet()
        return [b.seconds / a.seconds for a, b in quiet or self.pairs()], bool(quiet)

    def json(self) -> dict:
        ratios, quiet = self.ratios()
        return {
            "path": self.path,
            "peer": self.peer,
            "goal": self.goal,
            "ratio": median(ratios),
            "least": min(ratios),
            "greatest": max(ratios),
            "quiet": quiet,
            "met": None if self.least is None or not quiet else median(ratios) >= self.least,
            "note": self.note,
            "ours": [vars(run) for run in self.ours],
            "peers": [vars(run) for run in self.peers],
        }

    def markdown(self) -> str:
        ratios, quiet = self.ratios()
        ours, peers = ([pair[side] for pair in (self.quiet() or self.pairs())] for side in (0, 1))

        def middle(runs: list[Run], name: str) -> float:
            return median(getattr(run, name) for run in runs)

        ratio = f"{median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"
        counted = f"{len(self.quiet())}/{len(self.pairs())}" + ("" if quiet else " busy")
        met = "" if self.least is None or not quiet else ("yes" if median(ratios) >= self.least else "**no**")
        seconds = f"{middle(ours, 'seconds'):.3f} | {middle(peers, 'seconds'):.3f}"
        memory = f"{middle(ours, 'rss_mb'):.0f} | {middle(peers, 'rss_mb'):.0f}"
        cpu = f"{middle(ours, 'cpu_seconds'):.2f} | {middle(peers, 'cpu_seconds'):.2f}"
        return f"| {self.path} | {self.peer} | {seconds} | {ratio} {counted} | {self.goal} | {met} | {memory} | {cpu} |"


HEAD = """| path | peer | ours s | peer s | peer / ours, median [min-max], quiet/all | goal | met | ours MB | peer MB | ours CPU s | peer CPU s |
|---|---|---|---|---|---|---|---|---|---|---|"""


@dataclass
class Bound:
    """A figure of ours with a bound of its own."""

    path: str
    figure: str
    value: float
    most: float

    def json(self) -> dict:
        return {**vars(self), "met": self.value <= self.most}

    def markdown(self) -> str:
        return f"| {self.path} | {self.figure} | {self.value:.3g} | {self.most:g} | {'yes' if self.value <= self.most else '**no**'} |"


BOUNDS_HEAD = """| path | figure | ours | at most | met |
|---|---|---|---|---|"""
