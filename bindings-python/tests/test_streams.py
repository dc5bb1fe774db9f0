"""Many results open at once: what they hold for their readers is bounded, counted, and given back."""

from __future__ import annotations

import gc
import pathlib
import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

import datasus

ROWS = 120_000
COLUMNS = 60
STREAMS = 16
MOST_PARKED = 8 << 20
# Beyond what is counted: the engine's and the allocator's own. One such result held some 400 MB before.
BESIDE = 400 << 20


def resident() -> int:
    """Bytes of this process, now."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


def gauge(client: datasus.Client, name: str) -> int:
    """A number of the metrics."""
    lines = (line.split() for line in client.metrics().splitlines())
    return next(int(float(line[1])) for line in lines if line[0] == f"datasus_memory_{name}_bytes")


def soon(what: str, done: Callable[[], bool]) -> None:
    """Waits for what takes two seconds on a quiet machine."""
    until = time.monotonic() + 180
    while not done():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def test_sixteen_results_that_pause_hold_little_and_give_every_row_once(tmp_path: pathlib.Path) -> None:
    texts = [
        [f"{row * (column + 1) % 9973:012}" for row in range(10_000)] * (ROWS // 10_000) for column in range(COLUMNS)
    ]
    wide = {"N_AIH": [str(1_200_000_000_000 + row) for row in range(ROWS)]}
    wide |= {f"COLUNA_{number}": values for number, values in enumerate(texts)}
    pq.write_table(pa.table(wide), tmp_path / "RDAC2401.parquet", row_group_size=60_000)
    del wide, texts
    client = datasus.open(tmp_path, state=tmp_path / "estado", lake=tmp_path / "lago")
    assert len(client.query("SIH-RD", limit=1).to_arrow()) == 1
    gc.collect()
    before = resident()
    results = [iter(client.query("SIH-RD")) for _ in range(STREAMS)]
    first = [next(result) for result in results]
    soon("they are parked", lambda: gauge(client, "stream") <= STREAMS * MOST_PARKED)
    counted = gauge(client, "stream") + gauge(client, "foreign")
    soon("what was read ahead goes back", lambda: resident() - before < counted + BESIDE)
    rows = [0] * STREAMS
    batches: list[datasus.Batch | None] = list(first)
    del first
    while any(batch is not None for batch in batches):
        for number, batch in enumerate(batches):
            if batch is not None:
                aih = pa.record_batch(batch).column("N_AIH")
                next_row = rows[number] + 1_200_000_000_000
                assert aih.to_pylist() == [str(row) for row in range(next_row, next_row + len(aih))]
                rows[number] += len(aih)
                batches[number] = next(results[number], None)
    assert rows == [ROWS] * STREAMS
    del results, batches, batch, aih
    gc.collect()
    soon("nothing is held", lambda: gauge(client, "stream") == 0 and gauge(client, "foreign") == 0)
    soon("the memory goes back", lambda: resident() - before < BESIDE // 4)


def test_results_that_are_dropped_in_the_middle_give_everything_back(tmp_path: pathlib.Path) -> None:
    source = datasus.example_data(tmp_path / "dados", 5_000)
    client = datasus.open(source, state=tmp_path / "estado", lake=tmp_path / "lago")
    for _ in range(STREAMS):
        next(iter(client.query("SIH-RD")))
    gc.collect()
    soon("nothing is held", lambda: gauge(client, "stream") == 0 and gauge(client, "foreign") == 0)
    inner = sum(
        len(pa.record_batch(one)) for _ in client.query("SIH-RD", limit=3) for one in client.query("SIH-RD", limit=5)
    )
    assert inner >= 5
