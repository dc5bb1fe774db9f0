"""What the gateway answers, over HTTP."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import httpx
import pyarrow
import pytest
from otlp_collector import Collector, attributes
from service import CANARIES, HERE, QUERY, WRITTEN, Service, served, until

import datasus

CASES = json.loads((HERE.parents[2] / "tests/http_cases.json").read_text())["cases"]
ADMIN, HEALTH = CANARIES["admin"], CANARIES["health"]
ENDLESS = {"sql": "SELECT count(*) FROM range(100000000000) t(i), sih_rd", "options": {"deadline": 5.0}}


def asked(service: Service, case: dict[str, Any]) -> httpx.Response:
    """As a case says."""
    if "get" in case:
        return service.http.get(case["get"])
    headers = {name: case[name] for name in ("accept", "prefer") if name in case}
    headers["content-type"] = case.get("content_type", "application/json")
    if "sql" in case:
        body = json.dumps({"sql": case["sql"], "options": case.get("options", {})})
    elif "ask" in case:
        body = json.dumps({"dataset": "SIH-RD", **case["ask"]})
    else:
        body = case.get("body", " " * case.get("spaces", 0))
    return service.http.post("/query", content=body.encode(), headers=headers)


@pytest.mark.parametrize("case", [case for case in CASES if "job" in case], ids=lambda case: case["name"])
def test_a_job_is_as_the_list_of_both_services_says(service: Service, case: dict[str, Any]) -> None:
    answer = service.ask(case["job"], prefer="respond-async")
    job = answer.json()["job_id"]
    assert (answer.status_code, answer.headers["location"]) == (202, f"/jobs/{job}")
    ended = service.ended(job)
    result = service.http.get(f"/jobs/{job}/result")
    if "error_code" in case:
        assert (ended["status"], ended["error"]["error_code"]) == ("failed", case["error_code"])
        assert (result.status_code, result.json()["error_code"]) == (409, "DS-409")
        return
    assert (ended["status"], ended["report"]["records_processed"]) == ("completed", case["records"])
    lines = result.text.splitlines()
    assert (len(lines), lines[0]) == (case["lines"], case["header"])
    part = service.http.get(f"/jobs/{job}/result", headers={"range": "bytes=0-4"})
    assert (part.status_code, part.content) == (206, result.content[:5])
    assert service.http.get(f"/jobs/{job}/dead-letters").json() == {"dead_letters": []}
    for act, status in case["again"].items():
        again = service.http.post(f"/jobs/{job}/{act}")
        assert (again.status_code, again.json()["error_code"]) == (status, f"DS-{status}")


ANSWERS = [case for case in CASES if "job" not in case]


@pytest.mark.parametrize("case", ANSWERS, ids=[case["name"] for case in ANSWERS])
def test_it_answers_as_the_list_of_both_services_says(service: Service, case: dict[str, Any]) -> None:
    answer = asked(service, case)
    assert answer.status_code == case["status"], answer.text
    if "error_code" in case:
        form = answer.json()
        assert (form["status"], form["error_code"]) == ("error", case["error_code"])
        assert form["detail"] and form["diagnostic"].get("did_you_mean", [])[
            : len(case.get("did_you_mean", []))
        ] == case.get("did_you_mean", [])
    if "lines" in case:
        lines = answer.text.splitlines()
        assert (len(lines), lines[0]) == (case["lines"], case["header"])
    assert answer.content.hex().startswith(case.get("starts", ""))
    if "json" in case:
        assert case["json"].items() <= answer.json().items()
    assert all(line in answer.text for line in case.get("holds", []))


def own_csv(service: Service, query: Any, place: pathlib.Path) -> bytes:
    """What the package itself writes."""
    with datasus.open(service.source, lake=place / "lake", output=place) as client:
        client.export(query, to=datasus.Csv("own.csv"))
    return (place / "own.csv").read_bytes()


def test_few_rows_come_at_once_with_their_report_in_three_formats_that_agree(
    service: Service, tmp_path: pathlib.Path
) -> None:
    query = {**QUERY, "columns": ["CNES", "SEXO", "VAL_TOT", "DT_INTER", "DIAG_SECUN"], "labels": ["SEXO"], "limit": 50}
    answer = service.ask(query)
    form = answer.json()
    assert (form["status"], form["records_processed"], form["trace_id"]) == (
        "completed",
        50,
        answer.headers["x-trace-id"],
    )
    assert [one["name"] for one in form["columns"]] == [
        "CNES",
        "SEXO",
        "SEXO_rotulo",
        "VAL_TOT",
        "DT_INTER",
        "DIAG_SECUN",
    ]
    table = pyarrow.ipc.open_stream(service.ask(query, accept="application/vnd.apache.arrow.stream").content).read_all()
    assert [row["VAL_TOT"] for row in form["rows"]] == [float(value) for value in table["VAL_TOT"].to_pylist()]
    assert form["rows"][0]["DT_INTER"] == str(table["DT_INTER"][0])
    assert service.ask(query, accept="text/csv").content == own_csv(service, query, tmp_path)


def test_nulls_quotes_and_long_numbers_are_as_the_package_writes_them(service: Service, tmp_path: pathlib.Path) -> None:
    text = (
        "SELECT 1 AS a, NULLIF(1, 1) AS b, '' AS c, 'x,\"y\"' AS d, 12345678901234567 AS e, "
        "CAST('1.50' AS DECIMAL(30,2)) AS f, DATE '2024-02-29' AS g, SEXO = '1' AS h FROM sih_rd WHERE SEXO = '1' LIMIT 1"
    )
    assert service.ask({"sql": text}, accept="text/csv").content == own_csv(service, {"sql": text}, tmp_path)
    # A number that a double does not hold is a text.
    (row,) = service.ask({"sql": text}).json()["rows"]
    assert row == {
        "a": 1,
        "b": None,
        "c": "",
        "d": 'x,"y"',
        "e": "12345678901234567",
        "f": 1.5,
        "g": "2024-02-29",
        "h": True,
    }


def test_what_is_wrong_is_refused_in_the_cores_words(service: Service) -> None:
    form = service.ask({**QUERY, "colunas": ["CNES"]}).json()
    assert (form["error_code"], form["diagnostic"]["did_you_mean"]) == ("DS-400", ["columns"])
    sent = {"content-type": "application/json"}
    for body in (b"{nope", b'{"dataset":"SIH-RD","dataset":"SIM-DO"}', b"[]", b"\xff", b""):
        answer = service.http.post("/query", content=body, headers=sent)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "DS-400"), (body, answer.text)
    assert service.http.post("/query", content="x", headers={"content-type": "text/plain"}).status_code == 415
    assert service.ask({"sql": "COPY sih_rd TO 'x.csv'"}).status_code == 403
    late = service.ask(ENDLESS)
    assert (late.status_code, late.json()["error_code"]) == (504, "DS-504")


def test_an_address_asked_in_another_way_and_a_parameter_out_of_bounds_are_told_in_the_contracts_form(
    service: Service,
) -> None:
    for method, path, allowed in (
        ("GET", "/query", "POST"),
        ("POST", "/datasets", "GET"),
        ("GET", "/jobs/a/cancel", "POST"),
    ):
        answer = service.http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
        assert (answer.json()["error_code"], answer.json()["diagnostic"]["received"]) == ("DS-400", f"{method} {path}")
    answer = service.http.get("/jobs", params={"limit": 0})
    form = answer.json()
    assert (answer.status_code, form["error_code"], form["diagnostic"]["received"]) == (422, "DS-422", "0")
    assert "`limit`" in form["detail"]


def test_a_key_gives_its_class_and_a_wrong_one_is_401(service: Service) -> None:
    refused = service.ask(x_api_key="errada")
    assert (refused.status_code, refused.json()["error_code"], refused.headers["www-authenticate"]) == (
        401,
        "DS-401",
        "ApiKey",
    )
    assert [service.job(**said)["priority"] for said in ({}, {"x_api_key": ADMIN}, {"x_api_key": HEALTH})] == [
        "user",
        "admin",
        "health",
    ]
    # Nobody makes themselves more urgent than their key; less urgent they may.
    urgent = service.job({**QUERY, "options": {"priority": "health"}})
    patient = service.job({**QUERY, "options": {"priority": "user"}}, x_api_key=ADMIN)
    assert [one["params"]["options"]["priority"] for one in (urgent, patient)] == ["user", "user"]
    # A job of a class above is not there.
    above = service.job(x_api_key=ADMIN)["job_id"]
    assert service.http.get(f"/jobs/{above}").status_code == 404
    assert service.http.get(f"/jobs/{above}", headers={"x-api-key": HEALTH}).status_code == 200
    assert above not in [job["job_id"] for job in service.http.get("/jobs").json()["jobs"]]


def test_many_rows_become_a_job_that_is_followed_and_whose_csv_comes_in_parts(service: Service) -> None:
    answer = service.ask({"dataset": "SIH-RD", "columns": ["N_AIH", "VAL_TOT"]})
    assert (answer.status_code, answer.headers["location"]) == (202, answer.json()["links"]["self"])
    job = answer.json()["job_id"]
    with service.http.stream("GET", f"/jobs/{job}/events") as events:
        lines = [line for line in events.iter_lines() if line.startswith(("event: ", "data: "))]
    assert lines[-2] == "event: end" and json.loads(lines[-1][6:])["status"] == "completed"
    ended = service.http.get(f"/jobs/{job}").json()
    assert ended["report"]["records_processed"] == 1_200 and ended["progress"]["rows"] == 1_200
    whole = service.http.get(f"/jobs/{job}/result")
    assert len(whole.text.splitlines()) == 1_201 and "attachment" in whole.headers["content-disposition"]
    parts = b""
    while len(parts) < len(whole.content):
        headers = {"range": f"bytes={len(parts)}-{len(parts) + 9_999}", "if-range": whole.headers["etag"]}
        part = service.http.get(f"/jobs/{job}/result", headers=headers)
        assert part.status_code == 206 and part.headers["content-range"].endswith(f"/{len(whole.content)}")
        parts += part.content
    assert parts == whole.content
    assert service.http.get(f"/jobs/{job}/result", headers={"range": f"bytes={len(parts)}-"}).status_code == 416
    assert service.http.get(f"/jobs/{job}/dead-letters").json() == {"dead_letters": []}
    for act in ("cancel", "resume"):
        assert service.http.post(f"/jobs/{job}/{act}").json()["error_code"] == "DS-409"


def test_a_job_that_is_not_there_is_404_whatever_its_name(service: Service) -> None:
    for name in ("01NADA", "..%2F..%2Fetc%2Fpasswd", "a" * 300, "x.json", "%00"):
        answer = service.http.get(f"/jobs/{name}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "DS-404"), name


def test_an_estimate_tells_what_is_read_and_refuses_what_the_query_would_be_refused_for(service: Service) -> None:
    found = service.http.post("/estimate", json=QUERY).json()
    assert found["explain"]["files"]["read"] == 1 and found["at_once"] is True
    refused = service.http.post("/estimate", json={**QUERY, "columns": ["CNESX"]})
    assert (refused.status_code, refused.json()["diagnostic"]["did_you_mean"]) == (422, ["CNES"])


def test_the_catalogue_tells_datasets_with_what_is_held_and_columns_with_meanings(service: Service) -> None:
    held = service.http.get("/datasets", params={"held": True}).json()["datasets"]
    assert {"SIH-RD", "SIM-DO"} <= {one["dataset"] for one in held} and all(one["held"]["files"] for one in held)
    assert len(service.http.get("/datasets").json()["datasets"]) > 100
    schema = service.http.get("/schema/rd").json()
    assert schema["dataset"] == "SIH-RD" and any(one["name"] == "SEXO_rotulo" for one in schema["derived"])
    assert service.http.get("/schema/SIH-RX").json()["diagnostic"]["did_you_mean"][0] == "SIH-RD"


def test_a_body_beyond_the_bound_is_413_whether_its_length_is_told_or_not(service: Service) -> None:
    sent = {"content-type": "application/json"}
    told = service.http.post("/query", content=b" " * 300_000, headers=sent)
    untold = service.http.post("/query", content=(b" " * 10_000 for _ in range(30)), headers=sent)
    assert [(one.status_code, one.json()["error_code"]) for one in (told, untold)] == [(413, "DS-413")] * 2


def test_browsers_are_told_to_trust_nothing_else_and_other_origins_are_not_let_in(service: Service) -> None:
    page = service.http.get("/", headers={"origin": "https://outro.exemplo"})
    assert (
        page.status_code == 200 and "access-control-allow-origin" not in page.headers and "server" not in page.headers
    )
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert (page.headers["x-content-type-options"], page.headers["x-frame-options"]) == ("nosniff", "DENY")
    asked = {"origin": "https://outro.exemplo", "access-control-request-method": "POST"}
    assert service.http.options("/query", headers=asked).status_code == 405


def test_metrics_come_as_prometheus_and_as_openmetrics_with_the_trace_of_a_job(service: Service) -> None:
    trace = service.ask().headers["x-trace-id"]
    assert f'trace_id="{trace}"' not in service.http.get("/metrics").text
    answer = service.http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n") and answer.text.count("# EOF") == 1
    # How long the job took, how long it waited, and how long the request took.
    named = {line.split("_bucket")[0] for line in answer.text.splitlines() if f' # {{trace_id="{trace}"}} ' in line}
    assert named == {
        "datasus_job_duration_seconds",
        "datasus_queue_wait_seconds",
        "gateway_request_duration_seconds",
    }
    # Whatever address somebody makes up, it is one label.
    for number in range(20):
        service.http.get(f"/nada/{number}")
    text = service.http.get("/metrics").text
    assert 'route="other",method="GET",status="404"' in text and "/nada/7" not in text


def test_the_hundred_and_first_request_of_a_minute_is_429_and_another_address_is_not(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with served(made, tmp_path / "limit", DATASUS_RATE_LIMIT="100", GATEWAY_PROXIES="127.0.0.0/8") as limited:
        answers = [limited.ask(x_forwarded_for="203.0.113.7").status_code for _ in range(100)]
        assert set(answers[:99]) == {200}, answers
        # One comes back each 0.6 s meanwhile. What stands before the last address anybody may have written.
        refused = [limited.ask(x_forwarded_for="198.51.100.1, 203.0.113.7") for _ in range(30)]
        refused = [one for one in refused if one.status_code == 429]
        assert refused and refused[0].json()["error_code"] == "DS-429"
        assert refused[0].headers["retry-after"] == str(refused[0].json()["diagnostic"]["retry_after_sec"])
        assert limited.ask(x_forwarded_for="203.0.113.8").status_code == 200


def test_without_a_trusted_proxy_nobody_is_who_they_say(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with served(made, tmp_path / "plain", DATASUS_RATE_LIMIT="3") as limited:
        answers = [limited.ask(x_forwarded_for=f"203.0.113.{number}").status_code for number in range(5)]
        assert answers == [200, 200, 200, 429, 429]
        # Nor by what they write into the query, at once or as a job.
        other = {**QUERY, "options": {"rate_key": "outro"}}
        assert [limited.ask(other).status_code, limited.ask(other, prefer="respond-async").status_code] == [429, 429]


def test_each_line_of_the_log_is_json_and_ties_request_and_job_by_the_trace(service: Service) -> None:
    trace = service.ask().headers["x-trace-id"]
    late = service.ask(ENDLESS).json()

    def told(of: str) -> set[tuple[str, str]]:
        return {(line["logger"], line["event"]) for line in service.lines() if line.get("trace_id") == of}

    # The package's lines come by a thread of their own.
    wanted = {("gateway", "answered"), ("datasus", "started"), ("datasus", "completed")}
    until("the lines of the request and its job", lambda: told(trace) >= wanted)
    until("the line of the failure", lambda: ("datasus", "failed") in told(late["trace_id"]))
    assert all({"time", "level", "event"} <= set(line) for line in service.lines())
    failed = [
        line for line in service.lines() if line.get("trace_id") == late["trace_id"] and line["event"] == "failed"
    ]
    assert failed[0]["code"] == "DS-504" and failed[0]["stage"] and late["detail"] == failed[0]["detail"]


def test_each_line_of_a_job_bears_its_trace_its_number_and_its_stage(service: Service) -> None:
    job = service.job()
    service.ended(job["job_id"])

    def lines() -> list[dict[str, Any]]:
        found = [line for line in service.lines() if line.get("trace_id") == job["trace_id"]]
        return [line for line in found if line["logger"] == "datasus"]

    until("the last line", lambda: "completed" in [line["event"] for line in lines()])
    # Of the plan nobody has a number yet.
    of_job = [line for line in lines() if line.get("stage") != "plan"]
    assert {line["job_id"] for line in of_job} == {job["job_id"]}, of_job
    assert {"plan", "files", "sink", "report"} <= {
        line.get("stage") for line in lines() if line["event"] == "stage ended"
    }


def test_a_request_that_became_a_job_is_a_trace_at_the_collector(service: Service, collector: Collector) -> None:
    trace = service.ask({**QUERY, "options": {"cache": "off"}}).headers["x-trace-id"]
    late = service.ask(ENDLESS).json()
    until("the trace has come", lambda: "job" in collector.spans(trace) and "job" in collector.spans(late["trace_id"]))
    spans = collector.spans(trace)
    assert {"job", "plan", "wait", "files", "engine", "sink", "report"} == set(spans)
    told = attributes(spans["job"])
    assert (told["trace_id"], told["status"], told["datasets"], told["rows"]) == (trace, "completed", "SIH-RD", "200")
    assert {span.get("parentSpanId") for name, span in spans.items() if name != "job"} == {spans["job"]["spanId"]}
    failed = collector.spans(late["trace_id"])["job"]
    assert failed["status"] == {"code": 2, "message": late["detail"]} and attributes(failed)["code"] == "DS-504"


def test_what_is_written_of_somebody_with_a_key_is_searched_for_secrets(service: Service) -> None:
    trace = service.ask(x_api_key=CANARIES["admin"]).headers["x-trace-id"]
    until("it is in the log", lambda: any(line.get("trace_id") == trace for line in service.lines()))
    # The fixture of the session looks, once all have ended.
    assert {service.log, service.home} <= set(WRITTEN) and '"level": "debug"' in service.log.read_text()
