"""Log records with their facts, and jobs as traces at a collector."""

from __future__ import annotations

import logging
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest
from otlp_collector import Collector, attributes

import datasus

QUERY = """
import sys, datasus
client = datasus.open(sys.argv[1], progress=False)
with client.query("SIH-RD", uf="AC", competencia="202401", columns=["CNES"]) as result:
    result.to_arrow()
    print(result.report.trace_id)
"""


def test_a_record_has_its_event_its_fields_and_what_ties_it_to_its_job(
    folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "datasus"), datasus.open(folder, progress=False) as client:
        with client.query("SIH-RD", uf="AC", competencia="202401", columns=["CNES"]) as result:
            result.to_arrow()
            report = result.report
        end = time.monotonic() + 120

        def ended() -> list[logging.LogRecord]:
            return [one for one in caplog.records if getattr(one, "event", "") == "completed"]

        # Its thread is Python's own.
        while not [one for one in ended() if one.trace_id == report.trace_id]:  # type: ignore[attr-defined]
            assert time.monotonic() < end, caplog.text
            time.sleep(0.02)
    record = next(one for one in ended() if one.trace_id == report.trace_id)  # type: ignore[attr-defined]
    assert (record.job_id, record.code) == (report.job_id, None)  # type: ignore[attr-defined]
    assert record.fields["rows"] == 100 and "rows=100" in record.getMessage()  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", ["metrics.md", "pt/metrics.md"])
def test_the_page_of_metrics_names_each_with_its_type_and_its_labels_and_no_other(
    folder: pathlib.Path, page: str
) -> None:
    docs = pathlib.Path(__file__).resolve().parents[2] / "docs"
    row = re.compile(r"^\| `(datasus_\w+)` \| (\w+) \| ([^|]+) \| ([^|]*)\|", re.MULTILINE)
    written = {name: (kind, labels) for name, kind, _, labels in row.findall((docs / page).read_text())}
    with datasus.open(folder, isolation="process", progress=False) as client:
        for asked in ({"dataset": "SIH-RD", "columns": ["CNES"]}, {"sql": "SELECT count(*) AS n FROM sih_rd"}):
            client.query(asked).to_arrow()
        text = client.metrics()
    told = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
    assert {name: kind for name, (kind, _) in written.items()} == told
    for name, labels in re.findall(r"^(\w+)\{([^}]*)\} ", text, re.MULTILINE):
        family = name if name in written else re.sub(r"_(bucket|sum|count)$", "", name)
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            if label != "le":
                assert f"`{label}`" in written[family][1], (family, label)
                # Its values stand where the label is first named.
                assert any(f"`{label}`: " in one and value in one for _, one in written.values()) or family in (
                    "datasus_mode_changes_total",
                    "datasus_thread_abandoned_seconds",
                ), (family, label, value)


def test_what_a_process_did_is_at_the_collector_when_it_has_ended(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with Collector(tmp_path / "bodies.jsonl") as collector:
        env = {**os.environ, "DATASUS_OTLP": collector.address, "OTEL_SERVICE_NAME": "vigilancia"}
        run = subprocess.run(
            [sys.executable, "-c", QUERY, str(folder)], env=env, capture_output=True, text=True, check=True
        )
        spans = collector.spans(run.stdout.strip())
        assert {"job", "plan", "wait", "files", "engine", "sink", "report"} == set(spans)
        assert attributes(spans["job"])["status"] == "completed"
        assert '"vigilancia"' in (tmp_path / "bodies.jsonl").read_text()


def test_a_collector_that_is_none_is_refused_at_open(folder: pathlib.Path) -> None:
    env = {**os.environ, "DATASUS_OTLP": "localhost:4318"}
    run = subprocess.run(
        [sys.executable, "-c", QUERY, str(folder)], env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1 and "DS-422" in run.stderr and "DATASUS_OTLP" in run.stderr, run.stderr
