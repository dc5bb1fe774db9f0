"""The Node face, from its packages: tables of two and of ten million rows, CSV streams, and the event loop meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from statistics import median

from .. import check
from ..bench import PEERS, ROOT, TARGET, Bench, Case
from ..process import Run, run


def measure(bench: Bench) -> None:
    if not bench.wanted("Node: Table Node: CSV stream"):
        return
    installed(bench)
    for data, size in ((bench.job, "2 M"), (bench.all, "10 M")):
        tables(bench, data, size)
    streams(bench, bench.job, "2 M")
    lag(bench)


@cache
def installed(bench: Bench) -> Path:
    """A folder with the packages (built ones, where DATASUS_NODE_PACKAGES names them), the peers and the pinned tools."""
    built = os.environ.get("DATASUS_NODE_PACKAGES")
    packages = Path(built or TARGET / "npm")
    if not built:
        build = [str(ROOT / "bindings-node" / "build.sh"), str(packages)]
        subprocess.run(build, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(TARGET)})
    setup = subprocess.run([str(ROOT / "setup" / "node.sh")], check=True, stdout=subprocess.PIPE, text=True)
    folder = TARGET / "bench-node"
    shutil.rmtree(folder, ignore_errors=True)
    modules = folder / "node_modules"
    modules.mkdir(parents=True)
    for tool in (Path(setup.stdout.strip()) / "node_modules").iterdir():
        (modules / tool.name).symlink_to(tool)
    for package in packages.glob("datasus-*.tgz"):
        into = modules / package.name.rsplit("-", 1)[0]
        into.mkdir()
        subprocess.run(["tar", "-xzf", str(package), "-C", str(into), "--strip-components=1"], check=True)
    for script in PEERS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def node(bench: Bench, script: str, **given: object) -> Run:
    words = [f"{key}={value}" for key, value in given.items()]
    return run(["node", str(installed(bench) / script), *words], bench.server.pid if bench.server else None)


def wanted(data: Path) -> dict:
    known = check.expected(data, "all")
    return {"rows": known["rows"], "sums": {"VAL_TOT": known["sum_val_tot"]}}


def tables(bench: Bench, data: Path, size: str) -> None:
    def case(script: str, way: str) -> Case:
        def done() -> Run:
            answered = node(bench, script, data=data, way=way)
            check.stream(f"{script}, {way}", answered.answer, wanted(data))
            return answered

        return done

    path, ours = f"Node: Table, {size}", case("datasus_table.mjs", "table")
    chunks = "DuckDB node-api stream, chunks and their vectors"
    bench.against(path, ours, chunks, case("duckdb_table.mjs", "chunks"), ">= 1", 1.0)
    bench.against(path, ours, "ours, through Arrow IPC", case("datasus_table.mjs", "ipc"), ">= 1", 1.0)
    # Ten million rows of JavaScript's values are more than its heap holds.
    if data == bench.job:
        columns = case("duckdb_table.mjs", "columns")
        bench.against(path, ours, "DuckDB node-api getColumns", columns, ">= 1", 1.0, slow=not bench.options.quick)


def streams(bench: Bench, data: Path, size: str) -> None:
    @cache
    def whole(script: str, way: str) -> int:
        """The bytes of the same stream in a run that looked at each row."""
        looked = node(bench, script, data=data, way=way, check=1).answer
        check.stream(f"{script}, {way}", looked, wanted(data))
        return looked["bytes"]

    def case(script: str, way: str) -> Case:
        def done() -> Run:
            most = whole(script, way)
            answered = node(bench, script, data=data, way=way)
            found = (answered.answer["rows"], answered.answer["bytes"])
            check.equal(f"{script}, {way}", found, (wanted(data)["rows"], most))
            return answered

        return done

    path, ours = f"Node: CSV stream, {size}", case("datasus_csv.mjs", "csv")
    copy, rows = (case("duckdb_csv.mjs", way) for way in ("copy", "rows"))
    bench.against(path, ours, "DuckDB node-api COPY into a pipe that Node reads", copy, ">= 1", 1.0)
    text = "DuckDB node-api stream, text made in JavaScript"
    bench.against(path, ours, text, rows, ">= 1", 1.0, slow=not bench.options.quick)


def lag(bench: Bench) -> None:
    """The gaps of a ticker of 10 ms in the runs of ours; quiet ones, where there are any."""
    for path in ("Node: Table, 10 M", "Node: CSV stream"):
        # Through IPC the event loop puts all bytes together: that is a peer, and not among these.
        if runs := bench.runs_of_ours(path):
            counted = [one.answer for one in runs if one.quiet] or [one.answer for one in runs]
            ticker = "of a 10 ms ticker, ms"
            # What the loop lags behind: the gap but for the ticker's own 10 ms.
            bench.bound(
                path, f"p99 lag {ticker}", 20, lambda counted=counted: median(one["p99_ms"] for one in counted) - 10
            )
            bench.bound(
                path, f"longest gap {ticker}", 50, lambda counted=counted: max(one["max_ms"] for one in counted)
            )
