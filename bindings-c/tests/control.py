"""The control plane in Python, by UniFFI: control.py <folder>. Its rows, an address, are read by pyarrow."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable

import datasus_c
import pyarrow as pa


def refusal(call: Callable[[], object]) -> datasus_c.DatasusError.Failed:
    try:
        call()
    except datasus_c.DatasusError.Failed as error:
        return error
    raise SystemExit("it is no error")


folder = sys.argv[1]
query = json.dumps({"dataset": "SIH-RD", "columns": ["N_AIH", "VAL_TOT"]})
client = datasus_c.DatasusClient(folder, json.dumps({"output": f"{folder}/python", "language": "en"}))
assert "files" in json.loads(client.validate(query))
error = refusal(lambda: client.validate('{"dataset": "SIH-RX"}'))
assert (error.code, error.retryable) == ("DS-404", False)
assert json.loads(error.json)["trace_id"] == error.trace_id

job = client.submit(query, '[{"csv": {"path": "python.csv"}}]')
report = json.loads(job.report())
assert (job.status(), report["job_id"]) == ("completed", job.id())
assert job.progress().rows == report["records_processed"]
assert pathlib.Path(folder, "python", "python.csv").read_text().count("\n") == report["records_processed"] + 1

long = '{"sql": "SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b"}'
job = client.submit(long, '[{"csv": {"path": "long.csv"}}]')
assert job.wait(50) is None
job.cancel()
assert refusal(job.report).code == "DS-499"

address = client.query(query)
table = pa.RecordBatchReader._import_from_c(address).read_all()
assert table.num_rows == report["records_processed"]
assert datasus_c.release_stream(address)
assert not datasus_c.release_stream(address)
assert "# TYPE datasus_" in client.metrics()
print("ok python")
