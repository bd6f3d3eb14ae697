"""IAM statements that hosting needs, each narrowed to what it names.

Source of the lists: the AWS guide's page "SageMaker AI Roles", section "CreateModel API: Execution Role Permissions".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aws_cdk as cdk

Statement = Mapping[str, Any]
# Read once: each look at cdk.Aws is a call to another process.
PARTITION, REGION, ACCOUNT = cdk.Aws.PARTITION, cdk.Aws.REGION, cdk.Aws.ACCOUNT_ID
LOG_GROUPS = "/aws/sagemaker/Endpoints/"


def allow(sid: str, actions: Sequence[str], resources: Sequence[str], **more: Any) -> Statement:
    """One statement, as it stands in a policy document."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
        **more,
    }


def joined(statements: Iterable[Statement]) -> list[Statement]:
    """The same permissions in few statements: one for each kind, with all its resources, and each Sid once."""
    found: list[dict[str, Any]] = []
    for statement in statements:
        kind = _kind(statement)
        alike = next((one for one in found if _kind(one) == kind), None)
        if alike is not None:
            resources = list(dict.fromkeys([*_listed(alike["Resource"]), *_listed(statement["Resource"])]))
            alike["Resource"] = resources[0] if len(resources) == 1 else resources
        else:
            number = sum(1 for one in found if _kind(one)["Sid"] == kind["Sid"])
            found.append({**statement, "Sid": f"{kind['Sid']}{number or ''}"})
    return list(found)


def _kind(statement: Statement) -> dict[str, Any]:
    return {**statement, "Sid": statement["Sid"].rstrip("0123456789"), "Resource": None}


def _listed(resources: str | Sequence[str]) -> Sequence[str]:
    return [resources] if isinstance(resources, str) else resources


def write_log(endpoint_name: str | None) -> Statement:
    """Write the log of one endpoint; of all endpoints where the name is not known."""
    group = f"arn:{PARTITION}:logs:{REGION}:{ACCOUNT}:log-group:"
    group += LOG_GROUPS + (endpoint_name or "*")
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    return allow("WriteLog", actions, [group, f"{group}:log-stream:*"])


def write_component_logs() -> Statement:
    """Write the logs of inference components, whose groups are named by the component."""
    group = f"arn:{PARTITION}:logs:{REGION}:{ACCOUNT}:log-group:"
    group += "/aws/sagemaker/InferenceComponents/*"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    return allow("WriteComponentLogs", actions, [group, f"{group}:log-stream:*"])


def write_metrics() -> Statement:
    """Publish metrics, in SageMaker's namespaces. The action knows no resource; the condition narrows it."""
    spaces = {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker*"]}}
    return allow("WriteMetrics", ["cloudwatch:PutMetricData"], ["*"], Condition=spaces)


def pull_image(repository_arns: Sequence[str]) -> list[Statement]:
    """Pull from these ECR repositories; the log-in action knows no resource."""
    if not repository_arns:
        return []
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return [
        allow("PullImage", actions, repository_arns),
        allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
    ]


def read_objects(object_arns: Sequence[str]) -> list[Statement]:
    """Read exactly these objects."""
    return [allow("ReadModel", ["s3:GetObject"], object_arns)] if object_arns else []


def read_prefixes(prefixes: Sequence[str], sid: str = "ReadModelFolder") -> list[Statement]:
    """Read and list everything below these ``s3://bucket/prefix/`` places."""
    statements = []
    for index, uri in enumerate(prefixes):
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        number = index or ""
        arn = f"arn:{PARTITION}:s3:::{bucket}"
        statements.append(allow(f"{sid}{number}", ["s3:GetObject"], [f"{arn}/{prefix}*"]))
        only = {"Condition": {"StringLike": {"s3:prefix": [f"{prefix}*"]}}} if prefix else {}
        statements.append(allow(f"{sid}List{number}", ["s3:ListBucket"], [arn], **only))
    return statements


def write_prefix(sid: str, uri: str) -> Statement:
    """Write objects below an ``s3://bucket/prefix``, as data capture and asynchronous answers need."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    below = prefix.rstrip("/") + "/*" if prefix.rstrip("/") else "*"
    return allow(sid, ["s3:PutObject"], [f"arn:{PARTITION}:s3:::{bucket}/{below}"])


def use_key(sid: str, key_arn: str) -> Statement:
    """Encrypt and decrypt with one KMS key."""
    return allow(sid, ["kms:Decrypt", "kms:GenerateDataKey"], [key_arn])


def join_vpc(subnet_ids: Sequence[str], group_ids: Sequence[str]) -> list[Statement]:
    """Make network interfaces in these subnets with these groups; the describing actions know no resource."""
    ec2 = f"arn:{PARTITION}:ec2:{REGION}:{ACCOUNT}"
    interfaces = f"{ec2}:network-interface/*"
    places = [f"{ec2}:subnet/{name}" for name in subnet_ids] + [f"{ec2}:security-group/{name}" for name in group_ids]
    change = [
        "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
    ]  # fmt: skip
    look = [
        "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets", "ec2:DescribeVpcs",
    ]  # fmt: skip
    return [allow("JoinVpc", change, [interfaces, *places]), allow("LookAtVpc", look, ["*"])]
