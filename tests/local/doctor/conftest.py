"""A bundle of a model that needs nothing else, to be changed as a test likes."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.conftest import MASTER_KEY
from tests.local.doctor.doubles import Doubles


@pytest.fixture(scope="session")
def built_bundle(tmp_path_factory):
    """A real bundle. Shared: copy what is changed."""
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    return ModelBuilder(
        inference_spec=Doubles(),
        schema_builder=SchemaBuilder([1.5], [3.0], keep_samples=True),
        name="doubles",
        model_path=tmp_path_factory.mktemp("doctor") / "doubles",
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture
def changed_bundle(built_bundle, tmp_path):
    """Makes the bundle's twin with other facts: image fields, what bundle.json says, packages, a size of its model."""

    def change(*, info=None, packages=None, files=None, model_bytes=None, **image):
        folder = tmp_path / "twin"
        folder.mkdir(exist_ok=True)
        container = dataclasses.replace(
            built_bundle.container, image=dataclasses.replace(built_bundle.container.image, **image)
        )
        manifest = built_bundle.manifest
        if files is not None:
            manifest = dataclasses.replace(manifest, files=files)
        twin = dataclasses.replace(
            built_bundle,
            path=folder,
            info={**built_bundle.info, **(info or {})},
            container=container,
            manifest=manifest,
        )
        if packages is not None:
            (folder / "dependencies.json").write_text(json.dumps({"packages": packages}))
        if model_bytes is not None:
            (folder / "model").mkdir(exist_ok=True)
            with (folder / "model" / "weights").open("wb") as file:
                file.truncate(model_bytes)  # a hole: it takes no space
        return twin

    return change
