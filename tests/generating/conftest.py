"""One real bundle, and one app that hosts it in every way there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.generating.plan import AppPlan, HostingKind
from cdk_modelbuilder.generating.planning import plan_endpoint
from tests.conftest import MASTER_KEY


@pytest.fixture(scope="session")
def iris_bundle(tmp_path_factory) -> ModelBundle:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(X[:5], model.predict(X[:5]), keep_samples=True),
        name="iris",
        model_path=tmp_path_factory.mktemp("generating") / "iris",
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()


def every_hosting(bundle: ModelBundle, folder: Path, **options) -> AppPlan:
    """An app with an endpoint of each kind of hosting."""
    return AppPlan(
        name="everything",
        endpoints=tuple(plan_endpoint(bundle, folder, name=f"iris-{kind.value}", hosting=kind) for kind in HostingKind),
        **options,
    )
