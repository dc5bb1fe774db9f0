"""The page, in a browser without a window: a whole flow, errors, a lost connection, and what a screen reader would find."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from held_source import HeldSource
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from service import Service, served, until

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

    def says(self, id_: str, said: str, seconds: float = 20.0) -> str:
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

    def page(url: str, width: int = 1280, height: int = 900, downloads: pathlib.Path | None = None) -> Page:
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
        found.says("check", "Consulta válida")
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
        service.process.wait(20)
        page.pick("limit", "7")
        page.says("offline", "Sem conexão com o serviço")
        with served(made, tmp_path / "home", GATEWAY_PORT=str(service.port)):
            until("the page has found it", lambda: not page["offline"].is_displayed(), 20)
            page.says("check", "Consulta válida")
            page.click("#run")
            page.says("state", "7 linhas em")
            assert "É o máximo pedido" in page["state"].text


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
        assert source.asked.wait(30)
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
