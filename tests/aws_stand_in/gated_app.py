"""A CDK app for `test_cdk_cli.py`: a custom resource whose function calls an endpoint, and judges its answer.

Context: `wanted` is what the endpoint must answer for the deployment to succeed; `days` is what a log group is kept.
"""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

CODE = """
import boto3, cfnresponse

def handler(event, context):
    wanted = event["ResourceProperties"]["Wanted"]
    if event["RequestType"] == "Delete":
        return cfnresponse.send(event, context, cfnresponse.SUCCESS, {}, "gate")
    body = boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName="scales", Body=b"ping")["Body"].read()
    good = body.decode() == wanted
    status = cfnresponse.SUCCESS if good else cfnresponse.FAILED
    cfnresponse.send(event, context, status, {"Answer": body.decode()}, "gate",
                     reason=None if good else f"the endpoint answers {body!r}, not {wanted!r}")
"""


class Gated(cdk.Stack):
    def __init__(self, scope, name, **options):
        super().__init__(scope, name, **options)
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
            timeout=cdk.Duration.seconds(20),
        )
        wanted = self.node.get_context("wanted")
        days = float(self.node.get_context("days"))
        group = logs.CfnLogGroup(self, "Group", log_group_name="scales", retention_in_days=days)
        gate = cdk.CustomResource(
            self,
            "Gate",
            resource_type="Custom::Gate",
            service_token=function.function_arn,
            properties={"Wanted": wanted},
        )
        gate.node.add_dependency(group)
        cdk.CfnOutput(self, "Answer", value=gate.get_att_string("Answer"))


if __name__ == "__main__":
    app = cdk.App()
    Gated(app, "gated", env=cdk.Environment(account="123456789012", region="us-east-1"))
    app.synth()
