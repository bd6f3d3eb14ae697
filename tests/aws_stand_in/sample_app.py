"""A tiny CDK app for `test_cdk_cli.py`: one model behind one endpoint.

It reads the field `key-1` of a secret `sample/signing` that was made elsewhere.
Context: `archive` is the model archive's path; `model-name` gives the model a fixed name.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_secretsmanager as secretsmanager


class Sample(cdk.Stack):
    def __init__(self, scope, name, **options):
        super().__init__(scope, name, **options)
        archive = s3_assets.Asset(self, "Archive", path=self.node.get_context("archive"))
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        secret = secretsmanager.Secret.from_secret_name_v2(self, "Secret", "sample/signing")
        model = sagemaker.CfnModel(
            self,
            "Model",
            model_name=self.node.try_get_context("model-name"),
            execution_role_arn=role.role_arn,
            enable_network_isolation=True,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=f"{self.account}.dkr.ecr.{self.region}.{self.url_suffix}/image:1",
                model_data_source=sagemaker.CfnModel.ModelDataSourceProperty(
                    s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
                        s3_uri=archive.s3_object_url, s3_data_type="S3Object", compression_type="Gzip"
                    )
                ),
                environment={"SIGNING_KEY": secret.secret_value_from_json("key-1").unsafe_unwrap()},
            ),
        )
        archive.grant_read(role)
        model.node.add_dependency(role)
        variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name="AllTraffic",
            model_name=model.attr_model_name,
            initial_variant_weight=1,
            initial_instance_count=1,
            instance_type="ml.g6e.xlarge",
        )
        config = sagemaker.CfnEndpointConfig(self, "Config", production_variants=[variant])
        endpoint = sagemaker.CfnEndpoint(self, "Endpoint", endpoint_config_name=config.attr_endpoint_config_name)
        cdk.CfnOutput(self, "EndpointName", value=endpoint.attr_endpoint_name)


if __name__ == "__main__":
    app = cdk.App()
    Sample(app, "sample", env=cdk.Environment(account="123456789012", region="us-east-1"))
    app.synth()
