"""Bundles and gateways that these tests share."""

from __future__ import annotations

import contextlib

import boto3
import pytest
from botocore.config import Config

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.starting import Starter
from tests.conftest import MASTER_KEY
from tests.local.gateway.moody import ANSWER, REQUEST, Moody, Speller

_SESSION = boto3.Session("key", "secret", region_name="eu-west-1")  # one for all: it reads its models but once


def built(spec, schema, folder, name, *, archive=False):
    return ModelBuilder(
        inference_spec=spec,
        schema_builder=schema,
        name=name,
        model_path=folder / name,
        dependencies={"auto": False},
        archive=archive,
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture(scope="session")
def moody(tmp_path_factory):
    """A bundle that does as it is told."""
    return built(Moody(), SchemaBuilder(REQUEST, ANSWER), tmp_path_factory.mktemp("moody"), "moody")


@pytest.fixture(scope="session")
def speller(tmp_path_factory):
    """A bundle that streams."""
    return built(Speller(), SchemaBuilder("word", iter(["w", "o"])), tmp_path_factory.mktemp("speller"), "speller")


@pytest.fixture(scope="session")
def start():
    """Starts a copy as a process."""
    return Starter(signing_key=MASTER_KEY)


@pytest.fixture(scope="session")
def gateway(moody, speller, start):
    """A gateway with both; tests leave its copies alive."""
    with LocalGateway(host_bundles([moody, speller]), start=start) as running:
        yield running


@pytest.fixture
def scripted(moody):
    """Makes gateways in front of scripted copies, and clients of them; ends them."""
    with contextlib.ExitStack() as stack:

        def make(start, *, hosted=None, service="sagemaker-runtime", **options):
            gateway = stack.enter_context(LocalGateway(hosted or host_bundles([moody]), start=start, **options))
            made = client(gateway.url, service)
            stack.callback(made.close)
            return gateway, made

        yield make


def client(url: str, service: str = "sagemaker-runtime", **options):
    """boto3's client, which knows nothing but the URL; it sends everything once."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=70, max_pool_connections=32, **options)
    return _SESSION.client(service, endpoint_url=url, config=config)


@pytest.fixture(scope="session")
def runtime(gateway):
    found = client(gateway.url)
    yield found
    found.close()
