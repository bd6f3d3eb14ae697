"""Asynchronous inference: requests wait in a queue, bodies and answers lie in S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import check_s3_uri, check_whole
from cdk_modelbuilder.constructs.permissions import Statement, allow, read_prefixes, use_key, write_prefix

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_sns as sns


@dataclass(frozen=True, kw_only=True)
class AsyncInference:
    """Where answers go and who hears of them. Source: ``AsyncInferenceConfig``.

    Attributes:
        output_s3_uri: Prefix for answers.
        failure_s3_uri: Prefix for failures.
        input_s3_uri: Prefix that requests lie below; the role may read it. Not a property of the configuration.
        encryption_key: Key for answers.
        success_topic: Told of each answer.
        error_topic: Told of each failure.
        answer_in_success: Put the answer itself into the success message, if it is small.
        answer_in_error: Put the answer itself into the error message.
        max_concurrent_invocations_per_instance: Requests at once on an instance, 1 to 1000. Default: SageMaker chooses.

    Raises:
        UsageError: Places that are not in S3, numbers out of range.
    """

    output_s3_uri: str
    failure_s3_uri: str | None = None
    input_s3_uri: str | None = None
    encryption_key: kms.IKey | None = None
    success_topic: sns.ITopic | None = None
    error_topic: sns.ITopic | None = None
    answer_in_success: bool = False
    answer_in_error: bool = False
    max_concurrent_invocations_per_instance: int | None = None

    def __post_init__(self) -> None:
        check_s3_uri("output_s3_uri", self.output_s3_uri)
        for name, uri in (("failure_s3_uri", self.failure_s3_uri), ("input_s3_uri", self.input_s3_uri)):
            if uri is not None:
                check_s3_uri(name, uri)
        check_whole("max_concurrent_invocations_per_instance", self.max_concurrent_invocations_per_instance, 1, 1000)

    def permissions(self) -> list[Statement]:
        """What the model's execution role needs: to write answers, to read requests, to notify."""
        statements = [write_prefix("WriteAnswers", self.output_s3_uri)]
        if self.failure_s3_uri is not None:
            statements.append(write_prefix("WriteFailures", self.failure_s3_uri))
        if self.input_s3_uri is not None:
            statements += read_prefixes([self.input_s3_uri], "ReadRequests")
        topics = [topic.topic_arn for topic in (self.success_topic, self.error_topic) if topic is not None]
        if topics:
            statements.append(allow("Notify", ["sns:Publish"], topics))
        keys = [topic.master_key for topic in (self.success_topic, self.error_topic) if topic is not None]
        arns = list(dict.fromkeys(key.key_arn for key in keys if key is not None))
        statements += [use_key(f"EncryptNotices{number or ''}", arn) for number, arn in enumerate(arns)]
        if self.encryption_key is not None:
            statements.append(use_key("EncryptAnswers", self.encryption_key.key_arn))
        return statements

    def render(self) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        """The L1 property."""
        config = sagemaker.CfnEndpointConfig
        included = [
            name
            for name, wanted in (
                ("SUCCESS_NOTIFICATION_TOPIC", self.answer_in_success),
                ("ERROR_NOTIFICATION_TOPIC", self.answer_in_error),
            )
            if wanted
        ]
        notification = None
        if self.success_topic is not None or self.error_topic is not None:
            notification = config.AsyncInferenceNotificationConfigProperty(
                success_topic=None if self.success_topic is None else self.success_topic.topic_arn,
                error_topic=None if self.error_topic is None else self.error_topic.topic_arn,
                include_inference_response_in=included or None,
            )
        most = self.max_concurrent_invocations_per_instance
        return config.AsyncInferenceConfigProperty(
            output_config=config.AsyncInferenceOutputConfigProperty(
                s3_output_path=self.output_s3_uri,
                s3_failure_path=self.failure_s3_uri,
                kms_key_id=None if self.encryption_key is None else self.encryption_key.key_arn,
                notification_config=notification,
            ),
            client_config=None
            if most is None
            else config.AsyncInferenceClientConfigProperty(max_concurrent_invocations_per_instance=most),
        )
