"""Gateways that the console's tests look at: one with real models, and one with every kind of target."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import urllib3

from cdk_modelbuilder import SchemaBuilder
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.gateway.hosted import (
    AsyncSettings,
    Component,
    Hosted,
    HostedContainer,
    HostedEndpoint,
    HostedModel,
    Variant,
)
from cdk_modelbuilder.local.starting import Starter
from tests.conftest import MASTER_KEY
from tests.local.console.models import PICTURE, Letters, Negative, RowSums
from tests.local.gateway.conftest import built
from tests.local.gateway.scripted import ScriptedStart
from tests.predictor.scripted_container import Reply

ROWS = np.array([[1.5, 2.0], [3.0, 4.0]])
SESSION = "42; Expires=2100-01-01T00:00:00Z"


@pytest.fixture(scope="session")
def sums(tmp_path_factory):
    """A bundle of numbers, with its sample."""
    schema = SchemaBuilder(ROWS, ROWS.sum(axis=1), keep_samples=True)
    return built(RowSums(), schema, tmp_path_factory.mktemp("console"), "sums")


@pytest.fixture(scope="session")
def negative(tmp_path_factory):
    """A bundle of pictures."""
    return built(Negative(), SchemaBuilder(PICTURE, PICTURE), tmp_path_factory.mktemp("console"), "negative")


class HeldStart:
    """Starts processes, as long as ``free`` is set."""

    def __init__(self) -> None:
        self._start = Starter(signing_key=MASTER_KEY)
        self.free = threading.Event()
        self.free.set()

    def __call__(self, bundle, environment, *, on_log):
        self.free.wait(30)
        return self._start(bundle, environment, on_log=on_log)


@pytest.fixture(scope="session")
def start():
    """What starts the copies of ``console_gateway``."""
    return HeldStart()


@pytest.fixture(scope="session")
def console_gateway(sums, negative, start, tmp_path_factory):
    """Real endpoints in processes: of numbers, of pictures, of a stream, and one whose files were changed.

    Tests leave its copies alive.
    """
    folder = tmp_path_factory.mktemp("console")
    shutil.copytree(sums.path, folder / "tampered")
    (folder / "tampered" / "model" / "code" / "inference.py").write_text("raise SystemExit\n")
    bundles = [
        sums,
        negative,
        built(Letters(), SchemaBuilder("word", iter(["w", "o"])), folder, "letters"),
        replace(sums, path=folder / "tampered", info={**sums.info, "name": "tampered"}),
    ]
    gateway = LocalGateway(host_bundles(bundles), start=start)
    try:
        gateway.begin()
        with urllib3.PoolManager(retries=False) as http:
            while any(one["status"] == "Creating" for one in states(http, gateway)):
                time.sleep(0.05)
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture(scope="session")
def targets(sums):
    """A gateway with every kind of target, in front of scripted copies; and what starts them."""
    start = ScriptedStart(
        Reply(
            body=b'name,"the, sum"\r\nfirst,3.5\r\n"sec""ond",7\r\n',
            content_type="text/csv",
            headers={"X-Amzn-SageMaker-New-Session-Id": SESSION},
        )
    )
    with LocalGateway(every_target(sums), start=start) as gateway:
        yield gateway, start


def every_target(bundle) -> Hosted:
    """Variants, components with an adapter, a series, direct containers, a multi-model container, a queue."""

    def model(*containers, direct=False):
        return HostedModel("model", containers, direct)

    one, two = (HostedContainer(name, bundle) for name in ("first", "second"))
    many = HostedContainer("many", models={"a.tar.gz": bundle, "b.tar.gz": bundle}, multi_model=True)
    base = Component("base", "only", model(one))
    return Hosted(
        (
            endpoint("split", Variant("red", model(one), weight=3), Variant("blue", model(one))),
            endpoint(
                "parts",
                Variant("only", None),
                components=(base, Component("tuned", "only", None, base="base")),
            ),
            endpoint("series", Variant("only", model(one, two))),
            endpoint("direct", Variant("only", model(one, two, direct=True))),
            endpoint("many", Variant("only", model(many))),
            endpoint("small", Variant("only", model(one), serverless_concurrency=2)),
            endpoint("queue", Variant("only", model(one)), asynchronous=AsyncSettings("s3://bucket/answers")),
        ),
        warnings=("Nothing scales.",),
    )


def endpoint(name, *variants, **options):
    return HostedEndpoint(name, name, variants, **options)


def states(http, gateway):
    """The endpoints as GET /-/status has them."""
    return http.request("GET", gateway.url + "/-/status").json()["endpoints"]
