"""The golden gate: a deployment fails, and goes back, if the endpoint does not answer as the bundle did when built."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from cdk_modelbuilder.bundle import GOLDEN_FILE, ModelBundle
from cdk_modelbuilder.constructs.acknowledgements import acknowledge
from cdk_modelbuilder.constructs.arguments import check_range
from cdk_modelbuilder.constructs.async_inference import AsyncInference
from cdk_modelbuilder.constructs.execution_role import RolePolicies
from cdk_modelbuilder.constructs.permissions import PARTITION, Statement, allow, decrypt_with, write_prefix
from cdk_modelbuilder.errors import BundleError

_CODE = Path(__file__).parent / "golden_gate_function"
_FUNCTION_ID = "ModelBuilderGoldenGate"
_TIMEOUT_MINUTES = 15


@dataclass(frozen=True, kw_only=True)
class GoldenTest:
    """How alike the answers must be.

    Attributes:
        relative_tolerance: Of numbers, against the larger one.
        absolute_tolerance: Of numbers, for those near 0.
    """

    relative_tolerance: float = 1e-6
    absolute_tolerance: float = 0

    def __post_init__(self) -> None:
        check_range("relative_tolerance", self.relative_tolerance, 0)
        check_range("absolute_tolerance", self.absolute_tolerance, 0)


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """One bundle to ask for.

    Attributes:
        name: The variant or component, for messages.
        bundle: What it serves.
        target: What ``InvokeEndpoint`` takes to reach it, such as ``{"TargetVariant": "Blue"}``.
    """

    name: str
    bundle: ModelBundle
    target: Mapping[str, str]


class GoldenGate(Construct):
    """Asks an endpoint the golden tests of its bundles each time its configuration changes.

    One small Lambda function does it for all endpoints of a stack; it may invoke these endpoints, read these golden
    tests, and see its own stack's state.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        endpoint_name: The endpoint.
        endpoint_arns: The same.
        questions: What to ask.
        test: How alike the answers must be.
        runs_for: Names whose change means another test, such as the configuration's.
        waits_for: Resources that must be there before.
        component_arns: Inference components that are asked.
        queue: Where requests and answers of an asynchronous endpoint lie.

    Attributes:
        resource: The custom resource.
        function: The Lambda function.

    Raises:
        BundleError: A bundle has no golden test.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        endpoint_name: str,
        endpoint_arns: Sequence[str],
        questions: Sequence[GoldenQuestion],
        test: GoldenTest,
        runs_for: Sequence[str],
        waits_for: Sequence[Construct],
        component_arns: Sequence[str] = (),
        queue: AsyncInference | None = None,
    ) -> None:
        super().__init__(scope, id)
        tests, statements = [], []
        for number, question in enumerate(questions, 1):
            path = question.bundle.path / GOLDEN_FILE
            if not path.is_file():
                raise BundleError(
                    f"{question.bundle.path} has no {GOLDEN_FILE}, so there is nothing to verify on deployment.",
                    remedy="Build it with SchemaBuilder(..., keep_samples=True), or leave verify_on_deploy out.",
                )
            asset = s3_assets.Asset(self, f"Golden{number}", path=str(path))
            place = {"Bucket": asset.s3_bucket_name, "Key": asset.s3_object_key}
            tests.append({"Name": question.name, "Golden": place, "Target": dict(question.target)})
            arn = f"arn:{PARTITION}:s3:::{asset.s3_bucket_name}/{asset.s3_object_key}"
            statements.append(allow("ReadGoldenTest", ["s3:GetObject"], [arn]))
        action = "sagemaker:InvokeEndpoint" if queue is None else "sagemaker:InvokeEndpointAsync"
        statements.append(allow("AskEndpoint", [action], [*endpoint_arns, *component_arns]))
        if queue is not None:
            statements += _use_queue(queue)
        stack = cdk.Stack.of(self)
        self.function = stack.node.try_find_child(_FUNCTION_ID) or _Function(stack, _FUNCTION_ID)
        assert isinstance(self.function, _Function)
        policies = self.function.policies.hold(statements)
        self.resource = cdk.CfnCustomResource(
            self,
            "Resource",
            service_token=self.function.function.function_arn,
            service_timeout=_TIMEOUT_MINUTES * 60,
        )
        self.resource.add_override("Type", "Custom::ModelBuilderGoldenTest")
        properties: dict[str, Any] = {
            "EndpointName": endpoint_name,
            "Tests": stack.to_json_string(tests),
            "RelativeTolerance": f"{test.relative_tolerance:g}",
            "AbsoluteTolerance": f"{test.absolute_tolerance:g}",
            "RunsFor": list(runs_for),
        }
        if queue is not None:
            properties["Queue"] = queue.input_s3_uri
        for name, value in properties.items():
            self.resource.add_property_override(name, value)
        self.resource.node.add_dependency(*policies, *waits_for)


