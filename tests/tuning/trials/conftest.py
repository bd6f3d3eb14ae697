"""Bundles that trials serve."""

from __future__ import annotations

import pytest

from tests.conftest import MASTER_KEY


@pytest.fixture(scope="session")
def moody_bundle(tmp_path_factory):
    """A model that fails when it is told to."""
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder
    from tests.tuning.trials.specs import Moody

    return ModelBuilder(
        inference_spec=Moody(),
        schema_builder=SchemaBuilder("word", "word"),
        model_path=tmp_path_factory.mktemp("trials") / "moody",
        signing_key=MASTER_KEY,
        dependencies={"auto": False},
    ).build()
