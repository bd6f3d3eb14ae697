"""An asynchronous endpoint: requests wait in a queue, bodies and answers lie in S3, no instance runs while none waits.

The bucket of the context is yours and exists: requests go below requests/, answers come below answers/.

    cdk-modelbuilder build ../tumour.py --output build/tumour
    cdk-modelbuilder keys push build/tumour
    cdk deploy -c bucket=my-bucket
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from cdk_modelbuilder.constructs import (
    AlarmThresholds,
    AsyncInference,
    Hosting,
    ModelEndpoint,
    ScalingTarget,
    SigningSecret,
)


class Asynchronous(cdk.Stack):
    """The endpoint, a topic that hears of failures, and the endpoint's name."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "asynchronous")
        key = SigningSecret.from_name(self, "Key", "tumour")
        bucket = self.node.get_context("bucket")
        topic_key = kms.Key(self, "TopicKey", enable_key_rotation=True)
        failures = sns.Topic(self, "Failures", master_key=topic_key, enforce_ssl=True)
        endpoint = ModelEndpoint(
            self,
            "Tumour",
            bundle=self.node.get_context("bundle"),
            signing_secret=key,
            hosting=Hosting.asynchronous(
                instance_type="ml.c6i.large",
                asynchronous=AsyncInference(
                    output_s3_uri=f"s3://{bucket}/answers",
                    failure_s3_uri=f"s3://{bucket}/failures",
                    input_s3_uri=f"s3://{bucket}/requests/",
                    error_topic=failures,
                    max_concurrent_invocations_per_instance=4,
                ),
            ),
        )
        endpoint.scale_to_zero(max_capacity=4, target=ScalingTarget.backlog(requests_per_instance=5))
        endpoint.monitor(thresholds=AlarmThresholds(oldest_request=Duration.minutes(30)), notify=[failures])
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)


app = cdk.App()
Asynchronous(app)
app.synth()
