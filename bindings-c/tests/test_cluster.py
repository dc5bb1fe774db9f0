"""A query on a Spark cluster, by C and by Go: `DATASUS_C_ANSWER` and `DATASUS_GO_ANSWER` answer the conformance cases as well.

One cluster for both; what is asked of it, and that it ends, is the same.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import sys
import threading
import time
from typing import Any

import pytest
import spark_cluster

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "conformance"))
from c import asking

BY_LABEL = {
    "dataset": "SIH-RD",
    "group_by": ["datasus_uf", "SEXO_rotulo", "faixa_etaria"],
    "aggregates": [{"fn": "count", "as": "n"}, {"fn": "sum", "column": "VAL_TOT", "as": "valor"}],
    "where": [{"column": "VAL_TOT", "op": "gt", "value": 100}],
    "order_by": [{"column": "datasus_uf"}, {"column": "SEXO_rotulo"}, {"column": "faixa_etaria"}],
}


def until(what: str, is_so: Any) -> None:
    end = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within three minutes"
        time.sleep(0.05)


@pytest.mark.parametrize("program", ["DATASUS_C_ANSWER", "DATASUS_GO_ANSWER"])
def test_groups_by_a_label_are_those_without_a_cluster_and_a_cancel_ends_them_there(
    program: str, cluster: spark_cluster.Cluster, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATASUS_ANSWER", os.environ[program])
    source, params = tmp_path / "source", tmp_path / "params.json"
    library = ctypes.CDLL(os.environ["DATASUS_LIBRARY"])
    assert library.datasus_write_example_data(str(source).encode(), 300, None) == 0
    params.write_text(json.dumps(BY_LABEL))
    there = f', "engine": {json.dumps(cluster.connect)}'
    with asking() as (answer, running):
        expected = answer(source, tmp_path / "out", params, "")
        found = answer(source, tmp_path / "out", params, there)
        assert (found["columns"], found["rows"]) == (expected["columns"], expected["rows"])
        assert len(found["rows"]) > 10
        assert found["report"]["cluster"]["engine"].startswith("spark 4.")
        assert "cluster" not in expected["report"]
        # Its worker does nothing meanwhile: the job is at work there, and ends by the cancel alone.
        cluster.order("pause worker 0")
        try:
            said: list[dict] = []
            asks = threading.Thread(
                target=lambda: said.append(answer("!cancelled", source, tmp_path / "out", params, "-", there))
            )
            asks.start()
            until("a job at work", cluster.running)
            assert running.stdin is not None
            running.stdin.write("cancel\n")
            running.stdin.flush()
            asks.join(180)
            assert [one["error"]["error_code"] for one in said] == ["DS-499"]
            until("nothing at work", lambda: not cluster.running())
        finally:
            cluster.order("resume worker 0")
        assert answer(source, tmp_path / "out", params, there)["rows"] == expected["rows"]
