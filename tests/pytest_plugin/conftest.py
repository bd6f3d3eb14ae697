"""A bundle with a golden test, in the folder that the inner pytest runs in."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import MASTER_KEY
from tests.local.doctor.doubles import Doubles


@pytest.fixture(scope="session")
def golden_bundle(tmp_path_factory):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    return ModelBuilder(
        inference_spec=Doubles(),
        schema_builder=SchemaBuilder([1.5, 2.0], [3.0, 4.0], keep_samples=True),
        name="doubles",
        model_path=tmp_path_factory.mktemp("plugin") / "doubles",
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture
def project(golden_bundle, pytester):
    """The inner pytest, whose rootdir has the bundle as build/doubles."""
    shutil.copytree(golden_bundle.path, pytester.path / "build" / "doubles")
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester
