"""The description of the API, and what becomes of whoever asks at random by it."""

from __future__ import annotations

import os

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from service import Service


def test_the_description_names_every_answer_with_its_form_and_has_examples(service: Service) -> None:
    described = service.http.get("/openapi.json").json()
    query = described["paths"]["/query"]["post"]
    assert {"200", "202", "400", "401", "404", "409", "413", "422", "429", "503", "504"} <= set(query["responses"])
    content = query["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/QueryParams"}
    models = described["components"]["schemas"]
    assert {"dataset", "sql", "where", "options"} <= set(models["QueryParams"]["properties"]) and "Compare" in models
    for example in content["examples"].values():
        answer = service.ask(example["value"])
        assert answer.status_code == 200, answer.text


def test_nothing_that_is_asked_at_random_is_a_defect(service: Service) -> None:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    most = int(os.environ.get("DATASUS_SCHEMATHESIS", "25"))
    bad: list[tuple[str, str, int, str]] = []
    asked = 0
    with httpx.Client(base_url=service.url, timeout=240) as http:
        for found in schema.get_all_operations():
            operation = found.ok()

            # Its events end with the job; of a job there is none by chance.
            @settings(
                max_examples=most,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def ask(case: schemathesis.Case) -> None:
                nonlocal asked
                asked += 1
                answer = case.call(base_url=service.url, timeout=240)
                # Memory or a deadline may run out; a defect is another thing.
                if answer.status_code >= 500 and answer.status_code not in (503, 504):
                    bad.append((case.method, case.path, answer.status_code, answer.text[:300]))

            ask()
        assert http.get("/health").status_code == 200
    assert asked > 50 and bad == []
