"""/openapi.json and /docs: what is sent, and what a browser makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import urllib3

from tests.browser import BrowserPage, open_browser
from tests.serving.running_server import ECHO, running

OPENAPI = "code/modelbuilder_runtime/openapi.json"
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "tumour & co", "version": "1", "description": "Says <b>what</b> it is."},
    "paths": {
        "/invocations": {
            "post": {
                "requestBody": {
                    "description": "rows of 2 numbers",
                    "required": True,
                    "content": {
                        "application/x-npy": {"schema": {"type": "string", "format": "binary"}},
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/Rows"},
                            "examples": {
                                "two": {"value": [[1.5, 2], [3, 4]]},
                                "one": {"$ref": "#/components/examples/One"},
                            },
                        },
                        "text/csv": {"schema": {"type": "string"}, "example": "1,2\n3,4\n"},
                    },
                },
                "responses": {
                    "200": {
                        "description": "what was sent",
                        "content": {
                            "application/json": {"schema": {"type": "array", "title": "Answers"}},
                            "image/svg+xml": {},
                            "image/png": {},
                            "audio/wav": {},
                            "application/octet-stream": {},
                            "text/event-stream": {},
                        },
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {"Rows": {"type": "array", "title": "Rows"}},
        "examples": {"One": {"value": [[7, 8]]}},
    },
}
ANSWERS = """
    import base64, json, time
    from pathlib import Path

    PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

    def model_fn(model_dir):
        return model_dir

    def input_fn(request_body, content_type):
        return bytes(request_body)

    class Refused(Exception):
        http_status = 400

    def predict_fn(input_data, model):
        if input_data == b"bad":
            raise Refused("expected rows of 2 numbers")
        return input_data

    def output_fn(prediction, accept):
        if accept == "image/png":
            return base64.b64decode(PNG), accept
        if accept == "audio/wav":
            return b"RIFF" + bytes(100), accept
        if accept == "application/octet-stream":
            return prediction, accept
        return json.dumps({"got": prediction.decode(), "html": "<img src=x onerror=alert(1)>"}), "application/json"

    def stream_fn(prediction, accept):
        return (pieces(prediction.decode().strip()), accept) if accept == "text/event-stream" else None

    def pieces(folder):
        for number in range(3):
            yield b"data: %d\\n\\n" % number
            while number == 0 and not Path(folder, "go").exists():
                time.sleep(0.01)
            if number == 1 and Path(folder, "break").exists():
                raise OSError("broken")
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    files = {OPENAPI: json.dumps(DOCUMENT).encode()}
    with running(tmp_path_factory.mktemp("documented") / "model", ANSWERS, files=files) as server:
        yield server


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield pool


def test_the_bundle_s_document_is_sent_as_it_is(served, http):
    response = http.request("GET", served.url + "/openapi.json")
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(response.data) == DOCUMENT


def test_a_bundle_without_a_document_says_what_to_do(tmp_path, http):
    with running(tmp_path / "model", ECHO) as server:
        response = http.request("GET", server.url + "/openapi.json")
        assert response.status == 404
        assert "build it again" in json.loads(response.data)["message"]
        assert http.request("GET", server.url + "/docs").status == 200


def test_the_page_may_load_nothing_from_elsewhere(served, http):
    for path in ("/docs", "/docs/page.css", "/docs/page.js", "/docs/body.js"):
        response = http.request("GET", served.url + path)
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert b"://" not in response.data  # and does not try to
    assert http.request("POST", served.url + "/docs").status == 405


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


class Page(BrowserPage):
    """The page of a model's own server."""

    def __init__(self, browser, url: str) -> None:
        super().__init__(browser, url + "/docs")
        self.until(lambda: self.text("health") == "ready")
        self.until(lambda: self.element("content-type").get_attribute("value"))

    def send(self) -> None:
        self.element("send").click()
        self.until(lambda: self.element("send").is_enabled())

    def answer(self) -> dict:
        assert self.text("fact-type") == "application/json"
        return json.loads(self.browser.find_element("css selector", "#answer pre").text)


@pytest.fixture
def page(browser, served):
    opened = Page(browser, served.url)
    yield opened
    assert opened.console("400 (Bad Request)") == []  # no script failed, and nothing was stopped by the policy


