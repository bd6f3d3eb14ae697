"""Which changes make CloudFormation replace a resource.

From the ``createOnlyProperties`` of CloudFormation's registry, as cfn-lint 1.58.0 ships it (schemas of 2026-10-20), for
the types that our constructs and what stands around them make. A test holds the table against those schemas.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

AS_OF: Final = "2026-10-20"

CREATE_ONLY: Final[dict[str, frozenset[str]]] = {
    name: frozenset(properties.split())
    for name, properties in {
        "AWS::ApplicationAutoScaling::ScalableTarget": "ResourceId ScalableDimension ServiceNamespace",
        "AWS::ApplicationAutoScaling::ScalingPolicy": (
            "PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace"
        ),
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::EC2::SecurityGroup": "GroupDescription GroupName VpcId",
        "AWS::EC2::SecurityGroupEgress": (
            "CidrIp CidrIpv6 DestinationPrefixListId DestinationSecurityGroupId FromPort GroupId IpProtocol ToPort"
        ),
        "AWS::EC2::SecurityGroupIngress": (
            "CidrIp CidrIpv6 FromPort GroupId GroupName IpProtocol SourcePrefixListId SourceSecurityGroupId"
            " SourceSecurityGroupName SourceSecurityGroupOwnerId ToPort"
        ),
        "AWS::IAM::ManagedPolicy": "Description ManagedPolicyName Path",
        "AWS::IAM::Policy": "",
        "AWS::IAM::Role": "Path RoleName",
        "AWS::KMS::Alias": "AliasName",
        "AWS::KMS::Key": "",
        "AWS::Lambda::Function": "FunctionName PackageType TenancyConfig",
        "AWS::Lambda::Permission": (
            "Action EventSourceToken FunctionName FunctionUrlAuthType InvokedViaFunctionUrl Principal PrincipalOrgID"
            " SourceAccount SourceArn"
        ),
        "AWS::Lambda::Url": "Qualifier TargetFunctionArn",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::S3::Bucket": "BucketName BucketNamePrefix BucketNamespace",
        "AWS::S3::BucketPolicy": "Bucket",
        "AWS::SNS::Topic": "FifoTopic TopicName",
        "AWS::SNS::TopicPolicy": "",
        "AWS::SQS::Queue": "FifoQueue QueueName",
        "AWS::SQS::QueuePolicy": "",
        "AWS::SageMaker::Endpoint": "EndpointName",
        "AWS::SageMaker::EndpointConfig": (
            "AsyncInferenceConfig DataCaptureConfig EnableNetworkIsolation EndpointConfigName ExecutionRoleArn"
            " ExplainerConfig KmsKeyId MetricsConfig ProductionVariants ShadowProductionVariants VpcConfig"
        ),
        "AWS::SageMaker::InferenceComponent": "",
        "AWS::SageMaker::Model": (
            "Containers EnableNetworkIsolation ExecutionRoleArn InferenceExecutionConfig ModelName PrimaryContainer"
            " VpcConfig"
        ),
        "AWS::SageMaker::ModelPackage": (
            "ClientToken Domain DriftCheckBaselines InferenceSpecification MetadataProperties ModelMetrics"
            " ModelPackageDescription ModelPackageGroupName SamplePayloadUrl SecurityConfig"
            " SourceAlgorithmSpecification Task ValidationSpecification"
        ),
        "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupDescription ModelPackageGroupName",
        "AWS::SecretsManager::ResourcePolicy": "SecretId",
        "AWS::SecretsManager::Secret": "Name",
    }.items()
}
"""Type -> properties of which any change replaces the resource."""

CONDITIONALLY: Final[dict[str, frozenset[str]]] = {
    "AWS::Lambda::Function": frozenset({"DurableConfig"}),
    "AWS::SageMaker::ModelPackage": frozenset({"ModelCard", "SourceUri"}),
}
"""Type -> properties of which some changes do."""

FIXED_NAME: Final[dict[str, str]] = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SageMaker::Endpoint": "EndpointName",
    "AWS::SageMaker::EndpointConfig": "EndpointConfigName",
    "AWS::SageMaker::InferenceComponent": "InferenceComponentName",
    "AWS::SageMaker::Model": "ModelName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
    "AWS::SecretsManager::Secret": "Name",
}
"""Type -> the property that names it. CloudFormation makes the new one first, so one with a fixed name it cannot
replace by another of that name."""


class Effect(StrEnum):
    """What CloudFormation does about a resource."""

    CREATED = "created"
    REMOVED = "removed"
    REPLACED = "replaced"
    MAYBE_REPLACED = "changed, perhaps replaced"
    CHANGED = "changed in place"


def effect_of(resource_type: str, properties: frozenset[str]) -> Effect:
    """What a change of these top-level properties does."""
    known = CREATE_ONLY.get(resource_type)
    if known is None:
        return Effect.MAYBE_REPLACED if properties else Effect.CHANGED
    if properties & known:
        return Effect.REPLACED
    if properties & CONDITIONALLY.get(resource_type, frozenset()):
        return Effect.MAYBE_REPLACED
    return Effect.CHANGED
