"""Bundles of straight lines, which are told apart by what they answer."""

from __future__ import annotations

from pathlib import Path

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from tests.conftest import MASTER_KEY


def build_line(path: Path, slope: float) -> ModelBundle:
    """A bundle called ``line`` at ``path``: it answers 0 for 0, and ``slope`` for 1."""
    from sklearn.linear_model import LinearRegression

    X = [[0.0], [1.0]]
    return ModelBuilder(
        model=LinearRegression().fit(X, [0.0, slope]),
        schema_builder=SchemaBuilder(X, [0.0, 1.0]),
        name="line",
        model_path=path,
        dependencies={"auto": False},
        archive=False,
        signing_key=MASTER_KEY,
    ).build()