@pytest.mark.browser
def test_the_page_describes_the_endpoint(page):
    assert page.browser.title == "tumour & co"
    assert page.text("name") == "tumour & co 1"
    assert page.text("description") == "Says <b>what</b> it is."  # as text, not as HTML
    assert page.text("input-description") == "rows of 2 numbers"
    assert page.text("output-description") == "what was sent"
    assert '"Rows"' in page.text("input-schema")
    assert '"Answers"' in page.text("output-schema")
    assert page.element("content-type").get_attribute("value") == "application/json"
    assert page.element("text").get_attribute("value") == "[\n  [1.5, 2],\n  [3, 4]\n]"


@pytest.mark.browser
def test_an_example_is_sent_and_the_answer_shown(page):
    page.choose("example", "1")
    page.send()
    assert page.text("fact-status") == "200 OK"
    assert page.answer() == {"got": "[\n  [7, 8]\n]", "html": "<img src=x onerror=alert(1)>"}
    assert page.text("fact-size").endswith("bytes")
    page.choose("content-type", "text/csv")
    page.send()
    assert page.answer()["got"] == "1,2\n3,4\n"


@pytest.mark.browser
def test_the_keyboard_is_enough(page):
    from selenium.webdriver.common.keys import Keys

    body = page.element("text")
    body.clear()
    body.send_keys("typed", Keys.CONTROL, Keys.ENTER)
    page.until(lambda: page.text("fact-status") == "200 OK" and page.element("send").is_enabled())
    assert page.answer()["got"] == "typed"
    for field in page.browser.find_elements("css selector", "select, textarea, input"):
        identity = field.get_attribute("id")
        assert page.browser.find_elements("css selector", f"label[for='{identity}']"), identity


@pytest.mark.browser
def test_an_error_is_shown_with_its_words(page):
    page.element("text").clear()
    page.element("text").send_keys("bad")
    page.send()
    assert page.text("fact-status") == "400 Bad Request"
    assert page.answer()["message"] == "expected rows of 2 numbers"


@pytest.mark.browser
def test_files_go_up_and_come_down(page, tmp_path):
    upload = tmp_path / "array.npy"
    upload.write_bytes(b"\x93NUMPY binary")
    page.choose("content-type", "application/x-npy")
    page.choose("accept", "application/octet-stream")
    page.element("send").click()
    assert page.text("status") == "Choose a file to send first."
    page.element("file").send_keys(str(upload))
    assert "@array.npy" in page.text("curl")
    page.send()
    assert page.browser.find_element("css selector", "#answer a").text == "Save the answer (13 bytes)"


@pytest.mark.browser
def test_pictures_and_sounds(page):
    page.choose("accept", "image/png")
    page.send()
    picture = page.browser.find_element("css selector", "#answer img")
    page.until(lambda: page.browser.execute_script("return arguments[0].naturalWidth", picture) == 1)
    page.choose("accept", "audio/wav")
    page.send()
    assert page.browser.find_element("css selector", "#answer audio").get_attribute("controls")


@pytest.mark.browser
def test_a_stream_is_shown_as_it_arrives(page, tmp_path):
    page.choose("content-type", "text/csv")
    page.choose("accept", "text/event-stream")
    page.element("text").clear()
    page.element("text").send_keys(str(tmp_path))
    page.element("send").click()
    page.until(lambda: page.text("answer") == "data: 0\n\n")
    assert page.text("status") == "Receiving …"
    (tmp_path / "go").touch()
    page.until(lambda: page.text("status") == "The answer is complete.")
    assert page.text("answer").startswith("data: 0\n\ndata: 1\n\ndata: 2\n\n")


@pytest.mark.browser
def test_a_stream_that_breaks_is_not_shown_as_complete(browser, served, tmp_path: Path):
    page = Page(browser, served.url)
    (tmp_path / "go").touch()
    (tmp_path / "break").touch()
    page.choose("content-type", "text/csv")
    page.choose("accept", "text/event-stream")
    page.element("text").clear()
    page.element("text").send_keys(str(tmp_path))
    page.send()
    assert "cut before the answer was complete" in page.text("status")
    browser.get_log("browser")  # the browser notes the broken connection too
