"""Runs ours against what users would pick instead: `make bench`, `make bench-quick`; see benches/README.md."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import report
from harness.bench import TARGET, Bench
from harness.paths import c, dbc, estimates, files, labels, modes, node, postgres, python, small, stream
from harness.table import HEAD


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, two pairs")
    parser.add_argument("--only", help="a pattern of paths and peers")
    parser.add_argument(
        "--pairs", type=int, help="quiet pairs wanted of each; 5 (1 of the slow ones), or 2 with --quick"
    )
    options, began = parser.parse_args(), time.monotonic()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)
    with tempfile.TemporaryDirectory(prefix="datasus-bench-out-", dir=TARGET) as out:
        bench = Bench(options, Path(out))
        print(HEAD, flush=True)
        for path in (dbc, small, estimates, stream, labels, files, modes, postgres, python, node, c):
            bench.path(path.measure)
    report.write(bench, time.monotonic() - began)
    return 1 if bench.failed() else 0


def end(number: int, _: object) -> None:
    """What is open is closed on the way out, and a second signal (`timeout` sends two) does not cut that short."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
