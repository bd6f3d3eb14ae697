"""The golden gate of a ModelEndpoint: which of its bundles are asked, and how each is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.constructs.container import BundleContainer
from cdk_modelbuilder.constructs.golden_gate import GoldenGate, GoldenQuestion, GoldenTest
from cdk_modelbuilder.constructs.hosting import AsynchronousHosting
from cdk_modelbuilder.constructs.inference_component import without_adapters
from cdk_modelbuilder.constructs.permissions import arns_of
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.constructs.model_endpoint import ModelEndpoint


def verify(served: ModelEndpoint, wanted: bool | GoldenTest) -> GoldenGate:
    """See ``verify_on_deploy`` of :class:`ModelEndpoint`."""
    asynchronous = served.hosting.asynchronous if isinstance(served.hosting, AsynchronousHosting) else None
    if asynchronous is not None and asynchronous.input_s3_uri is None:
        raise UsageError(
            "verify_on_deploy puts a request into S3, but nothing says where requests lie.",
            remedy="Give AsyncInference(input_s3_uri='s3://bucket/requests', ...).",
        )
    own = without_adapters(served.components)
    return GoldenGate(
        served,
        "GoldenGate",
        endpoint_name=served.endpoint_name,
        # By their names: an attribute would make each test of the stack wait for all of its endpoints, as they share a
        # policy, and would give IAM no time to hear of it.
        endpoint_arns=[served.endpoint_arn]
        if is_token(served.endpoint_name)
        else arns_of("endpoint", served.endpoint_name),
        questions=_questions(served),
        test=wanted if isinstance(wanted, GoldenTest) else GoldenTest(),
        runs_for=[served.config.endpoint_config_name, *(model.model_name for model in served.models.values())],
        waits_for=[served.endpoint.resource, *(one.resource for one in own.values())],
        component_arns=[
            arn
            for one in own.values()
            for arn in (
                [one.inference_component_arn]
                if is_token(served.endpoint_name)
                else arns_of("inference-component", one.inference_component_name)
            )
        ],
        queue=asynchronous,
    )


def _questions(served: ModelEndpoint) -> list[GoldenQuestion]:
    questions = []
    shadows = {variant.name for variant in served.config.shadow_variants}
    for name, containers in served.containers.items():
        if name in shadows:
            continue
        if len(containers) > 1 or not isinstance(containers[0], BundleContainer):
            raise UsageError(
                f"{name} is no single bundle, so it has no golden test.", remedy="Leave verify_on_deploy out."
            )
        target: dict[str, str] = {}
        if name in served.components:
            target = {"InferenceComponentName": served.components[name].inference_component_name}
        elif len(served.containers) > 1:
            target = {"TargetVariant": name}
        questions.append(GoldenQuestion(name, containers[0].bundle, target))
    return questions
