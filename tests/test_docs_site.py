"""The docs as a site: built with warnings as errors, and opened in a browser without any network."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser import BrowserPage, open_browser

REPOSITORY = Path(__file__).resolve().parents[1]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", exc_type=ImportError)
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_it_builds_without_a_warning_and_has_the_reference(site):
    text = (site / "reference" / "building.html").read_text("utf-8")
    assert "Packages a trained model, or your own InferenceSpec, as a signed bundle" in text
    assert "cdk_modelbuilder.builder.ModelBuilder" in text
    assert (site / "decisions" / "0001-one-bundle-three-consumers.html").is_file()
    for page in site.rglob("*.html"):
        assert "fonts.googleapis" not in page.read_text("utf-8")


@pytest.mark.browser
@pytest.mark.slow
def test_it_is_read_and_searched(site, tmp_path):
    handler = partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, open_browser(tmp_path / "profile") as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        page = BrowserPage(browser, f"{address}/index.html")
        page.until(lambda: page.find(".md-nav--primary").is_displayed())
        page.find(".md-search__input").send_keys("network isolation")
        page.until(lambda: "matching documents" in page.find(".md-search-result__meta").text)
        browser.get(f"{address}/cli.html")
        page.until(lambda: "cdk-modelbuilder deploy" in page.find("article").text)
        assert page.console() == []
        server.shutdown()


def test_the_pages_that_are_made_from_the_code_are_current():
    script = REPOSITORY / "scripts" / "make_reference_pages.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
