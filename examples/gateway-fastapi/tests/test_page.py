"""The page, in a browser without a window: a whole flow, errors, a lost connection, and what a screen reader would find."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from held_source import HeldSource
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from service import CANARIES, HERE, Service, served, until

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
AXE = pathlib.Path(os.environ.get("DATASUS_EXAMPLE_TOOLS", "/nowhere")) / "node_modules/axe-core/axe.min.js"
#: What choosing from a list, or typing, does.
SET = """const [field, value] = arguments; field.value = value;
for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}))"""
#: Texts of a chart that its edge cuts.
OUTSIDE = """const frame = document.querySelector('#chart svg').getBoundingClientRect()
return [...document.querySelectorAll('#chart text')].filter((one) => {
  const { left, right } = one.getBoundingClientRect(); return left < frame.left - 1 || right > frame.right + 1
}).map((one) => one.textContent)"""
PICTURES = os.environ.get("DATASUS_PICTURES")


@pytest.fixture
def place(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where files go that the browser saves."""
    return tmp_path


class Page:
    """The page as a person has it before them."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def __getitem__(self, id_: str) -> Any:
        return self.browser.find_element(By.ID, id_)

    def all(self, selector: str) -> list[Any]:
        """By CSS."""
        return list(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def says(self, id_: str, said: str, seconds: float = 180.0) -> str:
        """Its text, once that has so much in it."""
        until(f"#{id_} says {said!r}: {self[id_].text!r}", lambda: said in self[id_].text, seconds)
        return str(self[id_].text)

    def pick(self, id_: str, value: str) -> None:
        """Of a list."""
        self.browser.execute_script(SET, self[id_], value)

    def click(self, selector: str) -> None:
        """As a person does."""
        found = self.browser.find_element(By.CSS_SELECTOR, selector)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        found.click()

    def picture(self, name: str, width: int) -> None:
        """Of the whole page, for the README."""
        if PICTURES:
            height = self.browser.execute_script(
                "return document.querySelector('footer').getBoundingClientRect().bottom + scrollY"
            )
            size = {"width": width, "height": int(height), "deviceScaleFactor": 1, "mobile": width < 500}
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            time.sleep(0.4)
            self.browser.save_screenshot(str(pathlib.Path(PICTURES) / f"{name}.png"))


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Page]]:
    """A browser for each."""
    if DRIVER is None or BROWSER is None:
        pytest.skip("no chromium with its driver, which setup/examples.sh installs")
    opened: list[Any] = []

    def page(
        url: str, width: int = 1280, height: int = 900, downloads: pathlib.Path | None = None, check: str | None = None
    ) -> Page:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        for one in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--lang=pt-BR",
        ):
            options.add_argument(one)
        options.add_argument(f"--window-size={width},{height}")
        options.add_experimental_option(
            "prefs", {"intl.accept_languages": "pt-BR", "download.default_directory": str(downloads)}
        )
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        opened.append(browser)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(url)
        found = Page(browser)
        found.click("#pt")
        # What goes wrong at the very beginning stands where the answer would.
        found.says("state" if check else "check", check or "Consulta válida", 60)
        return found

    yield page
    for browser in opened:
        browser.quit()


@pytest.mark.parametrize(("width", "name"), [(1280, "desktop"), (390, "celular")])
def test_a_person_asks_reads_draws_and_saves(
    service: Service, open_page: Callable[..., Page], place: pathlib.Path, width: int, name: str
) -> None:
    page = open_page(service.url, width, 850, place)
    assert page["dataset"].get_attribute("value") == "SIH-RD"
    page.click("#ufs [value=AC]")
    # Of a hundred columns with their meanings the one that is meant, without its accent.
    page["search"].send_keys("sexo")
    until("the list is shorter", lambda: len(page.all("#columns label")) < 10)
    page.click("#columns [value=SEXO]")
    page["search"].clear()
    page["search"].send_keys("valor total")
    page.click("#columns [value=VAL_TOT]")
    page.click("#add")
    column, comparison = page.all(".filter select")
    page.browser.execute_script(SET, column, "VAL_TOT")
    page.browser.execute_script(SET, comparison, "gt")
    page.browser.find_element(By.CSS_SELECTOR, ".filter input").send_keys("muito")
    # The core's own words, as one types.
    assert "DS-422" in page.says("check", "esperado um número decimal")
    page.browser.find_element(By.CSS_SELECTOR, ".filter input").clear()
    page.browser.find_element(By.CSS_SELECTOR, ".filter input").send_keys("100,50")
    page.says("check", "Consulta válida. Lê 1 de 6")
    page.click("#run")
    page.says("state", "linhas em")
    heads = [one.text for one in page.all("#table thead th")]
    assert heads == ["SEXO", "SEXO_rotulo", "VAL_TOT"]
    assert {one.text for one in page.all("#table tbody td:nth-child(2)")} == {"Masculino", "Feminino"}
    # Money with its two digits.
    assert all(
        one.text.split(",")[1:] and len(one.text.split(",")[1]) == 2
        for one in page.all("#table tbody td:nth-child(3)")[:20]
    )
    assert page.browser.execute_script("return document.documentElement.scrollWidth") <= width
    page.picture(f"{name}-registros", width)
    # The same query in code is the one that was asked.
    page.click("#tab-curl")
    code = page["source"].text
    asked = json.loads(code[code.index("-d '") + 4 : code.rindex("'")])
    assert asked["where"] == [{"column": "VAL_TOT", "op": "gt", "value": "100.50"}] and asked["labels"] == ["SEXO"]
    answer = service.ask(asked, accept="text/csv")
    page.click("#downloads button")
    saved = until("the CSV is saved", lambda: [one for one in place.glob("*.csv") if one.stat().st_size])
    assert saved[0].read_bytes() == answer.content

    page.click("[value=figures]")
    page.pick("group", "datasus_competencia")
    page.pick("from", "2024-01")
    page.pick("fn", "sum")
    page.says("check", "Lê 3 de 6")
    page.click("#run")
    page.says("state", "3 linhas em")
    assert page.all("#chart polyline") and page.all("#chart svg[role=img] title")
    # A figure that lost a digit at the edge would be another one.
    outside = page.browser.execute_script(OUTSIDE)
    assert outside == [], outside
    page.picture(f"{name}-totais", width)
    page.pick("group", "SEXO_rotulo")
    page.says("check", "Consulta válida")
    page.click("#run")
    page.says("state", "2 linhas em")
    assert len(page.all("#chart rect")) == 2
    assert page.browser.execute_script(OUTSIDE) == []
    page.click("#en")
    page.says("check", "The query is valid")
    assert page.browser.execute_script("return document.documentElement.lang") == "en"


def test_many_rows_become_a_job_whose_progress_is_shown_and_whose_csv_is_a_link(
    service: Service, open_page: Callable[..., Page], place: pathlib.Path
) -> None:
    page = open_page(service.url, 1280, 900, place)
    page.pick("from", "2024-01")
    page.pick("limit", "")
    page.says("check", "Lê 6 de 6")
    page.click("#run")
    page.says("state", "1.200 linhas em")
    assert "jobs/" in page.all("#downloads a")[0].get_attribute("href")
    page.click("#downloads a")
    saved = until("the CSV is saved", lambda: [one for one in place.glob("*.csv") if one.stat().st_size])
    assert saved[0].read_bytes().count(b"\n") == 1_201
    assert len(page.all("#table tbody tr")) == 100


#: A service whose answer is a job of so many groups as there are months, of which a query gives as many as it asks for.
MONTHS = """const months = arguments[0]
const params = { dataset: 'SIH-RD', group_by: ['datasus_competencia'], aggregates: [{ fn: 'count', as: 'n' }] }
const report = { records_processed: months.length, performance: { duration_sec: 1 }, trace_id: '0a1b2c3d', warnings: [] }
const job = JSON.stringify({ job_id: '01TESTE', status: 'completed', params, progress: {}, report })
const columns = [{ name: 'datasus_competencia', type: 'string' }, { name: 'n', type: 'int64' }]
const real = window.real ??= window.fetch
let accepted = false
window.fetch = async (at, how) => {
  if (at.endsWith('/events')) return new Response(`event: end\\ndata: ${job}\\n\\n`)
  if (!at.endsWith('/query')) return real(at, how)
  const { limit } = JSON.parse(how.body)
  const rows = months.slice(0, limit).map((datasus_competencia, at) => ({ datasus_competencia, n: at }))
  const first = !accepted
  accepted = true
  return first ? new Response(job, { status: 202 }) : new Response(JSON.stringify({ columns, rows }), { status: 200 })
}"""


def test_a_line_over_time_has_all_months_of_a_job_or_none_and_leads_over_no_month_that_is_missing(
    service: Service, open_page: Callable[..., Page]
) -> None:
    page = open_page(service.url)
    page.click("[value=figures]")
    page.pick("group", "datasus_competencia")
    months = [f"{year}{month:02}" for year in range(1970, 2024) for month in range(1, 13)]
    some = [month for month in months[-120:] if month != "201906"]
    page.browser.execute_script(MONTHS, some)
    page.click("#run")
    page.says("state", "119 linhas em")
    until("it is drawn", lambda: page.all("#chart svg"))
    assert len(page.all("#chart circle")) == len(some) > 100
    assert len(page.all("#chart polyline")) == 2 and "não tem registros" in page["chart"].text
    assert len(page.all("#table tbody tr")) == 100
    assert page.browser.execute_script(OUTSIDE) == []
    page.picture("meses", 1280)
    # More than a chart draws: a part of them would look like all.
    page.browser.execute_script(MONTHS, months)
    page.click("#run")
    page.says("state", "648 linhas em")
    page.says("chart", "Sem gráfico")
    assert not page.all("#chart svg")


def test_a_question_that_is_cancelled_on_the_page_ends_in_the_service(
    made: pathlib.Path, tmp_path: pathlib.Path, open_page: Callable[..., Page]
) -> None:
    settings = {"GATEWAY_SMALL_FILES": "10", "GATEWAY_DEADLINE": "600"}
    with HeldSource(made) as source, served(source.address, tmp_path / "home", **settings) as service:
        page = open_page(service.url)
        page.click("#run")
        assert source.asked.wait(240)
        page.click("#cancel")
        page.says("state", "Cancelado; nada ficou.")
        until("the service has heard", lambda: [one for one in service.lines() if one.get("status") == 499])


def test_a_message_in_another_language_than_the_pages_is_marked_and_said_to_be(
    service: Service, open_page: Callable[..., Page]
) -> None:
    page = open_page(service.url)
    page.click("#en")
    page.pick("limit", "muitas")
    page.says("check", "This message comes in the language of the service.")
    assert {one.get_attribute("lang") for one in page.all("#check span")} == {"pt-BR"}
    page.click("#pt")
    until("it is the page's own", lambda: "idioma do serviço" not in page["check"].text)
    page.says("check", "DS-")


#: What stands for the package in JavaScript, which the tests of the Python package have no build of.
PACKAGE = """export const open = async (source) => {
  if (source !== 'datasus://') throw new Error(source)
  const query = async (asked) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${process.env.SERVICE}/query`, { method: 'POST', headers, body: JSON.stringify(asked) })
    const { rows } = await answer.json()
    return { toArray: async () => rows }
  }
  return { query }
}
"""
#: The ministry's server is not asked: its address means the made files.
IN_PYTHON = """import os, datasus
real = datasus.open
# The tools here have no pandas; the package's own tests do.
assert callable(datasus.Result.to_pandas)
datasus.Result.to_pandas = lambda result: result.to_arrow().to_pylist()
datasus.open = lambda source: {'datasus://': real}[source](os.environ['MADE'])
"""


def test_the_same_query_in_code_runs_in_each_language_and_gives_the_same_rows(
    made: pathlib.Path, tmp_path: pathlib.Path, open_page: Callable[..., Page]
) -> None:
    with served(made, tmp_path / "home", GATEWAY_KEY_REQUIRED="1") as service:
        page = open_page(service.url, check="DS-401")
        page.click("header summary")
        page["key"].send_keys(CANARIES["admin"], Keys.TAB)
        page.says("check", "Consulta válida")
        page.click("#ufs [value=AC]")
        page.click("[value=figures]")
        page.pick("group", "SEXO_rotulo")
        page.pick("fn", "sum")
        page.click("#add")
        column, _ = page.all(".filter select")
        page.browser.execute_script(SET, column, "CNES")
        page.browser.execute_script("arguments[0].value = 'ne'", page.all(".filter select")[1])
        # What a shell, or a text in code, would take for its own.
        page.browser.find_element(By.CSS_SELECTOR, ".filter input").send_keys('d\'água "$HOME" `\\')
        page.says("check", "Consulta válida")
        code = {}
        for name in ("python", "javascript", "curl"):
            page.click(f"#tab-{name}")
            code[name] = page["source"].get_attribute("textContent")
        assert all(CANARIES["admin"] not in said for said in code.values())
        package = tmp_path / "node_modules/datasus"
        package.mkdir(parents=True)
        (package / "package.json").write_text('{"name": "datasus", "type": "module", "exports": "./index.js"}')
        (package / "index.js").write_text(PACKAGE)
        (tmp_path / "javascript.mjs").write_text(code["javascript"])
        (tmp_path / "python.py").write_text(IN_PYTHON + code["python"])
        with served(made, tmp_path / "open") as unguarded:
            env = {**os.environ, "SERVICE": unguarded.url, "MADE": str(made), "GATEWAY_KEY": CANARIES["admin"]}
            commands = {"python": [sys.executable, "python.py"], "javascript": ["node", "javascript.mjs"]}
            commands["curl"] = ["sh", "-c", code["curl"]]
            said = {}
            for name, command in commands.items():
                run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
                assert run.returncode == 0, (name, run.stderr)
                said[name] = run.stdout
        rows = {}
        for line in said["curl"].splitlines()[1:]:
            label, value = line.split(",")
            rows[label] = value
        assert len(rows) == 2
        for label, value in rows.items():
            for name in ("python", "javascript"):
                assert label in said[name] and value.rstrip("0") in said[name], (name, said[name])
    # Names that stand in the code are the package's own.
    public = (HERE.parents[2] / "bindings-node/api.txt").read_text()
    assert all(name in public for name in ("const open: (", " query(query: ", " toArray("))


def test_where_a_browser_has_no_clipboard_for_the_page_the_code_is_copied_all_the_same(
    service: Service, open_page: Callable[..., Page]
) -> None:
    page = open_page(service.url)
    page.browser.execute_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("#copy")
    page.says("copy", "Copiado")
    assert page.browser.execute_script("return getSelection().toString()").strip() == page["source"].text.strip()
    # Not in the old way either: it is selected, and a person told what to do.
    page.browser.execute_script("getSelection().removeAllRanges(); document.execCommand = () => false")
    page.click("#copy")
    page.says("copy", "Ctrl+C")
    assert page.browser.execute_script("return getSelection().toString()").strip() == page["source"].text.strip()


def test_what_goes_wrong_is_said_and_a_lost_connection_is_found_again(
    made: pathlib.Path, tmp_path: pathlib.Path, open_page: Callable[..., Page]
) -> None:
    with served(made, tmp_path / "home", DATASUS_RATE_LIMIT="1") as service:
        page = open_page(service.url)
        page.click("#run")
        page.says("state", "linhas em")
        page.click("#run")
        assert "DS-429" in page.says("state", "Pedidos demais. Tente de novo em")
        # Stopped, and not gone: nothing answers.
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(240)
        page.pick("limit", "7")
        page.says("offline", "Sem conexão com o serviço")
        with served(made, tmp_path / "home", GATEWAY_PORT=str(service.port)):
            until("the page has found it", lambda: not page["offline"].is_displayed())
            page.says("check", "Consulta válida")
            page.click("#run")
            page.says("state", "7 linhas em")
            assert "É o máximo pedido" in page["state"].text


def test_a_service_that_dies_before_its_answer_is_said_and_nothing_is_shown_for_it(
    made: pathlib.Path, tmp_path: pathlib.Path, open_page: Callable[..., Page]
) -> None:
    with HeldSource(made) as source, served(source.address, tmp_path / "home", GATEWAY_SMALL_FILES="10") as service:
        page = open_page(service.url)
        page.click("#run")
        assert source.asked.wait(240)
        service.process.kill()
        page.says("state", "A conexão se perdeu antes da resposta. Nada foi guardado: consulte de novo.")
        assert page["offline"].is_displayed() and not page["table"].is_displayed()


def test_a_page_that_is_loaded_anew_follows_its_job_on(
    made: pathlib.Path, tmp_path: pathlib.Path, open_page: Callable[..., Page]
) -> None:
    with HeldSource(made) as source, served(source.address, tmp_path / "home", GATEWAY_SMALL_FILES="0") as service:
        page = open_page(service.url)
        page.pick("from", "2024-01")
        page.pick("limit", "")
        page.says("check", "Será um trabalho")
        page.click("#run")
        page.says("state", "Trabalho 01")
        job = page["state"].text.split()[1].rstrip(":")
        assert source.asked.wait(240)
        page.browser.refresh()
        page.says("state", f"Trabalho {job}")
        source.released.set()
        page.says("state", "1.200 linhas em")
        assert page.all("#downloads a")[0].get_attribute("href").endswith(f"jobs/{job}/result")
        assert service.http.get("/jobs").json()["jobs"][0]["job_id"] == job


@pytest.mark.skipif(os.geteuid() != 0, reason="no right to mount a tmpfs")
def test_a_job_that_a_full_disk_stopped_goes_on_by_a_button(
    large: pathlib.Path, tmp_path: pathlib.Path, open_page: Callable[..., Page]
) -> None:
    files = tmp_path / "home/files"
    files.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(files)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a tmpfs")
    try:
        with served(large, tmp_path / "home") as service:
            page = open_page(service.url)
            page.pick("from", "2024-01")
            page.pick("limit", "")
            page.says("check", "Lê 6 de 6")
            page.click("#run")
            assert "DS-507" in page.says("state", "DS-", 60)
            subprocess.run(["mount", "-o", "remount,size=1g", str(files)], check=True)
            page.click("#downloads button")
            page.says("state", "300.000 linhas em", 60)
    finally:
        subprocess.run(["umount", "-l", str(files)], check=False)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark")])
def test_axe_finds_nothing_serious_and_the_keyboard_reaches_everything(
    service: Service, open_page: Callable[..., Page], width: int, scheme: str
) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core, which setup/examples.sh installs")
    page = open_page(service.url, width)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    # axe looks at each cell.
    page.pick("limit", "5")
    page.browser.set_script_timeout(120)
    page.click("#add")
    page.click("#run")
    page.says("state", "linhas em")
    page.browser.execute_script(AXE.read_text())
    found = page.browser.execute_async_script("axe.run().then(arguments[0])")
    serious = [
        (one["id"], one["nodes"][0]["html"]) for one in found["violations"] if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
    # From the dataset on, by the tabulator alone, to the button that asks, which Enter presses.
    page.browser.execute_script("document.getElementById('dataset').focus()")
    seen = []
    for _ in range(400):
        webdriver.ActionChains(page.browser).send_keys(Keys.TAB).perform()
        seen.append(page.browser.execute_script("return document.activeElement.id"))
        if seen[-1] == "run":
            break
    assert seen[-1] == "run" and {"search", "columns", "limit", "add"} <= set(seen)
    webdriver.ActionChains(page.browser).send_keys(Keys.ENTER).perform()
    until(
        "the answer has the focus", lambda: page.browser.execute_script("return document.activeElement.id") == "answer"
    )
    errors = [one for one in page.browser.get_log("browser") if one["level"] == "SEVERE"]
    assert errors == []
