"""What only the SageMaker SDK has is refused by name, with what replaces it."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, Predictor, SchemaBuilder, migration
from cdk_modelbuilder.building.naming import default_name, is_name
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.spec import InferenceSpec

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-sagemaker-sdk.md"
SAMPLE = np.array([[1.0]])
# Of the wheels sagemaker 2.257.7 and 3.27.0: what their ModelBuilder takes and has.
PARAMETERS = [
    "model",
    "model_path",
    "inference_spec",
    "schema_builder",
    "modelbuilder_list",
    "role_arn",
    "sagemaker_session",
    "image_uri",
    "s3_model_data_url",
    "source_code",
    "env_vars",
    "model_server",
    "model_metadata",
    "log_level",
    "content_type",
    "accept_type",
    "compute",
    "network",
    "instance_type",
    "mode",
    "shared_libs",
    "dependencies",
    "image_config",
    "name",
    "vpc_config",
    "model_version",
    "inference_component_name",
    "resource_requirements",
]
METHODS = [
    "add_tags",
    "benchmark_metrics",
    "build",
    "configure_for_torchserve",
    "deploy",
    "deploy_local",
    "display_benchmark_metrics",
    "download_huggingface_model_metadata",
    "enable_network_isolation",
    "fetch_endpoint_names_for_base_model",
    "from_jumpstart_config",
    "from_recommendation_job",
    "generate_deployment_recommendations",
    "get_deployment_config",
    "get_huggingface_model_metadata",
    "is_repack",
    "list_deployment_configs",
    "optimize",
    "recommendations",
    "register",
    "remove_tag_with_key",
    "right_size",
    "set_deployment_config",
    "set_js_deployment_config",
    "transformer",
    "save",
    "validate",
    "set_tracking_arn",
]
BUILD = ["model_name", "mode", "role_arn", "sagemaker_session", "region", "reuse_resources", "tags"]


class Doubling(InferenceSpec):
    def load(self, model_dir):
        return 2

    def invoke(self, input_object, model):
        return input_object * model


def builder(**options):
    return ModelBuilder(inference_spec=Doubling(), schema_builder=SchemaBuilder(SAMPLE, SAMPLE * 2), **options)


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_parameter_of_the_builder_is_taken_or_refused_with_a_way_out(name):
    known = inspect.signature(ModelBuilder).parameters
    assert (name in known) != (name in migration.BUILDER_PARAMETERS)
    if name not in known:
        with pytest.raises(UsageError, match=rf"no {name}=, which the SageMaker SDK's has") as refusal:
            builder(**{name: None})
        assert refusal.value.remedy == migration.BUILDER_PARAMETERS[name]


@pytest.mark.parametrize("name", BUILD)
def test_each_parameter_of_build(name):
    known = inspect.signature(ModelBuilder.build).parameters
    assert (name in known) != (name in migration.BUILD_PARAMETERS)
    if name not in known:
        with pytest.raises(UsageError, match=rf"build\(\) has no {name}="):
            builder().build(**{name: None})


@pytest.mark.parametrize("name", METHODS)
def test_each_method_is_there_or_refused_with_a_way_out(name, tumour_bundle):
    if name in migration.BUILDER_METHODS:
        for owner in (builder(), tumour_bundle):
            assert not hasattr(owner, name)
            with pytest.raises(migration.RetiredNameError, match=rf"no {name}\(\)") as refusal:
                getattr(owner, name)
            assert refusal.value.remedy == migration.BUILDER_METHODS[name]
    else:
        assert callable(getattr(builder(), name))


@pytest.mark.parametrize("name", migration.PREDICTOR_METHODS)
def test_each_method_of_predictors(name, tumour_bundle):
    predictor = Predictor("http://127.0.0.1:9", schema=tumour_bundle.schema, container=tumour_bundle.container)
    with predictor, pytest.raises(migration.RetiredNameError, match=rf"Predictor has no {name}\(\)"):
        getattr(predictor, name)


def test_what_nobody_has():
    with pytest.raises(UsageError, match="no parameter schemabuilder=") as refusal:
        builder(schemabuilder=None)
    assert refusal.value.remedy == "Did you mean schema_builder=?"
    with pytest.raises(UsageError, match="no parameter zzz=") as refusal:
        builder(zzz=None)
    assert "It takes model, schema_builder" in refusal.value.remedy
    with pytest.raises(AttributeError, match="no attribute 'zzz'") as missing:
        builder().zzz  # noqa: B018 - the access is what is tested
    assert not isinstance(missing.value, UsageError)


def test_the_page_names_everything():
    text = PAGE.read_text("utf-8")
    for table in (
        migration.BUILDER_PARAMETERS,
        migration.BUILD_PARAMETERS,
        migration.DEPLOY_PARAMETERS,
        migration.BUILDER_METHODS,
        migration.PREDICTOR_METHODS,
    ):
        assert [name for name in table if f"`{name}" not in text] == []
    assert [name for name in PARAMETERS if f"`{name}" not in text] == []


class XGBClassifier2:
    pass


@pytest.mark.parametrize(
    ("source", "image", "name"),
    [
        (Doubling(), None, "doubling"),
        (XGBClassifier2(), None, "xgb-classifier2"),
        ("models:/churn/3", None, "3"),
        ("s3://bucket/churn/v3/", None, "v3"),
        ("org/Phi-3.5_mini@abc", None, "phi-3-5-mini"),
        (Path("a/model.tar.gz"), None, "model"),
        (Path(".."), None, "model"),
        (None, "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/own_image:1", "own-image"),
        ("x" * 80, None, "x" * 63),
    ],
)
def test_the_name_of_a_bundle_that_was_given_none(source, image, name):
    assert default_name(source, image) == name
    assert is_name(name)
