"""Another build takes the place of one that runs, and no request notices."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from tests.local.gateway.conftest import client
from tests.local.lines import build_line


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("line")
    return [build_line(folder / str(slope), slope) for slope in (1.0, 3.0)]


@pytest.fixture(scope="module")
def gateway(builds, start):
    with LocalGateway(host_bundles(builds[:1], copies=2), start=start) as running:
        yield running


def slope(runtime) -> float:
    answer = runtime.invoke_endpoint(
        EndpointName="line", Body=b"[[0.0], [1.0]]", ContentType="application/json", Accept="application/json"
    )
    low, high = json.load(answer["Body"])
    return round(high - low, 6)


def test_every_request_is_answered_by_one_build_or_the_other(gateway, builds):
    runtime = client(gateway.url)
    seen: list[list[float]] = [[] for _ in range(4)]
    over = threading.Event()

    def ask(found: list[float]) -> None:
        while not over.is_set():
            found.append(slope(runtime))

    users = [threading.Thread(target=ask, args=(found,)) for found in seen]
    for user in users:
        user.start()
    try:
        gateway.replace(builds[1])
        assert slope(runtime) == 3.0
    finally:
        over.set()
        for user in users:
            user.join()
    for found in seen:
        turned = found.index(3.0) if 3.0 in found else len(found)
        assert set(found[:turned]) <= {1.0}
        assert set(found[turned:]) <= {3.0}
    assert sum(map(len, seen)) > 0
    runtime.close()


def test_a_build_that_does_not_start_changes_nothing(gateway, builds):
    runtime = client(gateway.url)
    before = slope(runtime)
    broken = replace(
        builds[0].container, environment={**builds[0].container.environment, "MODELBUILDER_ROOT_SHA256": "0"}
    )
    with pytest.raises(LocalEndpointError, match=r"(?s)line did not start: .*refused.*The one before goes on"):
        gateway.replace(replace(builds[0], container=broken))
    assert slope(runtime) == before
    runtime.close()


def test_only_what_is_there_is_replaced(gateway, tumour_bundle):
    with pytest.raises(UsageError, match="there is no endpoint tumour"):
        gateway.replace(tumour_bundle)
