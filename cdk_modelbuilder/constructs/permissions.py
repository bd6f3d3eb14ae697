"""IAM statements that hosting needs, each narrowed to what it names.

Source of the lists: the AWS guide's pages "How to use SageMaker AI execution roles" (section "CreateModel API"), "Give
SageMaker AI Hosted Endpoints Access to Resources in Your Amazon VPC" and those of each feature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aws_cdk as cdk

from cdk_modelbuilder.constructs.arguments import LIST_PLACEHOLDER, is_token

Statement = Mapping[str, Any]
# Read once: each look at cdk.Aws is a call to another process.
PARTITION, REGION, ACCOUNT = cdk.Aws.PARTITION, cdk.Aws.REGION, cdk.Aws.ACCOUNT_ID
LOG_GROUPS = "/aws/sagemaker/Endpoints/"
_TOKEN = re.compile(r"(\$\{Token\[[^\]]*\]\})")


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


def arns_of(kind: str, name: str) -> list[str]:
    """ARNs of a resource of SageMaker by its name: as it is, and in lower case, as SageMaker writes it."""
    start = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:{kind}/"
    return list(dict.fromkeys([f"{start}{name}", f"{start}{name if is_token(name) else name.lower()}"]))


def write_log(endpoint_name: str | None) -> Statement:
    """Write the log of one endpoint; of all endpoints where the name is not known."""
    group = f"arn:{PARTITION}:logs:{REGION}:{ACCOUNT}:log-group:"
    group += LOG_GROUPS + (endpoint_name or "*")
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    return allow("WriteLog", actions, [group, f"{group}:*"] if endpoint_name else [group])


def write_component_logs() -> Statement:
    """Write the logs of inference components, whose groups are named by the component."""
    group = f"arn:{PARTITION}:logs:{REGION}:{ACCOUNT}:log-group:"
    group += "/aws/sagemaker/InferenceComponents/*"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    return allow("WriteComponentLogs", actions, [group])


def write_metrics() -> Statement:
    """Publish metrics, in SageMaker's namespaces. The action knows no resource; the condition narrows it."""
    spaces = {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker*"]}}
    return allow("WriteMetrics", ["cloudwatch:PutMetricData"], ["*"], Condition=spaces)


def see_alarms(names: Sequence[str]) -> Statement:
    """Look at alarms, as SageMaker does while an endpoint moves.

    Source: the guide's page "Auto-Rollback Configuration and Monitoring".
    """
    start = f"arn:{PARTITION}:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
    return allow("SeeAlarms", ["cloudwatch:DescribeAlarms"], [f"{start}{name}" for name in names])


def pull_image(repository_arns: Sequence[str]) -> list[Statement]:
    """Pull from these ECR repositories; the log-in action knows no resource."""
    if not repository_arns:
        return []
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return [
        allow("PullImage", actions, repository_arns),
        allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
    ]


def read_object(uri: str) -> Statement:
    """Read exactly this object."""
    return allow("ReadModel", ["s3:GetObject"], [f"arn:{PARTITION}:s3:::{_path(uri)}"])


def read_prefixes(prefixes: Sequence[str], sid: str = "ReadModelFolder") -> list[Statement]:
    """Read and list everything below these ``s3://bucket/prefix/`` places."""
    statements = []
    for index, uri in enumerate(prefixes):
        number, path = index or "", _path(uri)
        bucket, slash, prefix = path.partition("/")
        if not uri.startswith("s3://"):  # a token, which is cut when deploying
            bucket, slash = cdk.Fn.select(0, cdk.Fn.split("/", path)), "/"
        arn = f"arn:{PARTITION}:s3:::"
        statements.append(allow(f"{sid}{number}", ["s3:GetObject"], [f"{arn}{path}{'' if slash else '/'}*"]))
        only = {"Condition": {"StringLike": {"s3:prefix": [f"{prefix}*"]}}} if prefix else {}
        statements.append(allow(f"{sid}List{number}", ["s3:ListBucket"], [f"{arn}{bucket}"], **only))
    return statements


def write_prefix(sid: str, uri: str) -> Statement:
    """Write objects below an ``s3://bucket/prefix``, as data capture and asynchronous answers need."""
    path = _path(uri)
    # Whether a token ends in a slash is known when deploying.
    below = "*" if not uri.startswith("s3://") else "/*"
    actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
    return allow(sid, actions, [f"arn:{PARTITION}:s3:::{path.rstrip('/')}{below}"])


def use_key(sid: str, key_arn: str) -> Statement:
    """Encrypt and decrypt with one KMS key."""
    return _with_key(sid, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], key_arn, {})


def decrypt_with(sid: str, key_arn: str, *, through: str | None = None) -> Statement:
    """Decrypt with one KMS key; only ``through`` the service of this host name, where one is named."""
    return _with_key(sid, ["kms:Decrypt"], key_arn, {"StringEquals": {"kms:ViaService": through}} if through else {})


def _with_key(sid: str, actions: Sequence[str], key_arn: str, conditions: dict[str, Any]) -> Statement:
    start, is_alias, alias = key_arn.partition(":alias/")
    if is_alias:  # a policy cannot name an alias as its resource, but can ask for it
        conditions = {**conditions, "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{alias}"}}
        key_arn = f"{start}:key/*"
    return allow(sid, actions, [key_arn], **({"Condition": conditions} if conditions else {}))


def join_vpc(subnet_ids: Sequence[str], group_ids: Sequence[str]) -> list[Statement]:
    """Make network interfaces in these subnets with these groups; the describing actions know no resource."""
    ec2 = f"arn:{PARTITION}:ec2:{REGION}"
    interfaces = f"{ec2}:{ACCOUNT}:network-interface/*"
    # A shared VPC belongs to another account; the ids are unique in the world.
    places = _named(f"{ec2}:*:subnet", subnet_ids) + _named(f"{ec2}:*:security-group", group_ids)
    change = [
        "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
    ]  # fmt: skip
    look = [
        "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
    ]  # fmt: skip
    return [allow("JoinVpc", change, [interfaces, *places]), allow("LookAtVpc", look, ["*"])]


def _named(start: str, ids: Sequence[str]) -> list[str]:
    """Resources by their ids; all of the kind where the ids are a list that is known when deploying."""
    return [f"{start}/{'*' if name.startswith(LIST_PLACEHOLDER) else name}" for name in ids]


def _path(uri: str) -> str:
    """Bucket and key of an S3 URI, as they stand in an ARN: with wild cards that are none."""
    if not uri.startswith("s3://"):
        return cdk.Fn.select(1, cdk.Fn.split("s3://", uri))
    parts = _TOKEN.split(uri.removeprefix("s3://"))
    return "".join(
        part if index % 2 else re.sub(r"[$*?]", lambda found: f"${{{found.group()}}}", part)
        for index, part in enumerate(parts)
    )
