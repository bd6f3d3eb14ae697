"""MLflow's layout: what its container reads before it starts the scoring server."""

from __future__ import annotations

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from tests.conftest import MASTER_KEY

yaml = pytest.importorskip("yaml", exc_type=ImportError)

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mlflow:1"


@pytest.mark.parametrize("packaging", ["index", "image"])
def test_an_environment_is_named_where_there_is_something_to_install(regression, tmp_path, packaging):
    schema = SchemaBuilder(regression.X, regression.model.predict(regression.X))
    dependencies = {"auto": False} | ({"packaging": "image"} if packaging == "image" else {})
    bundle = ModelBuilder(
        model=regression.model,
        schema_builder=schema,
        model_path=tmp_path / "bundle",
        signing_key=MASTER_KEY,
        model_server="mlflow",
        image_uri=IMAGE,
        dependencies=dependencies,
    ).build()
    flavour = yaml.safe_load((bundle.model_dir / "MLmodel").read_text())["flavors"]["python_function"]
    assert (flavour["loader_module"], flavour["code"]) == ("modelbuilder_mlflow", "code")
    listed = bundle.model_dir / "requirements.txt"
    assert listed.is_file() is (bundle.model_dir / "python_env.yaml").is_file() is ("env" in flavour)
    assert listed.is_file() is (packaging == "index")
    if packaging == "index":
        environment = yaml.safe_load((bundle.model_dir / flavour["env"]["virtualenv"]).read_text())
        assert environment["dependencies"] == ["-r requirements.txt"]
        assert "scikit-learn==" in listed.read_text()
