"""What deploy() is told, and which of it cannot be."""

import pytest

from cdk_modelbuilder import EndpointType, Mode, ModelBuilderError, ResourceRequirements
from cdk_modelbuilder.cli.deploy_command import hosting_options, pairs
from cdk_modelbuilder.cli.logs_command import span
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.plan import AsynchronousPlan, HostingKind
from cdk_modelbuilder.migration import DEPLOY_PARAMETERS

RESOURCES = ResourceRequirements(requests={"num_accelerators": 4, "memory": 1024, "copies": 1}, limits={})
COMPONENTS = EndpointType.INFERENCE_COMPONENT_BASED


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instance_typ": "ml.c6i.large"}, "instance_typ= is no option.*Did you mean instance_type="),
        ({"memory_mb": 4}, "memory_mb= is no option"),
        ({"instance_type": "ml.c6i.lage"}, "Did you mean ml.c6i.large"),
        ({"instance_type": "c6i.large"}, "no instance type.*Did you mean ml.c6i.large"),
        ({"initial_instance_count": 0}, "whole number from 1"),
        ({"initial_instance_count": True}, "whole number from 1"),
        ({"initial_instance_count": 1.5}, "whole number from 1"),
        ({"endpoint_name": "a_b"}, "endpoint_name='a_b' cannot be a name"),
        ({"endpoint_name": "x" * 64}, "63 letters"),
        ({"stack_name": "-x"}, "stack_name='-x'"),
        ({"role": "MyRole"}, "role='MyRole' is no ARN"),
        ({"environment": {"WORKERS": 2}}, r"environment\['WORKERS'\] is 2.*text"),
        ({"hosting": "batch"}, "real-time, serverless, async, components"),
        ({"hosting": "serverless", "resources": RESOURCES}, "two kinds of hosting"),
        ({"endpoint_type": EndpointType.MODEL_BASED, "resources": RESOURCES}, "contradict each other"),
        ({"hosting": "serverless", "instance_type": "ml.c6i.large"}, "has no instances"),
        ({"serverless": {"memory_mib": 2048}, "asynchronous": {}}, "two kinds"),
    ],
)
def test_what_cannot_be_is_told_with_the_way_out(options, words):
    with pytest.raises(UsageError, match=words):
        DeployOptions.of(options)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, None),
        ({"instance_type": "ml.c6i.xlarge", "initial_instance_count": 1}, None),
        ({"instance_type": "ml.z99.24xlarge"}, None),  # newer than the table
        ({"endpoint_type": COMPONENTS}, HostingKind.COMPONENTS),
        ({"endpoint_type": COMPONENTS, "resources": RESOURCES}, HostingKind.COMPONENTS),
        ({"hosting": HostingKind.ASYNCHRONOUS, "asynchronous": AsynchronousPlan()}, HostingKind.ASYNCHRONOUS),
        ({"serverless": {"memory_mib": 2048}}, HostingKind.SERVERLESS),
        ({"endpoint_type": EndpointType.MODEL_BASED}, None),
    ],
)
def test_the_arguments_say_the_hosting(options, kind):
    assert DeployOptions.of(options).kind() is kind


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", DEPLOY_PARAMETERS)
def test_what_the_sagemaker_sdk_alone_has(line_bundles, mode, name):
    with pytest.raises(UsageError, match=rf"deploy\(\) has no {name}=, which the SageMaker SDK's has") as refused:
        line_bundles.first.deploy(mode=mode, **{name: None})
    assert refused.value.remedy == DEPLOY_PARAMETERS[name]


def test_the_key_is_not_shown():
    assert "5a5a" not in repr(DeployOptions(signing_key="5a" * 32))


def test_hosting_by_the_command_line():
    def kind(hosting, memory=None, copies=None, accelerators=None, output=None):
        given = hosting_options(hosting, memory, copies=copies, accelerators=accelerators, output=output)
        return DeployOptions.of(given), DeployOptions.of(given).kind()

    assert kind(None)[1] is None
    assert kind("serverless", 3072)[0].serverless == {"memory_mib": 3072}
    found, hosting = kind(None, 2048, 2, 1)
    assert hosting is HostingKind.COMPONENTS
    assert (found.resources.min_memory, found.resources.copies, found.resources.num_accelerators) == (2048, 2, 1)
    assert kind("components", 2048)[0].resources.min_memory == 2048
    assert kind(None, output="s3://b/x")[1] is HostingKind.ASYNCHRONOUS
    for wrong, words in (((None, 2048), "--hosting serverless"), (("serverless", None, 2), "two kinds of hosting")):
        with pytest.raises(UsageError, match=words):
            kind(*wrong)


def test_words_of_the_command_line():
    assert pairs(("A=1", "B=x=y", "C=")) == {"A": "1", "B": "x=y", "C": ""}
    assert [span(text).total_seconds() for text in ("90s", "15m", "3h", "2d")] == [90, 900, 10800, 172800]
    for text in ("", "soon", "5", "-5m", "5 weeks", "9999999999d"):
        with pytest.raises(ModelBuilderError, match="--since"):
            span(text)
    for pair in ("A", "=1"):
        with pytest.raises(ModelBuilderError, match="NAME=VALUE"):
            pairs((pair,))
