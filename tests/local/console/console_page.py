"""The console in a browser, by the words that a reader sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser import BrowserPage

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
_BROWSER_S_OWN = ("the server responded with a status of", "favicon")
"""Each refused request is noted by the browser too."""


class ConsolePage(BrowserPage):
    """The console, at one endpoint."""

    def __init__(self, browser, gateway, endpoint: str) -> None:
        browser.get("about:blank")  # or another fragment of the same page would load nothing
        browser.get_log("browser")  # the page before may have noted that its gateway went
        super().__init__(browser, f"{gateway.url}/#{endpoint}")
        self.until(lambda: self.value("endpoint") == endpoint and self.value("content-type"))
        self.until(lambda: f'EndpointName="{endpoint}"' in self.text("boto"))

    def value(self, name: str) -> str:
        return self.element(name).get_attribute("value")

    def card(self, endpoint: str):
        return self.find(f"article[aria-labelledby='endpoint-{endpoint}']")

    def copy(self, endpoint: str) -> list[str]:
        """The cells of an endpoint's one copy."""
        words = "return [...arguments[0].querySelectorAll('tr:has(th[scope=row]) > *')].map((cell) => cell.textContent)"
        return self.browser.execute_script(words, self.card(endpoint))

    def write(self, name: str, words: str) -> None:
        self.element(name).clear()
        self.element(name).send_keys(words)

    def send(self, ends: str = "The answer is complete") -> None:
        self.element("send").click()
        self.until(lambda: self.text("status").startswith(ends) and self.element("send").is_enabled())

    def open_all(self) -> None:
        """Open everything that can be unfolded."""
        self.browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def body(self) -> str:
        return self.find("#answer pre").text

    def log_lines(self) -> list[str]:
        return self.text("log") and [line.text for line in self.browser.find_elements("css selector", "#log > div")]

    def complaints(self) -> list[str]:
        return self.console(*_BROWSER_S_OWN)

    def barriers(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA and its own best practices, as sentences."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed: run npm ci")
        self.browser.execute_script(AXE.read_text("utf-8"))
        found = self.browser.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document).then("
            "({ violations, passes }) => done([violations, passes.length]), (error) => done(String(error)))"
        )
        assert isinstance(found, list), found
        violations, passes = found
        assert passes > 20  # it did look
        return [
            f"{one['id']}: {node['failureSummary']} {json.dumps(node['target'])}"
            for one in violations
            for node in one["nodes"]
        ]
