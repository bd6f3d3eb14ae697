"""Every kind of target in the console's form, in front of scripted copies that note what they were sent."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.gateway.hosted import AsyncSettings, Hosted
from tests.browser import open_browser
from tests.local.console.console_page import ConsolePage
from tests.local.gateway.scripted import ScriptedStart
from tests.predictor.scripted_container import Reply

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def opened(browser, targets):
    """Opens the console at an endpoint."""
    pages = []

    def at(endpoint):
        pages.append(ConsolePage(browser, targets[0], endpoint))
        return pages[-1]

    yield at
    assert [page.complaints() for page in pages] == [[]] * len(pages)
    assert not browser.find_element("id", "problem").is_displayed()


@pytest.fixture
def sent(targets):
    """The headers of SageMaker's that the copies got since the test began."""
    start = targets[1]
    before = {copy: len(copy.container.requests) for copy in start.copies}

    def headers():
        found = [one for copy in start.copies for one, _ in copy.container.requests[before.get(copy, 0) :]]
        prefix = "x-amzn-sagemaker-"
        return [
            {name.lower().removeprefix(prefix): value for name, value in one.items() if name.lower().startswith(prefix)}
            for one in found
        ]

    return headers


def shown(page, *names):
    return [name for name in names if page.element(name).is_displayed()]


def test_variants(opened, sent):
    page = opened("split")
    assert shown(page, "variant", "component", "container", "model") == ["variant"]
    assert "Variant red · weight 3" in page.card("split").text
    page.choose("variant", "blue")
    assert 'TargetVariant="blue"' in page.text("boto")
    page.send()
    assert page.text("fact-by") == "split, blue"
    assert sent() == [{"target-variant": "blue"}]
    page.until(lambda: "split, variant red has had no request yet." in page.text("charts"))
    page.until(lambda: "split, variant blue. All 1 requests" in page.text("charts"))


def test_components_and_adapters(opened, sent):
    page = opened("parts")
    assert shown(page, "variant", "component", "container", "model") == ["component"]
    assert "Adapter tuned: answered by base" in page.card("parts").text
    page.choose("component", "tuned")
    page.send()
    assert sent() == [{"inference-component": "tuned", "adapter-identifier": "tuned"}]


def test_a_series_and_a_direct_container(opened, sent):
    page = opened("series")
    assert shown(page, "variant", "component", "container", "model") == []
    assert "It goes through 2 containers in series." in page.text("input-words")
    page = opened("direct")
    assert shown(page, "variant", "component", "container", "model") == ["container"]
    page.choose("container", "second")
    page.send()
    assert sent() == [{"target-container-hostname": "second"}]


def test_a_model_of_several(opened, sent):
    page = opened("many")
    assert shown(page, "variant", "component", "container", "model") == ["model"]
    page.choose("model", "b.tar.gz")
    page.send()
    assert sent() == [{"target-model": "b.tar.gz"}]


def test_a_session_and_attributes(opened, sent):
    page = opened("split")
    page.open_all()
    page.choose("session", "NEW_SESSION")
    page.write("attributes", "trace=7")
    page.send()
    assert page.value("session") == "42"
    assert 'SessionId="42"' in page.text("boto")
    page.send()
    assert [one["session-id"] for one in sent()[-2:]] == ["NEW_SESSION", "42"]
    assert sent()[-1]["custom-attributes"] == "trace=7"


def test_the_answer_of_a_queue_is_fetched_and_shown(opened):
    page = opened("queue")
    assert "asynchronous, 0 queued" in page.card("queue").text
    assert page.text("limits") == "At most 128,000 bytes; the answer comes later."
    page.send()
    assert page.text("fact-status") == "200 OK"
    assert page.text("fact-type") == "text/csv"
    assert page.find("#answer > p").text.startswith("It is stored at s3://bucket/answers/")
    assert [cell.text for cell in page.browser.find_elements("css selector", "#answer th")] == ["name", "the, sum"]
    assert "invoke_endpoint_async(" in page.text("boto")
    assert page.element("status").get_attribute("role") == "status"  # so what becomes of it is read aloud


def test_a_queue_that_keeps_one_waiting_and_one_that_fails(browser, sums):
    gate = threading.Event()
    start = ScriptedStart(Reply(body=[b"[1.0, ", b"2.0]"], gate=gate), Reply(500, b'{"message": "<b>no</b>"}'))
    (endpoint,) = host_bundles([sums]).endpoints
    hosted = Hosted((replace(endpoint, asynchronous=AsyncSettings("s3://bucket/answers")),))
    with LocalGateway(hosted, start=start) as gateway:
        page = ConsolePage(browser, gateway, "sums")
        page.element("send").click()
        page.until(lambda: page.text("status").startswith("Accepted"))
        assert "Waiting for the answer, which goes to s3://bucket/answers/" in page.text("status")
        assert page.text("fact-status") == "202 Accepted"
        assert not page.element("send").is_enabled()
        page.until(lambda: "asynchronous, 1 queued" in page.card("sums").text)
        page.element("stop").click()
        page.until(lambda: page.text("status").startswith("No longer waited for. The answer goes to s3://bucket/"))
        page.until(page.element("send").is_enabled)
        gate.set()
        page.send("Refused")
        assert page.text("failure-name") == "AsynchronousRequestFailed"
        assert page.text("failure-words") == '{"message": "<b>no</b>"}'
        assert page.text("fact-status") == "424 Failed Dependency"
        assert (page.complaints(), page.barriers()) == ([], [])


