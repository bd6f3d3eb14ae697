"""Bundles of these tests, built once in a session. Shared: copy them before changing them."""

from __future__ import annotations

import json

import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.constructs.all_stacks import synthesize_all
from tests.constructs.uses import Bundles
from tests.integrity.key_pairs import private_key, private_pem


@pytest.fixture(scope="session")
def bundles(tumours, tmp_path_factory) -> Bundles:
    """Two versions of one model with golden tests and both signatures, and their public key."""
    import xgboost

    folder = tmp_path_factory.mktemp("versions")
    public = folder / "release.pub"
    public.write_text(private_key().public.pem)
    models = (tumours.model, xgboost.XGBClassifier(n_estimators=2, max_depth=1).fit(tumours.X, 1 - tumours.y))
    first, second = (
        ModelBuilder(
            model=model,
            schema_builder=SchemaBuilder(tumours.X[:40], tumours.y[:40], keep_samples=True),
            name="tumour",
            dependencies={"auto": False},  # what they are does not matter here
            model_path=folder / str(number) / "tumour",
            signing_key=MASTER_KEY,
            signing_private_key=private_pem(),
        ).build()
        for number, model in enumerate(models, 1)
    )
    return Bundles(first, second, public)


@pytest.fixture(scope="session")
def first(bundles: Bundles) -> ModelBundle:
    """The first version."""
    return bundles.first


@pytest.fixture(scope="session")
def assembly(bundles, tmp_path_factory):
    """The cloud assembly of every stack of these tests."""
    return synthesize_all(tmp_path_factory.mktemp("all") / "cdk.out", bundles)


@pytest.fixture(scope="session")
def templates(assembly):
    """The template of each of them, by the stack's id."""
    found = assembly.rglob("*.template.json")
    known = {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in found}
    return {"staged" if name.startswith("Innerstaged") else name: template for name, template in known.items()}
