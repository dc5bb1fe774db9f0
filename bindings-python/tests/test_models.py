"""The Pydantic models are the core's contract."""

import json

import pytest
from pydantic import BaseModel, ValidationError

from datasus import _datasus, models


def words(schema: dict, root: dict) -> set:
    """The constants of an enumeration, however it is written."""
    if "$ref" in schema:
        return words(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    found = set(schema.get("enum", [])) | ({schema["const"]} if "const" in schema else set())
    for part in schema.get("anyOf", []) + schema.get("oneOf", []):
        found |= words(part, root)
    return found


@pytest.mark.parametrize("name", ["QueryParams", "Aggregate", "OrderBy", "Options"])
def test_a_model_has_the_keys_and_words_of_the_core(name: str) -> None:
    core = json.loads(_datasus.json_schema())
    of_core = core if name == "QueryParams" else core["$defs"][name]
    model: type[BaseModel] = getattr(models, name)
    ours = model.model_json_schema(by_alias=True)
    assert set(ours["properties"]) == set(of_core["properties"])
    assert of_core["additionalProperties"] is False
    assert ours["additionalProperties"] is False
    for key, of_key in of_core["properties"].items():
        assert words(ours["properties"][key], ours) >= words(of_key, core), key


def test_the_operators_are_those_of_the_core() -> None:
    core = json.loads(_datasus.json_schema())
    ours = models.Compare.model_json_schema()
    assert words(ours["properties"]["op"], ours) >= words(core["$defs"]["Op"], core)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="coluna"):
        models.QueryParams(dataset="SIH-RD", coluna=["CNES"])
    with pytest.raises(ValidationError, match="not both"):
        models.QueryParams(dataset="SIH-RD", sql="SELECT 1")
