"""A schema of plain JSON, and predictors for it: what is tested here is the way, not the payload."""

from __future__ import annotations

import pytest

from cdk_modelbuilder import Predictor
from cdk_modelbuilder.calling.connect import Address, connect
from cdk_modelbuilder.container_spec import ContainerSpec, ImageReference
from tests.aws_stand_in.environment import CREDENTIALS
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.predictor.scripted_container import Reply, ScriptedContainer

ANYTHING = {"codec": "json", "spec": {"form": {}}}
SCHEMA = {"format_version": 2, "input": ANYTHING, "output": ANYTHING}
STREAM_SCHEMA = {**SCHEMA, "output": {"codec": "stream", "spec": ANYTHING}}
CONTAINER = ContainerSpec(
    image=ImageReference(uri="model:1"), model_server="own", environment={}, secret_environment={}
)


@pytest.fixture
def predictor_for():
    """Makes predictors that take and give any JSON; closes them at the end."""
    made = []

    def make(url: str | None = None, *, container=CONTAINER, schema=SCHEMA, **address) -> Predictor:
        transport, queue = connect(Address(url=url, **address), container)
        made.append(Predictor(transport, schema=schema, container=container, queue=queue))
        return made[-1]

    yield make
    for predictor in made:
        predictor.close()


@pytest.fixture
def service(monkeypatch):
    with SageMakerRuntime() as running:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": running.url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield running


@pytest.fixture
def endpoint(service, predictor_for):
    """Makes a predictor for the endpoint `tumour`, whose container gives `replies`."""
    containers = []

    def make(*replies: Reply, **options) -> Predictor:
        container = ScriptedContainer(*replies)
        containers.append(container)
        container.__enter__()
        service.endpoints["tumour"] = container.url
        made = predictor_for(endpoint_name="tumour", **options)
        made.container = container
        return made

    yield make
    for container in containers:
        container.__exit__(None, None, None)
