"""Dashboards, rules and logs, against the real things: Prometheus scrapes a gateway under load and a process that loads
tables.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from free_port import free_port
from service import CANARIES, QUERY, WRITTEN, Service, served, until
from service import HERE as GATEWAY_TESTS

import datasus

ROOT = pathlib.Path(__file__).resolve().parents[1]
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))}
RULES = yaml.safe_load((ROOT / "prometheus/rules.yml").read_text())
PANELS = [
    (name, panel, target)
    for name, board in DASHBOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
]
TOOLS = pathlib.Path(os.environ.get("DATASUS_EXAMPLE_TOOLS", "/nowhere"))
PROGRAMS = {
    name: os.environ.get(f"DATASUS_{name.upper()}") or shutil.which(name)
    for name in ("prometheus", "promtool", "victorialogs")
}


def program(name: str) -> str:
    """Its path; skipped where it is not there."""
    found = PROGRAMS[name]
    if not found:
        pytest.skip(f"no {name}, which setup/{name}.sh fetches")
    return found


def expression(said: str) -> str:
    """With values in the places of Grafana's variables."""
    for name, value in {"$__rate_interval": "60s", "$job": ".*", "$trace_id": "0a1b2c3d"}.items():
        said = said.replace(name, value)
    assert "$" not in said, said
    return said


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=120)

    def ask(self, query: str) -> list[Any]:
        """The samples now."""
        answer = self.http.get("/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    def sees(self, what: str, query: str) -> None:
        """Once it has scraped what it takes: a rate needs two samples, and a slow machine time for each."""
        until(f"{what}: {query} sees nothing", lambda: self.ask(query))


@pytest.fixture(scope="module")
def gateway(made: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(made, tmp_path_factory.mktemp("monitored") / "home") as service:
        yield service


@pytest.fixture(scope="module")
def prometheus(
    gateway: Service, made: pathlib.Path, server: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """With our rules, every two seconds; a gateway and a loader at work all the while."""
    place = tmp_path_factory.mktemp("prometheus")
    WRITTEN.append(place)
    port, loaded = free_port(), free_port()
    config = yaml.safe_load((ROOT / "prometheus/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
    shutil.copy(ROOT / "prometheus/rules.yml", place / "rules.yml")
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{gateway.port}", f"127.0.0.1:{loaded}"]}]
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [program("prometheus"), f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage", "--log.level=warn"]
    load = [sys.executable, str(ROOT / "tests/loader.py"), str(loaded), str(made), str(place)]
    running = [subprocess.Popen(load, env={**os.environ, "LOADER_POSTGRES": server[0]}), subprocess.Popen(command)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        stop: list[bool] = []

        def work() -> None:
            while not stop:
                gateway.ask({**QUERY, "limit": 5})
                gateway.ask({**QUERY, "columns": ["CNESX"]})
                gateway.ask(
                    {"sql": "SELECT count(*) FROM range(100000000000) t(i), sih_rd", "options": {"deadline": 1.0}}
                )
                gateway.ask({"sql": "SELECT SEXO, count(*) FROM sih_rd GROUP BY 1"}, x_api_key=CANARIES["health"])

        asked = pool.submit(work)
        try:
            found = Prometheus(f"http://127.0.0.1:{port}")

            def scraped() -> bool:
                assert all(one.poll() is None for one in running), "one of them ended"
                try:
                    return (
                        bool(found.ask('datasus_sink_rows_total{sink="postgres"} > 0'))
                        and len(found.ask("up == 1")) == 2
                    )
                except (httpx.TransportError, json.JSONDecodeError):
                    # It is not ready yet.
                    return False

            until("Prometheus has seen both", scraped, 300)
            yield found
        finally:
            stop.append(True)
            for one in running:
                one.terminate()
                one.wait(120)
            asked.result(240)


def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    of_prometheus = [
        (name, panel["title"], target["expr"])
        for name, panel, target in PANELS
        if target["datasource"]["type"] == "prometheus"
    ]
    assert len(of_prometheus) > 40
    for name, title, said in of_prometheus:
        prometheus.sees(f"{name}: {title}", expression(said))


#: Of threads that do not stop, which is no everyday sight: an alert counts them.
UNSEEN = {"datasus_thread_abandoned_seconds"}


def test_every_metric_that_is_told_stands_on_a_panel_or_in_a_rule(prometheus: Prometheus, gateway: Service) -> None:
    told = set(re.findall(r"^# TYPE (\S+) ", gateway.http.get("/metrics").text, re.MULTILINE))
    said = " ".join(target["expr"] for _, _, target in PANELS)
    said += " ".join(rule["expr"] for group in RULES["groups"] for rule in group["rules"])
    assert len(told) > 35
    assert [name for name in sorted(told - UNSEEN) if name.removesuffix("_total") not in said] == []


def test_every_rule_is_evaluated_and_what_it_is_made_of_is_there(prometheus: Prometheus) -> None:
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]

    def health() -> set[str]:
        told = prometheus.http.get("/api/v1/rules").json()["data"]["groups"]
        return {rule["health"] for group in told for rule in group["rules"]}

    until("every rule has been evaluated", lambda: "unknown" not in health())
    assert health() == {"ok"}
    # Without what it is compared with an alert's expression has a value at any time.
    for rule in rules:
        said = re.split(r" (?:==|>=|>) ", rule["expr"])[0] if "alert" in rule else rule["record"]
        said = said.replace('{status=~"5.."}', "")
        prometheus.sees(rule.get("alert") or rule["record"], said)


@pytest.mark.parametrize(
    "metric", ["datasus_job_duration_seconds", "datasus_queue_wait_seconds", "gateway_request_duration_seconds"]
)
def test_an_exemplar_of_a_duration_or_a_wait_is_a_jobs_trace(
    prometheus: Prometheus, gateway: Service, metric: str
) -> None:
    def traces() -> set[str]:
        asked = {"query": f"{metric}_bucket", "start": time.time() - 900, "end": time.time()}
        found = prometheus.http.get("/api/v1/query_exemplars", params=asked).json()["data"]
        return {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}

    until("a job of the log is an exemplar", lambda: traces() & {str(line.get("trace_id")) for line in gateway.lines()})


def test_no_label_grows_with_what_is_asked(prometheus: Prometheus) -> None:
    for metric in (
        "gateway_requests_total",
        "datasus_jobs_total",
        "datasus_sink_rows_total",
        "datasus_query_complexity_count",
    ):
        assert len(prometheus.ask(metric)) < 30, metric


def test_promtool_finds_nothing_to_mend(gateway: Service) -> None:
    promtool = program("promtool")
    for what in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
    ):
        run = subprocess.run([promtool, *what], cwd=ROOT / "prometheus", capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    text = gateway.http.get("/metrics").content
    run = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert run.returncode == 0, run.stdout.decode() + run.stderr.decode()


def test_panels_are_as_people_expect_them() -> None:
    for name, panel, target in PANELS:
        where = f"{name}: {panel['title']}"
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"], where
        assert panel["datasource"]["uid"].startswith("${"), where
        assert "rate(" not in target["expr"] or "$__rate_interval" in target["expr"], where
    for board in DASHBOARDS.values():
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(one["x"] + one["w"] <= 24 for one in places)
        assert len({panel["id"] for panel in board["panels"]}) == len(places)


def test_dashboards_are_of_grafanas_schema(tmp_path: pathlib.Path) -> None:
    if not (TOOLS / "node_modules/@grafana/schema").is_dir():
        pytest.skip("no @grafana/schema, which setup/examples.sh installs")
    lines = ["import type { Dashboard } from '@grafana/schema'"]
    lines += [
        f"export const {name} = {json.dumps(board, ensure_ascii=False)} satisfies Dashboard"
        for name, board in DASHBOARDS.items()
    ]
    (tmp_path / "dashboards.ts").write_text("\n".join(lines))
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    options = ["--noEmit", "--module", "nodenext", "--moduleResolution", "nodenext", "--skipLibCheck"]
    run = subprocess.run(
        [TOOLS / "node_modules/.bin/tsc", *options, "dashboards.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_the_queries_of_logs_are_logql() -> None:
    if not (TOOLS / "node_modules/@grafana/lezer-logql").is_dir():
        pytest.skip("no @grafana/lezer-logql, which setup/examples.sh installs")
    queries = [expression(target["expr"]) for _, _, target in PANELS if target["datasource"]["type"] == "loki"]
    assert queries
    program_ = (
        "import { parser } from '@grafana/lezer-logql';"
        "for (const said of JSON.parse(process.argv[1]).concat(['{a=}']))"
        " { let wrong = false; parser.parse(said).iterate({ enter: (node) => { wrong ||= node.type.isError } });"
        " console.log(wrong) }"
    )
    command = ["node", "--input-type=module", "-e", program_, json.dumps(queries)]
    run = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=True)
    # The last one is none, so that it is seen that they are told apart.
    assert run.stdout.split() == ["false"] * len(queries) + ["true"]


#: LogQL that the panels are written in, and the same to the server here, whose language has other words for it.
STAGES = [
    (r"\| json(?= |$)", ""),
    (r'\| (\w+)="([^"]*)"', r'\1:="\2"'),
    (r"^sum by \(([^)]*)\) \(count_over_time\((.*?)\s*\[(\w+)\]\)\)$", r"\2 _time:\3 | stats by (\1) count() as n"),
]


def logsql(said: str, trace: str) -> str:
    """A panel's query, of one trace, whatever it asks for left as it is."""
    said = said.replace("$trace_id", trace)
    for pattern, other in STAGES:
        said = re.sub(pattern, other, said)
    assert "count_over_time" not in said and "json" not in said, said
    return said


@pytest.fixture(scope="module")
def shipped(gateway: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str, str]]:
    """A server with the log, as Loki's protocol brings it; the traces of a job that ended well and of one that did not."""
    place = tmp_path_factory.mktemp("logs")
    WRITTEN.append(place)
    port = free_port()
    command = [program("victorialogs"), f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={place}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        well = gateway.ask().headers["x-trace-id"]
        endless = {"sql": "SELECT count(*) FROM range(100000000000) t(i), sih_rd", "options": {"deadline": 5.0}}
        failed = gateway.ask(endless).json()["trace_id"]

        def told(trace: str, event: str) -> bool:
            return any(line["event"] == event for line in gateway.lines() if line.get("trace_id") == trace)

        # The package's lines come by a thread of their own.
        until("the log has both ends", lambda: told(well, "completed") and told(failed, "failed"))
        lines = gateway.lines()
        values = [[str(time.time_ns() + at), json.dumps(line)] for at, line in enumerate(lines)]
        pushed = {"streams": [{"stream": {"service": "datasus", "level": "info"}, "values": values}]}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:

            def taken() -> bool:
                try:
                    return http.post("/insert/loki/api/v1/push", json=pushed).status_code in (200, 204)
                except httpx.TransportError:
                    return False

            until("the server takes lines", taken)
            yield http, well, failed
    finally:
        server.terminate()
        server.wait(120)


def logged(http: httpx.Client, query: str) -> list[Any]:
    """Once there is something: what was taken is found a little later."""

    def found() -> list[Any]:
        answer = http.get("/select/logsql/query", params={"query": query})
        assert answer.status_code == 200, (query, answer.text)
        return [json.loads(line) for line in answer.text.splitlines()]

    return list(until(f"{query} finds something", found))


def test_a_line_that_was_shipped_by_lokis_protocol_is_found_again_by_its_trace(
    shipped: tuple[httpx.Client, str, str],
) -> None:
    http, well, _ = shipped
    events = {line["event"] for line in logged(http, f'{{service="datasus"}} trace_id:="{well}"')}
    assert {"started", "completed", "answered"} <= events


def test_the_panels_of_logs_show_what_was_said_of_a_job_and_where_it_failed(
    shipped: tuple[httpx.Client, str, str],
) -> None:
    http, well, failed = shipped
    panels = {panel["title"]: target["expr"] for _, panel, target in PANELS if target["datasource"]["type"] == "loki"}
    assert set(panels) == {"O que se disse dele", "Onde falhou"}
    for trace, end in ((well, "completed"), (failed, "failed")):
        lines = logged(http, logsql(panels["O que se disse dele"], trace))
        assert {"started", end} <= {line["event"] for line in lines} and {line["trace_id"] for line in lines} == {trace}
    (group,) = logged(http, logsql(panels["Onde falhou"], failed))
    assert (group["code"], group["n"]) == ("DS-504", "1") and group["stage"]


def test_what_the_compose_file_names_is_there() -> None:
    compose = yaml.safe_load((ROOT / "compose.yml").read_text())
    assert "NOT RUN" in (ROOT / "compose.yml").read_text().splitlines()[0]
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            here, _ = volume.split(":", 1)
            # What is built is not there before.
            assert here in compose["volumes"] or here == "../../target/wheels" or (ROOT / here).exists(), (
                f"{name}: {volume}"
            )
    assert (GATEWAY_TESTS.parent / "requirements.txt").exists() and datasus.__version__
