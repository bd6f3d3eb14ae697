"""The gateway in front of real containers."""

from __future__ import annotations

import json

import pytest

from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.starting import Starter
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import run_docker
from tests.local.container.conftest import containers_of, daemon, probe_bundle  # noqa: F401 - fixtures
from tests.local.gateway.conftest import client
from tests.local.gateway.scripted import eventually
from tests.local.gateway.test_copies import status

pytestmark = pytest.mark.docker


def test_containers_answer_boto3_and_come_back_when_they_are_killed(probe_bundle, daemon):  # noqa: F811
    start = Starter(in_container=True, signing_key=MASTER_KEY, options={"memory_mb": 256})
    with LocalGateway(host_bundles([probe_bundle], copies=2), start=start) as gateway:
        runtime = client(gateway.url)

        def ask(values):
            question = json.dumps({"ask": "twice", "of": values})
            response = runtime.invoke_endpoint(
                EndpointName="probe", Body=question, ContentType="text/plain", Accept="text/plain"
            )
            return json.loads(response["Body"].read())["said"]

        assert ask([1, 2]) == [2, 4]
        found = status(gateway)["variants"][0]["copies"]
        names = [copy["identity"].removeprefix("container ") for copy in found]
        assert all(copy["memory_bytes"] > 1 << 20 for copy in found)
        run_docker("kill", names[0])
        assert eventually(lambda: any(copy["restarts"] for copy in status(gateway)["variants"][0]["copies"]))
        for number in range(20):  # the other one answers
            assert ask([number]) == [2 * number]
        states = lambda: [copy["state"] for copy in status(gateway)["variants"][0]["copies"]]  # noqa: E731
        assert eventually(lambda: states() == ["InService", "InService"], 60)
        now = [copy["identity"].removeprefix("container ") for copy in status(gateway)["variants"][0]["copies"]]
        assert len({*names, *now}) == 3
        runtime.close()
    assert not {*names, *now} & {*containers_of("")}
