"""Bundles and gateways that these tests share."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles, process_start
from tests.conftest import MASTER_KEY
from tests.local.gateway.moody import Moody, Speller

REGION = "eu-west-1"


def built(spec, schema, folder, name):
    return ModelBuilder(
        inference_spec=spec,
        schema_builder=schema,
        name=name,
        model_path=folder / name,
        dependencies={"auto": False},
        archive=False,
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture(scope="session")
def moody(tmp_path_factory):
    """A bundle that does as it is told."""
    sample = {"do": "echo", "value": [1.5, 2.5], "seconds": 0.5}
    schema = SchemaBuilder(sample, {"pid": 1, "here": "", "echo": [1.5, 2.5]})
    return built(Moody(), schema, tmp_path_factory.mktemp("moody"), "moody")


@pytest.fixture(scope="session")
def speller(tmp_path_factory):
    """A bundle that streams."""
    return built(Speller(), SchemaBuilder("word", iter(["w", "o"])), tmp_path_factory.mktemp("speller"), "speller")


@pytest.fixture(scope="session")
def start():
    """Starts a copy as a process."""
    return process_start(MASTER_KEY)


@pytest.fixture(scope="session")
def gateway(moody, speller, start):
    """A gateway with both; tests leave its copies alive."""
    with LocalGateway(host_bundles([moody, speller]), start=start) as running:
        yield running


def client(url: str, service: str = "sagemaker-runtime", **options):
    """boto3's client, which knows nothing but the URL; it sends everything once."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=70, max_pool_connections=32, **options)
    return boto3.Session("key", "secret", region_name=REGION).client(service, endpoint_url=url, config=config)


@pytest.fixture
def runtime(gateway):
    found = client(gateway.url)
    yield found
    found.close()
