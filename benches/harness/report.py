"""The table and the JSON of a run."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

from . import server
from .bench import PEERS, ROOT, TARGET, Bench
from .table import BOUNDS_HEAD, HEAD


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def versions() -> list[str]:
    pins = [line for line in (PEERS / "requirements.txt").read_text().splitlines() if "==" in line]
    tools = json.loads((ROOT / "bindings-node" / "tools" / "package.json").read_text())["dependencies"]
    of_node = [f"{name} {tools[name]}" for name in ("@duckdb/node-api", "apache-arrow")]
    return [*pins, *of_node, server.version()]


def write(bench: Bench, seconds: float) -> None:
    """A part, or a quick run, never takes the place of the full one."""
    options, date, peers = bench.options, time.strftime("%Y-%m-%d"), versions()
    part = "-only" if options.only else "-quick" if options.quick else ""
    head = f"Measured on {date}: {machine()}. Peers: {', '.join(peers)}.\n"
    rows, bounds = ([one.markdown() for one in some] for some in (bench.rows, bench.bounds))
    text = "\n".join([head, HEAD, *rows, "", BOUNDS_HEAD, *bounds, ""])
    full = {"date": date, "machine": machine(), "peers": peers, "seconds": seconds, "quick": options.quick}
    full |= {"only": options.only, "failed": bench.failed()}
    full |= {"rows": [row.json() for row in bench.rows], "bounds": [bound.json() for bound in bench.bounds]}
    folder = TARGET / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"latest{part}.md").write_text(text)
    for name in (f"latest{part}.json", f"{time.strftime('%Y%m%d-%H%M%S')}{part}.json"):
        (folder / name).write_text(json.dumps(full, indent=1, default=str))
    print(f"\n{folder / f'latest{part}.md'}; {seconds:.0f} s; {bench.failed()} failed")
