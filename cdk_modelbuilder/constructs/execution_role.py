"""What the model's role may do: pull one image, read one object, write its own log. No managed policy.

Source of the list: the AWS guide's page "SageMaker AI Roles", section "CreateModel API: Execution Role Permissions".
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

LOG_GROUPS = "/aws/sagemaker/Endpoints/"


def execution_role(scope: Construct) -> iam.Role:
    """A role that SageMaker may assume and that may do nothing yet."""
    return iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))


def grant_hosting(
    role: iam.IRole, *, repository_arn: str | None, artifact_arn: str, endpoint_name: str | None
) -> list[IDependable]:
    """Give ``role`` what hosting needs; returns what the Model has to wait for.

    Args:
        role: The execution role.
        repository_arn: ECR repository of the image, if it is in ECR.
        artifact_arn: The one S3 object to read.
        endpoint_name: Narrows the log group to the endpoint's own; None leaves it at all endpoints'.
    """
    logs = f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:{LOG_GROUPS}"
    group = f"{logs}{endpoint_name or '*'}"
    statements = [
        iam.PolicyStatement(sid="ReadModel", actions=["s3:GetObject"], resources=[artifact_arn]),
        iam.PolicyStatement(
            sid="WriteLog",
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[group, f"{group}:log-stream:*"],
        ),
        iam.PolicyStatement(
            sid="WriteMetrics",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],  # the action knows no resource; the namespace narrows it
            conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker*"]}},
        ),
    ]
    if repository_arn is not None:
        statements += [
            iam.PolicyStatement(
                sid="PullImage",
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[repository_arn],
            ),
            iam.PolicyStatement(
                sid="LogInToRegistry",
                actions=["ecr:GetAuthorizationToken"],
                resources=["*"],  # the action knows no resource
            ),
        ]
    added = [role.add_to_principal_policy(statement) for statement in statements]
    return [result.policy_dependable for result in added if result.policy_dependable is not None]
