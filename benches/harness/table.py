"""Ratios, their goals, and how both are written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from .process import Run


def first_line(error: BaseException) -> str:
    """Of what an error says, fit for a cell."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return said.replace("|", "/")[:200]


@dataclass
class Row:
    """One of ours against one peer."""

    path: str
    peer: str
    goal: str = ""
    least: float | None = None
    ours: list[Run] = field(default_factory=list)
    peers: list[Run] = field(default_factory=list)
    note: str = ""
    failed: str = ""

    def pairs(self) -> list[tuple[Run, Run]]:
        # The last of ours has no partner where the peer failed.
        return list(zip(self.ours, self.peers, strict=False))

    def quiet(self) -> list[tuple[Run, Run]]:
        return [(a, b) for a, b in self.pairs() if a.quiet and b.quiet]

    def counted(self) -> list[tuple[Run, Run]]:
        """The quiet pairs; all where there are none."""
        return self.quiet() or self.pairs()

    def ratios(self) -> list[float]:
        return [b.seconds / a.seconds for a, b in self.counted()]

    def met(self) -> bool | None:
        return median(self.ratios()) >= self.least if self.least is not None and self.quiet() else None

    def middle(self, name: str) -> tuple[float | None, float | None]:
        """The medians of a figure of ours and of the peer; none where there is no such figure."""
        sides = ([getattr(pair[side], name) for pair in self.counted()] for side in (0, 1))
        ours, peer = (None if None in values else median(values) for values in sides)
        return ours, peer

    def json(self) -> dict:
        runs = {"ours": [vars(run) for run in self.ours], "peers": [vars(run) for run in self.peers]}
        named = {"path": self.path, "peer": self.peer, "goal": self.goal, "note": self.note}
        if self.failed:
            return {**named, "failed": self.failed, **runs}
        ratios = self.ratios()
        figures = {"ratio": median(ratios), "least": min(ratios), "greatest": max(ratios)}
        figures |= {"quiet": bool(self.quiet()), "met": self.met()}
        for name in ("krows", "mb"):
            figures[f"{name}_per_second"] = dict(zip(("ours", "peer"), self.middle(name), strict=True))
        return {**named, **figures, **runs}

    def markdown(self) -> str:
        if self.failed:
            return f"| {self.path} | {self.peer} | failed: {self.failed} |" + " |" * (len(COLUMNS) - 3)
        ratios = self.ratios()
        counted = f"{len(self.quiet())}/{len(self.pairs())}" + ("" if self.quiet() else " busy")
        ratio = f"{median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}] {counted}"
        met = {None: "", True: "yes", False: "**no**"}[self.met()]
        # Only where there was a server.
        server = pair(self.middle("server_cpu_seconds"), ".2f") if any(self.middle("server_cpu_seconds")) else ""
        cells = [self.path, self.peer, pair(self.middle("seconds"), ".3f"), ratio, self.goal, met]
        cells += [pair(self.middle("krows"), ",.0f"), pair(self.middle("mb"), ",.1f")]
        cells += [pair(self.middle("rss_mb"), ".0f"), pair(self.middle("cpu_seconds"), ".2f"), server]
        return f"| {' | '.join(cells)} |"


def pair(of: tuple[float | None, float | None], form: str) -> str:
    """`ours / peer`."""
    if of == (None, None):
        return ""
    return " / ".join("-" if value is None else format(value, form) for value in of)


COLUMNS = ["path", "peer", "seconds", "peer / ours, median [min-max], quiet/all", "goal", "met"]
COLUMNS += ["krows/s", "MB/s", "RSS MB", "CPU s", "server CPU s"]
HEAD = f"""Two figures in a cell are ours / the peer's.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}"""


@dataclass
class Bound:
    """A figure of ours with a bound of its own."""

    path: str
    figure: str
    most: float
    value: float | None = None
    failed: str = ""

    def json(self) -> dict:
        return {**vars(self), "met": None if self.value is None else self.value <= self.most}

    def markdown(self) -> str:
        if self.value is None:
            return f"| {self.path} | {self.figure} | failed: {self.failed} | {self.most:g} | |"
        met = "yes" if self.value <= self.most else "**no**"
        return f"| {self.path} | {self.figure} | {self.value:.3g} | {self.most:g} | {met} |"


BOUNDS_HEAD = """| path | figure | ours | at most | met |
|---|---|---|---|---|"""
