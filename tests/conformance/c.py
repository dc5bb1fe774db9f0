"""Runs every case of `tests/conformance/cases` through a program that answers queries: of C, or of Go.

`DATASUS_ANSWER` is the program; see `bindings-c/tests/answer.c` for what it reads and writes. The folder `made` comes from
`cargo run --example made_files <folder>`; its place is `DATASUS_MADE_FILES`.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from agreement import agree, answers, at, refused
from ftp_server import Server

HERE = pathlib.Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.json"))
REAL = pathlib.Path(os.environ.get("DATASUS_REAL_DATA", HERE / "../../../shared/data/real"))
MADE = pathlib.Path(os.environ["DATASUS_MADE_FILES"])
Answer = Callable[..., dict]


@contextlib.contextmanager
def asking(environment: dict[str, str] | None = None) -> Iterator[tuple[Answer, subprocess.Popen[str]]]:
    """Asks the program, which lives for the block and ends well."""
    with subprocess.Popen(
        [os.environ["DATASUS_ANSWER"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def ask(*words: pathlib.Path | str) -> dict:
            program.stdin.write("\t".join(map(str, words)).rstrip("\t") + "\n")
            program.stdin.flush()
            said = ""
            while (line := program.stdout.readline()) != "\n" or not said:
                assert line, "the program ended"
                said = line if line != "\n" else said
            return json.loads(said)

        yield ask, program
        program.stdin.close()
    assert program.returncode == 0


@pytest.fixture(scope="module")
def answer() -> Iterator[Answer]:
    """One for all cases."""
    with asking() as (ask, _):
        yield ask


def settings(case: dict, source: pathlib.Path) -> dict[str, dict | str]:
    """What the case declares, of the files in the source folder, and its settings."""
    declared: dict[str, dict | str] = {
        key: {name: str(source / file) for name, file in case[key].items()}
        for key in ("declared", "tables")
        if key in case
    }
    return declared | {key: case[key] for key in ("csv", "engine") if key in case}


def given(call: str, of: dict, source: pathlib.Path, file: pathlib.Path) -> list[pathlib.Path | str]:
    """The two words that the program has for a call; `-` is none."""
    if call == "search":
        return [of["words"], of.get("dataset", "-")]
    if call == "schema":
        return [of["dataset"], "-"]
    if call == "sync_dictionaries":
        return [source / of["source"] if "source" in of else "-", "-"]
    if call == "dictionaries":
        return ["-", "-"]
    file.write_text(json.dumps({key: value for key, value in of.items() if key != "file"}))
    return [file, source / of["file"] if "file" in of else "-"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_case_answers_as_it_says(path: pathlib.Path, tmp_path: pathlib.Path, answer: Answer) -> None:
    case = json.loads(path.read_text())
    source = tmp_path / "source"
    if case["source"] == "real":
        if not REAL.is_dir():
            pytest.skip("no genuine files here")
        source.mkdir()
        for file in case["files"]:
            shutil.copy(REAL / file, source)
    else:
        shutil.copytree(MADE, source)
    # The program tells by the name whether it is to profile what it reads too.
    params = tmp_path / ("profile.json" if "profile" in case.get("expect", {}) else "params.json")
    params.write_text(case["params_text"] if "params_text" in case else json.dumps(case.get("params")))
    for name, text in case.get("written", {}).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    # Behind the settings that the program has of its own.
    more = "".join(f", {json.dumps(key)}: {json.dumps(of)}" for key, of in settings(case, source).items())
    place: pathlib.Path | str = source
    if case.get("server") == "ftp":
        place, more = Server(str(source)).address, f'{more}, "home": {json.dumps(str(tmp_path / "home"))}'
    for asked in case.get("asks", []):
        words = given(asked["call"], asked.get("given", {}), source, tmp_path / "asked.json")
        found = answer(f"!{asked['call']}", place, tmp_path / "out", *words, more)
        if "error" in asked or "error" in found:
            assert "error" in found, found
            refused(found["error"], asked.get("error"))
        else:
            answers(asked, found["answer"])
    if "params" not in case and "params_text" not in case:
        return
    found, expect = answer(place, tmp_path / "out", params, more), case["expect"]
    if "error" in expect or "error" in found:
        assert "error" in found, found
        refused(found["error"], expect.get("error"))
        return
    rows = found["rows"]
    assert expect.get("rows", len(rows)) == len(rows)
    assert expect.get("columns", found["columns"]) == found["columns"]
    for wanted, received in zip(expect.get("first", []), rows, strict=False):
        assert agree(wanted, received), (wanted, received)
    for wanted in expect.get("contains", []):
        assert any(agree(wanted, received) for received in rows), wanted
    for pointer, wanted in expect.get("report", {}).items():
        assert agree(wanted, at(found["report"], pointer)), pointer
    for pointer, wanted in expect.get("estimate", {}).items():
        assert agree(wanted, at(found["estimate"], pointer)), pointer
    for pointer, wanted in expect.get("profile", {}).items():
        assert agree(wanted, at(found["profile"], pointer)), pointer


def test_every_public_name_is_declared() -> None:
    header = (HERE / "../../bindings-c/include/datasus.h").read_text()
    for what, of in json.loads((HERE / "names.json").read_text()).items():
        if what != "about":
            assert of["c"] is None or f" {of['c']}(" in header, what
