"""What is chosen goes into a bundle as its variables, in place of what the adapters say by themselves."""

from __future__ import annotations

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.language_models import choose, environment, read_model
from tests.language_models.architectures import llama, write_model


@pytest.mark.parametrize(
    ("server", "name", "value"),
    [
        ("vllm", "SM_VLLM_TENSOR_PARALLEL_SIZE", "4"),
        ("sglang", "SM_SGLANG_TP_SIZE", "4"),
        ("djl_serving", "OPTION_TENSOR_PARALLEL_DEGREE", "4"),  # the adapter's own is "max"
    ],
)
def test_a_bundle_with_chosen_variables(tmp_path, server, name, value):
    folder = write_model(tmp_path / "weights", llama(2, 64, 128, 4, 4, 100, 512))
    chosen = environment(choose(read_model(folder), "ml.g5.12xlarge", server))
    assert chosen[name] == value
    bundle = ModelBuilder(
        model="s3://weights/llama/" if server == "djl_serving" else folder,  # of a folder it runs code, not LMI
        schema_builder=SchemaBuilder({"messages": []}, {"choices": []}),
        name="chat",
        model_server=server,
        instance_type="ml.g5.12xlarge",
        env_vars=chosen,
        model_path=tmp_path / "bundle",
        signing_key=bytes(range(32)),
    ).build()
    assert chosen.items() <= dict(bundle.container.environment).items()