class _Function(Construct):
    """The one function of a stack."""

    def __init__(self, scope: Construct, id: str) -> None:  # noqa: A002 - the CDK's name for it
        super().__init__(scope, id)
        group = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.policies = RolePolicies(
            self, self.role, way_out="Put some of the endpoints with verify_on_deploy into another stack."
        )
        policies = self.policies.hold(_own_statements(group.log_group_arn))
        self.function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(_CODE), exclude=["__init__.py", "__pycache__", "*.pyc"]),
            handler="golden_gate.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.X86_64,  # which every region has
            timeout=cdk.Duration.minutes(_TIMEOUT_MINUTES),
            memory_size=256,
            role=self.role,
            log_group=group,
            description="Asks new endpoints the golden tests of their bundles (cdk-modelbuilder)",
        )
        self.function.node.add_dependency(*policies)
        _acknowledge(self.function, group)


def _own_statements(log_group_arn: str) -> list[Statement]:
    write = allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group_arn])
    look = allow("SeeOwnStack", ["cloudformation:DescribeStacks"], [cdk.Aws.STACK_ID])
    return [write, look]


def _use_queue(queue: AsyncInference) -> list[Statement]:
    assert queue.input_s3_uri is not None
    requests, answers = write_prefix("PutRequest", queue.input_s3_uri), write_prefix("ReadAnswer", queue.output_s3_uri)
    # Whether a place that is a token ends in a slash is known when deploying.
    below = re.sub(r"/\*$", "/", str(requests["Resource"]))
    statements = [
        allow("PutRequest", ["s3:PutObject", "s3:DeleteObject"], [f"{below}golden-test-*"]),
        allow("ReadAnswer", ["s3:GetObject"], [answers["Resource"]]),
    ]
    if queue.failure_s3_uri is not None:
        failures = write_prefix("ReadAnswer", queue.failure_s3_uri)
        statements.append(allow("ReadAnswer", ["s3:GetObject"], [failures["Resource"]]))
    if queue.encryption_key is not None:
        statements.append(decrypt_with("DecryptAnswer", queue.encryption_key.key_arn))
    return statements


def _acknowledge(function: lambda_.Function, group: logs.LogGroup) -> None:
    resource, log = function.node.default_child, group.node.default_child
    assert isinstance(resource, cdk.CfnResource)
    assert isinstance(log, cdk.CfnResource)
    packs = ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321")
    acknowledge(
        resource,
        "CloudFormation calls it once in a deployment, waits for its answer and reports its failure; it calls AWS's "
        "own APIs and nothing in a VPC.",
        cdk_rules=[
            f"{pack}-{rule}" for pack in packs for rule in ("LambdaConcurrency", "LambdaDLQ", "LambdaInsideVPC")
        ],
        checkov=["CKV_AWS_115", "CKV_AWS_116", "CKV_AWS_117"],
        guard=["LAMBDA_CONCURRENCY_CHECK", "LAMBDA_DLQ_CHECK", "LAMBDA_INSIDE_VPC"],
    )
    acknowledge(
        log,
        "Its log says which test passed, or where an answer differs; it holds no payload.",
        cdk_rules=[f"{pack}-CloudWatchLogGroupEncrypted" for pack in packs],
        checkov=["CKV_AWS_158"],
        guard=["CLOUDWATCH_LOG_GROUP_ENCRYPTED"],
    )