def test_csv_is_a_table(opened):
    page = opened("split")
    page.send()
    assert [cell.text for cell in page.browser.find_elements("css selector", "#answer th")] == ["name", "the, sum"]
    assert [cell.text for cell in page.browser.find_elements("css selector", "#answer td")] == [
        "first",
        "3.5",
        'sec"ond',
        "7",
    ]
    assert page.find("#answer caption").text == "2 rows"


def test_a_body_over_the_limit_is_not_sent(opened, sent, tmp_path):
    page = opened("small")
    assert page.text("limits") == "At most 4 MiB, answered within 60 s."
    page.choose("content-type", "application/x-npy")
    upload = tmp_path / "large.npy"
    upload.write_bytes(bytes((4 << 20) + 1))
    page.element("file").send_keys(str(upload))
    page.element("send").click()
    assert page.text("status") == "The body has 4,194,305 bytes; this endpoint takes 4,194,304 bytes."
    assert sent() == []


def test_what_local_mode_does_otherwise_is_said(opened):
    page = opened("split")
    page.open_all()
    assert page.element("warning-list").text == "Nothing scales."
    assert page.barriers() == []


def test_a_gateway_that_has_gone_and_come_back(browser, sums):
    with LocalGateway(host_bundles([sums]), start=ScriptedStart(Reply())) as gateway:
        page = ConsolePage(browser, gateway, "sums")
    page.until(lambda: page.text("summary") == "not reached")
    assert "The gateway does not answer" in page.text("problem")
    assert page.element("problem").is_displayed()
    page.until(lambda: "the gateway is not reached" in page.text("log-state"))
    with LocalGateway(host_bundles([sums]), start=ScriptedStart(Reply()), port=gateway.port):
        page.until(lambda: page.text("summary") == "1 of 1 in service")
        page.until(lambda: not page.element("problem").is_displayed())
        page.until(lambda: page.text("log-state") == "1 of 1 lines")  # its first, and not the first one's
        assert page.text("log") == "sums/AllTraffic/primary/1 started"


def test_answers_by_their_types(browser, sums):
    start = ScriptedStart(
        Reply(body=b"RIFF" + bytes(100), content_type="audio/wav"),
        Reply(body=b"\0\1\2", content_type="application/octet-stream"),
        Reply(body=b"<b>bold</b>", content_type="text/html"),
        Reply(body=b"no JSON", content_type="application/json"),
        Reply(body=b'a"b', content_type="text/csv"),
        Reply(status=503, body=b"<html>", content_type="text/html"),
    )
    with LocalGateway(host_bundles([sums]), start=start) as gateway:
        page = ConsolePage(browser, gateway, "sums")
        page.send()
        assert page.find("#answer audio").get_attribute("controls")
        page.send()
        assert page.find("#answer").text == "Save the answer (3 bytes)"
        for words in ("<b>bold</b>", "no JSON", 'a"b'):
            page.send()
            assert page.body() == words
        page.send("Refused")
        assert (page.text("failure-name"), page.body()) == ("ModelError", "<html>")
        assert page.complaints() == []


def test_a_new_build_that_takes_something_else_changes_the_form(browser, sums, negative):
    with LocalGateway(host_bundles([sums]), start=ScriptedStart(Reply())) as gateway:
        page = ConsolePage(browser, gateway, "sums")
        assert page.value("content-type") == "application/json"
        gateway.replace(replace(negative, info={**negative.info, "name": "sums"}))
        page.until(lambda: page.value("content-type") == "image/png")
        assert page.text("input-words") == "Takes PIL image RGB."
        page.until(lambda: negative.root_sha256 in page.text("verification"))
        assert sums.root_sha256 not in page.text("verification")
        assert page.complaints() == []


def test_what_was_typed_stays_while_the_same_is_taken(opened):
    page = opened("many")
    page.choose("content-type", "text/csv")
    page.write("text", "5,6")
    page.choose("model", "b.tar.gz")
    page.send()  # loads the model, whose copy is new on the page
    page.until(lambda: page.copy("many"))
    assert (page.value("content-type"), page.value("text")) == ("text/csv", "5,6")
    page.choose("content-type", "application/json")
    page.choose("content-type", "text/csv")
    assert page.value("text").split() == ["1.5,2.0", "3.0,4.0"]
