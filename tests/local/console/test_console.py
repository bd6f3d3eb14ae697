"""The console in a real browser, in front of real models."""

from __future__ import annotations

import json
import os
import signal

import pytest
from PIL import Image

from tests.browser import open_browser
from tests.local.console.console_page import ConsolePage

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def opened(browser, console_gateway):
    """Opens the console at an endpoint; no script failed then, and nothing was stopped by the policy."""
    pages = []

    def at(endpoint):
        pages.append(ConsolePage(browser, console_gateway, endpoint))
        return pages[-1]

    yield at
    assert [page.complaints() for page in pages] == [[]] * len(pages)
    assert not browser.find_element("id", "problem").is_displayed()


def test_what_runs_and_what_does_not(opened):
    page = opened("sums")
    assert page.text("summary") == "3 of 4 in service"
    name, state, outstanding, restarts, memory, server = page.copy("sums")
    assert (name, state, outstanding, restarts) == ("primary/1", "● InService", "0", "0")
    assert memory.endswith("MiB")
    assert server.startswith("process ")
    assert "code/inference.py was changed after signing" in page.card("tampered").text
    assert page.copy("tampered")[1] == "✕ Failed"
    assert "1 of 1 copy in service: signature, root digest and every file were checked" in page.text("verification")
    page.card("tampered").find_element("tag name", "button").click()
    page.until(lambda: "✕ It did not start: the server of tampered ended" in page.text("verification"))
    assert page.browser.execute_script("return document.activeElement.id") == "request-heading"
    assert page.browser.current_url.endswith("#tampered")


def test_the_sample_is_sent_and_the_answer_shown(opened):
    page = opened("sums")
    assert json.loads(page.value("text")) == [[1.5, 2.0], [3.0, 4.0]]
    page.send()
    assert page.text("fact-status") == "200 OK"
    assert json.loads(page.body()) == [3.5, 7.0]
    assert page.text("fact-by") == "sums, AllTraffic"
    assert page.text("fact-size") == "9 bytes"
    page.until(lambda: page.browser.find_elements("css selector", "#charts svg circle"))
    assert "sums. All " in page.text("charts")
    assert "(p50) and 99 of 100 up to" in page.text("charts")
    assert "no errors" in page.card("sums").text
    page.choose("content-type", "text/csv")
    page.choose("accept", "text/csv")
    page.send()
    assert [cell.text for cell in page.browser.find_elements("css selector", "#answer td")] == ["3.5", "7.0"]
    page.choose("content-type", "application/x-npy")
    page.choose("accept", "application/x-npy")
    assert "the sample is sent: 160 bytes" in page.text("file-words")
    page.send()
    assert page.find("#answer a").text == "Save the answer (144 bytes)"


def test_a_wrong_body_is_refused_in_the_api_s_words(opened):
    page = opened("sums")
    page.write("text", '[["<img src=x onerror=alert(1)>", 2]]')
    page.send("Refused")
    assert page.text("failure-name") == "ModelError"
    assert page.text("failure-words").startswith("Received client error (400) from primary with message")
    assert page.find("#answer p").text == "The container answered 400. In its own words:"
    assert "numbers" in page.find("#answer pre").text
    assert page.text("status").endswith("ModelError. The container answered 400.")
    assert page.text("fact-status") == "424 Failed Dependency"
    page.until(lambda: "1 refused" in page.card("sums").text)


def test_a_picture_goes_up_and_its_negative_comes_down(opened, tmp_path):
    page = opened("negative")
    assert (page.value("content-type"), page.value("accept")) == ("image/png", "image/png")
    page.send()  # the sample, which is one black pixel
    assert _pixel(page) == [255, 255, 255]
    upload = tmp_path / "picture.png"
    Image.new("RGB", (70, 20), (250, 240, 10)).save(upload)
    page.element("file").send_keys(str(upload))
    assert page.element("file-picture").get_attribute("alt") == "The chosen picture"
    assert 'open("picture.png", "rb")' in page.text("boto")
    page.send()
    assert _pixel(page) == [5, 15, 245]
    assert page.find("#answer img").get_attribute("alt") == "The model's answer, 70 by 20 pixels"
    upload.write_bytes(b"no picture")
    page.element("file").send_keys(str(upload))
    page.send("Refused")
    assert "expected an image" in page.text("answer")


def _pixel(page):
    page.until(lambda: page.browser.execute_script("return document.querySelector('#answer img').naturalWidth"))
    return page.browser.execute_script(
        "const picture = document.querySelector('#answer img'), canvas = document.createElement('canvas');"
        "const context = canvas.getContext('2d'); context.drawImage(picture, 0, 0);"
        "return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)"
    )


