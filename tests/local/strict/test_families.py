"""What is said of each family whose bundles hold a file of their own for the server holds, with nothing to compare."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cdk_modelbuilder import Predictor
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.starting import start_process
from tests.conftest import MASTER_KEY
from tests.local.strict.requests import MLFLOW_REQUESTS, REQUESTS, SAMPLE, Asked, ask
from tests.local.strict.test_strict import build_for

JSON, PLAIN, HTML = "application/json", "text/plain; charset=utf-8", "text/html; charset=UTF-8"
ASKED = {asked.name: asked for asked in [*REQUESTS, *MLFLOW_REQUESTS]}
FORM = b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain\r\n\r\n1\r\n--x--\r\n'
ASKED |= {
    asked.name: asked
    for asked in [
        Asked("a form", FORM, {"Content-Type": "multipart/form-data; boundary=x"}),
        Asked("an empty form", b"", {"Content-Type": "application/x-www-form-urlencoded"}),
        Asked(
            "an attribute", b"[[1.0,2.0]]", {"X-Amzn-SageMaker-Custom-Attributes": f"content-type={JSON};accept={JSON}"}
        ),
        Asked("another handler", b"1", {"X-Amzn-SageMaker-Custom-Attributes": "handler=main"}),
    ]
}
THINKING = {
    "djl_serving": ("PREDICT_TIMEOUT", 500, JSON),
    "mlflow": ("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", 504, JSON),
    "ray": ("RAYSERVE_BACKEND_TIMEOUT", 504, JSON),
}


@pytest.fixture(scope="module", params=["djl_serving", "mlflow", "ray", "smd"])
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def bundle(family, tmp_path_factory):
    return build_for(family, tmp_path_factory.mktemp("strict") / family.replace("_", "-"))


@pytest.fixture(scope="module")
def url(bundle):
    process = start_process(bundle, strict=True, signing_key=MASTER_KEY)
    yield process.url
    process.stop()


EXPECTED = {
    "a charset": {"djl_serving": (200, JSON), "mlflow": (400, JSON), "ray": (200, JSON), "smd": (200, HTML)},
    "unknown content type": {
        "djl_serving": (415, JSON),
        "mlflow": (415, PLAIN),
        "ray": (415, PLAIN),
        "smd": (500, HTML),
    },
    "unknown accept": {"djl_serving": (406, JSON), "mlflow": (400, JSON), "ray": (406, PLAIN), "smd": (500, HTML)},
    "no content type": {"djl_serving": (400, JSON), "mlflow": (500, PLAIN), "ray": (200, JSON), "smd": (500, HTML)},
    "text asked for": {
        "djl_serving": (200, "text/csv"),
        "ray": (200, "text/csv; charset=utf-8"),
        "smd": (200, HTML),
    },
    "too large": {"djl_serving": (413, None), "mlflow": (400, JSON), "smd": (200, HTML)},
    "a large answer": {"djl_serving": (500, JSON), "ray": (200, "application/x-npy")},
    "an error of the model": {"djl_serving": (500, JSON), "ray": (500, PLAIN), "smd": (500, HTML)},
    "ping": {"djl_serving": (200, JSON), "mlflow": (200, JSON), "ray": (200, PLAIN), "smd": (200, HTML)},
    "ping with POST": {"djl_serving": (200, JSON), "mlflow": (405, JSON), "ray": (405, JSON), "smd": (405, HTML)},
    "invocations with GET": {
        "djl_serving": (400, JSON),
        "mlflow": (405, JSON),
        "ray": (405, JSON),
        "smd": (405, HTML),
    },
    "the root": {
        "djl_serving": (404, JSON),
        "mlflow": (404, "application/octet-stream"),
        "ray": (404, JSON),
        "smd": (404, HTML),
    },
    "a form": {"djl_serving": (415, JSON), "smd": (500, HTML)},
    "an empty form": {"djl_serving": (204, None)},
    "an attribute": {"djl_serving": (200, JSON)},
    "another handler": {"djl_serving": (400, JSON)},
    "inputs": {"mlflow": (200, JSON)},
    "thirteen": {"mlflow": (400, JSON)},
    "a table as text": {"mlflow": (200, JSON)},
    "no parquet": {"mlflow": (400, JSON)},
    "a chat": {"mlflow": (400, JSON)},
}


def test_answers_are_the_containers(family, url):
    expected = {name: answers[family] for name, answers in EXPECTED.items() if family in answers}
    found = {name: ask(url, ASKED[name]) for name in expected}
    assert {name: (one.status, one.content_type) for name, one in found.items()} == expected


def test_our_own_client_gets_along_with_it(url, bundle):
    predictor = Predictor(url, schema=bundle.schema, container=bundle.container)
    np.testing.assert_array_equal(predictor.predict(SAMPLE), SAMPLE * 2)


def test_a_model_that_does_not_load_ends_the_server_or_only_its_requests(family, bundle):
    changed = {**bundle.container.environment, "DOUBLER_FAILS": "yes"}
    broken = replace(bundle, container=replace(bundle.container, environment=changed))
    if family != "ray":
        with pytest.raises(LocalEndpointError, match="the model did not load: RuntimeError: there is no two"):
            start_process(broken, strict=True)
        return
    process = start_process(broken, strict=True)
    try:
        found = ask(process.url, ASKED["no accept"])
        assert (found.status, ask(process.url, ASKED["ping"]).status) == (503, 200)
        assert b"failed to deploy" in found.body
    finally:
        process.stop()


@pytest.mark.slow
def test_a_model_that_thinks_for_too_long(family, bundle):
    if family not in THINKING:
        pytest.skip("it waits for as long as it takes")
    variable, status, kind = THINKING[family]
    changed = replace(bundle.container, environment={**bundle.container.environment, variable: "1"})
    process = start_process(replace(bundle, container=changed), strict=True)
    try:
        rows = [[14.0, 14.0]]
        body = json.dumps({"inputs": rows} if family == "mlflow" else rows).encode()
        found = ask(process.url, Asked("thinks", body, {"Content-Type": JSON, "Accept": JSON}))
        assert (found.status, found.content_type) == (status, kind)
    finally:
        process.stop()
