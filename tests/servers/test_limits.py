"""What a bundle's container takes and waits for, where the user says that it is more than InvokeEndpoint does."""

import numpy as np
import pytest

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import UsageError
from tests.conftest import MASTER_KEY
from tests.local.doctor.doubles import Doubles


def build(path, server, **limits):
    return ModelBuilder(
        inference_spec=Doubles(),
        schema_builder=SchemaBuilder(np.ones(2), np.ones(2)),
        model_path=path,
        model_server=server,
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
        archive=False,
        **limits,
    ).build()


def test_a_large_request_is_answered(tmp_path):
    bundle = build(tmp_path / "large", "builtin", max_payload_mb=64, invocation_timeout_seconds=900)
    assert bundle.container.max_payload_bytes == 64 << 20
    assert bundle.container.invocation_timeout_seconds == 900
    assert bundle.container.environment["MODELBUILDER_MAX_PAYLOAD_BYTES"] == str(64 << 20)
    assert bundle.container.environment["MODELBUILDER_STUCK_AFTER"] == "1800"
    values = np.ones(5_000_000)  # 40 MB
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        assert predictor.predict(values).sum() == 2 * values.sum()


def test_nothing_is_said_where_nothing_was_asked_for(tmp_path):
    bundle = build(tmp_path / "usual", "builtin")
    assert bundle.container.max_payload_bytes == 25 << 20
    assert not [name for name in bundle.container.environment if "PAYLOAD" in name or "STUCK" in name]


def test_other_servers_are_told_in_their_own_words(tmp_path):
    image = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"}
    limits = {"max_payload_mb": 200, "invocation_timeout_seconds": 900}
    mms = build(tmp_path / "mms", "mms", **image, **limits).container.environment
    assert (mms["MMS_MAX_REQUEST_SIZE"], mms["SAGEMAKER_MAX_PAYLOAD_IN_MB"]) == (str(200 << 20), "200")
    assert mms["SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"] == "900"
    torchserve = build(tmp_path / "torchserve", "torchserve", **image, **limits).container.environment
    assert (torchserve["TS_MAX_REQUEST_SIZE"], torchserve["TS_DEFAULT_RESPONSE_TIMEOUT"]) == (str(200 << 20), "900")


@pytest.mark.parametrize(
    "limit",
    [{"max_payload_mb": 0}, {"max_payload_mb": 2000}, {"max_payload_mb": "25"}, {"invocation_timeout_seconds": 4000}],
)
def test_limits_that_sagemaker_does_not_have(tmp_path, limit):
    with pytest.raises(UsageError, match=f"{next(iter(limit))} is "):
        build(tmp_path / "none", "builtin", **limit)
