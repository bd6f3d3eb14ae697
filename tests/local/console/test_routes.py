"""What the gateway sends for the console: the page's files, and what the form is made from."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import urllib3

from cdk_modelbuilder.local.console.description import describe, verification
from cdk_modelbuilder.local.console.pages import console_pages
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.gateway.counters import Counters
from tests.local.gateway.scripted import ScriptedStart
from tests.predictor.scripted_container import Reply

SVG = "http://www.w3.org/2000/svg"
PAGES = console_pages()


@pytest.fixture(scope="module")
def http():
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield pool


@pytest.fixture(scope="module")
def asked(targets, http):
    """Asks for what the form of an endpoint is made from."""
    gateway, _ = targets

    def ask(name):
        return http.request("GET", f"{gateway.url}/-/schema?endpoint={name}").json()

    return ask


@pytest.mark.parametrize("path", PAGES)
def test_a_file_is_sent_with_strict_headers(targets, http, path):
    found = http.request("GET", targets[0].url + path)
    assert (found.status, found.data) == (200, PAGES[path].content)
    assert found.headers["Content-Type"] == PAGES[path].content_type
    assert found.headers["Cache-Control"] == "no-store"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Referrer-Policy"] == "no-referrer"
    policy = found.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"):
        assert part in policy
    for word in ("unsafe", "http", "*", "data: 'self'"):
        assert word not in policy


@pytest.mark.parametrize("path", PAGES)
def test_a_file_names_nothing_outside_and_makes_no_html(path):
    text = PAGES[path].content.decode()
    assert len(text.splitlines()) < 300
    assert "://" not in text.replace(SVG, "").replace("s3://", "")
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "Function("):
        assert sink not in text
    if path.endswith(".js"):
        for module in re.findall(r'from "\./([^"]+)"', text):
            assert f"/-/console/{module}" in PAGES
    if path == "/":
        for place in re.findall(r'(?:src|href)="(-/[^"]+)"', text):
            assert "/" + place in PAGES
        assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?! src=)", text)


def test_pages_of_other_sites_get_nothing(targets, http):
    url = targets[0].url
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Host": "example.com"}, {"Origin": "https://example.com"}):
        for path in ("/", "/-/status", "/-/logs", "/-/schema?endpoint=split"):
            assert http.request("GET", url + path, headers=headers).status == 403


def test_a_gateway_may_do_without_the_console(sums, http):
    with LocalGateway(host_bundles([sums]), start=ScriptedStart(Reply()), pages={}) as gateway:
        assert http.request("GET", gateway.url + "/").status == 404
        assert http.request("GET", gateway.url + "/-/status").status == 200


def test_the_form_gets_the_sample_that_the_bundle_kept(asked, sums):
    (found,) = asked("series")["variants"]["only"][:1]
    contents = found["request"]["content"]
    assert contents["application/json"]["example"] == [[1.5, 2.0], [3.0, 4.0]]
    assert contents["text/csv"]["example"].split() == ["1.5,2.0", "3.0,4.0"]
    assert "example" not in contents["application/x-npy"]
    assert found["sample"]["content_type"] == "application/x-npy"
    assert base64.b64decode(found["sample"]["base64"])[:6] == b"\x93NUMPY"
    assert found["schemas"]["Input"]
    assert (found["max_payload_bytes"], found["timeout_seconds"]) == (25 << 20, 60)
    assert (found["root_sha256"], found["key_id"]) == (sums.root_sha256, sums.key_id)
    assert (found["files"], found["verified"]) == (len(sums.manifest.files), "inference-code")


def test_the_form_gets_every_target(asked):
    assert list(asked("split")["variants"]) == ["red", "blue"]
    assert list(asked("parts")["components"]) == ["base", "tuned"]
    assert asked("parts")["variants"] == {}
    series, direct, many = (asked(name)["variants"]["only"] for name in ("series", "direct", "many"))
    assert [(one["container"], one["direct"]) for one in series] == [("first", False), ("second", False)]
    assert [(one["container"], one["direct"]) for one in direct] == [("first", True), ("second", True)]
    assert [one["target_model"] for one in many] == ["a.tar.gz", "b.tar.gz"]
    assert asked("small")["variants"]["only"][0]["max_payload_bytes"] == 4 << 20
    assert asked("queue")["variants"]["only"][0]["max_payload_bytes"] == 128_000


def test_an_endpoint_that_there_is_not(targets, http):
    found = http.request("GET", targets[0].url + "/-/schema?endpoint=<b>")
    assert found.status == 404
    assert found.json() == {"Message": "There is no endpoint '<b>'."}


def test_a_schema_that_cannot_be_read_leaves_a_form_for_any_type(sums):
    found = describe(replace(sums, path=sums.path / "none", schema={**sums.schema, "format_version": 99}))
    assert "format version 99" in found["problem"]
    assert (found["request"], found["sample"]) == ({}, None)
    assert "no sample for sums" in found["sample_problem"]


def test_a_sample_of_another_schema_is_not_filled_in(sums):
    other = {
        **sums.schema,
        "input": {**sums.schema["input"], "spec": {**sums.schema["input"]["spec"], "shape": [None, 3]}},
    }
    found = describe(replace(sums, schema=other))
    assert found["problem"] is None
    assert len(found["request"]["content"]["application/json"]["example"][0]) == 3


def test_verification_in_words(sums):
    listed, keyed, public, process, container = verification(sums)
    assert f"{len(sums.manifest.files)} files" in listed
    assert sums.key_id in keyed
    assert "no public signature" in public
    assert process.startswith("As a process")
    assert "can leave the check out" in container
    signed = SimpleNamespace(
        key_id="0f1e",
        public_key_id="2d3c",
        manifest=SimpleNamespace(files={"model.ubj": ""}),
        container=replace(sums.container, verified="nothing"),
    )
    listed, _, public, container = verification(signed)
    assert "1 file with its SHA-256" in listed
    assert "public key 2d3c" in public
    assert "nothing checks the files" in container
    signed.container = replace(sums.container, verified="entry-point")
    assert "outside of the model's files" in verification(signed)[-1]
    signed.container = replace(sums.container, verified="hope")
    assert "'hope'" in verification(signed)[-1]


def test_recent_latencies_are_the_newest_hundred_in_order():
    counters = Counters()
    for number in range(150):
        counters.count(200, (150 - number) / 1000)
    assert counters.to_json()["recent_ms"] == [float(150 - number) for number in range(50, 150)]
