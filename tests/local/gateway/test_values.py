"""Small values of the gateway: objects in folders, templates without functions, bundles on disk, latencies."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.gateway import FolderObjects, host_bundles
from cdk_modelbuilder.local.gateway.api_error import Place
from cdk_modelbuilder.local.gateway.bundle_search import BundleSearch
from cdk_modelbuilder.local.gateway.counters import Counters
from cdk_modelbuilder.local.gateway.template_values import Stack, TemplateValues

KEYS = st.lists(st.sampled_from(["a", "b.c", "..", ".", "", "é", " ", "\\", "%2e%2e", "~", "\0"]), max_size=5)


@given(st.sampled_from(["bucket", "..", "a/../..", "UPPER", "x", ""]), KEYS)
def test_no_object_is_outside_its_folder(tmp_path_factory, bucket, parts):
    folder = tmp_path_factory.getbasetemp() / "objects"
    uri = f"s3://{bucket}/{'/'.join(parts)}"
    try:
        path = FolderObjects(folder).path_of(uri)
    except UsageError:
        return
    assert path.resolve().is_relative_to(folder.resolve() / "bucket")
    assert path.resolve() != folder.resolve() / "bucket"


def test_an_object_comes_back(tmp_path):
    objects = FolderObjects(tmp_path)
    objects.write("s3://bucket/deep/key", b"content", "text/plain", {})
    assert objects.read("s3://bucket/deep/key") == (b"content", None)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bucket", "deep", "key"]
    with pytest.raises(LookupError, match=r"s3://bucket/other is not in .*No such file"):
        objects.read("s3://bucket/other")
    with pytest.raises(LookupError, match="cannot be written"):
        objects.write("s3://bucket/deep/key/below", b"", "text/plain", {})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5).map(lambda name: f"x{name}"), inner, max_size=3)
    ),
)


@given(PLAIN)
def test_what_has_no_functions_stays_as_it_is(value):
    assert TemplateValues(Stack("stack", "1", "eu-west-1", {}), str).resolve(value) == value


@given(st.binary(max_size=9000), st.sampled_from([0, 400, 499, 500, 599]))
def test_errors_stay_within_what_the_service_model_allows(body, status):
    error = Place("1", "eu-west-1", "e", "v").model_error(status, "primary", body)
    members = json.loads(error.body)
    assert len(members["OriginalMessage"]) <= 2048
    assert members["OriginalStatusCode"] == status
    assert members["Message"].startswith(f"Received {'client' if 400 <= status < 500 else 'server'} error ({status})")


def test_bundles_are_found_by_their_content(moody, tmp_path):
    (tmp_path / "a" / "link").parent.mkdir()
    (tmp_path / "a" / "link").symlink_to(moody.path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "bundle.json").write_text("[]")
    assert BundleSearch([tmp_path]).find(moody.root_sha256) is None
    search = BundleSearch([tmp_path / "absent", moody.path.parent])
    assert search.find(moody.root_sha256).path == moody.path
    assert search.find(moody.root_sha256) is search.find(moody.root_sha256)
    assert search.find("0" * 64) is None
    assert set(search.targets()) == {"moody.tar.gz"}


def test_latencies():
    counters = Counters()
    assert counters.to_json()["p50_ms"] is None
    for number in range(1, 101):
        counters.count(200 if number > 3 else (404, 500, 0)[number - 1], number / 1000)
    found = counters.to_json()
    assert (found["requests"], found["client_errors"], found["server_errors"]) == (100, 1, 2)
    assert (found["p50_ms"], found["p99_ms"]) == (51, 100)


@pytest.mark.parametrize(
    ("bundles", "words"), [([], "no bundle was given"), (["moody", "moody"], "two bundles have the name")]
)
def test_bundles_that_cannot_be_hosted(moody, bundles, words):
    with pytest.raises(UsageError, match=words):
        host_bundles([moody for _ in bundles])


def test_a_name_that_no_endpoint_can_have(moody):
    from dataclasses import replace

    odd = replace(moody, info={**moody.info, "name": "with_underscore"})
    with pytest.raises(UsageError, match=r"'with_underscore' cannot be the name.*63 letters"):
        host_bundles([odd])


def test_the_gateway_needs_no_extra():
    extras = "{'boto3', 'botocore', 'docker', 'aws_cdk'}"
    code = f"import sys, cdk_modelbuilder.local.gateway; print(*{extras} & {{*sys.modules}})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