def test_a_stream_is_read_frame_by_frame(opened):
    page = opened("letters")
    page.choose("operation", "invocations-response-stream")
    page.choose("content-type", "text/plain")
    page.choose("accept", "text/plain")
    page.write("text", "hällo")
    page.send()
    assert page.body() == "hällo"
    assert page.text("fact-type").startswith("text/plain")
    assert "invoke_endpoint_with_response_stream(" in page.text("boto")


def test_log_lines_arrive_and_are_chosen_from(opened):
    page = opened("sums")
    page.send()
    page.until(lambda: "adds up 2 rows" in page.text("log"))
    page.choose("log-endpoint", "sums")
    page.write("log-words", "ADDS UP")
    assert {line.split(" ", 1)[0] for line in page.log_lines()} == {"sums/AllTraffic/primary/1"}
    assert all("adds up" in line for line in page.log_lines())
    page.element("log-pause").click()
    before = page.log_lines()
    page.send()
    page.until(lambda: "1 more since the pause, paused" in page.text("log-state"))
    assert page.log_lines() == before
    page.element("log-pause").click()
    assert len(page.log_lines()) == len(before) + 1
    page.choose("log-endpoint", "letters")
    assert page.log_lines() == ""
    page.write("log-words", "")
    page.choose("log-endpoint", "tampered")
    assert all(line.startswith("tampered/") for line in page.log_lines())
    page.element("log-clear").click()
    assert page.log_lines() == ""


def test_a_killed_copy_is_seen_to_come_back(opened, start):
    page = opened("letters")
    start.free.clear()
    restarts = int(page.copy("letters")[3])
    os.kill(int(page.copy("letters")[5].removeprefix("process ")), signal.SIGKILL)
    page.until(lambda: page.copy("letters")[1] == "↻ Restarting")
    assert "ended with status -9" in page.card("letters").text
    assert "letters/AllTraffic/primary/1 is Restarting: process" in page.text("news")
    assert "No copy of it is in service now." in page.text("verification")
    start.free.set()
    page.until(lambda: page.copy("letters")[1] == "● InService")
    assert page.copy("letters")[3] == str(restarts + 1)
    page.until(lambda: "letters/AllTraffic/primary/1 is InService." in page.text("news"))
    os.kill(
        int(page.copy("letters")[5].removeprefix("process ")), signal.SIGKILL
    )  # and maybe back before the next look
    page.until(lambda: page.copy("letters")[1:4] == ["● InService", "0", str(restarts + 2)])  # in one look


def test_the_keyboard_is_enough(opened):
    from selenium.webdriver.common.keys import Keys

    page = opened("sums")

    def press(*keys):
        page.browser.switch_to.active_element.send_keys(*keys)

    def focused():
        return page.browser.execute_script("return document.activeElement.id || document.activeElement.className")

    page.find("body").send_keys(Keys.TAB)
    assert focused() == "skip"
    assert page.find(".skip").is_displayed()
    press(Keys.ENTER)
    press(Keys.TAB)
    assert focused() == "endpoint"
    style = "const style = getComputedStyle(document.activeElement); return style.outlineStyle + style.outlineWidth"
    assert page.browser.execute_script(style) == "solid3px"
    press("l")  # for letters, as a list takes it
    page.until(lambda: 'EndpointName="letters"' in page.text("boto"))
    reached = []
    while focused() != "send":
        press(Keys.TAB)
        reached.append(focused())
    assert [name for name in reached if name] == ["content-type", "accept", "operation", "text", "send"]
    press(Keys.ENTER)
    page.until(lambda: page.text("status").startswith("The answer is complete"))
    page.element("text").send_keys(Keys.CONTROL, Keys.ENTER)
    page.until(lambda: page.element("send").is_enabled())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(opened, browser, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page = opened("sums")
    page.write("text", "[1]")
    page.send("Refused")
    page.until(lambda: page.browser.find_elements("css selector", "#charts svg"))
    page.open_all()
    assert page.barriers() == []
    page.choose("content-type", "text/csv")
    page.choose("accept", "text/csv")
    page.send()
    assert page.barriers() == []
    page.card("tampered").find_element("tag name", "button").click()
    page.until(lambda: "did not start" in page.text("verification"))
    assert page.barriers() == []


def test_a_narrow_screen_does_not_scroll_sideways(opened, browser):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 320, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        page = opened("sums")
        page.send()
        page.until(lambda: page.browser.find_elements("css selector", "#charts svg"))
        page.open_all()
        assert page.browser.execute_script("return document.documentElement.scrollWidth") == 320
        assert page.barriers() == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
