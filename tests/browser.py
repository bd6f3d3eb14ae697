"""A real browser, without a window, and a page in it by the words that a reader sees."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@contextlib.contextmanager
def open_browser(profile: Path) -> Iterator[Any]:
    """Chromium, with an empty profile in the folder ``profile``; skips the test where it is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="the browser tests need selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("the browser tests need Debian's packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1300,1100"),
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield started
    finally:
        started.quit()


class BrowserPage:
    """A page that is open in ``browser``."""

    def __init__(self, browser: Any, url: str) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser = browser
        self.wait = WebDriverWait(browser, 20, poll_frequency=0.05)
        browser.get(url)

    def until(self, condition) -> None:
        """Wait until ``condition`` holds; where it never does, say what the page shows instead."""
        from selenium.common.exceptions import TimeoutException

        try:
            self.wait.until(lambda _: condition())
        except TimeoutException:
            shown = self.find("body").text
            raise AssertionError(f"it did not come true; the page shows:\n{shown}\n{self.console()}") from None

    def element(self, name: str):
        return self.browser.find_element("id", name)

    def find(self, selector: str):
        return self.browser.find_element("css selector", selector)

    def text(self, name: str) -> str:
        """All text of an element, whether it is shown or not."""
        return self.browser.execute_script("return document.getElementById(arguments[0]).textContent", name)

    def choose(self, name: str, value: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.element(name)).select_by_value(value)

    def console(self, *expected: str) -> list[str]:
        """What the browser complained about, without what is ``expected``."""
        messages = [line["message"] for line in self.browser.get_log("browser")]
        return [message for message in messages if not any(words in message for words in expected)]
