"""A gateway with four real endpoints, one of which was tampered with and does not start."""

from __future__ import annotations

import time

import numpy as np
import pytest
import urllib3

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from cdk_modelbuilder.local.starting import Starter
from tests.conftest import MASTER_KEY
from tests.local.console.models import PICTURE, Letters, Negative, RowSums

ROWS = np.array([[1.5, 2.0], [3.0, 4.0]])


@pytest.fixture(scope="session")
def console_bundles(tmp_path_factory):
    """Name -> bundle."""
    folder = tmp_path_factory.mktemp("console")

    def built(name, spec, schema):
        return ModelBuilder(
            inference_spec=spec,
            schema_builder=schema,
            name=name,
            model_path=folder / name,
            dependencies={"auto": False},
            archive=False,
            signing_key=MASTER_KEY,
        ).build()

    sums = SchemaBuilder(ROWS, ROWS.sum(axis=1), keep_samples=True)
    bundles = (
        built("sums", RowSums(), sums),
        built("negative", Negative(), SchemaBuilder(PICTURE, PICTURE)),
        built("letters", Letters(), SchemaBuilder("word", iter(["w", "o"]))),
        built("tampered", RowSums(), sums),
    )
    (bundles[3].model_dir / "code" / "inference.py").write_text("raise SystemExit\n")
    return {bundle.name: bundle for bundle in bundles}


@pytest.fixture(scope="session")
def console_gateway(console_bundles):
    """The gateway, once every endpoint is in service or has failed; tests leave its copies alive."""
    gateway = LocalGateway(host_bundles(list(console_bundles.values())), start=Starter(signing_key=MASTER_KEY))
    try:
        gateway.begin()
        with urllib3.PoolManager(retries=False) as http:
            while any(one["status"] == "Creating" for one in states(http, gateway)):
                time.sleep(0.05)
        yield gateway
    finally:
        gateway.stop()


def states(http, gateway):
    """The endpoints as GET /-/status has them."""
    return http.request("GET", gateway.url + "/-/status").json()["endpoints"]
